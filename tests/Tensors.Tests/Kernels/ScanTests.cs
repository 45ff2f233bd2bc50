using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class ScanTests
{
    [Theory]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int32)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt64)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Run_AnyView_FollowsTheDefinition(DType dtype) => Cases(dtype).Sample((x, axis) =>
        Agrees<JoinMax>(x, axis, Math.Max) && Agrees<JoinMin>(x, axis, Math.Min)
        && (dtype == DType.UInt8 || dtype == DType.UInt32 || Agrees<JoinSum>(x, axis, (a, b) => a + b)));

    [Fact]
    public void Run_ManyColumns_RunsEachAlone()
    {
        // Column c holds c, c, …: its sums are c, 2c, 3c.
        var x = Views.Range([200]).BroadcastTo([3, 200]);
        var sums = Run<JoinSum>(x, 0).ToArray<float>();
        for (var c = 0; c < 200; c++) Assert.Equal([c, 2 * c, 3 * c], [sums[c], sums[200 + c], sums[400 + c]]);
    }

    [Fact]
    public void Run_SumOfManySmallFloats_LosesNothing()
    {
        // 0.1f is 0.100000001490116; a running float32 total would be off by some 10⁻⁴ of itself.
        var sums = Run<JoinSum>(NdArray.From<float>([0.1f], [1]).BroadcastTo([1_000_000]), 0).ToArray<float>();
        Assert.Equal((float)(1e6 * (double)0.1f), sums[^1]);
    }

    [Fact]
    public void Run_Products_OfIntegersAreExact() =>
        Assert.Equal([1, 2, 6, 24, 120], Run<JoinProduct>(NdArray.From(1, 2, 3, 4, 5), 0).ToArray<int>());

    [Fact]
    public void Run_WithNaN_KeepsItFromThereOn()
    {
        var x = NdArray.From(1, 3, float.NaN, 9);
        Assert.Equal([1, 3, float.NaN, float.NaN], Run<JoinMax>(x, 0).ToArray<float>());
        Assert.Equal([1, 1, float.NaN, float.NaN], Run<JoinMin>(x, 0).ToArray<float>());
    }

    [Fact]
    public void Run_LogSumExp_HoldsAtInfinitiesAndLargeNumbers()
    {
        const double inf = double.PositiveInfinity;
        Assert.Equal([-inf, -inf, 0, Math.Log(2), inf, inf], Run<JoinLogSumExp>(NdArray.From(-inf, -inf, 0, 0, inf, 5), 0).ToArray<double>());

        // ln(k·e¹⁰⁰⁰) = 1000 + ln k.
        var large = Run<JoinLogSumExp>(NdArray.From<double>(1000, 1000, 1000), 0).ToArray<double>();
        Assert.Equal(1000 + Math.Log(3), large[2], 1e-12);
    }

    [Fact]
    public void Run_EmptyAxes_WritesNothing()
    {
        Assert.Equal([0, 3], Run<JoinSum>(Views.Range([0, 3]), 0).Shape);
        Assert.Equal([3, 0], Run<JoinSum>(Views.Range([3, 0]), 0).Shape);
    }

    private static Gen<(NdArray X, int Axis)> Cases(DType dtype) =>
        from x in Views.Gen(dtype).Where(x => x.Shape.Rank > 0)
        from axis in Gen.Int[0, x.Shape.Rank - 1]
        select (x, axis);

    private static bool Agrees<TJoin>(NdArray x, int axis, Func<double, double, double> join) where TJoin : IJoin
    {
        var expected = Views.Doubles(x);
        nint inner = 1;
        for (var i = axis + 1; i < x.Shape.Rank; i++) inner *= x.Shape[i];
        for (var i = (int)inner; i < expected.Length; i++)
        {
            // The element before along the axis lies inner places back, but where a line begins.
            if (i / inner % x.Shape[axis] != 0) expected[i] = join(expected[i - inner], expected[i]);
        }
        return Views.Doubles(Run<TJoin>(x, axis)).SequenceEqual(expected);
    }

    private static NdArray Run<TJoin>(NdArray x, int axis) where TJoin : IJoin
    {
        var dst = NdArray.Zeros(x.Shape, x.DType);
        Scan.Run<TJoin>(x, axis, dst);
        return dst;
    }
}
