using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

[Collection("memory")]
public sealed class TransformTests
{
    // f(x) = Σ sin(xᵢ)·xᵢ²: ∇f = cos x·x² + 2x·sin x, diagonal Hessian h = −sin x·x² + 4x·cos x + 2 sin x.
    private static Tensor F(Tensor x) => (x.Sin() * x.Square()).Sum();

    private static double Slope(double x) => Math.Cos(x) * x * x + 2 * x * Math.Sin(x);

    private static double Curvature(double x) => -Math.Sin(x) * x * x + 4 * x * Math.Cos(x) + 2 * Math.Sin(x);

    private static readonly double[] Points = [-1.5, -0.25, 0.5, 2];

    private static Tensor X => Tensor.From<double>(Points);

    private static void Near(IEnumerable<double> expected, Tensor actual) =>
        Assert.All(expected.Zip(actual.ToArray<double>(), (e, a) => (e, a)), pair => Assert.Equal(pair.e, pair.a, 1e-11 * (1 + Math.Abs(pair.e))));

    [Fact]
    public void Jvp_OfGrad_IsAHessianVectorProduct()
    {
        var v = Tensor.From<double>(1, -2, 3, 0.5);
        var (gradient, product) = Jvp(Grad(F), X, v);

        Near(Points.Select(Slope), gradient);
        Near(Points.Zip(v.ToArray<double>(), (x, d) => Curvature(x) * d), product);
    }

    [Fact]
    public void Grad_OfJvp_IsAHessianVectorProductToo()
    {
        var v = Tensor.From<double>(1, -2, 3, 0.5);
        var gradient = Grad(x => Jvp(F, x, v).Tangent)(X);
        Near(Points.Zip(v.ToArray<double>(), (x, d) => Curvature(x) * d), gradient);
    }

    [Fact]
    public void Vmap_OfJvpAlongTheUnitVectors_IsTheHessian()
    {
        var hessian = Vmap(v => Jvp(Grad(F), X, v).Tangent)(Tensor.Eye(4, DType.Float64));
        for (var i = 0; i < 4; i++) Near(Enumerable.Range(0, 4).Select(j => i == j ? Curvature(Points[i]) : 0), hessian[i]);
    }

    [Fact]
    public void Vmap_OfGrad_GivesPerExampleGradients()
    {
        // ∂/∂w (w·x − y)² = 2(w·x − y)·x for each example.
        Tensor w = Tensor.From<double>(1, -1), x = Tensor.From<double>([1, 2, 3, 4, 5, 6], [3, 2]), y = Tensor.From<double>(1, 0, 2);
        Tensor Loss(Tensor[] v) => ((v[0] * v[1]).Sum() - v[2]).Square();

        var gradients = Vmap((Tensor[] v) => GradAll(u => Loss([.. u]), 0)(v), [null, 0, 0])(w, x, y)[0];

        // w·x = −1, −1, −1; residuals −2, −1, −3.
        Near([-4, -8, -6, -8, -30, -36], gradients);
    }

    [Fact]
    public void Compile_OfVmapOfGrad_ReplaysOneGraph()
    {
        var compiled = Compile((Tensor[] v) => [Vmap(Grad(u => u.Sin().Prod()))(v[0])]);
        foreach (var seed in (double[])[0.3, 0.7])
        {
            var x = Tensor.From<double>([seed, 1, 2, 3, seed, 5], [2, 3]);
            var expected = Tensor.Stack([.. Enumerable.Range(0, 2).Select(i => Grad(u => u.Sin().Prod())(x[i]))]);
            Near(expected.ToArray<double>(), compiled.Invoke(x)[0]);
        }
        Assert.Equal(1, compiled.Statistics.Traces);
    }

    [Fact]
    public void Vmap_OfVmap_MapsTwoAxes()
    {
        Tensor a = Tensor.From<double>(1, 2, 3), b = Tensor.From<double>(10, 20);
        var table = Vmap(x => Vmap(y => x * y + 1)(b))(a);
        Near([11, 21, 21, 41, 31, 61], table);
        Assert.Equal(Shape.Create([3, 2]), table.Shape);
    }

    [Fact]
    public void Vmap_OfACompiledFunction_MapsWhatItComputes()
    {
        var compiled = Compile(x => x.Exp().Sum());
        var x = Tensor.From<double>([0, 1, 2, 3], [2, 2]);
        Near([1 + Math.E, Math.Exp(2) + Math.Exp(3)], Vmap(compiled)(x));
    }

    [Fact]
    public void Vmap_OfRandomNumbers_DrawsThemForEachKey()
    {
        var keys = Tensor.RandomSplit(RandomKey.FromSeed(4), 3);
        var drawn = Vmap(key => Tensor.RandomNormal(key, [5]))(keys);
        for (var i = 0; i < 3; i++) Assert.Equal(Tensor.RandomNormal(keys[i], [5]).ToArray<float>(), drawn[i].ToArray<float>());
    }

    [Fact]
    public void Vmap_WithAxes_FindsAndPutsTheMembersThere()
    {
        var x = Tensor.From<double>([1, 2, 3, 4, 5, 6], [2, 3]);
        var sums = Vmap(v => Tensor.Stack([v.Sum(), v.Prod()]), inAxis: -1, outAxis: 1)(x);
        Assert.Equal(Shape.Create([2, 3]), sums.Shape);
        Near([5, 7, 9, 4, 10, 18], sums);
    }

    [Fact]
    public void Vmap_OfAConstantResult_RepeatsIt()
    {
        var result = Vmap(_ => Tensor.From<double>(1, 2))(Tensor.Zeros([3]));
        Near([1, 2, 1, 2, 1, 2], result);
    }

    [Fact]
    public void Vmap_OfTrees_KeepsTheirStructure()
    {
        var x = new Tree { ["a"] = Tensor.From<double>(1, 2), ["b"] = new Tree { Tensor.From<double>([3, 4, 5, 6], [2, 2]) } };
        var y = Vmap((Tree v) => new Tree { ["product"] = v["a"].Tensor * v["b"][0].Tensor, ["a"] = v["a"] })(x);

        Assert.Equal("{product: (2, 2), a: (2,)}", y.ToString());
        Near([3, 4, 10, 12], y["product"].Tensor);
    }

    [Fact]
    public void Grad_OfATree_HasItsStructure()
    {
        // f = Σ w·x + b·c².
        Tree x = new Tree { ["w"] = Tensor.From<double>(1, 2), ["layers"] = new Tree { Tensor.Scalar(3, DType.Float64), Tensor.Scalar(4, DType.Float64) } };
        var data = Tensor.From<double>(5, 6);

        var (value, gradient) = ValueAndGrad((Tree p) => (p["w"].Tensor * data).Sum() + p["layers"][0].Tensor * p["layers"][1].Tensor.Square())(x);

        Assert.Equal(17 + 48, value.Item<double>());
        Near([5, 6], gradient["w"].Tensor);
        Assert.Equal(16, gradient["layers"][0].Tensor.Item<double>());
        Assert.Equal(24, gradient["layers"][1].Tensor.Item<double>());
    }

    [Fact]
    public void ValueAndGrad_WithMoreThanAValue_PassesItThrough()
    {
        var (value, extra, gradient) = ValueAndGrad(x => (x.Square().Sum(), new { Largest = x.Max() }))(Tensor.From<double>(1, 3));
        Assert.Equal(10, value.Item<double>());
        Assert.Equal(3, extra.Largest.Item<double>());
        Near([2, 6], gradient);
    }

    [Fact]
    public void GradAll_WithPlaces_DifferentiatesThoseOnly()
    {
        Tensor a = Tensor.Scalar(2, DType.Float64), b = Tensor.Scalar(5, DType.Float64), index = Tensor.From<int>([1], []);
        var gradients = GradAll(v => v[0] * v[1] * v[2].AsType(DType.Float64), 1, 0)([a, b, index]);
        Assert.Equal([2, 5], gradients.Select(g => g.Item<double>()));
        Assert.Equal(2, Grad((x, y) => x * y, argument: 1)(a, b).Item<double>());
    }

    [Fact]
    public void Checkpoint_InsideEveryTransform_EqualsThePlainFunction()
    {
        var w = Tensor.From<double>(0.5, -1, 2, 0.25);
        Tensor Plain(Tensor x, Tensor weight) => ((x * weight).Tanh() * x).Exp();
        Tensor Kept(Tensor x, Tensor weight) => Checkpoint(v => Plain(v, weight))(x);

        // By the argument, by what is captured, twice, along a direction, of a batch, and compiled.
        Func<Func<Tensor, Tensor, Tensor>, Tensor>[] uses =
        [
            f => Grad(x => f(x, w).Sum())(X),
            f => Grad(v => f(X, v).Sum())(w),
            f => Grad(x => Grad(u => f(u, w).Sum())(x).Square().Sum())(X),
            f => Jvp(x => f(x, w), X, w).Tangent,
            f => Jvp(Grad(x => f(x, w).Sum()), X, w).Tangent,
            f => Vmap(x => f(x, w[0]))(X),
            f => Vmap(Grad(x => f(x, w[0])))(X),
            f => Grad(x => Vmap(u => f(u, w[0]))(x).Sum())(X),
            f => Grad(v => Vmap(u => f(u, v[0]))(X).Sum())(w),
            f => Compile(Grad(x => f(x, w).Sum()))(X),
            f => Grad(Compile(x => f(x, w).Sum()))(X),
        ];
        Assert.All(uses, use => Near(use(Plain).ToArray<double>(), use(Kept)));
        Near(Plain(X, w).ToArray<double>(), Kept(X, w));
    }

    [Fact]
    public void Checkpoint_OfAFunctionThatReadsAndHasEffects_CallsItOnce()
    {
        var (calls, kept) = (0, Tensor.Scalar(0, DType.Float64));
        var f = Checkpoint(x =>
        {
            calls++;
            kept = x.Sum();
            return (x * kept.Item<double>()).Sin();
        });

        // x·Σx with the sum read, a constant: the slope is Σx·cos(x·Σx); Σx = 0.75.
        Near(Points.Select(x => 0.75 * Math.Cos(0.75 * x)), Grad(x => f(x).Sum())(X));
        Assert.Equal(1, calls);
        Assert.Equal(0.75, kept.Item<double>());

        Near(Points.Select(x => Math.Sin(0.75 * x)), f(X));
        Assert.Equal(2, calls);
    }

    [Fact]
    public void Compile_OfACustomFunction_FusesAcrossItAndDropsWhatNobodyReads()
    {
        var f = new CustomFunction(v => [v[0].Sin(), v[0].Cos()]) { Vjp = (_, g, y) => [g[0] * y[1] - g[1] * y[0]] };
        var compiled = Compile((Tensor[] v) => [f.Invoke(v[0])[0] * 2 + 1]);

        Near(Points.Select(x => Math.Sin(x) * 2 + 1), compiled.Invoke(X)[0]);
        Assert.Equal((3, 1), (compiled.Statistics.Nodes, compiled.Statistics.Kernels));
    }

    [Fact]
    public void CustomFunction_WithRules_UsesThem()
    {
        // y = x², with a gradient of 10 and a tangent of 100 a unit, so that each can be told from the truth.
        var f = new CustomFunction(v => [v[0].Square()])
        {
            Vjp = (_, g, _) => [g[0] * 10],
            Jvp = (_, t) => [t[0] * 100],
            Vmap = (v, _) => [v[0].Square() + 1000],
        };
        Tensor Call(Tensor x) => f.Invoke(x)[0];

        Near(Points.Select(x => x * x), Call(X));
        Near([10, 10, 10, 10], Grad(x => Call(x).Sum())(X));
        Near([100, 100, 100, 100], Jvp(Call, X, X.OnesLike()).Tangent);
        Near(Points.Select(x => x * x + 1000), Vmap(x => Call(x) * Tensor.Scalar(1, DType.Float64))(X).Eval());
        Near([10, 10, 10, 10], Vmap(Grad(Call))(X));
        Near([10, 10, 10, 10], Grad(x => Vmap(Call)(x).Sum())(X));
        Near([10, 10, 10, 10], Compile(Grad(x => Call(x).Sum()))(X));
    }

    [Fact]
    public void CustomFunction_WithoutRules_DerivesThem()
    {
        var f = new CustomFunction(v => [v[0].Sin() * v[1], v[0] + v[1]]);
        Tensor Call(Tensor x) => f.Invoke(x, x.Square())[0].Sum() + f.Invoke(x, x)[1].Sum() * 0;

        Near(Points.Select(Slope), Grad(Call)(X));
        Near(Points.Select(Slope), Jvp(x => f.Invoke(x, x.Square())[0], X, X.OnesLike()).Tangent);
        Near(Points.Select(Slope), Vmap(Grad(Call))(X));
    }

    [Fact]
    public void CustomFunction_WithTwoResults_GivesBothTheirCotangents()
    {
        // y₀ = ab, y₁ = a + b with its rule: ā = g₀b + g₁, b̄ = g₀a + g₁.
        var f = new CustomFunction(v => [v[0] * v[1], v[0] + v[1]])
        {
            Vjp = (x, g, _) => [g[0] * x[1] + g[1], g[0] * x[0] + g[1]],
        };
        var gradients = GradAll(v =>
        {
            var y = f.Invoke(v[0], v[1]);
            return (y[0] * 2 + y[1] * 3).Sum();
        })([Tensor.From<double>(1, 2), Tensor.From<double>(3, 4)]);

        Near([2 * 3 + 3, 2 * 4 + 3], gradients[0]);
        Near([2 * 1 + 3, 2 * 2 + 3], gradients[1]);
    }

    [Fact]
    public void StopGradient_InsideEveryTransform_IsConstant()
    {
        Tensor G(Tensor x) => (x * x.StopGradient()).Sum();
        Near(Points, Grad(G)(X));
        Near(Points, Jvp(x => x * x.StopGradient(), X, X.OnesLike()).Tangent);
        Near(Points, Vmap(Grad(x => x * x.StopGradient()))(X));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void RandomCompositions_EqualTheirPlainMeaning(int seed)
    {
        var random = new Random(seed);
        for (var trial = 0; trial < 12; trial++)
        {
            // A chain of transforms that leave the meaning of f on a vector as it is, and one derivative at a random depth.
            Func<Tensor, Tensor> f = x => (x.Sin() + x * 0.5).Tanh() * x;
            var derivative = random.Next(4);
            for (var depth = 0; depth < 4; depth++)
            {
                var inner = f;
                if (depth == derivative) f = x => Grad(v => inner(v).Sum())(x);
                f = Wrap(f, random.Next(4));
            }
            double Expected(double x)
            {
                var t = Math.Tanh(Math.Sin(x) + x / 2);
                return (1 - t * t) * (Math.Cos(x) + 0.5) * x + t;
            }
            Near(Points.Select(Expected), f(X));
        }

        static Func<Tensor, Tensor> Wrap(Func<Tensor, Tensor> f, int kind) => kind switch
        {
            0 => x => Vmap(v => f(v.ExpandDims(0)).Squeeze(0))(x),
            1 => Compile(f),
            2 => Checkpoint(f),
            _ => x => Vjp(v => f(v), x, x.OnesLike()).Output,
        };
    }

    [Fact]
    public void Vmap_OfAReadValue_IsRefused()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Vmap(x => x * x.Sum().Item<double>())(X.Reshape(2, 2)));
        Assert.StartsWith("[vmap] a value was read while the function is being mapped", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Grad_OfAReadValue_TreatsItAsAConstant()
    {
        // x·(value of Σx): the value is no function of x.
        Near([0.75, 0.75, 0.75, 0.75], Grad(x => (x * x.Sum().Item<double>()).Sum())(X));
    }
}
