using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>Every elementwise kernel as a row (kernel, scalar reference, tolerance), under theories on lengths, layouts, widths and threads.</summary>
public sealed class ElementwiseTests
{
    private delegate void Kernel(NdArray[] x, NdArray dst, SimdWidth width);

    private sealed record Row(string Name, Kernel Run, Func<double[], double> Reference, double Tolerance, DType[] Types, bool ToBool, int Arity);

    private static readonly DType[] Floats = [DType.Float32, DType.Float64, DType.Float16, DType.BFloat16];
    private static readonly DType[] Signed = [.. Floats, DType.Int8, DType.Int16, DType.Int32, DType.Int64];
    private static readonly DType[] Numbers = [.. Signed, DType.UInt8, DType.UInt16, DType.UInt32, DType.UInt64];
    private static readonly DType[] All = [.. Numbers, DType.Bool];

    private static Row Unary<F>(Func<double, double> f, double tolerance = 0, DType[]? types = null) where F : IUnary =>
        new(typeof(F).Name, (x, dst, width) => Map.Run<F>(x[0], dst, width), x => f(x[0]), tolerance, types ?? Floats, false, 1);

    private static Row Binary<F>(Func<double, double, double> f, double tolerance = 0, DType[]? types = null) where F : IBinary =>
        new(typeof(F).Name, (x, dst, width) => Zip.Run<F>(x[0], x[1], dst, width), x => f(x[0], x[1]), tolerance, types ?? Floats, false, 2);

    private static Row Relation<F>(Func<double, double, bool> f) where F : IRelation =>
        new(typeof(F).Name, (x, dst, width) => Compare.Run<F>(x[0], x[1], dst, width), x => f(x[0], x[1]) ? 1 : 0, 0, All, true, 2);

    private static Row Predicate<F>(Func<double, bool> f) where F : IPredicate =>
        new(typeof(F).Name, (x, dst, width) => Test.Run<F>(x[0], dst, width), x => f(x[0]) ? 1 : 0, 0, All, true, 1);

    private static readonly Row[] Rows =
    [
        Unary<Negative>(x => -x, types: Signed),
        Unary<Abs>(Math.Abs, types: All),
        Unary<Square>(x => x * x, 0.5, All),
        Unary<Sign>(x => x > 0 ? 1 : x < 0 ? -1 : x, types: All),
        Unary<Sqrt>(Math.Sqrt, 0.5),
        Unary<Rsqrt>(x => 1 / Math.Sqrt(x), 1.5),
        Unary<Reciprocal>(x => 1 / x, 0.5),
        Unary<Floor>(Math.Floor, types: All),
        Unary<Ceiling>(Math.Ceiling, types: All),
        Unary<Round>(x => Math.Round(x, MidpointRounding.ToEven), types: All),
        Unary<Relu>(x => x > 0 ? x : double.IsNaN(x) ? x : 0, types: Numbers),
        Unary<Exp>(Math.Exp, 2),
        Unary<Log>(Math.Log, 2),
        Unary<Log2>(Math.Log2, 3),
        Unary<Log10>(Math.Log10, 3),
        Unary<Tanh>(Math.Tanh, 4),
        Unary<Sin>(Math.Sin, 3),
        Unary<Cos>(Math.Cos, 3),
        Binary<Add>((a, b) => a + b, 0.5, Numbers),
        Binary<Subtract>((a, b) => a - b, 0.5, Signed),
        Binary<Multiply>((a, b) => a * b, 0.5, All),
        Binary<Divide>((a, b) => a / b, 0.5),
        Binary<ZeroProduct>((a, b) => a == 0 || b == 0 ? 0 : a * b, 0.5),
        Binary<ZeroQuotient>((a, b) => a == 0 ? 0 : a / b, 0.5),
        Binary<Maximum>(Math.Max, types: All),
        Binary<Minimum>(Math.Min, types: All),
        Binary<Power>(Math.Pow, 1),
        Binary<ReluGrad>((g, x) => x > 0 ? g : 0),
        Binary<TanhGrad>((g, y) => g * (1 - y * y), 3),
        Binary<SigmoidGrad>((g, y) => g * y * (1 - y), 3),
        Relation<Equal>((a, b) => a == b),
        Relation<NotEqual>((a, b) => a != b),
        Relation<Less>((a, b) => a < b),
        Relation<LessEqual>((a, b) => a <= b),
        Relation<Greater>((a, b) => a > b),
        Relation<GreaterEqual>((a, b) => a >= b),
        Relation<LogicalAnd>((a, b) => a != 0 && b != 0),
        Relation<LogicalOr>((a, b) => a != 0 || b != 0),
        Relation<LogicalXor>((a, b) => (a != 0) ^ (b != 0)),
        Predicate<LogicalNot>(x => x == 0),
        Predicate<IsNaN>(double.IsNaN),
        Predicate<IsInf>(double.IsInfinity),
        Predicate<IsFinite>(double.IsFinite),
        new(nameof(Select), (x, dst, width) => Select.Run(x[0], x[1], x[2], dst, width), x => x[0] != 0 ? x[1] : x[2], 0, All, false, 3),
    ];

    public static TheoryData<string> Names => [.. Rows.Select(r => r.Name)];

    [Theory, MemberData(nameof(Names))]
    public void Contiguous_EveryLengthAndOffset_MatchesReference(string name)
    {
        var row = Rows.Single(r => r.Name == name);
        int[] lengths = [.. Enumerable.Range(0, 68), 127, 128, 129, 130, 255, 256, 257];
        ForEveryType(row, (dtype, width) =>
        {
            foreach (var n in lengths)
            {
                // The views begin at different elements, so that no load is aligned.
                var x = Operands(row, dtype, [n + 3], n).Select((a, k) => a.Slice(0, (n + k) % 4, n)).ToArray();
                Check(row, x, dtype, width, [n]);
            }
        });
    }

    [Theory, MemberData(nameof(Names))]
    public void Views_AnyLayout_MatchReference(string name)
    {
        var row = Rows.Single(r => r.Name == name);
        ForEveryType(row, (dtype, width) =>
        {
            foreach (var shape in (Shape[])[[3, 5], [2, 70], [9, 130], [40, 31], [6, 1, 7], [2, 3, 4, 5], [600], [2, 300, 3]])
            {
                for (var seed = 0; seed < 6; seed++)
                {
                    var x = Enumerable.Range(0, row.Arity).Select(k => View(row, dtype, k, shape, (seed + 2 * k) % 6)).ToArray();
                    Check(row, x, dtype, width, shape);
                }
            }
        });
    }

    [Theory, MemberData(nameof(Names))]
    public void Destination_IsOneOperand_MatchesReference(string name)
    {
        var row = Rows.Single(r => r.Name == name);
        if (row.ToBool) return;
        ForEveryType(row, (dtype, width) =>
        {
            foreach (var n in new[] { 1, 7, 8, 17, 33, 64, 65, 200 })
            {
                var arity = row.Arity;
                for (var target = arity == 3 ? 1 : 0; target < arity; target++)
                {
                    var x = Operands(row, dtype, [n], n);
                    Check(row, x, dtype, width, [n], x[target]);
                }
            }
        });
    }

    [Theory, MemberData(nameof(Names))]
    public void Results_AnyThreadCount_AreBitIdentical(string name)
    {
        var row = Rows.Single(r => r.Name == name);
        var dtype = row.Types[0];
        Shape shape = [331, 307];
        // One operand lies transposed, so that pieces begin in the middle of a row.
        var x = Operands(row, dtype, shape, 1);
        x[^1] = Operands(row, dtype, [307, 331], 2)[^1].Transpose(1, 0);
        var results = new List<byte[]>();
        var before = CpuDevice.Threads;
        try
        {
            foreach (var threads in new[] { 1, 2, 3 })
            {
                CpuDevice.Threads = threads;
                var dst = NdArray.Zeros(shape, row.ToBool ? DType.Bool : dtype);
                row.Run(x, dst, SimdLevel.Best);
                results.Add(dst.Bytes.ToArray());
            }
        }
        finally
        {
            CpuDevice.Threads = before;
        }
        Assert.Equal(results[0], results[1]);
        Assert.Equal(results[0], results[2]);
    }

    private static void ForEveryType(Row row, Action<DType, SimdWidth> test)
    {
        foreach (var dtype in row.Types)
        {
            foreach (var width in EveryWidth) test(dtype, width);
        }
    }

    /// <summary>Small numbers of the type, among them ties, zeros and equal pairs; halves only in floats.</summary>
    private static NdArray[] Operands(Row row, DType dtype, Shape shape, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, row.Arity).Select(k =>
        {
            var type = row.Arity == 3 && k == 0 ? DType.Bool : dtype;
            var values = new double[shape.Count];
            for (var i = 0; i < values.Length; i++)
            {
                var v = random.Next(-12, 13);
                values[i] = type.IsFloating() ? v * 0.5 : type is DType.Int8 or DType.Int16 or DType.Int32 or DType.Int64 ? v / (type == DType.Int8 ? 2 : 1) : type == DType.Bool ? v & 1 : v + 12;
                // Sums and squares must fit a byte, with or without sign.
                if (type == DType.UInt8) values[i] = (v + 12) / 2;
            }
            return Array(values, shape, type);
        })];
    }

    private static NdArray View(Row row, DType dtype, int operand, Shape shape, int kind)
    {
        NdArray Make(Shape s) => Operands(row, dtype, s, kind + 10 * operand)[operand];
        int last = shape.Rank - 1;
        switch (kind)
        {
            case 0: return Make(shape);
            case 1: // every second element, backwards
                return Make(shape.With(last, shape[last] * 2)).Slice(last, shape[last] * 2 - 1, shape[last], -2);
            case 2: // transposed
                var reversed = Enumerable.Range(0, shape.Rank).Reverse().ToArray();
                return Make(Shape.Create([.. reversed.Select(a => shape[a])])).Transpose(reversed);
            case 3: // one row for all
                return Make([shape[last]]).BroadcastTo(shape);
            case 4: // one column for all
                return Make(shape.With(last, 1)).BroadcastTo(shape);
            default: // one element for all
                return Make([]).BroadcastTo(shape);
        }
    }

    private static void Check(Row row, NdArray[] x, DType dtype, SimdWidth width, Shape shape, NdArray? target = null)
    {
        var values = x.Select(Values).ToArray();
        var dst = target ?? NdArray.Zeros(shape, row.ToBool ? DType.Bool : dtype);
        row.Run(x, dst, width);
        var actual = Values(dst);
        for (var i = 0; i < actual.Length; i++)
        {
            var arguments = values.Select(v => v[i]).ToArray();
            var expected = row.Reference(arguments);
            if (dtype == DType.Bool) expected = expected != 0 ? 1 : 0;
            Close(expected, actual[i], dst.DType, row.Tolerance,
                () => $"{row.Name}({string.Join(", ", arguments)}) {dtype} {width} {shape} ");
        }
    }
}
