using ManagedFed.Kernels;
using Xunit;
using static ManagedFed.Tests.Kernels.ElementwiseCheck;

namespace ManagedFed.Tests.Kernels;

/// <summary>Special values, integer corner cases and conversions, each stated as a table.</summary>
public sealed class ElementwiseSpecialTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    private static void Same(double[] expected, NdArray actual) => Assert.Equal(
        expected.Select(v => double.IsNaN(v) ? 0x7FF8 : BitConverter.DoubleToInt64Bits(v)),
        Values(actual).Select(v => double.IsNaN(v) ? 0x7FF8 : BitConverter.DoubleToInt64Bits(v)));

    private static void MapGives<F>(double[] x, double[] expected, params DType[] types) where F : IUnary
    {
        foreach (var dtype in types.Length > 0 ? types : [DType.Float32, DType.Float64])
        {
            foreach (var width in EveryWidth)
            {
                var dst = NdArray.Zeros([x.Length], dtype);
                Map.Run<F>(Array(x, [x.Length], dtype), dst, width);
                Same(expected, dst);
            }
        }
    }

    private static void ZipGives<F>(double[] a, double[] b, double[] expected, params DType[] types) where F : IBinary
    {
        foreach (var dtype in types.Length > 0 ? types : [DType.Float32, DType.Float64])
        {
            foreach (var width in EveryWidth)
            {
                var dst = NdArray.Zeros([a.Length], dtype);
                Zip.Run<F>(Array(a, [a.Length], dtype), Array(b, [b.Length], dtype), dst, width);
                Same(expected, dst);
            }
        }
    }

    [Fact]
    public void Unary_SpecialValues_FollowIeee()
    {
        MapGives<Relu>([-1, -0.0, 0, 2, NaN, Inf, -Inf], [0, 0, 0, 2, NaN, Inf, 0]);
        MapGives<Sign>([-3, -0.0, 0, 2, NaN, Inf, -Inf], [-1, 0, 0, 1, NaN, 1, -1]);
        MapGives<Abs>([-0.0, NaN, -Inf, -2], [0, NaN, Inf, 2]);
        MapGives<Negative>([0, NaN, -Inf], [-0.0, NaN, Inf]);
        MapGives<Round>([0.5, 1.5, 2.5, -0.5, -1.5, NaN, Inf], [0, 2, 2, -0.0, -2, NaN, Inf]);
        MapGives<Rsqrt>([4, 0, -1, Inf, NaN], [0.5, Inf, NaN, 0, NaN]);
        MapGives<Sqrt>([-0.0, -1, Inf], [-0.0, NaN, Inf]);
        MapGives<Reciprocal>([0, -0.0, Inf, 4], [Inf, -Inf, 0, 0.25]);
    }

    [Fact]
    public void Binary_SpecialValues_FollowIeee()
    {
        ZipGives<Maximum>([NaN, 1, -0.0, Inf], [1, NaN, 0, 2], [NaN, NaN, 0, Inf]);
        ZipGives<Minimum>([NaN, 1, 0, -Inf], [1, NaN, -0.0, 2], [NaN, NaN, -0.0, -Inf]);
        ZipGives<Power>([0, -2, -2, -8, 2, 0, NaN, 1, Inf, -1], [0, 3, 2, 1.0 / 3, -2, -1, 0, NaN, -1, Inf], [1, -8, 4, NaN, 0.25, Inf, 1, 1, 0, 1]);
        ZipGives<ReluGrad>([5, 5, 5, 5, NaN], [1, 0, -1, NaN, 2], [5, 0, 0, 0, NaN]);
        ZipGives<LogAddExp>([-Inf, Inf, Inf, -Inf, NaN, 0], [-Inf, Inf, -Inf, 3, 0, Inf], [-Inf, Inf, Inf, 3, NaN, Inf]);
        ZipGives<FloorDivide>([7, -7, 7, -7, 1], [2, 2, -2, -2, 0], [3, -4, -4, 3, Inf]);
        ZipGives<ZeroProduct>([0, -0.0, 0, Inf, 2, NaN, 2, 0], [Inf, NaN, 3, 0, 3, 1, Inf, 0], [0, 0, 0, 0, 6, NaN, Inf, 0]);
        ZipGives<ZeroQuotient>([0, -0.0, 0, 3, 2, NaN, 1], [0, NaN, Inf, 2, 0, 1, NaN], [0, 0, 0, 1.5, Inf, NaN, NaN]);
        ZipGives<Remainder>([7, -7, 7, -7, 1, 5.5, 1e30], [2, 2, -2, -2, 0, 1.5, 1], [1, 1, -1, -1, NaN, 1, 0]);
    }

    [Fact]
    public void LogAddExp_EqualArguments_AddsLogTwo()
    {
        // ln(eᵃ + eᵃ) = a + ln 2, also where eᵃ overflows.
        foreach (var width in EveryWidth)
        {
            var x = NdArray.From<double>(0, -3, 1000, -1000);
            var dst = NdArray.Zeros([4], DType.Float64);
            Zip.Run<LogAddExp>(x, x, dst, width);
            for (var i = 0; i < 4; i++) Close(x.ToArray<double>()[i] + Math.Log(2), dst.ToArray<double>()[i], DType.Float64, 2, () => $"{width} {i}");
        }
    }

    [Fact]
    public void Integers_DivisionAndPower_AreTotal()
    {
        // // and % floor, as in NumPy; a zero divisor gives 0.
        ZipGives<FloorDivide>([-7, 7, 7, -7, 5], [2, -2, 2, -2, 0], [-4, -4, 3, 3, 0], DType.Int32, DType.Int64);
        ZipGives<Remainder>([-7, 7, 7, -7, 5, 6], [2, -2, 2, -2, 0, -1], [1, -1, 1, -1, 0, 0], DType.Int32, DType.Int64);
        ZipGives<FloorDivide>([7, 200, 5], [2, 255, 0], [3, 0, 0], DType.UInt32, DType.UInt8);
        ZipGives<Remainder>([7, 200, 5], [2, 255, 0], [1, 200, 0], DType.UInt32, DType.UInt8);
        ZipGives<FloorDivide>([int.MinValue], [-1], [int.MinValue], DType.Int32);
        ZipGives<Remainder>([int.MinValue], [-1], [0], DType.Int32);
        ZipGives<Power>([2, -3, 0, 5, 1, -1, -1, 2], [10, 3, 0, -1, -4, -3, -2, -1], [1024, -27, 1, 0, 1, -1, 1, 0], DType.Int32, DType.Int64);
        ZipGives<Power>([2, 3, 0], [7, 4, 0], [128, 81, 1], DType.UInt32, DType.UInt8);
    }

    [Fact]
    public void Integers_Extremes_CompareExactly()
    {
        // Neighbours that double cannot tell apart.
        NdArray a = NdArray.From<long>(long.MaxValue, long.MinValue, long.MaxValue), b = NdArray.From<long>(long.MaxValue - 1, long.MaxValue, long.MaxValue);
        NdArray c = NdArray.From<uint>(uint.MaxValue, 0, 1u << 31), d = NdArray.From<uint>(1, uint.MaxValue, (1u << 31) - 1);
        foreach (var width in EveryWidth)
        {
            var dst = NdArray.Zeros([3], DType.Bool);
            Compare.Run<Less>(a, b, dst, width);
            Assert.Equal([false, true, false], dst.ToArray<bool>());
            Compare.Run<GreaterEqual>(a, b, dst, width);
            Assert.Equal([true, false, true], dst.ToArray<bool>());
            Compare.Run<Less>(c, d, dst, width);
            Assert.Equal([false, true, false], dst.ToArray<bool>());
        }
    }

    [Fact]
    public void Comparisons_NaN_AreFalseButNotEqual()
    {
        NdArray a = NdArray.From<float>(float.NaN, 1), b = NdArray.From<float>(float.NaN, float.NaN);
        foreach (var width in EveryWidth)
        {
            var dst = NdArray.Zeros([2], DType.Bool);
            Compare.Run<NotEqual>(a, b, dst, width);
            Assert.Equal([true, true], dst.ToArray<bool>());
            Compare.Run<Equal>(a, b, dst, width);
            Assert.Equal([false, false], dst.ToArray<bool>());
            Compare.Run<GreaterEqual>(a, b, dst, width);
            Assert.Equal([false, false], dst.ToArray<bool>());
            Test.Run<IsNaN>(a, dst, width);
            Assert.Equal([true, false], dst.ToArray<bool>());
        }
    }

    [Fact]
    public void FloatFormula_OfIntegers_NamesTheType()
    {
        var x = NdArray.From<int>(1);
        var error = Assert.Throws<ArgumentException>(() => Map.Run<Exp>(x, x));
        Assert.Equal("[exp] dtype is int32, expected float32 or float64", error.Message);
    }

    [Fact]
    public void Convert_EveryPair_MatchesScalars()
    {
        DType[] types = [DType.Bool, DType.UInt8, DType.Int32, DType.UInt32, DType.Int64, DType.Float32, DType.Float64];
        double[] values = [.. Enumerable.Range(0, 200).Select(i => (double)(i % 100))];
        foreach (var from in types)
        {
            foreach (var to in types)
            {
                var x = Array(values, [20, 10], from).Transpose(1, 0);
                var dst = NdArray.Zeros([10, 20], to);
                ConvertKernel.Run(x, dst);
                Same([.. Values(x).Select(v => to == DType.Bool && v != 0 ? 1.0 : v)], dst);
            }
        }
    }

    [Fact]
    public void Convert_OutOfRange_SaturatesFromFloatsAndWrapsFromIntegers()
    {
        static NdArray To(NdArray x, DType dtype)
        {
            var dst = NdArray.Zeros(x.Shape, dtype);
            ConvertKernel.Run(x, dst);
            return dst;
        }
        var x = NdArray.From<double>(1e20, -1e20, double.NaN, -1.9, 255.9);
        Same([int.MaxValue, int.MinValue, 0, -1, 255], To(x, DType.Int32));
        Same([uint.MaxValue, 0, 0, 0, 255], To(x, DType.UInt32));
        Same([255, 0, 0, 0, 255], To(x, DType.UInt8));
        Same([1, 1, 1, 1, 1], To(x, DType.Bool));
        Same([44, 255], To(NdArray.From<int>(300, -1), DType.UInt8));
        Same([0, 1], To(NdArray.From<float>(-0.0f, 0.25f), DType.Bool));
    }
}
