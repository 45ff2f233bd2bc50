using ManagedFed.Graph;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>
/// Functions of float16 and bfloat16 beside float64 over the whole finite range: values and derivatives are off by little more than
/// half a unit of the last place, since steps are taken in float32 and rounded once.
/// </summary>
public sealed class RangeTests
{
    /// <summary>Half a unit for the one rounding, and what some steps of float32 were off, a 2¹³th or 2¹⁶th of a unit for each.</summary>
    private const double Units = 0.53;

    public static TheoryData<string, DType> Names
    {
        get
        {
            var names = new TheoryData<string, DType>();
            foreach (var name in RangeTable.Rows.Keys)
            {
                names.Add(name, DType.Float16);
                names.Add(name, DType.BFloat16);
            }
            return names;
        }
    }

    // What moves elements, is a product of matrices, has no derivative, or joins updates; all are tried near 1 by HalfTests.
    private static readonly string[] Elsewhere =
    [
        "All", "Any", "ArgPartition", "ArgReduceOp`1", "Assign", "Bitcast", "Conv2dOp", "ConvImageGrad", "ConvWeightGrad", "CrossEntropy", "CrossEntropyGrad", "CustomOp", "Depends",
        "Diagonal", "DiagonalEmbed", "Duplicate", "FloorDivide", "FromStart", "Invert", "MatMul", "Placeholder", "RandomBits", "RavelIndex", "Refuse", "Remainder",
        "ScatterAdd", "ScatterDivide", "ScatterExtreme`1", "ScatterMultiply", "ScatterSet", "SearchSorted", "Take", "TakeGrad", "Transpose",
        "WindowsGrad", "WindowsOp",
    ];

    [Fact]
    public void Table_OfFunctions_MissesNoOperationOfSeveralSteps()
    {
        var missing = typeof(Op).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Op)) && !type.IsAbstract).ToHashSet();
        foreach (var row in RangeTable.Rows.Values)
        {
            var x = Enumerable.Repeat(Tensor.Ones([2, 3], DType.Float16), row.Arity).ToArray();
            var (value, gradients) = Derivatives(row, x);
            var stack = new Stack<Tensor>([value, .. gradients]);
            var seen = new HashSet<Tensor>(stack);
            while (stack.TryPop(out var node))
            {
                if (node.Op?.GetType() is { } type) missing.Remove(type.IsGenericType ? type.GetGenericTypeDefinition() : type);
                foreach (var input in node.Inputs)
                {
                    if (seen.Add(input)) stack.Push(input);
                }
            }
        }
        var names = missing.Select(type => type.Name).ToHashSet();
        Assert.True(names.SetEquals(Elsewhere), $"without a row: {string.Join(", ", names.Except(Elsewhere))}; with one: {string.Join(", ", Elsewhere.Except(names))}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ValueAndDerivatives_OverTheWholeRange_RoundOnce(string name, DType dtype)
    {
        var row = RangeTable.Rows[name];
        var inputs = Inputs(row, dtype);
        var (value, gradients) = Derivatives(row, inputs);
        var (exact, exactGradients) = Derivatives(row, Array.ConvertAll(inputs, x => x.AsType(DType.Float64)));

        Check(name, row, dtype, "value", inputs, exact, value);
        for (var i = 0; i < gradients.Length; i++) Check(name, row, dtype, $"derivative {i}", inputs, exactGradients[i], gradients[i]);
    }

    private static (Tensor Value, Tensor[] Gradients) Derivatives(RangeRow row, Tensor[] inputs)
    {
        var shape = row.F(inputs).Shape;
        var (outputs, gradients) = Transforms.Vjp(v => [row.F([.. v])], inputs, [Tensor.Ones(shape, inputs[0].DType)]);
        return (outputs[0], gradients);
    }

    private static Tensor[] Inputs(RangeRow row, DType dtype)
    {
        // Every number of the type, by its bits.
        double[] all = [.. Tensor.Arange(65536).AsType(DType.UInt16).View(dtype).AsType(DType.Float64).ToArray<double>()
            .Where(x => double.IsFinite(x) && Math.Abs(x) <= row.Largest)];
        if (row.Along)
        {
            // Rows of seven of like size, and of all sizes.
            var random = new Random(3);
            var (rows, width) = (2000, 7);
            Tensor Draw() => Tensor.From<double>([.. Enumerable.Range(0, rows * width).Select(k =>
            {
                var size = all[(int)((k / width * 7919L) % all.Length)];
                return k / width % 2 == 0 ? size * (1 - 1.5 * random.NextDouble()) : all[random.Next(all.Length)];
            })], [rows, width]).AsType(dtype);
            return [.. Enumerable.Range(0, row.Arity).Select(_ => Draw())];
        }
        if (row.Arity == 1) return [Tensor.From<double>(all).AsType(dtype)];
        double[] some = [.. all.Order().Where((_, i) => i % 223 == 0), 0, 1, -1];
        var (a, b) = (Tensor.From<double>([.. some.SelectMany(x => some.Select(_ => x))]), Tensor.From<double>([.. some.SelectMany(_ => some)]));
        return [a.AsType(dtype), b.AsType(dtype)];
    }

    private static void Check(string name, RangeRow row, DType dtype, string what, Tensor[] inputs, Tensor exact, Tensor actual)
    {
        Assert.Equal(dtype, actual.DType);
        var info = DTypes.FInfo(dtype);
        var (expected, found) = (exact.ToArray<double>(), actual.AsType(DType.Float64).ToArray<double>());
        var given = inputs[0].AsType(DType.Float64).ToArray<double>();
        var width = row.Along ? inputs[0].Shape[-1] : 1;
        for (var i = 0; i < expected.Length; i++)
        {
            // Sums along an axis round to units of float32 of their largest term, a quotient of such sums to a few of them.
            var terms = row.Along ? expected.AsSpan(i / width * width, Math.Min(width, expected.Length - i / width * width)).ToArray().Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max() : 0;
            if (row.Along && what == "value" && expected.Length * width == given.Length) terms = given.AsSpan(i * width, width).ToArray().Max(Math.Abs);
            var unit = Math.ScaleB(info.Epsilon, Math.Max(Math.ILogB(Math.Max(Math.Abs(expected[i]), info.SmallestNormal)), Math.ILogB(info.SmallestNormal)));
            var bound = Units * unit + (what == "value" ? 0 : row.Absolute) + terms * Math.ScaleB(1, -21);
            var isRight = double.IsNaN(expected[i]) ? double.IsNaN(found[i])
                : Math.Abs(expected[i]) + bound >= info.Max + unit / 2 ? found[i] == Math.CopySign(double.PositiveInfinity, expected[i]) || Math.Abs(found[i] - expected[i]) <= bound
                : Math.Abs(found[i] - expected[i]) <= bound;
            if (isRight) continue;
            var at = string.Join(", ", inputs.Select(x => row.Along
                ? $"({string.Join(" ", x.Reshape(-1).AsType(DType.Float64).ToArray<double>().AsSpan(expected.Length * width == given.Length ? i * width : i / width * width, width).ToArray())})"
                : $"{x.AsType(DType.Float64).ToArray<double>()[i]:R}"));
            Assert.Fail($"{what} of {name} at {at} is {found[i]:R}, expected {expected[i]:R}, off by {Math.Abs(found[i] - expected[i]) / unit} units");
        }
    }
}
