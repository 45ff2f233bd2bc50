using CsCheck;
using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class SoftmaxTests
{
    private static readonly int[] Lengths = [1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16, 17, 31, 33, 100, 2047, 2048, 2049, 2064, 5000];

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_RowsOfEveryLength_MatchTheDefinitionInDouble(int bits)
    {
        foreach (var n in Lengths)
        {
            var (x, g) = (Values(3, n, 1), Values(3, n, 2));
            foreach (var dtype in new[] { DType.Float32, DType.Float64 })
            {
                var tolerance = dtype == DType.Float32 ? 2e-6 : 1e-14;
                var (typedX, typedG) = (x.AsType(dtype), g.AsType(dtype));
                var y = Fresh(typedX.Shape, dtype, dst => Softmax.Run(typedX, dst, Widths.Of(bits)));
                var dx = Fresh(typedX.Shape, dtype, dst => SoftmaxGrad.Run(typedG, y, dst, Widths.Of(bits)));
                var logs = Fresh(typedX.Shape, dtype, dst => LogSoftmax.Run(typedX, dst, Widths.Of(bits)));
                var lse = Fresh([3], dtype, dst => LogSumExp.Run(typedX, dst, Widths.Of(bits)));
                for (var row = 0; row < 3; row++)
                {
                    var values = Views.Doubles(typedX).AsSpan(row * n, n).ToArray();
                    var cotangent = Views.Doubles(typedG).AsSpan(row * n, n).ToArray();
                    var sum = values.Sum(Math.Exp);
                    var expected = values.Select(v => Math.Exp(v) / sum).ToArray();
                    var dot = expected.Zip(cotangent, (a, b) => a * b).Sum();
                    Near(expected, Views.Doubles(y).AsSpan(row * n, n), tolerance);
                    Near([.. expected.Zip(cotangent, (a, b) => a * (b - dot))], Views.Doubles(dx).AsSpan(row * n, n), tolerance);
                    Near([.. expected.Select(v => Math.Log(v))], Views.Doubles(logs).AsSpan(row * n, n), tolerance * 10);
                    Near([Math.Log(sum)], Views.Doubles(lse).AsSpan(row, 1), tolerance * 10);
                }
            }
        }
    }

    [Theory]
    [InlineData(DType.Float32, 1e-5)]
    [InlineData(DType.Float64, 1e-13)]
    public void CrossEntropy_OfRowsAndClasses_MatchesTheDefinitionInDouble(DType dtype, double tolerance)
    {
        foreach (var (rows, classes) in new[] { (1, 1), (3, 10), (20, 10), (5, 40) })
        {
            var scores = Values(rows, classes, 4).AsType(dtype);
            var picked = NdArray.From<uint>([.. Enumerable.Range(0, rows).Select(r => (uint)(7 * r % classes))], [rows]);
            var g = Values(1, rows, 5).Reshape([rows]).AsType(dtype);
            var loss = Views.Doubles(Fresh([rows], dtype, dst => CrossEntropy.Run(scores, picked, dst)));
            var gradient = Views.Doubles(Fresh(scores.Shape, dtype, dst => CrossEntropy.RunGrad(g, scores, picked, dst)));
            for (var r = 0; r < rows; r++)
            {
                var row = Views.Doubles(scores).AsSpan(r * classes, classes).ToArray();
                var sum = row.Sum(Math.Exp);
                var index = 7 * r % classes;
                Near([Math.Log(sum) - row[index]], loss.AsSpan(r, 1), tolerance);
                var weight = Views.Doubles(g)[r];
                Near([.. row.Select((v, i) => weight * (Math.Exp(v) / sum - (i == index ? 1 : 0)))], gradient.AsSpan(r * classes, classes), tolerance);
            }
        }
    }

    [Fact]
    public void CrossEntropy_OfLargeScores_KeepsItsDigits()
    {
        // Scores 10⁴ and 10⁴ − 1: −log(1/(1 + e⁻¹)) = ln(1 + e⁻¹) = 0.31326, which 10⁴ in float32 would blur by 0.001.
        var scores = NdArray.From<float>([10_000, 9_999], [1, 2]);
        var loss = Fresh([1], DType.Float32, dst => CrossEntropy.Run(scores, NdArray.From<uint>(0), dst));
        Assert.Equal(Math.Log(1 + Math.Exp(-1)), loss.ToArray<float>()[0], 1e-6);
    }

    [Fact]
    public void CrossEntropy_OfAClassOutOfRange_Throws()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => Fresh([1], DType.Float32, dst => CrossEntropy.Run(NdArray.Zeros([1, 3]), NdArray.From<uint>(3), dst)));
        Assert.StartsWith("[cross_entropy] index 3 is out of range for axis 1 of size 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_LargeElements_DoNotOverflow()
    {
        // Shifting all elements changes nothing: softmax(1000, 1000 + ln 3) = (1/4, 3/4).
        var x = NdArray.From(1000, 1000 + Math.Log(3));
        Near([0.25, 0.75], Views.Doubles(Fresh(x.Shape, x.DType, dst => Softmax.Run(x, dst))), 1e-12);
        Near([1000 + Math.Log(4)], Views.Doubles(Fresh([], x.DType, dst => LogSumExp.Run(x, dst))), 1e-12);
    }

    [Theory]
    [InlineData(float.NegativeInfinity, float.NegativeInfinity, float.NaN, float.NegativeInfinity)]
    [InlineData(float.PositiveInfinity, 1f, float.NaN, float.PositiveInfinity)]
    [InlineData(float.NaN, 1f, float.NaN, float.NaN)]
    [InlineData(float.NegativeInfinity, 1f, 0f, 1f)]
    public void Run_Infinities_FollowMlx(float first, float others, float expectedFirst, float expectedLogSum)
    {
        foreach (var n in new[] { 2, 4, 17 })
        {
            // The others weigh e^(1 − ln(n−1)) together e¹, so that their log-sum is 1 where they are finite.
            var rest = float.IsFinite(others) ? others - MathF.Log(n - 1) : others;
            var x = NdArray.From<float>([first, .. Enumerable.Repeat(rest, n - 1)], [n]);
            Assert.Equal(expectedFirst, Fresh([n], DType.Float32, dst => Softmax.Run(x, dst)).ToArray<float>()[0]);
            Assert.Equal(expectedLogSum, Fresh([], DType.Float32, dst => LogSumExp.Run(x, dst)).ToArray<float>()[0], 1e-6f);
        }
    }

    [Fact]
    public void Run_EqualElements_AreExactQuotients() =>
        Assert.Equal(Enumerable.Repeat(0.1f, 10), Fresh([10], DType.Float32, dst => Softmax.Run(NdArray.Zeros([10]), dst)).ToArray<float>());

    [Fact]
    public void Run_AnyView_IsThatOfItsCopy() => Views.Gen(DType.Float32).Where(x => x.Count > 0).Sample(x =>
    {
        var copy = x.Contiguous();
        float[] Of(NdArray v) => Fresh(v.Shape, DType.Float32, dst => Softmax.Run(v, dst)).ToArray<float>();
        return Of(x).SequenceEqual(Of(copy));
    });

    [Fact]
    public void Run_InPlace_GivesTheSame()
    {
        var x = Values(5, 37, 3).AsType(DType.Float32);
        var expected = Fresh(x.Shape, x.DType, dst => Softmax.Run(x, dst)).ToArray<float>();
        Softmax.Run(x, x);
        Assert.Equal(expected, x.ToArray<float>());
    }

    [Fact]
    public void Run_EmptyRows_GiveNothingOrThrow()
    {
        Assert.Empty(Fresh([3, 0], DType.Float32, dst => Softmax.Run(NdArray.Zeros([3, 0]), dst)).ToArray<float>());
        Assert.Empty(Fresh([0], DType.Float32, dst => LogSumExp.Run(NdArray.Zeros([0, 3]), dst)).ToArray<float>());
        var error = Assert.Throws<ArgumentException>(() => LogSumExp.Run(NdArray.Zeros([3, 0]), NdArray.Zeros([3])));
        Assert.Equal("[logsumexp] cannot reduce axis 1 of size 0", error.Message);
    }

    [Fact]
    public void Run_Integers_Throw() =>
        Assert.Throws<ArgumentException>(() => Softmax.Run(NdArray.From(1, 2), NdArray.From(1, 2)));

    [Theory]
    [InlineData(20_000, 10)]
    [InlineData(9, 100_000)]
    public void Run_ManyElements_AreBitIdenticalForAnyNumberOfThreads(int rows, int columns)
    {
        var x = Values(rows, columns, 4).AsType(DType.Float32);
        float[] Run(int threads) => Threads.With(threads, () => Fresh(x.Shape, DType.Float32, dst => Softmax.Run(x, dst)).ToArray<float>());
        var single = Run(1);
        Assert.Equal(single, Run(2));
        Assert.Equal(single, Run(5));
        for (var row = 0; row < rows; row++) Assert.Equal(1, single.AsSpan(row * columns, columns).ToArray().Sum(v => (double)v), 1e-5);
    }

    private static NdArray Values(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        return NdArray.From<double>([.. Enumerable.Range(0, rows * columns).Select(_ => random.NextDouble() * 8 - 4)], [rows, columns]);
    }

    private static NdArray Fresh(Shape shape, DType dtype, Action<NdArray> run)
    {
        var dst = NdArray.Empty(shape, dtype);
        run(dst);
        return dst;
    }

    private static void Near(double[] expected, ReadOnlySpan<double> actual, double tolerance)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.InRange(actual[i], expected[i] - tolerance * Math.Max(1, Math.Abs(expected[i])), expected[i] + tolerance * Math.Max(1, Math.Abs(expected[i])));
        }
    }
}
