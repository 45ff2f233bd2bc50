using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class ConvertTests
{
    private static readonly DType[] Types = Enum.GetValues<DType>();

    public static TheoryData<DType> AllTypes => [.. Types];

    // Numbers that every type but bool has.
    [Theory, MemberData(nameof(AllTypes))]
    public void AsType_OfSmallNumbers_KeepsThem(DType from)
    {
        double[] numbers = from == DType.Bool ? [0, 1, 1, 0] : [.. Enumerable.Range(0, 1100).Select(i => (double)(i % 100))];
        var x = ElementwiseCheck.Array(numbers, [numbers.Length], from);
        foreach (var to in Types)
        {
            var expected = to == DType.Bool ? [.. numbers.Select(v => v == 0 ? 0.0 : 1)] : numbers;
            Assert.Equal(expected, Views.Doubles(x.AsType(to)));
            Assert.Equal(Enumerable.Repeat(expected[1], 70), Views.Doubles(x.Slice(0, 1, 1).BroadcastTo([70]).AsType(to)));
            Assert.Equal(expected.Where((_, i) => i % 2 == 0).Reverse(), Views.Doubles(x.Slice(0, (numbers.Length - 1) / 2 * 2, numbers.Length / 2, -2).AsType(to)));
        }
    }

    [Fact]
    public void AsType_OfIntegersBeyondTheType_KeepsTheLowBits()
    {
        var x = NdArray.From<long>(300, -1, 65537, 1L << 40, long.MinValue);
        Assert.Equal([44, -1, 1, 0, 0], x.AsType(DType.Int8).ToArray<sbyte>());
        Assert.Equal([300, -1, 1, 0, 0], x.AsType(DType.Int16).ToArray<short>());
        Assert.Equal([300, 65535, 1, 0, 0], x.AsType(DType.UInt16).ToArray<ushort>());
        Assert.Equal([300, ulong.MaxValue, 65537, 1UL << 40, 1UL << 63], x.AsType(DType.UInt64).ToArray<ulong>());
        Assert.Equal(x.ToArray<long>(), x.AsType(DType.UInt64).AsType(DType.Int64).ToArray<long>());
        Assert.Equal([44, 255], NdArray.From<int>(300, -1).AsType(DType.Int8).AsType(DType.UInt8).ToArray<byte>());
        Assert.Equal([65535, 128], NdArray.From<sbyte>(-1, -128).AsType(DType.UInt16).AsType(DType.Int32).ToArray<int>().Select(v => v & (v == 65535 ? 65535 : 255)));
    }

    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void AsType_OfFloatsToIntegers_TruncatesAndSaturates(DType from)
    {
        var x = ElementwiseCheck.Array([1.75, -1.75, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 60000 * 1024.0], [6], from);
        Assert.Equal([1, -1, 0, 127, -128, 127], x.AsType(DType.Int8).ToArray<sbyte>());
        Assert.Equal([1, -1, 0, 32767, -32768, 32767], x.AsType(DType.Int16).ToArray<short>());
        Assert.Equal([1, 0, 0, 65535, 0, 65535], x.AsType(DType.UInt16).ToArray<ushort>());
        Assert.Equal([1, 0, 0, ulong.MaxValue, 0], x.AsType(DType.UInt64).ToArray<ulong>()[..5]);
        Assert.Equal([true, true, true, true, true, true], x.AsType(DType.Bool).ToArray<bool>());
    }

    /// <summary>Every half as a float, each neighbour's middle, what lies just beside that, and what is too large.</summary>
    private static float[] AroundHalves()
    {
        var halves = Enumerable.Range(0, ushort.MaxValue + 1).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).ToArray();
        return [.. halves.Where(Half.IsFinite).SelectMany(half =>
        {
            var middle = ((float)half + (float)Half.BitIncrement(half)) / 2;
            return new[] { (float)half, middle, MathF.BitIncrement(middle), MathF.BitDecrement(middle) };
        }), 65519.99f, 65520, -65520, 1e30f, float.NaN, float.PositiveInfinity, float.NegativeInfinity];
    }

    // System.Half is the reference.
    [Fact]
    public void AsType_OfFloatsToFloat16AndBack_RoundsToNearestEven()
    {
        var values = AroundHalves();
        var halves = NdArray.From<float>(values).AsType(DType.Float16);
        Assert.Equal(values.Select(v => (Half)v), halves.ToArray<Half>());
        Assert.Equal(values.Select(v => (Half)v), NdArray.From<double>([.. values]).AsType(DType.Float16).ToArray<Half>());
        Assert.Equal(values.Select(v => (float)(Half)v), halves.AsType(DType.Float32).ToArray<float>());
    }

    [Fact]
    public void AsType_OfDoublesToFloat16_RoundsOnce() =>
        Assert.Equal([(Half)1.0009765625], NdArray.From(1 + 1 / 2048.0 + 1e-15).AsType(DType.Float16).ToArray<Half>());

    // The scalar conversion is the reference, which BFloat16Tests compare with numbers by hand.
    [Fact]
    public void AsType_OfFloatsToBFloat16AndBack_RoundsToNearestEven()
    {
        float[] values = [.. Enumerable.Range(0, 1 << 18).Select(i => BitConverter.UInt32BitsToSingle((uint)i << 14)),
            .. Enumerable.Range(0, 1 << 17).SelectMany(i => new[] { 1u, 0x7FFFu }.Select(low => BitConverter.UInt32BitsToSingle((uint)i << 15 | low)))];
        var rounded = NdArray.From<float>(values).AsType(DType.BFloat16);
        Assert.Equal(values.Select(v => ((BFloat16)v).Bits), rounded.ToArray<BFloat16>().Select(v => v.Bits));
        Assert.Equal(values.Select(v => (float)(BFloat16)v), rounded.AsType(DType.Float32).ToArray<float>());
    }

    [Fact]
    public void Widened_OfAStretchedView_StaysStretched()
    {
        var x = ElementwiseCheck.Array([1, 2, 3], [3, 1], DType.Float16).BroadcastTo([2, 3, 4]);
        var wide = Narrow.Widened(x);
        Assert.Equal((DType.Float32, [2, 3, 4]), (wide.DType, wide.Shape));
        Assert.Equal([0, 1, 0], wide.Layout.Strides);
        Assert.Equal(Views.Doubles(x), Views.Doubles(wide));
        wide.Storage.Release();
    }

    // Sums of bytes in int32 keep the same low bits as sums in bytes.
    [Theory]
    [InlineData(DType.Int8, 100, 100, -56)]
    [InlineData(DType.Int16, 30000, 30000, -5536)]
    [InlineData(DType.UInt16, 65535, 2, 1)]
    [InlineData(DType.UInt8, 255, 2, 1)]
    public void Add_BeyondTheRange_WrapsAround(DType dtype, int a, int b, int expected)
    {
        var dst = NdArray.Zeros([3], dtype);
        Zip.Run<Add>(NdArray.From(a, a, a).AsType(dtype), NdArray.From(b, b, b).AsType(dtype), dst);
        Assert.Equal([expected, expected, expected], Views.Doubles(dst));
    }
}
