using Xunit;

namespace ManagedFed.Tests;

/// <summary>What each operation means at its edges: ties, NaN, infinities, emptiness, types.</summary>
public sealed class SemanticsTests
{
    private static readonly float NaN = float.NaN;
    private static readonly float Inf = float.PositiveInfinity;

    [Fact]
    public void Arithmetic_OfArraysAndNumbers_FollowsNumPy()
    {
        var x = Tensor.From<float>(1, 2, 3);
        Assert.Equal([3, 5, 7], (x * 2 + 1).ToArray<float>());
        Assert.Equal([0.5f, 1, 1.5f], (x / 2).ToArray<float>());
        Assert.Equal([9, 8, 7], (10 - x).ToArray<float>());
        Assert.Equal([6, 3, 2], (6.0 / x).ToArray<float>());
        Assert.Equal([1, 4, 9], x.Power(2).ToArray<float>());
        Assert.Equal([1, 0, 1], (x % 2).ToArray<float>());
        Assert.Equal([-1, -2, -3], (-x).ToArray<float>());
    }

    [Fact]
    public void Types_OfMixedOperands_ArePromoted()
    {
        var i = Tensor.From(1, 2);
        Assert.Equal(DType.Int32, (i + 1).DType);
        Assert.Equal(DType.Float32, (i + 1.5).DType);
        Assert.Equal(DType.Float32, (i / i).DType);
        Assert.Equal(DType.Float32, i.Exp().DType);
        Assert.Equal(DType.Int64, (i + Tensor.From<uint>(1, 2)).DType);
        Assert.Equal(DType.Int64, (i + Tensor.From<long>(1, 2)).DType);
        Assert.Equal(DType.Float32, (i + Tensor.From<float>(1, 2)).DType);
        Assert.Equal(DType.Float64, (Tensor.From<double>(1, 2) + Tensor.From<float>(1, 2)).DType);
        Assert.Equal(DType.Float64, (Tensor.From<double>(1, 2) * 0.1).DType);
        Assert.Equal(DType.Int32, (Tensor.From(true, false) + Tensor.From(true, true)).DType);
        Assert.Equal(DType.Bool, (i > 1).DType);
        Assert.Equal(DType.UInt32, i.ArgMax().DType);
        Assert.Equal(DType.Int32, Tensor.From(true, true).Sum().DType);
        Assert.Equal(DType.UInt32, Tensor.From<byte>(200, 100).Sum().DType);
        Assert.Equal(300u, Tensor.From<byte>(200, 100).Sum().Item<uint>());
        Assert.Equal(0.1 + 0.2, (Tensor.Scalar(0.1, DType.Float64) + 0.2).Item<double>());
    }

    [Fact]
    public void IntegerDivisionAndRemainder_Floor_AsInNumPy()
    {
        var (a, b) = (Tensor.From(-7, 7, -7), Tensor.From(2, 2, -2));
        Assert.Equal([-4, 3, 3], a.FloorDivide(b).ToArray<int>());
        Assert.Equal([1, 1, -1], (a % b).ToArray<int>());
        Assert.Equal([-4, 3], Tensor.From<float>(-7, 7).FloorDivide(Tensor.From<float>(2, 2)).ToArray<float>());
        Assert.Equal([1, 1], (Tensor.From<float>(-7, 7) % 2).ToArray<float>());
    }

    [Fact]
    public void DivisionAndRemainder_OfZerosAndInfinities_AreThoseThatTheirDocumentationStates()
    {
        const float Inf = float.PositiveInfinity;
        var (integers, by) = (Tensor.From(5, -5, int.MinValue), Tensor.From(0, 0, -1));
        Assert.Equal([0, 0, int.MinValue], integers.FloorDivide(by).ToArray<int>());
        Assert.Equal([0, 0, 0], (integers % by).ToArray<int>());
        Assert.Equal([Inf, -Inf, NaN, NaN], Tensor.From(1, -1, 0, NaN).FloorDivide(Tensor.Zeros([4])).ToArray<float>());
        Assert.Equal([NaN, NaN, 1, Inf, -1], (Tensor.From(1, Inf, 1, -1, -1) % Tensor.From(0, 2, Inf, Inf, -Inf)).ToArray<float>());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(70)]
    public void MatMul_OfZeroByInfinityOrNaN_IsNaN(int size)
    {
        // Row 0 has zeros alone, column 1 meets NaN in row 1.
        var a = Tensor.Ones([size, size]).At[0].Set(0);
        var b = Tensor.Zeros([size, size]).At[0, 0].Set(float.PositiveInfinity).At[1, 1].Set(NaN);
        var product = a.MatMul(b);
        Assert.Equal([NaN, NaN], product[0, ..2].ToArray<float>());
        Assert.Equal([float.PositiveInfinity, NaN], product[1, ..2].ToArray<float>());
        Assert.Equal(new float[size * size], Tensor.Ones([size, 0]).MatMul(Tensor.Ones([0, size])).ToArray<float>());
    }

    [Fact]
    public void Comparisons_WithNaN_AreFalseButNotEqual()
    {
        var (a, b) = (Tensor.From(1, NaN, 3), Tensor.From(1, NaN, 2));
        Assert.Equal([true, false, false], (a == b).ToArray<bool>());
        Assert.Equal([false, true, true], (a != b).ToArray<bool>());
        Assert.Equal([false, false, true], (a > b).ToArray<bool>());
        Assert.Equal([true, false, false], (a <= b).ToArray<bool>());
        Assert.Equal([false, true, false], a.IsNaN().ToArray<bool>());
        Assert.Equal([true, false, true], a.IsFinite().ToArray<bool>());
    }

    [Fact]
    public void MaxAndMin_WithNaN_AreNaN()
    {
        var x = Tensor.From(1, NaN, 3);
        Assert.True(float.IsNaN(x.Max().Item<float>()));
        Assert.True(float.IsNaN(x.Min().Item<float>()));
        Assert.Equal([2, NaN, 3], Tensor.Maximum(x, 2).ToArray<float>());
        Assert.Equal([1, NaN, 2], Tensor.Minimum(x, 2).ToArray<float>());
    }

    [Fact]
    public void ArgMax_OnTies_IsTheFirst()
    {
        Assert.Equal(1u, Tensor.From<float>(1, 5, 5, 2).ArgMax().Item<uint>());
        Assert.Equal(0u, Tensor.From<float>(1, 5, 1, 2).ArgMin().Item<uint>());
        Assert.Equal([1u, 0u], Tensor.From(new float[,] { { 1, 2 }, { 4, 3 } }).ArgMax(1).ToArray<uint>());
        Assert.Equal(1u, Tensor.From(1, NaN, 9).ArgMax().Item<uint>());
    }

    [Fact]
    public void Gradients_OfTies_AreShared()
    {
        // max(a, b) at a = b: one half each. max(x) with two largest: one half each.
        var half = Transforms.GradAll(v => Tensor.Maximum(v[0], v[1]).Sum())([Tensor.From<float>(2), Tensor.From<float>(2)]);
        Assert.Equal([0.5f], half[0].ToArray<float>());
        Assert.Equal([0.5f], half[1].ToArray<float>());
        Assert.Equal([0, 0.5f, 0.5f], Transforms.Grad(x => x.Max())(Tensor.From<float>(1, 3, 3)).ToArray<float>());
    }

    [Fact]
    public void Gradients_AtKinks_AreTheDocumentedOnes()
    {
        var zero = Tensor.From<float>(0);
        Assert.Equal([0], Transforms.Grad(x => x.Relu().Sum())(zero).ToArray<float>());
        Assert.Equal([0], Transforms.Grad(x => x.Abs().Sum())(zero).ToArray<float>());
        Assert.Equal([Inf], Transforms.Grad(x => x.Sqrt().Sum())(zero).ToArray<float>());
        Assert.Equal([0, 1, 1, 1, 0], Transforms.Grad(x => x.Clip(-1, 1).Sum())(Tensor.From<float>(-2, -1, 0, 1, 2)).ToArray<float>());

        // 0⁰ = 1: ∂/∂base and ∂/∂exponent are taken as 0.
        var gradients = Transforms.GradAll(v => v[0].Power(v[1]).Sum())([zero, zero]);
        Assert.Equal([0], gradients[0].ToArray<float>());
        Assert.Equal([0], gradients[1].ToArray<float>());
    }

    [Fact]
    public void Gradients_OfArgumentsNotUsed_AreZero()
    {
        var gradients = Transforms.GradAll(v => v[0].Sum())([Tensor.From<float>(1, 2), Tensor.Ones([2, 2])]);
        Assert.Equal([1, 1], gradients[0].ToArray<float>());
        Assert.Equal([0, 0, 0, 0], gradients[1].ToArray<float>());
    }

    [Fact]
    public void Gradient_OfAnInnerFunctionThatCapturesTheVariable_DoesNotMixThem()
    {
        // f(x) = x·∂/∂y[x·y²] at y = x = 3: x·2xy = 2x³, f′ = 6x² = 54 (inner derivative sees x as a constant).
        var f = (Tensor x) => x * Transforms.Grad(y => x * y * y)(x);
        var three = Tensor.Scalar(3, DType.Float64);
        Assert.Equal(54, f(three).Item<double>());
        Assert.Equal(54, Transforms.Grad(f)(three).Item<double>());
    }

    [Fact]
    public void Derivatives_OfHigherOrder_Work()
    {
        // d⁴/dx⁴ x⁵ = 120x; d³ sin = −cos.
        Func<Tensor, Tensor> f = x => x.Power(5);
        for (var i = 0; i < 4; i++) f = Transforms.Grad(f);
        Assert.Equal(240, f(Tensor.Scalar(2, DType.Float64)).Item<double>(), 9);
        Func<Tensor, Tensor> g = x => x.Sin();
        for (var i = 0; i < 3; i++) g = Transforms.Grad(g);
        Assert.Equal(-Math.Cos(0.3), g(Tensor.Scalar(0.3, DType.Float64)).Item<double>(), 12);
    }

    [Fact]
    public void Vjp_OfSeveralOutputs_SumsTheirPulls()
    {
        // (a·b, a+b) with cotangents (1, 10): ∂a = b + 10, ∂b = a + 10.
        var (outputs, gradients) = Transforms.Vjp(
            v => [v[0] * v[1], v[0] + v[1]], [Tensor.Scalar(3), Tensor.Scalar(4)], [Tensor.Scalar(1), Tensor.Scalar(10)]);
        Assert.Equal([12, 7], outputs.Select(t => t.Item<float>()));
        Assert.Equal([14, 13], gradients.Select(t => t.Item<float>()));
    }

    [Fact]
    public void Reductions_OfNothing_GiveTheIdentity()
    {
        var empty = Tensor.Zeros([0]);
        Assert.Equal(0, empty.Sum().Item<float>());
        Assert.Equal(1, empty.Prod().Item<float>());
        Assert.True(float.IsNaN(empty.Mean().Item<float>()));
        Assert.True(empty.All().Item<bool>());
        Assert.False(empty.Any().Item<bool>());
        Assert.Equal([0, 0, 0], Tensor.Zeros([3, 0]).Sum(1).ToArray<float>());
        Assert.Equal(Shape.Create([0, 4]), Tensor.Zeros([0, 3]).MatMul(Tensor.Zeros([3, 4])).Eval().Shape);
        Assert.Equal(new float[6], Tensor.Ones([2, 0]).MatMul(Tensor.Ones([0, 3])).ToArray<float>());
    }

    [Fact]
    public void Reductions_OfScalars_AreTheScalar()
    {
        var x = Tensor.Scalar(3);
        Assert.Equal(3, x.Sum().Item<float>());
        Assert.Equal(3, x.Mean().Item<float>());
        Assert.Equal(3, x.Max().Item<float>());
        Assert.Equal(3, x.LogSumExp().Item<float>(), 1e-6);
    }

    [Fact]
    public void LogSumExpAndSoftmax_OfInfinities_AreTheLimits()
    {
        Assert.Equal(-Inf, Tensor.From(-Inf, -Inf).LogSumExp().Item<float>());
        Assert.Equal(Inf, Tensor.From(1, Inf).LogSumExp().Item<float>());
        Assert.Equal(1000 + MathF.Log(2), Tensor.From<float>(1000, 1000).LogSumExp().Item<float>(), 1e-4);
        Assert.Equal([NaN, NaN], Tensor.From(-Inf, -Inf).Softmax().ToArray<float>());
        Assert.Equal([0.5f, 0.5f], Tensor.From<float>(1e30f, 1e30f).Softmax().ToArray<float>());
    }

    [Fact]
    public void Var_WithTooFewElements_IsNaN()
    {
        Assert.True(float.IsNaN(Tensor.From<float>(3).Var([], ddof: 1).Item<float>()));
        Assert.Equal(2.5, Tensor.From<double>(1, 2, 3, 4, 5).Var([], ddof: 1).Item<double>());
    }

    [Fact]
    public void Shapes_OfIndexing_FollowNumPy()
    {
        var x = Tensor.Arange(24).Reshape(2, 3, 4);
        Assert.Equal(Shape.Create([3, 4]), x[1].Shape);
        Assert.Equal([20, 21, 22, 23], x[1, 2].ToArray<int>());
        Assert.Equal([20, 21, 22, 23], x[-1, -1].ToArray<int>());
        Assert.Equal(Shape.Create([1, 2, 4]), x[1.., ..2].Shape);
        Assert.Equal(Shape.Create([2, 2, 3, 4]), x[Tensor.From<int>([0, 1, 1, 0], [2, 2])].Shape);
        Assert.Equal([4, 5, 6, 7, 0, 1, 2, 3], x[0].Take(Tensor.From(1, 0)).ToArray<int>());
        Assert.Equal([3, 2, 1, 0], x[0, 0].Flip(0).ToArray<int>());
        Assert.Equal([0, 2], Tensor.Arange(4).Slice(0, 0, 2, 2).ToArray<int>());
    }

    [Fact]
    public void Take_WithRepeatedIndices_AccumulatesGradients()
    {
        var gradient = Transforms.Grad(x => x.Take(Tensor.From(2, 0, 2)).Sum())(Tensor.From<float>(1, 2, 3));
        Assert.Equal([1, 0, 2], gradient.ToArray<float>());
    }

    [Fact]
    public void Creation_GivesTheStatedValues()
    {
        Assert.Equal([0, 1, 2], Tensor.Arange(3).ToArray<int>());
        Assert.Equal([1, 1.5f], Tensor.Arange(1, 2, 0.5, DType.Float32).ToArray<float>());
        Assert.Equal([3, 1], Tensor.Arange(3, 0, -2).ToArray<int>());
        Assert.Empty(Tensor.Arange(3, 0).ToArray<int>());
        Assert.Equal([2.5f, 2.5f], Tensor.Full([2], 2.5).ToArray<float>());
        Assert.Equal([1, 0, 0, 1], Tensor.Eye(2).ToArray<float>());
        Assert.Equal([true, true], Tensor.Ones([2], DType.Bool).ToArray<bool>());
    }

    [Fact]
    public void AsType_OfFloats_TruncatesAndTestsForZero()
    {
        var x = Tensor.From(-1.7f, 0, 2.9f);
        Assert.Equal([-1, 0, 2], x.AsType(DType.Int32).ToArray<int>());
        Assert.Equal([true, false, true], x.AsType(DType.Bool).ToArray<bool>());
    }

    [Fact]
    public void Random_OfOneKey_IsRepeatableAndInRange()
    {
        var key = RandomKey.FromSeed(3);
        var uniform = Tensor.RandomUniform(key, [10_000], -2, 3).ToArray<float>();
        Assert.Equal(uniform, Tensor.RandomUniform(key, [10_000], -2, 3).ToArray<float>());
        Assert.All(uniform, u => Assert.InRange(u, -2, 3));

        // The mean of n uniforms has standard deviation 5/√(12n) = 0.0144, of n normals 2/√n = 0.02; the bounds are 5 of these.
        Assert.Equal(0.5, uniform.Average(), 0.072);
        var normal = Tensor.RandomNormal(key, [10_000], 1, 2).ToArray<float>();
        Assert.Equal(1, normal.Average(), 0.1);
        Assert.Equal(4, normal.Select(v => (v - 1.0) * (v - 1.0)).Average(), 0.3);

        // √(0.3·0.7/n) = 0.0046.
        Assert.Equal(0.3, Tensor.RandomBernoulli(key, 0.3, [10_000]).AsType(DType.Float32).Mean().Item<float>(), 0.023);
    }

    [Fact]
    public void ToString_PrintsAsNumPyDoesWithTheType()
    {
        Assert.Equal("array([1.5, 2. ], dtype=float32)", Tensor.From<float>(1.5f, 2).ToString());
        Assert.Equal("array(3, dtype=int32)", Tensor.From<int>([3], []).ToString());
        Assert.Equal("array([[1, 2],\n       [3, 4]], dtype=int32)", Tensor.From(new[,] { { 1, 2 }, { 3, 4 } }).ToString());
        Assert.Equal("array([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int32)", Tensor.Arange(2000).ToString());
        Assert.Equal("array([ True, False], dtype=bool)", Tensor.From(true, false).ToString());
    }
}
