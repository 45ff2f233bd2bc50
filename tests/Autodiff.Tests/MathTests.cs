using Xunit;

namespace ManagedFed.Tests;

/// <summary>Elementwise functions, bits, comparisons, spread and norms at their edges.</summary>
public sealed class MathTests
{
    private const float Inf = float.PositiveInfinity, NaN = float.NaN;

    private static float[] Gradient(Func<Tensor, Tensor> f, params float[] x) => Transforms.Grad(v => f(v).Sum())(Tensor.From<float>(x)).ToArray<float>();

    [Fact]
    public void Angles_AtTheEdges_AreThoseOfIeee754()
    {
        Assert.Equal([MathF.PI / 2, -MathF.PI / 2, NaN], Tensor.From(1, -1, 1.5f).ArcSin().ToArray<float>());
        Assert.Equal([0, MathF.PI, NaN], Tensor.From(1, -1, NaN).ArcCos().ToArray<float>());
        Assert.Equal([MathF.PI / 2, -0f], Tensor.From(Inf, -0f).ArcTan().ToArray<float>());
        Assert.Equal([MathF.PI, -MathF.PI, MathF.PI / 4, 0], Tensor.ArcTan2(Tensor.From(0, -0f, Inf, 0), Tensor.From(-1, -1, Inf, 0)).ToArray<float>());
        Assert.Equal(DType.Float32, Tensor.ArcTan2(Tensor.From(1), Tensor.From(1)).DType);
        Assert.Equal(MathF.PI / 4, Tensor.ArcTan2(Tensor.From(1), Tensor.From(1)).Item<float>());
        Assert.Equal([180, 90], Tensor.From(Math.PI, Math.PI / 2).Degrees().ToArray<double>());
        Assert.Equal([Math.PI], Tensor.From<double>(180).Radians().ToArray<double>());
    }

    [Fact]
    public void BitOperators_OnIntegers_WorkOnBits()
    {
        var (a, b) = (Tensor.From(0b1100, -1), Tensor.From(0b1010, 7));
        Assert.Equal([0b1000, 7], (a & b).ToArray<int>());
        Assert.Equal([0b1110, -1], (a | b).ToArray<int>());
        Assert.Equal([0b0110, -8], (a ^ b).ToArray<int>());
        Assert.Equal([-13, 0], (~a).ToArray<int>());
        Assert.Equal([243], (~Tensor.From<byte>(12)).ToArray<byte>().Select(v => (int)v));
        Assert.Equal([-8, 8, int.MinValue], (Tensor.From(-4, 4, 3 << 30) << 1).ToArray<int>());
        Assert.Equal([-2, 2, -1], (Tensor.From(-4, 4, -1) >> 1).ToArray<int>());
        Assert.Equal([0, 0, -1, 0], Tensor.RightShift(Tensor.From(5, 5, -5, 5), Tensor.From(32, 40, 40, -1)).ToArray<int>());
        Assert.Equal([0, 0], Tensor.LeftShift(Tensor.From(5, 5), Tensor.From(32, -1)).ToArray<int>());
        Assert.Equal([1u << 31], (Tensor.From<uint>(1) << 31).ToArray<uint>());
        Assert.Equal([1L << 40], (Tensor.From<long>(1) << 40).ToArray<long>());
        Assert.Equal([1u], (Tensor.From(uint.MaxValue) >> 31).ToArray<uint>());
        Assert.Equal([2], (Tensor.From(true) << 1).ToArray<int>());
    }

    [Fact]
    public void LogicOperators_OnBool_StayBool()
    {
        var (a, b) = (Tensor.From(true, true, false, false), Tensor.From(true, false, true, false));
        Assert.Equal([true, false, false, false], (a & b).ToArray<bool>());
        Assert.Equal([true, true, true, false], (a | b).ToArray<bool>());
        Assert.Equal([false, true, true, false], (a ^ b).ToArray<bool>());
        Assert.Equal([false, false, true, true], (~a).ToArray<bool>());
        Assert.Equal([true, false], Tensor.LogicalAnd(Tensor.From(4f, 4), Tensor.From(2, 0)).ToArray<bool>());
        Assert.Equal([true, true], Tensor.LogicalOr(Tensor.From(4, 0), Tensor.From(NaN, 1)).ToArray<bool>());
        Assert.Equal([false, true], Tensor.LogicalXor(Tensor.From(4, 0), Tensor.From(2, 1)).ToArray<bool>());
        Assert.Equal([false, true], Tensor.From(2, 0).LogicalNot().ToArray<bool>());
    }

    [Fact]
    public void Infinities_AreToldApart()
    {
        var x = Tensor.From(Inf, -Inf, NaN, 1);
        Assert.Equal([true, false, false, false], x.IsPosInf().ToArray<bool>());
        Assert.Equal([false, true, false, false], x.IsNegInf().ToArray<bool>());
        Assert.Equal([false], Tensor.From(1).IsPosInf().ToArray<bool>());
        Assert.Equal([float.MaxValue, -float.MaxValue, 0, 1], x.NanToNum().ToArray<float>());
        Assert.Equal([9, -9, 7, 1], x.NanToNum(7, 9, -9).ToArray<float>());
        Assert.Equal([double.MaxValue], Tensor.From(double.PositiveInfinity).NanToNum().ToArray<double>());
        Assert.Equal([0, 0, 0, 1], Gradient(v => v.NanToNum(), Inf, -Inf, NaN, 1));
    }

    [Fact]
    public void Rounding_OfHalvesAndTens_FollowsNumPy()
    {
        Assert.Equal([1, -1, 0, -0f, Inf], Tensor.From(1.7f, -1.7f, 0.5f, -0.5f, Inf).Trunc().ToArray<float>());
        Assert.Equal([1.23, -1.24, 0.5], Tensor.From(1.234, -1.236, 0.5).Round(2).ToArray<double>());
        Assert.Equal([120, 100], Tensor.From(124.0, 95).Round(-1).ToArray<double>());
        Assert.Equal([120, -120, 160], Tensor.From(125, -125, 155).Round(-1).ToArray<int>());
        Assert.Equal([125], Tensor.From(125).Round(2).ToArray<int>());
        Assert.Equal([2], Tensor.From(2.5).Round(0).ToArray<double>());
    }

    [Fact]
    public void DivMod_OfAnySigns_GivesFloorAndRest()
    {
        var (q, r) = Tensor.DivMod(Tensor.From(-7, 7, -7, 7), Tensor.From(2, -2, -2, 0));
        Assert.Equal([-4, -4, 3, 0], q.ToArray<int>());
        Assert.Equal([1, -1, -1, 0], r.ToArray<int>());
        var (floats, rest) = Tensor.DivMod(Tensor.From(-7f, 7.5f), Tensor.From(2f, 2));
        Assert.Equal([-4, 3], floats.ToArray<float>());
        Assert.Equal([1, 1.5f], rest.ToArray<float>());
    }

    [Fact]
    public void Comparisons_OfWholeArrays_AreScalars()
    {
        Assert.Equal(2, Tensor.From(0, NaN, 3).CountNonZero().Item<int>());
        Assert.Equal([1, 2], Tensor.From(new[,] { { 0, 5 }, { 1, 1 } }).CountNonZero(1).ToArray<int>());
        Assert.True(Tensor.ArrayEqual(Tensor.From(1, 2), Tensor.From<float>(1, 2)).Item<bool>());
        Assert.False(Tensor.ArrayEqual(Tensor.From(1, 2), Tensor.From(1)).Item<bool>());
        Assert.False(Tensor.ArrayEqual(Tensor.From(NaN), Tensor.From(NaN)).Item<bool>());
        Assert.True(Tensor.ArrayEqual(Tensor.From(NaN), Tensor.From(NaN), equalNaN: true).Item<bool>());
        Assert.True(Tensor.ArrayEqual(Tensor.Zeros([0]), Tensor.Zeros([0])).Item<bool>());
        Assert.Equal([true, false, true, false, false, false], Tensor.IsClose(Tensor.From(1, 1, Inf, Inf, NaN, 1), Tensor.From(1.000001f, 1.1f, Inf, -Inf, NaN, Inf)).ToArray<bool>());
        Assert.Equal([true, false], Tensor.IsClose(Tensor.From(NaN, 1), Tensor.From(NaN, NaN), equalNaN: true).ToArray<bool>());
        Assert.True(Tensor.AllClose(Tensor.From(1, 2), Tensor.Scalar(1.5), atol: 0.5).Item<bool>());
        Assert.False(Tensor.AllClose(Tensor.From(1, 2), Tensor.Scalar(1.5), atol: 0.4).Item<bool>());
    }

    [Fact]
    public void Std_OfAConstant_HasGradientZero()
    {
        Assert.Equal(2, Tensor.From<float>(1, 5).Std().Item<float>());
        Assert.Equal(MathF.Sqrt(8), Tensor.From<float>(1, 5).Std([], ddof: 1).Item<float>());
        Assert.Equal(0, Tensor.From<float>(3, 3, 3).Std().Item<float>());
        Assert.Equal([0, 0, 0], Gradient(v => v.Std(), 3, 3, 3));
        Assert.True(float.IsNaN(Tensor.From<float>(3).Std([], ddof: 1).Item<float>()));
        Assert.Equal([2, 0], Tensor.From(new float[,] { { 1, 5 }, { 3, 3 } }).Std(1).ToArray<float>());
    }

    [Fact]
    public void Norm_OfEveryOrder_IsTheDefinition()
    {
        var x = Tensor.From<double>(3, -4, 0);
        Assert.Equal(5, x.Norm().Item<double>(), 1e-15);
        Assert.Equal(7, x.Norm([], 1).Item<double>());
        Assert.Equal(4, x.Norm([], double.PositiveInfinity).Item<double>());
        Assert.Equal(0, x.Norm([], double.NegativeInfinity).Item<double>());
        Assert.Equal(2, x.Norm([], 0).Item<double>());
        Assert.Equal(Math.Cbrt(27 + 64), x.Norm([], 3).Item<double>(), 1e-15);

        // (√3 + √4)² = 7 + 4√3; (3⁻¹ + 4⁻¹)⁻¹ = 12/7, and 0 as soon as an element is.
        Assert.Equal(7 + 4 * Math.Sqrt(3), x.Norm([], 0.5).Item<double>(), 1e-14);
        Assert.Equal(12 / 7.0, x[..2].Norm([], -1).Item<double>(), 1e-15);
        Assert.Equal(0, x.Norm([], -1).Item<double>());
        Assert.Equal([5, 13], Tensor.From(new[,] { { 3, 4 }, { 5, 12 } }).Norm(1).ToArray<float>());
        Assert.Equal(Shape.Create([1, 1]), Tensor.Ones([2, 2]).Norm([0, 1], keepDims: true).Shape);
        Assert.Equal(0, Tensor.Zeros([0]).Norm().Item<float>());
        Assert.Equal(3, Tensor.Scalar(-3).Norm().Item<float>());
    }

    [Fact]
    public void Norm_OfExtremeValues_NeitherOverflowsNorVanishes()
    {
        Assert.Equal(5e30f, Tensor.From(3e30f, 4e30f).Norm().Item<float>(), 1e24f);
        Assert.Equal(5e-30f, Tensor.From(3e-30f, 4e-30f).Norm().Item<float>(), 1e-36f);
        Assert.Equal(Inf, Tensor.From(1, -Inf).Norm().Item<float>());
        Assert.True(float.IsNaN(Tensor.From(1, NaN).Norm().Item<float>()));
        Assert.Equal(Inf, Tensor.From(1, -Inf).Norm([], 3).Item<float>());
        Assert.True(float.IsNaN(Tensor.From(1, NaN).Norm([], 3).Item<float>()));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Norm_AtTheOrigin_HasGradientZero(double p) => Assert.Equal([0, 0], Gradient(v => v.Norm([], p), 0, 0));

    public static TheoryData<string, Action> Errors => new()
    {
        { "[bitwise_and] dtype is float32, expected an integer type or bool; for truth values use LogicalAnd, LogicalOr or LogicalXor", () => _ = Tensor.From(1f) & Tensor.From(1) },
        { "[bitwise_invert] dtype is float32, expected an integer type or bool", () => _ = ~Tensor.From(1f) },
        { "[left_shift] dtype is float32, expected an integer type or bool", () => Tensor.LeftShift(Tensor.From(1f), Tensor.From(1)) },
        { "[norm] p is NaN; expected a number", () => Tensor.From(1f).Norm([], double.NaN) },
        { "[max] cannot reduce axis 0 of size 0 in shape (0,)", () => Tensor.Zeros([0]).Norm([], double.PositiveInfinity) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
