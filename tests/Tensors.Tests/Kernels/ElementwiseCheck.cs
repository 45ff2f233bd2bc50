using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

/// <summary>What the tests of elementwise kernels share: values of every type, and distance in units of the last place.</summary>
internal static class ElementwiseCheck
{
    public static readonly SimdWidth[] EveryWidth = [SimdWidth.Bits128, SimdWidth.Bits256, SimdWidth.Bits512];

    /// <summary>The values of a view in row-major order as doubles.</summary>
    public static double[] Values(NdArray x) => Views.Doubles(x);

    public static NdArray Array(double[] values, Shape shape, DType dtype) => dtype switch
    {
        DType.Float16 => NdArray.From<Half>([.. values.Select(v => (Half)v)], shape),
        DType.BFloat16 => NdArray.From<BFloat16>([.. values.Select(v => (BFloat16)v)], shape),
        DType.Float32 => NdArray.From<float>([.. values.Select(v => (float)v)], shape),
        DType.Float64 => NdArray.From<double>(values, shape),
        DType.Int8 => NdArray.From<sbyte>([.. values.Select(v => (sbyte)v)], shape),
        DType.Int16 => NdArray.From<short>([.. values.Select(v => (short)v)], shape),
        DType.Int32 => NdArray.From<int>([.. values.Select(v => (int)v)], shape),
        DType.Int64 => NdArray.From<long>([.. values.Select(v => (long)v)], shape),
        DType.UInt8 => NdArray.From<byte>([.. values.Select(v => (byte)v)], shape),
        DType.UInt16 => NdArray.From<ushort>([.. values.Select(v => (ushort)v)], shape),
        DType.UInt32 => NdArray.From<uint>([.. values.Select(v => (uint)v)], shape),
        DType.UInt64 => NdArray.From<ulong>([.. values.Select(v => (ulong)v)], shape),
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
        if (dtype is DType.Float16 or DType.BFloat16 && double.IsFinite(expected))
        {
            // Float32 rounded once more: half a unit of the result's type, and what float32 was off.
            var (info, scale) = (DTypes.FInfo(dtype), Math.Max(Math.Abs(expected), DTypes.FInfo(dtype).SmallestNormal));
            var unit = Math.ScaleB(info.Epsilon, Math.ILogB(scale));
            return Math.Max(0, Math.Abs(actual - expected) / unit - 0.51) * 16;
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
