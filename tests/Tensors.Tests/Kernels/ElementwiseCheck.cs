using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

/// <summary>What the tests of elementwise kernels share: values of every type, and distance in units of the last place.</summary>
internal static class ElementwiseCheck
{
    public static readonly SimdWidth[] EveryWidth = [SimdWidth.Bits128, SimdWidth.Bits256, SimdWidth.Bits512];

    /// <summary>The values of a view in row-major order as doubles.</summary>
    public static double[] Values(NdArray x) => x.DType switch
    {
        DType.Float32 => [.. x.ToArray<float>()],
        DType.Float64 => x.ToArray<double>(),
        DType.Int32 => [.. x.ToArray<int>()],
        DType.UInt32 => [.. x.ToArray<uint>()],
        DType.Int64 => [.. x.ToArray<long>().Select(v => (double)v)],
        DType.UInt8 => [.. x.ToArray<byte>()],
        _ => [.. x.ToArray<bool>().Select(v => v ? 1.0 : 0)],
    };

    public static NdArray Array(double[] values, Shape shape, DType dtype) => dtype switch
    {
        DType.Float32 => NdArray.From<float>([.. values.Select(v => (float)v)], shape),
        DType.Float64 => NdArray.From<double>(values, shape),
        DType.Int32 => NdArray.From<int>([.. values.Select(v => (int)v)], shape),
        DType.UInt32 => NdArray.From<uint>([.. values.Select(v => (uint)v)], shape),
        DType.Int64 => NdArray.From<long>([.. values.Select(v => (long)v)], shape),
        DType.UInt8 => NdArray.From<byte>([.. values.Select(v => (byte)v)], shape),
        _ => NdArray.From<bool>([.. values.Select(v => v != 0)], shape),
    };

    /// <summary>|actual − expected| in units of the last place of the expected value's type.</summary>
    public static double Ulps(double actual, double expected, DType dtype)
    {
        if (dtype == DType.Float32 && !double.IsNaN(expected))
        {
            // A result that overflows or vanishes in float is right as infinity or zero.
            var nearest = (float)expected;
            if ((float)actual == nearest) return 0;
            if (float.IsInfinity(nearest)) return double.IsInfinity(actual) ? double.PositiveInfinity : 1;
            return Math.Abs(actual - expected) / (MathF.BitIncrement(Math.Abs(nearest)) - Math.Abs(nearest));
        }
        if (actual.Equals(expected) || actual == expected) return 0;
        if (double.IsNaN(actual) || double.IsNaN(expected) || double.IsInfinity(expected)) return double.PositiveInfinity;
        return Math.Abs(actual - expected) / (Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected));
    }

    public static void Close(double expected, double actual, DType dtype, double tolerance, Func<string> what)
    {
        if (!(Ulps(actual, expected, dtype) <= tolerance)) Assert.Fail($"{what()}: {actual:R}, expected {expected:R}");
    }
}
