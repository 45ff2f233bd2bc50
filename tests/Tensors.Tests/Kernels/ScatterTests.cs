using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class ScatterTests
{
    [Theory]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int32)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt64)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Add_RepeatedIndices_Accumulate(DType dtype)
    {
        var dst = Views.Range([4], dtype);
        Scatter.Add(dst, NdArray.From(1, 3, 1, -3), 0, NdArray.From(10, 20, 30, 40).AsType(dtype));
        Assert.Equal([0, 1 + 10 + 30 + 40, 2, 3 + 20], Views.Doubles(dst));
    }

    [Fact]
    public void Add_Bool_Throws() => Assert.Throws<ArgumentException>(
        () => Scatter.Add(NdArray.Zeros([2], DType.Bool), NdArray.From(0), 0, NdArray.From(true)));

    [Fact]
    public void Add_IndexOutOfRange_LeavesTheTargetAlone()
    {
        var dst = NdArray.Zeros([2, 2]);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Scatter.Add(dst, NdArray.From(0, 2), 1, Views.Range([2, 2])));
        Assert.StartsWith("[scatter_add] index 2 is out of range for axis 1 of size 2", error.Message);
        Assert.Equal([0, 0, 0, 0], dst.ToArray<float>());
    }

    [Fact]
    public void Add_BroadcastUpdate_CountsTheIndices()
    {
        var dst = NdArray.Zeros([3, 10]);
        Scatter.Add(dst, NdArray.From(2, 2, 0), 0, NdArray.From<float>([1], [1, 1]).BroadcastTo([3, 10]));
        Assert.Equal([.. Enumerable.Repeat(1f, 10), .. new float[10], .. Enumerable.Repeat(2f, 10)], dst.ToArray<float>());
    }

    // <take(x), u> = <x, scatter(u)>: small integers, so that both sides are exact.
    [Fact]
    public void Add_IsTheAdjointOfTake() =>
        (from c in GatherTests.Cases(DType.Float64)
         let shape = GatherTests.Take(c.Source, c.Indices, c.Axis).Shape
         from u in Gen.Int[-9, 9].Array[(int)shape.Count]
         select (c.Source, c.Axis, c.Indices, NdArray.From<int>(u, shape).AsType(DType.Float64))).Sample((x, axis, indices, u) =>
        {
            var scattered = NdArray.Zeros(x.Shape, DType.Float64);
            Scatter.Add(scattered, indices, axis, u.Transpose().Contiguous().Transpose());
            return Dot(GatherTests.Take(x, indices, axis), u) == Dot(x, scattered);
        });

    [Fact]
    public void AddAlong_IsTheAdjointOfTakeAlong() =>
        (from c in GatherTests.AlongCases()
         from u in Gen.Int[-9, 9].Array[(int)c.Indices.Count]
         select (c.Source, c.Axis, c.Indices, NdArray.From<int>(u, c.Indices.Shape).AsType(DType.Float64))).Sample((x, axis, indices, u) =>
        {
            var taken = NdArray.Empty(indices.Shape, DType.Float64);
            Gather.TakeAlong(x, indices, axis, taken);
            var scattered = NdArray.Zeros(x.Shape, DType.Float64);
            Scatter.AddAlong(scattered, indices, axis, u.Transpose().Contiguous().Transpose());
            return Dot(taken, u) == Dot(x, scattered);
        });

    [Theory]
    [InlineData(1, 3000)]
    [InlineData(50, 70)]
    public void Add_ManyRepeats_IsBitIdenticalForAnyNumberOfThreads(int outer, int inner)
    {
        var indices = NdArray.From<int>([.. Enumerable.Range(0, 200).Select(i => i * i % 7)]);
        var random = new Random(5);
        var values = Enumerable.Range(0, outer * 200 * inner).Select(_ => random.NextSingle() - 0.3f).ToArray();
        var updates = NdArray.From<float>(values, [outer, 200, inner]);
        float[] Run(int threads) => Threads.With(threads, () =>
        {
            var dst = NdArray.Zeros([outer, 7, inner]);
            Scatter.Add(dst, indices, 1, updates);
            return dst.ToArray<float>();
        });
        var single = Run(1);
        var expected = new float[single.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var (o, k, column) = (i / inner / 200, i / inner % 200, i % inner);
            expected[(o * 7 + k * k % 7) * inner + column] += values[i];
        }
        Assert.Equal(expected, single);
        Assert.Equal(single, Run(2));
        Assert.Equal(single, Run(7));
    }

    private static double Dot(NdArray a, NdArray b) => Views.Doubles(a).Zip(Views.Doubles(b), (x, y) => x * y).Sum();
}
