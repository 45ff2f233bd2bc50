using System.Globalization;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>Reductions of narrow types convert a part at a time, whatever the axes, and give what converting everything gives.</summary>
[Collection("memory")]
public sealed class StreamedReductionTests
{
    private const long Little = 4L << 20;

    private static readonly Dictionary<string, Func<Tensor, int[], Tensor>> Reductions = new()
    {
        ["sum"] = (x, axes) => x.Sum(axes),
        ["mean"] = (x, axes) => x.Mean(axes),
        ["prod"] = (x, axes) => x.Prod(axes),
        ["max"] = (x, axes) => x.Max(axes),
        ["min"] = (x, axes) => x.Min(axes),
        ["any"] = (x, axes) => x.Any(axes),
        ["all"] = (x, axes) => x.All(axes),
        ["argmax"] = (x, axes) => x.ArgMax(axes.Length == 1 ? axes[0] : 0),
        ["argmin"] = (x, axes) => x.ArgMin(axes.Length == 1 ? axes[0] : 0),
        ["sum of converted"] = (x, axes) => x.AsType(DType.Float32).Sum(axes),
        ["logsumexp"] = (x, axes) => x.DType.IsFloating() ? x.LogSumExp(axes.Length == 1 ? axes[0] : -1) : x.Sum(axes),
    };

    private static readonly DType[] Types = [DType.Bool, DType.Int8, DType.UInt16, DType.Float16];

    private static readonly int[][] AxesOfTwo = [[], [0], [1]];

    public static TheoryData<string> Names => [.. Reductions.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Reduction_OfNarrowElements_TakesLittleMemory(string name)
    {
        foreach (var dtype in (DType[])[DType.Bool, DType.UInt8, DType.Int16, DType.Float16])
        {
            // 4 Mi elements: widened they would take 16 MiB.
            var x = Values(dtype, 2048, 2048);
            foreach (var axes in AxesOfTwo)
            {
                if (name == "logsumexp" && axes is [0]) continue;
                var before = TensorMemory.ActiveBytes;
                TensorMemory.ResetPeak();
                Reductions[name](x, axes).Eval();
                var peak = TensorMemory.PeakBytes - before;
                Assert.True(peak < Little, string.Create(CultureInfo.InvariantCulture, $"{dtype} over ({string.Join(", ", axes)}) took {peak:N0} bytes"));
            }
            x.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Reduction_OfNarrowElements_GivesWhatConvertedOnesGive(string name)
    {
        foreach (var dtype in Types)
        {
            foreach (var x in (Tensor[])[Values(dtype, 500, 600), Values(dtype, 600, 500).T, Values(dtype, 2, 140000), Values(dtype, 140000, 2), Values(dtype, 5, 7)])
            {
                var wide = (dtype is DType.Bool ? x : x.AsType(dtype.Wide())).Eval();
                var compiled = Transforms.Compile((Tensor[] v) => [.. AxesOfTwo.Select(axes => Reductions[name](v[0], axes))]);
                var results = compiled.Invoke(x);
                for (var i = 0; i < AxesOfTwo.Length; i++)
                {
                    var expected = Reductions[name](wide, AxesOfTwo[i]).AsType(DType.Float64).ToArray<double>();
                    var eager = Reductions[name](x, AxesOfTwo[i]);
                    Close(expected, eager, dtype, $"{dtype} {x.Shape} axes {i}");
                    Close(expected, results[i], dtype, $"compiled {dtype} {x.Shape} axes {i}");
                    Assert.Equal(eager.DType, results[i].DType);
                }
            }
        }
    }

    [Fact]
    public void ArgMax_AcrossParts_TakesTheFirstOfEqualsAndNaN()
    {
        var x = Tensor.Zeros([600_000], DType.Float16);
        Assert.Equal(0u, x.ArgMax().Item<uint>());
        Assert.Equal(300_000u, x.At[300_000].Set(1).At[550_000].Set(1).ArgMax().Item<uint>());
        Assert.Equal(299_999u, x.At[299_999].Set(double.NaN).At[550_000].Set(double.NaN).At[10].Set(5).ArgMin().Item<uint>());
    }

    [Fact]
    public void Gradient_OfAReductionThatConverts_IsThatOfTheParts()
    {
        var x = Tensor.From<float>(1, 2, 4).AsType(DType.Float16);
        var sum = Transforms.Grad(v => v.AsType(DType.Float32).Sum() * 3)(x);
        Assert.Equal(DType.Float16, sum.DType);
        Assert.Equal([3.0, 3, 3], sum.AsType(DType.Float64).ToArray<double>());
        Assert.Equal([8.0, 4, 2], Transforms.Grad(v => v.AsType(DType.Float32).Prod())(x).AsType(DType.Float64).ToArray<double>());

        // Through integers there is no way.
        Assert.Equal([0f, 0, 0], Transforms.Grad(v => v.AsType(DType.Int8).Sum().AsType(DType.Float32))(Tensor.From<float>(1, 2, 4)).ToArray<float>());
        Assert.Equal([0f, 0, 0], Transforms.Grad(v => v.AsType(DType.Int8).Mean())(Tensor.From<float>(1, 2, 4)).ToArray<float>());
    }

    [Fact]
    public void Sum_OfMoreThan2GiB_Streams()
    {
        // One element, seen three billion times.
        var x = Tensor.Full([3, 1 << 30], 2, DType.UInt8);
        var before = TensorMemory.ActiveBytes;
        TensorMemory.ResetPeak();
        Assert.Equal(2.0, x.Mean().Item<float>(), 1e-3);
        Assert.True(TensorMemory.PeakBytes - before < Little);
    }

    private static void Close(double[] expected, Tensor actual, DType dtype, string what)
    {
        var values = actual.AsType(DType.Float64).ToArray<double>();
        var tolerance = actual.DType switch { DType.Float16 => 2e-3, DType.BFloat16 => 1e-2, DType.Float32 => 2e-5, _ => 0 };
        for (var i = 0; i < values.Length; i++)
        {
            var limit = actual.DType == DType.Float16 && Math.Abs(expected[i]) > 65504 ? double.PositiveInfinity * Math.Sign(expected[i]) : expected[i];
            Assert.True(values[i].Equals(limit) || Math.Abs(values[i] - limit) <= tolerance * (1 + Math.Abs(limit)), $"{what}: element {i} is {values[i]:r}, not {limit:r}");
        }
    }

    private static Tensor Values(DType dtype, int rows, int columns)
    {
        var numbers = (Tensor.RandomBits(RandomKey.FromSeed(5), [rows, columns]) % Tensor.Full([], 7, DType.UInt32)).AsType(DType.Int8);
        return (dtype == DType.Bool ? numbers > 0 : dtype.IsFloating() ? numbers.AsType(dtype) * 0.25 : numbers.AsType(dtype)).AsType(dtype).Eval();
    }
}
