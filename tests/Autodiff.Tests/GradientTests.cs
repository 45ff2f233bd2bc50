using Xunit;

namespace ManagedFed.Tests;

/// <summary>One line per operation: first and second derivatives against finite differences, in float64.</summary>
public sealed class GradientTests
{
    public static TheoryData<string> Names => [.. OpTable.Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Derivatives_OfEveryOperation_AgreeWithFiniteDifferences(string name)
    {
        var row = OpTable.Rows[name];
        var random = new Random(7);
        var inputs = row.Draw(random);

        GradCheck.Check(v => row.F([.. v]), inputs, order: 2);

        // The check itself must see the function: its output depends on every input that is not flat.
        Assert.All(row.F(inputs).ToArray<double>(), value => Assert.True(double.IsFinite(value)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Compile_OfEveryOperationAndItsGradient_EqualsEager(string name)
    {
        var row = OpTable.Rows[name];
        var random = new Random(11);
        Tensor[] All(Tensor[] v)
        {
            var (value, gradients) = Transforms.ValueAndGradAll(u => row.F([.. u]).Sum())(v);
            return [row.F(v), value, .. gradients];
        }
        var compiled = Transforms.Compile(All);

        for (var call = 0; call < 3; call++)
        {
            var inputs = row.Draw(random);
            var expected = All(inputs);
            var actual = compiled.Invoke(inputs);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i].Shape, actual[i].Shape);
                Assert.Equal(expected[i].ToArray<double>(), actual[i].ToArray<double>());
            }
        }

        Assert.Equal(1, compiled.Statistics.Traces);
        Assert.Equal(3, compiled.Statistics.Replays);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Jvp_OfEveryOperation_IsTheTransposeOfItsVjp(string name)
    {
        var row = OpTable.Rows[name];
        var random = new Random(13);
        Tensor[] Draw(IEnumerable<Shape> shapes, double low, double high) => [.. shapes.Select(shape => OpRow.Uniform(random, shape, low, high))];
        var x = Draw(row.Shapes, row.Low, row.High);
        var tangents = Draw(row.Shapes, -1, 1);
        var cotangent = Draw([row.F(x).Shape], -1, 1)[0];

        var (outputs, derivatives) = Transforms.Jvp(v => [row.F([.. v])], x, tangents);
        var (_, gradients) = Transforms.Vjp(v => [row.F([.. v])], x, [cotangent]);

        // ⟨c, J·t⟩ = ⟨Jᵀ·c, t⟩.
        var forward = (derivatives[0] * cotangent).Sum().Item<double>();
        var backward = gradients.Zip(tangents, (g, t) => (g * t).Sum().Item<double>()).Sum();
        Assert.Equal(backward, forward, 1e-10 * (1 + Math.Abs(backward)));
        Assert.Equal(row.F(x).ToArray<double>(), outputs[0].ToArray<double>());

        // The gradient is a function with a tangent too: ⟨c, H·t⟩ is symmetric in both directions.
        Tensor Gradient(IReadOnlyList<Tensor> v) => Transforms.GradAll(u => (row.F([.. u]) * cotangent).Sum())(v)
            .Zip(tangents, (g, t) => (g * t).Sum()).Aggregate((a, b) => a + b);
        var others = Draw(row.Shapes, -1, 1);
        var curvature = Transforms.Jvp(v => [Gradient(v)], x, others).Tangents[0].Item<double>();
        var expected = Transforms.GradAll(Gradient)(x).Zip(others, (g, t) => (g * t).Sum().Item<double>()).Sum();
        Assert.Equal(expected, curvature, 1e-9 * (1 + Math.Abs(expected)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Vmap_OfEveryOperationAndItsGradient_EqualsALoop(string name)
    {
        const int Size = 3;
        var row = OpTable.Rows[name];
        var random = new Random(17);
        Tensor[] Function(Tensor[] v) => [row.F(v), .. Transforms.GradAll(u => row.F([.. u]).Sum())(v)];

        // Every choice of arguments that are the same for all members, but for all of them.
        for (var mapped = 1; mapped < 1 << row.Shapes.Length; mapped++)
        {
            int?[] axes = [.. row.Shapes.Select((shape, i) => (mapped >> i & 1) == 0 ? (int?)null : shape.Rank % 2)];
            Tensor[] x = [.. row.Shapes.Select((shape, i) => OpRow.Uniform(random, axes[i] is { } axis ? shape.Insert(axis, Size) : shape, row.Low, row.High))];
            Tensor[] Member(int b) => [.. x.Select((value, i) => axes[i] is { } axis ? value.Take(Tensor.Scalar(b, DType.Int32), axis) : value)];

            var results = Transforms.Vmap(Function, axes)(x);
            for (var b = 0; b < Size; b++)
            {
                var expected = Function(Member(b));
                for (var i = 0; i < expected.Length; i++)
                {
                    Assert.Equal(expected[i].Shape, results[i][b].Shape);
                    Assert.All(expected[i].ToArray<double>().Zip(results[i][b].ToArray<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-12 * (1 + Math.Abs(pair.First))));
                }
            }
        }
    }

    [Fact]
    public void Prod_WithZeros_HasExactFirstAndSecondDerivatives()
    {
        var x = Tensor.From<double>(2, 0, 3, 5);

        GradCheck.Check(v => v[0].Prod(), [x]);

        // y = abcd at b = 0: ∂y/∂b = acd = 30, all others contain b and vanish.
        Assert.Equal([0, 30, 0, 0], Transforms.Grad(v => v.Prod())(x).ToArray<double>());

        // Two zeros: every first derivative vanishes, ∂²y/∂b∂c = ad = 10.
        var twoZeros = Tensor.From<double>(2, 0, 0, 5);
        Assert.Equal([0, 0, 0, 0], Transforms.Grad(v => v.Prod())(twoZeros).ToArray<double>());
        var row = Transforms.Grad(v => Transforms.Grad(u => u.Prod())(v)[1])(twoZeros);
        Assert.Equal([0, 0, 10, 0], row.ToArray<double>());
    }

    [Fact]
    public void GradCheck_WithAWrongRule_Throws()
    {
        // Stopping the gradient of one factor makes d(x²)/dx come out as x.
        var error = Assert.Throws<InvalidOperationException>(
            () => GradCheck.Check(v => v[0] * v[0].StopGradient(), [Tensor.From<double>(1, 2)]));
        Assert.StartsWith("[grad_check] derivative 1 is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GradCheck_WithAWrongSecondDerivative_Throws()
    {
        // x³ with one factor of its first derivative stopped: right at order 1, wrong at order 2.
        var error = Assert.Throws<InvalidOperationException>(() => GradCheck.Check(
            v => v[0].Square().StopGradient() * v[0] * 3 - 2 * v[0].Square().StopGradient() * v[0].StopGradient(),
            [Tensor.From<double>(1, 2)]));
        Assert.StartsWith("[grad_check] derivative 2 is ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GradientOfATransposedFactor_LiesAsTheFactorDoes()
    {
        // Y = X·Wᵀ: W̄ = Ȳᵀ·X, row-major like W, so that an update of W reads both in order.
        var (x, w) = (Tensor.Arange(12).AsType(DType.Float64).Reshape(4, 3), Tensor.Arange(6).AsType(DType.Float64).Reshape(2, 3));
        var c = Tensor.Arange(8).AsType(DType.Float64).Reshape(4, 2);
        var gradient = Transforms.Grad(v => (x.MatMul(v.T) * c).Sum())(w);

        Assert.True(gradient.ToNdArray().IsContiguous);
        Assert.Equal(c.T.MatMul(x).ToArray<double>(), gradient.ToArray<double>());

        gradient = Transforms.Grad(v => (v.T.MatMul(c) * x.T[..3, ..2]).Sum())(x);
        Assert.True(gradient.ToNdArray().IsContiguous);
        Assert.Equal(c.MatMul(x.T[..3, ..2].T).ToArray<double>(), gradient.ToArray<double>());
    }
}
