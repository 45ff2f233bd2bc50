using ManagedFed.Nn;

namespace ManagedFed.Tests;

/// <summary>Losses and layers where a part is 0·∞, ∞ − ∞ or 0/0 and the whole has a limit: called, compiled and mapped over a batch.</summary>
public sealed class LimitTests
{
    private const double Inf = double.PositiveInfinity;
    private static readonly double Log2 = Math.Log(2);

    private sealed record Limit(Func<DType, Module> Make, Shape Shape, double[] X, double[] Value, double[] Gradient)
    {
        public Limit(Func<Tensor, Tensor> f, Shape shape, double[] x, double[] value, double[] gradient)
            : this(_ => new Activation(f), shape, x, value, gradient)
        {
        }
    }

    private static readonly Dictionary<string, Limit> Limits = new()
    {
        // Two possible classes of equal score: log 2, and each probability less its target.
        ["cross-entropy of probabilities, impossible classes of none"] = new(
            z => Losses.CrossEntropy(z, Of(z, [4], 0.5, 0, 0.5, 0)), [4], [0, -Inf, 0, -Inf], [Log2], [0, 0, 0, 0]),
        ["cross-entropy of a class among impossible ones"] = new(
            z => Losses.CrossEntropy(z, Tensor.From(2).Squeeze(0)), [4], [0, -Inf, 0, -Inf], [Log2], [0.5, 0, -0.5, 0]),
        ["cross-entropy of an impossible class"] = new(z => Losses.CrossEntropy(z, Tensor.From(1).Squeeze(0)), [2], [0, -Inf], [Inf], [1, -1]),
        ["cross-entropy of an impossible probability"] = new(z => Losses.CrossEntropy(z, Of(z, [2], 0.5, 0.5)), [2], [0, -Inf], [Inf], [0.5, -0.5]),
        ["smoothed cross-entropy beside an impossible class"] = new(
            z => Losses.CrossEntropy(z, Tensor.From(0).Squeeze(0), labelSmoothing: 0.5), [2], [0, -Inf], [Inf], [0.25, -0.25]),
        ["weight 0 of an infinite loss"] = new(
            z => Losses.CrossEntropy(z, Tensor.From(1, 0), Of(z, [2], 0, 3)), [2, 2], [0, -Inf, 0, 0], [0, 3 * Log2], [0, 0, -1.5, 1.5]),
        ["ignored row without any possible class"] = new(
            z => Losses.CrossEntropy(z, Tensor.From(-100, 0), reduction: Reduction.Mean, ignoreIndex: -100), [2, 2], [-Inf, -Inf, 0, 0], [Log2], [0, 0, -0.5, 0.5]),
        ["ignored row of NaN"] = new(
            z => Losses.CrossEntropy(z, Tensor.From(7, 0), labelSmoothing: 0.5, reduction: Reduction.Sum, ignoreIndex: 7),
            [2, 2], [double.NaN, Inf, 0, 0], [Log2], [0, 0, -0.25, 0.25]),
        ["nll of an impossible class"] = new(z => Losses.NllLoss(z, Tensor.From(1).Squeeze(0)), [2], [0, -Inf], [Inf], [0, -1]),
        ["ignored nll"] = new(
            z => Losses.NllLoss(z, Tensor.From(-1, 0), reduction: Reduction.Mean, ignoreIndex: -1), [2, 2], [-Inf, -Inf, -2, -1], [2], [0, 0, -1, 0]),
        ["binary cross-entropy of certain logits"] = new(
            x => Losses.BinaryCrossEntropy(x, Of(x, [4], 1, 0, 1, 0), reduction: Reduction.None), [4], [Inf, Inf, -Inf, -Inf], [0, Inf, Inf, 0], [0, 1, -1, 0]),
        ["binary cross-entropy of probabilities 0 and 1"] = new(
            p => Losses.BinaryCrossEntropy(p, Of(p, [4], 1, 0, 1, 0), withLogits: false, reduction: Reduction.None), [4], [1, 1, 0, 0], [0, 100, 100, 0], [-1, 0, 0, 1]),
        ["weight 0 of an infinite binary loss"] = new(
            x => Losses.BinaryCrossEntropy(x, Of(x, [2], 0, 1), Of(x, [2], 0, 1), reduction: Reduction.Sum), [2], [Inf, 0], [Log2], [0, -0.5]),
        ["divergence from an impossible target"] = new(x => Losses.KlDiv(x, Of(x, [2], 0, -Inf)), [2], [-1, -Inf], [1], [-1, 0]),
        ["divergence to an impossible input"] = new(x => Losses.KlDiv(x, Of(x, [2], -Log2, -Log2)), [2], [0, -Inf], [Inf], [-0.5, -0.5]),
        ["gaussian of variance 0"] = new(
            v => Losses.GaussianNll(Of(v, [1], 2), Of(v, [1], 2), v, epsilon: 1, reduction: Reduction.None), [1], [0], [0], [0]),
        ["cosine of a zero vector"] = new(a => Losses.CosineSimilarity(a, Of(a, [2], 3, 4), axis: 0, epsilon: 0.5), [2], [0, 0], [0], [6, 8]),
        ["triplet of equal points"] = new(
            a => Losses.Triplet(a, Of(a, [2], 1, 2), Of(a, [2], 4, 6), margin: 7, epsilon: 0), [2], [1, 2], [2], [0.6, 0.8]),
        ["triplet of equal points, with an epsilon"] = new(
            a => Losses.Triplet(a, Of(a, [2], 1, 2), Of(a, [2], 1, 2), margin: 7), [2], [1, 2], [7], [0, 0]),
        ["layer norm of a constant row"] = new(t => new LayerNorm(2, 1, dtype: t), [2], [5, 5], [0, 0], [0, 0]),
        ["layer norm of one element"] = new(t => new LayerNorm(1, dtype: t), [1], [5], [0], [0]),
        ["rms norm of zeros"] = new(t => new RmsNorm(2, 0.25, t), [2], [0, 0], [0, 0], [2, 2]),
        ["group norm of constant groups"] = new(t => new GroupNorm(2, 4, dtype: t), [1, 4], [3, 3, -8, -8], [0, 0, 0, 0], [0, 0, 0, 0]),
        ["batch norm of constant channels"] = new(t => new BatchNorm(1, trackRunningStats: false, dtype: t), [2, 1], [3, 3], [0, 0], [0, 0]),
        ["silu"] = new(Activations.Silu, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["gelu"] = new(Activations.Gelu, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["gelu_approx"] = new(Activations.GeluApprox, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["gelu_fast_approx"] = new(Activations.GeluFastApprox, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["mish"] = new(Activations.Mish, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["hardswish"] = new(Activations.HardSwish, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["softsign"] = new(Activations.Softsign, [2], [-Inf, Inf], [-1, 1], [0, 0]),
        ["softplus"] = new(Activations.Softplus, [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["log_sigmoid"] = new(Activations.LogSigmoid, [2], [-Inf, Inf], [-Inf, 0], [1, 0]),
        ["elu"] = new(x => Activations.Elu(x), [2], [-Inf, Inf], [-1, Inf], [0, 1]),
        ["leaky_relu of slope 0"] = new(x => Activations.LeakyRelu(x, 0), [2], [-Inf, Inf], [0, Inf], [0, 1]),
        ["softmax beside an impossible class"] = new(x => x.Softmax(), [3], [0, -Inf, 0], [0.5, 0, 0.5], [0, 0, 0]),
    };

    public static TheoryData<string, DType> Cases
    {
        get
        {
            var cases = HalfRange.Cases(Limits.Keys);
            foreach (var name in Limits.Keys)
            {
                cases.Add(name, DType.Float32);
                cases.Add(name, DType.Float64);
            }
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Function_AtItsLimit_HasThatValueAndGradient(string name, DType dtype)
    {
        var (make, shape, numbers, value, gradient) = Limits[name];
        var x = Tensor.From<double>(numbers, shape).AsType(dtype);
        var module = make(dtype);
        Func<Tensor, Tensor> f = module.Forward;
        var g = Transforms.Grad(v => f(v).Sum());
        Expect(value, f(x));
        Expect(gradient, g(x));
        Expect(value, ModuleTransforms.Compile(module, f)(x));
        Expect(gradient, ModuleTransforms.Compile(module, g)(x));
        if (name.StartsWith("batch", StringComparison.Ordinal)) return;
        var batch = Tensor.Stack([x, x], 0);
        Expect([.. value, .. value], Transforms.Vmap(f)(batch));
        Expect([.. gradient, .. gradient], Transforms.Vmap(g)(batch));

        void Expect(double[] expected, Tensor actual)
        {
            var got = actual.AsType(DType.Float64).ToArray<double>();
            Assert.Equal(expected.Length, got.Length);
            for (var i = 0; i < got.Length; i++)
            {
                var tolerance = 4 * DTypes.FInfo(dtype).Epsilon * (1 + Math.Abs(expected[i]));
                Assert.True(expected[i] == got[i] || Math.Abs(expected[i] - got[i]) <= tolerance, $"[{i}] expected {expected[i]:r}, got {got[i]:r}");
            }
        }
    }

    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Attention_UnderAnAdditiveMask_EqualsThatUnderTheBooleanOne(DType dtype)
    {
        var layer = new MultiHeadAttention(4, 2, RandomKey.FromSeed(1), dtype: dtype);
        var x = LayerCheck.Random(2, [3, 4]).AsType(dtype);
        var sees = Tensor.From([true, false, true, false, false, false, true, true, true], [3, 3]);
        var added = Tensor.Where(sees, Tensor.Scalar(0, dtype), Tensor.Scalar(double.NegativeInfinity, dtype));
        foreach (var transform in new Func<Func<Tensor, Tensor>, Func<Tensor, Tensor>>[] { f => f, f => ModuleTransforms.Compile(layer, f), f => v => Transforms.Vmap(f)(v.ExpandDims(0)).Squeeze(0) })
        {
            var (expected, actual) = (transform(v => layer.Forward(v, v, v, sees))(x), transform(v => layer.Forward(v, v, v, added))(x));
            Assert.True(expected.IsFinite().All().Item<bool>());
            Assert.Equal(expected.AsType(DType.Float64).ToArray<double>(), actual.AsType(DType.Float64).ToArray<double>());
            var right = transform(Transforms.Grad(v => layer.Forward(v, v, v, sees).Square().Sum()))(x);
            Assert.Equal(right.AsType(DType.Float64).ToArray<double>(), transform(Transforms.Grad(v => layer.Forward(v, v, v, added).Square().Sum()))(x).AsType(DType.Float64).ToArray<double>());
        }
    }

    [Fact]
    public void CrossEntropy_OfNothingButIgnored_IsNaNWithoutGradient()
    {
        var (loss, gradient) = Transforms.ValueAndGrad(z => Losses.CrossEntropy(z, Tensor.From(-100, -100), reduction: Reduction.Mean, ignoreIndex: -100))(Tensor.Ones([2, 3]));
        Assert.True(double.IsNaN(loss.Item<float>()));
        Assert.All(gradient.ToArray<float>(), g => Assert.Equal(0, g));
        Assert.Equal([0f, 0], Losses.CrossEntropy(Tensor.Ones([2, 3]), Tensor.From(-100, -100), ignoreIndex: -100).ToArray<float>());
    }

    [Theory]
    [InlineData("[cross_entropy] index -1 is out of range for axis 1 of size 3, expected 0..2", -1, 0)]
    [InlineData("[cross_entropy] index 3 is out of range for axis 1 of size 3, expected 0..2", 3, 0.1)]
    public void CrossEntropy_OfALabelThatIsNoClass_NamesIt(string message, int label, double smoothing)
    {
        foreach (var labels in new[] { Tensor.From(0, label), Tensor.From(0L, label), Tensor.From((sbyte)0, (sbyte)label) })
        {
            Says(message, () => Losses.CrossEntropy(Tensor.Zeros([2, 3]), labels, labelSmoothing: smoothing).Eval());
            Says(message, () => Transforms.Compile(z => Losses.CrossEntropy(z, labels, labelSmoothing: smoothing))(Tensor.Zeros([2, 3])).Eval());
            Says(message, () => Transforms.Grad(z => Losses.CrossEntropy(z, labels, labelSmoothing: smoothing).Sum())(Tensor.Zeros([2, 3])).Eval());
        }
        Says("[nll_loss] index -1 is out of range for axis 1 of size 3, expected 0..2", () => Losses.NllLoss(Tensor.Zeros([2, 3]), Tensor.From(0, -1)).Eval());
        Says("[embedding] index -1 is out of range for axis 0 of size 3, expected 0..2", () => new Embedding(3, 2, default).Forward(Tensor.From(-1)).Eval());
        Says("[cross_entropy] ignore index 1 needs class indices", () => Losses.CrossEntropy(Tensor.Zeros([2, 3]), Tensor.Zeros([2, 3]), ignoreIndex: 1));

        static void Says(string expected, Action call) => Assert.StartsWith(expected, Assert.ThrowsAny<ArgumentException>(call).Message, StringComparison.Ordinal);
    }

    // −1 is no number of uint8, so that it marks no sample; the largest long is none of int32.
    [Fact]
    public void IgnoreIndex_BeyondTheLabelsType_IgnoresNothing()
    {
        var z = Tensor.Zeros([2, 3]);
        Assert.Equal(2 * MathF.Log(3), Losses.CrossEntropy(z, Tensor.From((byte)0, (byte)2), reduction: Reduction.Sum, ignoreIndex: -1).Item<float>(), 1e-6f);
        Assert.Equal(2 * MathF.Log(3), Losses.CrossEntropy(z, Tensor.From(0, 2), reduction: Reduction.Sum, ignoreIndex: long.MaxValue).Item<float>(), 1e-6f);
    }

    private static Tensor Of(Tensor like, Shape shape, params double[] numbers) => Tensor.From<double>(numbers, shape).AsType(like.DType);
}
