using Xunit;

namespace ManagedFed.Tests;

/// <summary>One line per operation: first and second derivatives against finite differences, in float64.</summary>
public sealed class GradientTests
{
    private sealed record Row(Func<Tensor[], Tensor> F, Shape[] Shapes, double Low, double High);

    private static readonly Dictionary<string, Row> Rows = new()
    {
        ["add"] = Binary((a, b) => a + b),
        ["subtract"] = Binary((a, b) => a - b),
        ["multiply"] = Binary((a, b) => a * b),
        ["divide"] = Binary((a, b) => a / b, 0.5, 2),
        ["power"] = Binary((a, b) => a.Power(b), 0.5, 2),
        ["power scalar"] = Unary(x => x.Power(3)),
        ["remainder"] = Binary((a, b) => a % (b + 4)),
        ["maximum"] = Binary(Tensor.Maximum),
        ["minimum"] = Binary(Tensor.Minimum),
        ["logaddexp"] = Binary(Tensor.LogAddExp),
        ["where"] = Binary((a, b) => Tensor.Where(a > b, a * a, b * 3)),
        ["add broadcast"] = new(v => v[0] + v[1], [[3, 4], [4]], -1, 1),
        ["multiply broadcast"] = new(v => v[0] * v[1], [[3, 1], [2, 1, 4]], -1, 1),
        ["divide by scalar"] = new(v => v[0] / v[1], [[3, 4], []], 0.5, 2),
        ["scalars"] = Unary(x => 2 - x * 3 + 1 / (x + 4) - 0.5 * x / 7),
        ["negative"] = Unary(x => -x),
        ["abs"] = Unary(x => x.Abs(), 0.2, 2),
        ["abs of negative"] = Unary(x => x.Abs(), -2, -0.2),
        ["square"] = Unary(x => x.Square()),
        ["sqrt"] = Unary(x => x.Sqrt(), 0.5, 2),
        ["rsqrt"] = Unary(x => x.Rsqrt(), 0.5, 2),
        ["reciprocal"] = Unary(x => x.Reciprocal(), 0.5, 2),
        ["exp"] = Unary(x => x.Exp()),
        ["expm1"] = Unary(x => x.Expm1()),
        ["log"] = Unary(x => x.Log(), 0.5, 2),
        ["log1p"] = Unary(x => x.Log1p(), -0.5, 2),
        ["log2"] = Unary(x => x.Log2(), 0.5, 2),
        ["log10"] = Unary(x => x.Log10(), 0.5, 2),
        ["sin"] = Unary(x => x.Sin()),
        ["cos"] = Unary(x => x.Cos()),
        ["tanh"] = Unary(x => x.Tanh()),
        ["sigmoid"] = Unary(x => x.Sigmoid()),
        ["erf"] = Unary(x => x.Erf()),
        ["erfinv"] = Unary(x => x.ErfInv(), -0.7, 0.7),
        ["relu"] = Unary(x => x.Relu() * x),
        ["clip"] = Unary(x => x.Clip(-0.5, 0.5) * x),
        ["floor, ceil, round, sign"] = Unary(x => x * (x.Floor() + x.Ceiling() + x.Round() + x.Sign()), 0.1, 0.4),
        ["astype"] = Unary(x => (x.AsType(DType.Float64) * x).Sum()),
        ["stop_gradient"] = Unary(x => x * x + (x.StopGradient() - x.StopGradient())),
        ["sum"] = Unary(x => x.Sum().Square()),
        ["sum axis"] = Unary(x => x.Sum(0).Square()),
        ["sum axes keepdims"] = Unary(x => x.Sum([0, 2], keepDims: true).Square()),
        ["mean"] = Unary(x => x.Mean(-1).Square()),
        ["var"] = Unary(x => x.Var([1], ddof: 1)),
        ["max"] = Unary(x => x.Max(1).Square()),
        ["min all"] = Unary(x => x.Min().Square()),
        ["prod"] = Unary(x => x.Prod(-1)),
        ["prod axes"] = Unary(x => x.Prod([0, 1])),
        ["logsumexp"] = Unary(x => x.LogSumExp(-1)),
        ["logsumexp axes"] = Unary(x => x.LogSumExp([0, 2], keepDims: true)),
        ["softmax"] = Unary(x => x.Softmax()),
        ["softmax axis"] = Unary(x => x.Softmax(0)),
        ["log_softmax"] = Unary(x => x.LogSoftmax(1)),
        ["log_softmax last axis"] = Unary(x => x.LogSoftmax().Square()),
        ["cross_entropy"] = new(v => v[0].CrossEntropy(Tensor.From<uint>(2, 0, 3)).Square(), [[3, 4]], -1, 1),
        ["matmul"] = new(v => v[0].MatMul(v[1]), [[3, 4], [4, 5]], -1, 1),
        ["matmul transposed"] = new(v => v[0].T.MatMul(v[1].T), [[4, 3], [5, 4]], -1, 1),
        ["matmul vector"] = new(v => v[0].MatMul(v[1]), [[4], [4, 5]], -1, 1),
        ["matmul vectors"] = new(v => v[0].MatMul(v[1]), [[4], [4]], -1, 1),
        ["matmul batched"] = new(v => v[0].MatMul(v[1]), [[2, 1, 3, 4], [3, 4, 2]], -1, 1),
        ["matmul stack by matrix"] = new(v => v[0].MatMul(v[1]), [[2, 3, 4], [4, 5]], -1, 1),
        ["addmm"] = new(v => Tensor.AddMM(v[0], v[1], v[2]).Square(), [[5], [3, 4], [4, 5]], -1, 1),
        ["addmm matrix"] = new(v => Tensor.AddMM(v[0], v[1], v[2]), [[3, 5], [3, 4], [4, 5]], -1, 1),
        ["reshape"] = Unary(x => x.Reshape(4, -1).Square()),
        ["flatten"] = Unary(x => x.Flatten(1).Square()),
        ["transpose"] = Unary(x => x.Transpose(2, 0, 1).Square()),
        ["moveaxis, swapaxes"] = Unary(x => x.MoveAxis(0, -1).SwapAxes(0, 1).Square()),
        ["expand, squeeze"] = Unary(x => x.ExpandDims(1).Squeeze(1).Square()),
        ["broadcast_to"] = new(v => v[0].BroadcastTo([2, 3, 4]).Square(), [[3, 1]], -1, 1),
        ["concatenate"] = Binary((a, b) => Tensor.Concatenate([a, b.Square(), a], 1).Square()),
        ["stack"] = Binary((a, b) => Tensor.Stack([a, b], -1).Square()),
        ["split"] = Unary(x => { var parts = x.Split(2, -1); return parts[0] * parts[1]; }),
        ["split at"] = Unary(x => { var parts = x.Split([1], 1); return parts[0].Sum() * parts[1].Square(); }),
        ["slice"] = Unary(x => x.Slice(2, 3, 2, -2).Square()),
        ["index"] = Unary(x => x[1].Square() * x[-1, 0]),
        ["range"] = Unary(x => x[.., 1..].Square()),
        ["flip"] = Unary(x => x.Flip(1) * x),
        ["take"] = Unary(x => x.Take(Tensor.From(2, 0, 2, -1), 1).Square()),
        ["gather rows"] = Unary(x => x[Tensor.From<int>([1, 0, 1, 1], [2, 2])].Square()),
        ["take_along_axis"] = Unary(x => x.TakeAlongAxis(Tensor.From<int>([0, 2, 2, 1, 1, 0, 0, 0], [2, 1, 4]), 1).Square()),
    };

    private static Row Unary(Func<Tensor, Tensor> f, double low = -1, double high = 1) => new(v => f(v[0]), [[2, 3, 4]], low, high);

    private static Row Binary(Func<Tensor, Tensor, Tensor> f, double low = -1, double high = 1) =>
        new(v => f(v[0], v[1]), [[2, 3, 4], [2, 3, 4]], low, high);

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Derivatives_OfEveryOperation_AgreeWithFiniteDifferences(string name)
    {
        var row = Rows[name];
        var random = new Random(7);
        var inputs = row.Shapes.Select(shape => Uniform(random, shape, row.Low, row.High)).ToArray();

        GradCheck.Check(v => row.F([.. v]), inputs, order: 2);

        // The check itself must see the function: its output depends on every input that is not flat.
        Assert.All(row.F(inputs).ToArray<double>(), value => Assert.True(double.IsFinite(value)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Compile_OfEveryOperationAndItsGradient_EqualsEager(string name)
    {
        var row = Rows[name];
        var random = new Random(11);
        Tensor[] Inputs() => [.. row.Shapes.Select(shape => Uniform(random, shape, row.Low, row.High))];
        Tensor[] All(Tensor[] v)
        {
            var (value, gradients) = Transforms.ValueAndGradAll(u => row.F([.. u]).Sum())(v);
            return [row.F(v), value, .. gradients];
        }
        var compiled = Transforms.Compile(All);

        for (var call = 0; call < 3; call++)
        {
            var inputs = Inputs();
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
        var row = Rows[name];
        var random = new Random(13);
        Tensor[] Draw(IEnumerable<Shape> shapes, double low, double high) => [.. shapes.Select(shape => Uniform(random, shape, low, high))];
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
        var row = Rows[name];
        var random = new Random(17);
        Tensor[] Function(Tensor[] v) => [row.F(v), .. Transforms.GradAll(u => row.F([.. u]).Sum())(v)];

        // Every choice of arguments that are the same for all members, but for all of them.
        for (var mapped = 1; mapped < 1 << row.Shapes.Length; mapped++)
        {
            int?[] axes = [.. row.Shapes.Select((shape, i) => (mapped >> i & 1) == 0 ? (int?)null : shape.Rank % 2)];
            Tensor[] x = [.. row.Shapes.Select((shape, i) => Uniform(random, axes[i] is { } axis ? shape.Insert(axis, Size) : shape, row.Low, row.High))];
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

    private static Tensor Uniform(Random random, Shape shape, double low, double high)
    {
        var values = new double[shape.Count];
        for (var i = 0; i < values.Length; i++) values[i] = low + (high - low) * random.NextDouble();
        return Tensor.From<double>(values, shape);
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
