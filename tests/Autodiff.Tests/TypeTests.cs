using Xunit;

namespace ManagedFed.Tests;

/// <summary>What operations mean in each element type: promotion, wrapping around, rounding, casts, order, text.</summary>
public sealed class TypeTests
{
    private static readonly DType[] Types = Enum.GetValues<DType>();

    public static TheoryData<DType> Integers => [.. Types.Where(type => type != DType.Bool && !type.IsFloating())];

    public static TheoryData<DType> Halves => [DType.Float16, DType.BFloat16];

    private static Tensor Of(DType dtype, params double[] values) => Tensor.From<double>(values).AsType(dtype);

    private static double[] Doubles(Tensor x) => x.AsType(DType.Float64).ToArray<double>();

    // The table itself is compared with MLX's in DTypeTests of the arrays.
    [Fact]
    public void BinaryOperations_OfEveryPair_PromoteByTheTable()
    {
        foreach (var a in Types)
        {
            foreach (var b in Types)
            {
                var (x, y, both) = (Of(a, 1), Of(b, 1), DTypes.Promote(a, b));
                Assert.Equal(both == DType.Bool ? DType.Int32 : both, (x + y).DType);
                Assert.Equal(both.IsFloating() ? both : DType.Float32, (x / y).DType);
                Assert.Equal(both, Tensor.Where(Tensor.From(true), x, y).DType);
                Assert.Equal([true], (x == y).ToArray<bool>());
                Assert.Equal([2], Doubles(x + y));
            }
        }
    }

    [Fact]
    public void Numbers_BesideTensors_AreWeak()
    {
        foreach (var type in Types.Where(type => type != DType.Bool))
        {
            Assert.Equal(type, (Of(type, 1) + 1).DType);
            Assert.Equal(type.IsFloating() ? type : DType.Float32, (Of(type, 1) * 1.5).DType);
        }
        Assert.Equal(DType.Float32, (Of(DType.Float16, 1) + Tensor.Scalar(1)).DType);
    }

    [Theory]
    [MemberData(nameof(Integers))]
    public void Arithmetic_OfIntegersBeyondTheRange_WrapsAround(DType dtype)
    {
        var info = DTypes.IInfo(dtype);
        Tensor Exact(Int128 value) => Tensor.From<ulong>([ulong.CreateTruncating(value)], []).AsType(dtype);
        bool Equal(Int128 value, Tensor x) => (Exact(value) == x).Item<bool>() && x.DType == dtype;

        var (low, high) = (Exact(info.Min), Exact(info.Max));
        Assert.True(Equal(info.Min, high + 1));
        Assert.True(Equal(info.Max, low - 1));
        Assert.True(Equal(info.Min == 0 ? info.Max - 1 : -2, high * 2));
        Assert.True(Equal(info.Min == 0 ? 0 : info.Min, -low));
        Assert.True(Equal(1, high * high));
        Assert.True(Equal(info.Max, ~low));
        Assert.True(Equal(info.Min == 0 ? info.Max / 2 : -1, (info.Min == 0 ? high : ~high) >> (info.Min == 0 ? 1 : info.Bits)));
        Assert.True(Equal(0, Exact(1) << info.Bits));
        Assert.True(Equal(info.Max, Tensor.Maximum(low, high)) && Equal(info.Min, Tensor.Minimum(low, high)));
        if (info.Min == 0) return;
        Assert.True(Equal(info.Min, low.FloorDivide(Exact(-1))) && Equal(0, low % Exact(-1)));
        Assert.True(Equal(-4, Exact(-7).FloorDivide(Exact(2))) && Equal(1, Exact(-7) % Exact(2)));
    }

    [Theory]
    [InlineData(DType.Bool, DType.Int32)]
    [InlineData(DType.Int8, DType.Int32)]
    [InlineData(DType.Int16, DType.Int32)]
    [InlineData(DType.UInt8, DType.UInt32)]
    [InlineData(DType.UInt16, DType.UInt32)]
    [InlineData(DType.Int64, DType.Int64)]
    [InlineData(DType.UInt64, DType.UInt64)]
    [InlineData(DType.Float16, DType.Float16)]
    public void Sums_OfSmallIntegers_AreCountedIn32Bits(DType dtype, DType expected)
    {
        var x = Tensor.Full([1000], dtype == DType.Bool ? 1 : 100, dtype);
        var each = dtype == DType.Bool ? 1 : 100;
        Assert.Equal((expected, 300.0 * each), (x[..300].Sum().DType, Doubles(x[..300].Sum())[0]));
        Assert.Equal((expected, expected), (x[..3].Prod().DType, x.CumSum().DType));
        Assert.Equal(3.0 * each, Doubles(x.CumSum())[2]);
        Assert.Equal((expected.IsFloating() ? expected : DType.Float32, (double)each), (x.Mean().DType, Doubles(x.Mean())[0]));
    }

    // System.Half calculates in float and rounds, too.
    [Fact]
    public void Arithmetic_OfFloat16_IsThatOfSystemHalf()
    {
        var random = new Random(3);
        Half[] Draw() => [.. Enumerable.Range(0, 1000).Select(_ => (Half)(Math.ScaleB(random.NextDouble() - 0.5, random.Next(-14, 17))))];
        var (a, b) = (Draw(), Draw());
        var (x, y) = (Tensor.From<Half>(a), Tensor.From<Half>(b));
        Assert.Equal(a.Zip(b, (u, v) => u + v), (x + y).ToArray<Half>());
        Assert.Equal(a.Zip(b, (u, v) => u - v), (x - y).ToArray<Half>());
        Assert.Equal(a.Zip(b, (u, v) => u * v), (x * y).ToArray<Half>());
        Assert.Equal(a.Zip(b, (u, v) => u / v), (x / y).ToArray<Half>());
        Assert.Equal(a.Select(u => Half.Sqrt(Half.Abs(u))), x.Abs().Sqrt().ToArray<Half>());
        Assert.Equal(a.Zip(b, (u, v) => u < v), (x < y).ToArray<bool>());
        Assert.Equal(a.Order(), x.Sort().ToArray<Half>());
        Assert.Equal(a.Max(), x.Max().Item<Half>());
        Assert.Equal(a.Select(u => (sbyte)Math.Clamp((float)u, -128, 127)), x.AsType(DType.Int8).ToArray<sbyte>());
    }

    // A total in 11 bits would stay at 2048, one in 8 bits at 256; float16 ends at 65504.
    [Theory]
    [MemberData(nameof(Halves))]
    public void Reductions_OfHalves_AreRoundedOnce(DType dtype)
    {
        var ones = Tensor.Ones([4096], dtype);
        Assert.Equal((dtype, 4096.0), (ones.Sum().DType, Doubles(ones.Sum())[0]));
        Assert.Equal(4096, Doubles(ones.CumSum())[^1]);
        Assert.Equal(4096, Doubles(ones.MatMul(ones))[0]);
        Assert.Equal(4096, Doubles(Tensor.Zeros([2], dtype).At[Tensor.Zeros([4096], DType.Int8)].Add(ones))[0]);
        Assert.Equal(64, Doubles(ones.Norm())[0]);
        var many = Tensor.Full([100_000], 3, dtype);
        Assert.Equal(3, Doubles(many.Mean())[0]);
        Assert.Equal(0, Doubles(many.Var([]))[0]);
        Assert.Equal(0, Doubles(many.Std())[0]);
        var large = Of(dtype, 300, -300, 300, -300);
        Assert.Equal((dtype, Doubles(Of(dtype, 90000))[0]), (large.Var([]).DType, Doubles(large.Var([]))[0]));
        Assert.Equal(300, Doubles(large.Std())[0]);
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void MatMul_OfHalves_IsThatOfFloat32RoundedOnce(DType dtype)
    {
        var random = new Random(5);
        Tensor Draw(Shape shape) => OpRow.Uniform(random, shape, -1, 1).AsType(dtype);
        var (a, b, bias) = (Draw([3, 7, 33]), Draw([33, 5]), Draw([5]));
        var expected = a.AsType(DType.Float32).MatMul(b.AsType(DType.Float32)).AsType(dtype);
        Assert.Equal(Doubles(expected), Doubles(a.MatMul(b)));
        Assert.Equal(dtype, a.MatMul(b).DType);
        Assert.Equal(Doubles(a.AsType(DType.Float32).Softmax().AsType(dtype)), Doubles(a.Softmax()));
        Assert.Equal(Doubles(a.MatMul(b).Relu()), Doubles(Transforms.Compile(v => [v[0].MatMul(v[1]).Relu()]).Invoke(a, b)[0]));
        Assert.Equal(Doubles((a.MatMul(b) + bias) * 3), Doubles(Transforms.Compile(v => [(v[0].MatMul(v[1]) + v[2]) * 3]).Invoke(a, b, bias)[0]));
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void SpecialValues_OfHalves_AreThoseOfFloats(DType dtype)
    {
        var x = Of(dtype, double.NaN, double.PositiveInfinity, double.NegativeInfinity, 1, -0.0);
        Assert.Equal([true, false, false, false, false], x.IsNaN().ToArray<bool>());
        Assert.Equal([false, true, true, false, false], x.IsInfinity().ToArray<bool>());
        Assert.Equal([false, false, false, true, true], x.IsFinite().ToArray<bool>());
        var largest = DTypes.FInfo(dtype).Max;
        Assert.Equal([0, largest, -largest, 1, -0.0], Doubles(x.NanToNum()));
        Assert.Equal([2u, 4, 3, 1, 0], x.ArgSort().ToArray<uint>());
        Assert.Equal(0u, x.ArgMax().Item<uint>());
        Assert.True(double.IsNaN(Doubles(x.Max())[0]));
        Assert.Equal([double.PositiveInfinity], Doubles(Of(dtype, largest) * 2));
        Assert.Equal([1, 0, double.PositiveInfinity], Doubles(Of(dtype, 0, double.NegativeInfinity, double.PositiveInfinity).Exp()));
    }

    [Fact]
    public void Casts_OutOfRange_SaturateFromFloatsAndWrapFromIntegers()
    {
        Assert.Equal([(sbyte)127, (sbyte)-128, (sbyte)0], Tensor.From(300f, -300, float.NaN).AsType(DType.Int8).ToArray<sbyte>());
        Assert.Equal([(sbyte)44, (sbyte)-44], Tensor.From(300, -300).AsType(DType.Int8).ToArray<sbyte>());
        Assert.Equal([ulong.MaxValue], Tensor.From(-1L).AsType(DType.UInt64).ToArray<ulong>());
        Assert.Equal([Half.PositiveInfinity, (Half)65504], Tensor.From(65520, 65519).AsType(DType.Float16).ToArray<Half>());
        Assert.Equal([(BFloat16)256f, (BFloat16)260f], Tensor.From(257, 259).AsType(DType.BFloat16).ToArray<BFloat16>());
    }

    [Theory]
    [MemberData(nameof(Integers))]
    public void Indices_OfEveryIntegerType_Work(DType dtype)
    {
        var x = Tensor.From(10, 11, 12, 13);
        var indices = Of(dtype, 3, 0, 2);
        Assert.Equal([13, 10, 12], x.Take(indices).ToArray<int>());
        Assert.Equal([13, 10, 12], x[indices].ToArray<int>());
        Assert.Equal([13, 10, 12], x.TakeAlongAxis(indices, 0).ToArray<int>());
        Assert.Equal([11, 11, 13, 14], x.At[indices].Add(Tensor.From(1)).ToArray<int>());
        Assert.Equal([1f, 0, 1, 1], Transforms.Grad(v => v.Take(indices).Sum())(Tensor.From(1f, 2, 3, 4)).ToArray<float>());
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void Grad_OfALossInHalves_HasTheirType(DType dtype)
    {
        // L = mean (w·x)²: L′ = 2·w·mean x² = 2·3·(1 + 4)/2 = 15.
        var x = Of(dtype, 1, 2);
        var (loss, gradient) = Transforms.ValueAndGrad(w => (w * x).Square().Mean())(Tensor.Scalar(3, dtype));
        Assert.Equal((dtype, dtype), (loss.DType, gradient.DType));
        Assert.Equal((22.5, 15.0), (Doubles(loss)[0], Doubles(gradient)[0]));
        Assert.Equal([6, 12], Doubles(Transforms.Vmap(v => v * 3)(x * 2)));
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void Random_OfHalves_IsThatOfFloat32Rounded(DType dtype)
    {
        Tensor key = RandomKey.FromSeed(5);
        Shape shape = [20_000];
        var unit = Tensor.RandomUniform(key, shape, dtype: dtype);
        Assert.Equal(dtype, unit.DType);
        Assert.All(Doubles(unit), u => Assert.InRange(u, 0, 1 - DTypes.FInfo(dtype).Epsilon / 2));
        Assert.Equal(0.5, Doubles(unit).Average(), 0.01);
        Same(Tensor.RandomUniform(key, shape, -2, 3), Tensor.RandomUniform(key, shape, -2, 3, dtype));
        Same(Tensor.RandomNormal(key, shape, 1, 2), Tensor.RandomNormal(key, shape, 1, 2, dtype));
        Same(Tensor.RandomGumbel(key, shape), Tensor.RandomGumbel(key, shape, dtype));
        Same(Tensor.RandomTruncatedNormal(key, -1, 1, shape), Tensor.RandomTruncatedNormal(key, -1, 1, shape, dtype));
        Same(Tensor.RandomLaplace(key, shape), Tensor.RandomLaplace(key, shape, dtype: dtype));
        Same(Tensor.RandomExponential(key, shape), Tensor.RandomExponential(key, shape, dtype: dtype));

        void Same(Tensor expected, Tensor actual)
        {
            Assert.Equal(dtype, actual.DType);
            Assert.Equal(Doubles(expected.AsType(dtype)), Doubles(actual));
        }
    }

    [Theory]
    [MemberData(nameof(Integers))]
    public void RandomInt_OfEveryIntegerType_StaysInRange(DType dtype)
    {
        var values = Tensor.RandomInt(RandomKey.FromSeed(2), 3, 9, [500], dtype);
        Assert.Equal(dtype, values.DType);
        Assert.Equal([3, 4, 5, 6, 7, 8], Doubles(values).Distinct().Order());
    }

    [Fact]
    public void ToString_OfEveryType_ShowsValuesAndType()
    {
        Assert.Equal("array([-3,  4], dtype=int8)", Of(DType.Int8, -3, 4).ToString());
        Assert.Equal("array([-300,    4], dtype=int16)", Of(DType.Int16, -300, 4).ToString());
        Assert.Equal("array([65535], dtype=uint16)", Of(DType.UInt16, 65535).ToString());
        Assert.Equal("array([18446744073709551615], dtype=uint64)", Tensor.From(ulong.MaxValue).ToString());
        Assert.Equal("array([ 0.3333, -2.    ], dtype=float16)", Of(DType.Float16, 1 / 3.0, -2).ToString());
        Assert.Equal("array([ 0.334, -2.   ], dtype=bfloat16)", Of(DType.BFloat16, 1 / 3.0, -2).ToString());
    }

    [Fact]
    public void View_OfHalves_ShowsTheirBits()
    {
        Assert.Equal([(ushort)0x3C00, (ushort)0xC000], Tensor.From((Half)1, (Half)(-2)).View(DType.UInt16).ToArray<ushort>());
        Assert.Equal([(BFloat16)1f], Tensor.From((ushort)0x3F80).View(DType.BFloat16).ToArray<BFloat16>());
    }
}
