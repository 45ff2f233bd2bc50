using Xunit;

namespace ManagedFed.Tests;

/// <summary>Every operation in float16 and bfloat16: values and gradients beside those of float64, compiled beside eager.</summary>
public sealed class HalfTests
{
    public static TheoryData<string, DType> Rows
    {
        get
        {
            var rows = new TheoryData<string, DType>();
            // A view of bits means another number in each type.
            foreach (var name in OpTable.Rows.Keys.Where(name => name != "view"))
            {
                rows.Add(name, DType.Float16);
                rows.Add(name, DType.BFloat16);
            }
            return rows;
        }
    }

    // Each of some steps rounds to half a unit of numbers up to the largest that occurs.
    [Theory]
    [MemberData(nameof(Rows))]
    public void ValuesAndGradients_OfEveryOperation_AreNearThoseOfFloat64(string name, DType dtype)
    {
        var row = OpTable.Rows[name];
        var inputs = Array.ConvertAll(row.Draw(new Random(7)), x => x.AsType(dtype));
        var expected = All(row, Array.ConvertAll(inputs, x => x.AsType(DType.Float64)));
        var actual = All(row, inputs);

        for (var i = 2; i < actual.Length; i++) Assert.Equal(dtype, actual[i].DType);
        for (var i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].Shape, actual[i].Shape);
            var (exact, near) = (expected[i].ToArray<double>(), actual[i].AsType(DType.Float64).ToArray<double>());
            var tolerance = 16 * DTypes.FInfo(dtype).Epsilon * exact.Append(1).Max(Math.Abs);
            for (var k = 0; k < exact.Length; k++) Assert.Equal(exact[k], near[k], tolerance);
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Compile_OfEveryOperationAndItsGradient_EqualsEager(string name, DType dtype)
    {
        var row = OpTable.Rows[name];
        var random = new Random(11);
        var compiled = Transforms.Compile(v => All(row, v));
        for (var call = 0; call < 2; call++)
        {
            var inputs = Array.ConvertAll(row.Draw(random), x => x.AsType(dtype));
            var (expected, actual) = (All(row, inputs), compiled.Invoke(inputs));
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i].DType, actual[i].DType);
                Assert.Equal(expected[i].AsType(DType.Float64).ToArray<double>(), actual[i].AsType(DType.Float64).ToArray<double>());
            }
        }
    }

    /// <summary>The value, its sum, and the gradient of that for each argument.</summary>
    private static Tensor[] All(OpRow row, Tensor[] v)
    {
        var (sum, gradients) = Transforms.ValueAndGradAll(u => row.F([.. u]).Sum())(v);
        return [row.F(v), sum, .. gradients];
    }
}
