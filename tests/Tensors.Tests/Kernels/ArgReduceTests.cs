using CsCheck;
using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class ArgReduceTests
{
    [Fact]
    public void Run_Ties_GiveTheFirst()
    {
        var x = NdArray.From<int>([3, 7, 7, 1, 1, 7], [2, 3]);
        Assert.Equal([1, 2], Run<Max>(x, 1));
        Assert.Equal([0, 0], Run<Min>(x, 1));
        Assert.Equal([0, 0, 0], Run<Max>(NdArray.From<float>([0f, -0f, 1, -0f, 0f, 1], [2, 3]), 0));
    }

    [Fact]
    public void Run_NaN_GivesItsFirstIndex()
    {
        var x = NdArray.From(1f, float.NaN, 3f, float.NaN);
        Assert.Equal([1], Run<Max>(x, 0));
        Assert.Equal([1], Run<Min>(x, 0));
    }

    [Fact]
    public void Run_Infinities_AreFound()
    {
        Assert.Equal([0], Run<Max>(NdArray.From(double.NegativeInfinity, double.NegativeInfinity), 0));
        Assert.Equal([1], Run<Max>(NdArray.From(0, double.PositiveInfinity), 0));
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_EveryLengthAndPlace_IsFound(int bits)
    {
        var width = Widths.Of(bits);
        foreach (var n in new[] { 1, 3, 4, 8, 9, 16, 17, 33, 100, 3000 })
        {
            for (var at = 0; at < n; at += Math.Max(n / 7, 1))
            {
                var x = NdArray.Zeros([n], DType.Int64);
                x.AsSpan<long>()[at] = 5;
                Assert.Equal([(uint)at], Run<Max>(x, 0, width));
            }
        }
    }

    [Fact]
    public void Run_AnyView_MatchesTheDefinition() =>
        Views.Gen(DType.Int32).Where(x => x.Shape.Rank > 0 && x.Count > 0)
            .SelectMany(x => Gen.Int[0, x.Shape.Rank - 1].Select(axis => (x, axis))).Sample((x, axis) =>
        {
            var rows = Views.Indices(x.Shape).GroupBy(at => string.Join(',', at.Where((_, i) => i != axis)), at => Views.At<int>(x, at));
            return Run<Max>(x, axis).SequenceEqual(rows.Select(row => (uint)row.ToList().IndexOf(row.Max())));
        });

    [Fact]
    public void Run_EmptyAxis_SaysWhich()
    {
        var error = Assert.Throws<ArgumentException>(() => Run<Max>(NdArray.Zeros([2, 0]), 1));
        Assert.Equal("[argmax] cannot reduce axis 1 of size 0", error.Message);
        Assert.Empty(Run<Min>(NdArray.Zeros([0, 2]), 1));
    }

    private static uint[] Run<R>(NdArray x, int axis) where R : struct, IReducer => Run<R>(x, axis, SimdLevel.Best);

    private static uint[] Run<R>(NdArray x, int axis, SimdWidth width) where R : struct, IReducer
    {
        var dst = NdArray.Empty(x.Shape.Remove(axis), DType.UInt32);
        ArgReduce.Run<R>(x, axis, dst, width);
        return dst.ToArray<uint>();
    }
}
