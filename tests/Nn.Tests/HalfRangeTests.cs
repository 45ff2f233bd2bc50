using System.Reflection;
using ManagedFed.Nn;
using static ManagedFed.Nn.Activations;
using Module = ManagedFed.Nn.Module;

namespace ManagedFed.Tests;

/// <summary>Activations, losses and layers of halves equal those of float64 rounded once, values and gradients, over the whole range.</summary>
public sealed class HalfRangeTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(3);

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        [nameof(Activations.Relu)] = Activations.Relu,
        [nameof(Activations.Relu2)] = Activations.Relu2,
        [nameof(Activations.Relu6)] = Activations.Relu6,
        [nameof(Activations.LeakyRelu)] = x => LeakyRelu(x),
        [nameof(Activations.PRelu)] = x => PRelu(x, Tensor.Scalar(0.25, x.DType)),
        [nameof(Activations.Elu)] = x => Elu(x, 0.7),
        [nameof(Activations.Celu)] = x => Celu(x, 0.7),
        [nameof(Activations.Selu)] = Activations.Selu,
        [nameof(Activations.Sigmoid)] = Activations.Sigmoid,
        [nameof(Activations.LogSigmoid)] = Activations.LogSigmoid,
        [nameof(Activations.Tanh)] = Activations.Tanh,
        [nameof(Activations.HardTanh)] = x => HardTanh(x, -0.3, 0.7),
        [nameof(Activations.Gelu)] = Activations.Gelu,
        [nameof(Activations.GeluApprox)] = Activations.GeluApprox,
        [nameof(Activations.GeluFastApprox)] = Activations.GeluFastApprox,
        [nameof(Activations.Silu)] = Activations.Silu,
        [nameof(Activations.HardSwish)] = Activations.HardSwish,
        [nameof(Activations.Mish)] = Activations.Mish,
        [nameof(Activations.Softplus)] = Activations.Softplus,
        [nameof(Activations.Softsign)] = Activations.Softsign,
        [nameof(Activations.HardShrink)] = x => HardShrink(x, 0.3),
        [nameof(Activations.SoftShrink)] = x => SoftShrink(x, 0.3),
        [nameof(Activations.Step)] = x => Step(x, 0.3),
        [nameof(Activations.Softmax)] = x => Activations.Softmax(Pairs(x)),
        [nameof(Activations.Softmin)] = x => Activations.Softmin(Pairs(x)),
        [nameof(Activations.LogSoftmax)] = x => Activations.LogSoftmax(Pairs(x)),
        [nameof(Activations.Glu)] = x => Activations.Glu(Pairs(x)),
    };

    /// <summary>Of a random (4, 3), and another for the targets.</summary>
    private static readonly Dictionary<string, Func<Tensor, Tensor, Reduction, Tensor>> ByLoss = new()
    {
        [nameof(Losses.Mse)] = Losses.Mse,
        [nameof(Losses.L1)] = Losses.L1,
        [nameof(Losses.SmoothL1)] = (a, b, r) => Losses.SmoothL1(a, b, 0.3, r),
        [nameof(Losses.Huber)] = (a, b, r) => Losses.Huber(a, b, 1.7, r),
        [nameof(Losses.LogCosh)] = Losses.LogCosh,
        [nameof(Losses.GaussianNll)] = (a, b, r) => Losses.GaussianNll(a, b, b.Abs(), reduction: r),
        [nameof(Losses.KlDiv)] = (a, b, r) => Losses.KlDiv(-a.Abs(), -b.Abs(), reduction: r),
        [nameof(Losses.Hinge)] = (a, b, r) => Losses.Hinge(a, b.Sign(), r),
        [nameof(Losses.CosineSimilarity)] = (a, b, r) => Losses.CosineSimilarity(a, b, reduction: r),
        [nameof(Losses.MarginRanking)] = (a, b, r) => Losses.MarginRanking(a, b, a.StopGradient().Sign(), 0.3, r),
        [nameof(Losses.Triplet)] = (a, b, r) => Losses.Triplet(a, b, b * 0.5, reduction: r),
        [nameof(Losses.CrossEntropy)] = (a, _, r) => Losses.CrossEntropy(a, Tensor.From(0, 2, 1, 1), labelSmoothing: r == Reduction.Sum ? 0.1 : 0, reduction: r),
        [nameof(Losses.NllLoss)] = (a, _, r) => Losses.NllLoss(a, Tensor.From(0, 2, 1, 1), reduction: r),
        [nameof(Losses.BinaryCrossEntropy)] = (a, b, r) => Losses.BinaryCrossEntropy(a, (b > 0).AsType(b.DType), reduction: r),
    };

    /// <summary>Each layer, and the share of the range of its input in which its sums stay finite.</summary>
    private static readonly Dictionary<string, (Func<DType, Module> Make, Shape Input, double Limit)> ByLayer = new()
    {
        ["BatchNorm"] = (t => new BatchNorm(3, dtype: t), [8, 3], 1),
        ["LayerNorm"] = (t => new LayerNorm(6, dtype: t), [9, 6], 1),
        ["RmsNorm"] = (t => new RmsNorm(6, dtype: t), [9, 6], 1),
        ["GroupNorm"] = (t => new GroupNorm(2, 4, dtype: t), [3, 5, 4], 1),
        ["MultiHeadAttention"] = (t => Plain(new MultiHeadAttention(4, 2, Key, dtype: t)), [3, 4], 0.25),
        ["Dropout"] = (t => new Dropout(0.3, Key), [9, 6], 1),
        ["PRelu"] = (t => new PRelu(6, 0.3, t), [9, 6], 1),
        ["MaxPool1d"] = (t => new MaxPool1d(2), [2, 6, 3], 1),
        ["MaxPool2d"] = (t => new MaxPool2d(2), [2, 6, 6, 1], 1),
        ["AvgPool1d"] = (t => new AvgPool1d(2), [2, 6, 3], 1),
        ["AvgPool2d"] = (t => new AvgPool2d(2), [2, 6, 6, 1], 1),
        ["Flatten"] = (t => new Flatten(), [2, 6, 3], 1),
    };

    /// <summary>Layers whose functions are in the table above, or whose products and steps <see cref="HalfModuleTests"/> holds against float64.</summary>
    private static readonly string[] Elsewhere =
        ["Linear", "Conv1d", "Conv2d", "Rnn", "Gru", "Lstm", "Embedding", "Sequential", "TransformerEncoder", "TransformerEncoderLayer", "Identity"];

    public static TheoryData<string, DType> ActivationCases => HalfRange.Cases(Functions.Keys);

    public static TheoryData<string, DType> LossCases => HalfRange.Cases(ByLoss.Keys);

    public static TheoryData<string, DType> LayerCases => HalfRange.Cases(ByLayer.Keys);

    [Fact]
    public void Tables_OfFunctionsAndLayers_MissNone()
    {
        Assert.Equal(Names(typeof(Activations)), Functions.Keys.Order());
        Assert.Equal(Names(typeof(Losses)), ByLoss.Keys.Order());
        var layers = typeof(Module).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(Module)) && type.IsSealed).Select(type => type.Name);
        Assert.Empty(layers.Except([.. ByLayer.Keys, .. Functions.Keys, .. Elsewhere]));

        static IEnumerable<string> Names(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Select(method => method.Name).Distinct().Order();
    }

    // Beside 1 − y, such as in the derivative of tanh, float32 leaves 2⁻²¹.
    [Theory]
    [MemberData(nameof(ActivationCases))]
    public void Activation_OfEveryFiniteHalf_IsThatOfFloat64RoundedOnce(string name, DType dtype) =>
        Agree(Functions[name], HalfRange.All(dtype), dtype, absolute: Math.ScaleB(1, -21));

    [Theory]
    [MemberData(nameof(LossCases))]
    public void Loss_OfHalvesFromTheWholeRange_IsThatOfFloat64RoundedOnce(string name, DType dtype)
    {
        var random = new Random(5);
        for (var i = 0; i < 60; i++)
        {
            // Among them equal pairs, and rows of ordinary size.
            var a = HalfRange.Random(random, [4, 3], dtype, i % 3 == 0 ? 1 : 1e-3);
            var b = i % 4 == 0 ? a : HalfRange.Random(random, [4, 3], dtype, i % 3 == 0 ? 1 : 1e-3);
            if (i % 5 == 0) (a, b) = (LayerCheck.Random(i, [4, 3]).AsType(dtype), LayerCheck.Random(i + 1, [4, 3]).AsType(dtype));
            foreach (var reduction in Enum.GetValues<Reduction>())
            {
                Agree(x => ByLoss[name](x, b.AsType(x.DType), reduction), a, dtype);
            }
        }
    }

    // The sum of the losses is far beyond float16, and so is their number; the mean is neither.
    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    public void Loss_OfMoreElementsThanFloat16Counts_HasItsMeanAndGradient(DType dtype)
    {
        const int count = 70000;
        var x = Tensor.Full([count], 3, dtype);
        var (value, gradient) = Transforms.ValueAndGrad(v => Losses.Mse(v, v.ZerosLike()))(x);
        Assert.Equal(9, value.AsType(DType.Float64).Item<double>());
        HalfRange.Near(Tensor.Full([count], 6.0 / count, DType.Float64), gradient, dtype, 0);

        var rows = Tensor.Zeros([count, 2], dtype);
        var (entropy, slope) = Transforms.ValueAndGrad(v => Losses.CrossEntropy(v, Tensor.Zeros([count], DType.Int32), reduction: Reduction.Mean))(rows);
        HalfRange.Near(Tensor.Scalar(Math.Log(2), DType.Float64), entropy, dtype, 0);
        HalfRange.Near(Tensor.From(-0.5 / count, 0.5 / count).BroadcastTo([count, 2]), slope, dtype, 0);
    }

    [Theory]
    [MemberData(nameof(LayerCases))]
    public void Layer_OfHalvesFromTheWholeRange_IsThatOfFloat64RoundedOnce(string name, DType dtype)
    {
        var (make, shape, limit) = ByLayer[name];
        var random = new Random(6);
        for (var i = 0; i < 20; i++)
        {
            var x = i % 5 == 0 ? LayerCheck.Random(i, shape).AsType(dtype) : HalfRange.Random(random, shape, dtype, limit);
            Tensor Forward(Tensor v) => make(v.DType).Forward(v);
            // The gradient of a sum of normalised numbers is 0 but for the last digits of float64.
            if (name != "MultiHeadAttention" || i % 5 == 0) Agree(Forward, x, dtype, absolute: 1e-12);

            // The gradients of its three projections are halves too, and may leave the range where their sum does not.
            else HalfRange.Near(Forward(x.AsType(DType.Float64)), Forward(x), dtype);
        }
    }

    // 300² and 0.044715·300³ are beyond float16; so is 2·40000.
    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    public void Activations_OfLargeHalves_HaveTheirHandMadeValues(DType dtype)
    {
        var x = Tensor.From(-40000.0, -300, 300, 40000).AsType(dtype);
        foreach (var function in new Func<Tensor, Tensor>[] { Activations.Gelu, Activations.GeluApprox, Activations.GeluFastApprox, Activations.Silu, Activations.Mish, Activations.HardSwish })
        {
            var (_, gradient) = Transforms.ValueAndGrad(v => function(v).Sum())(x);
            Assert.Equal([0, 0, .. x[2..].AsType(DType.Float64).ToArray<double>()], function(x).AsType(DType.Float64).ToArray<double>().Select(v => v + 0));
            Assert.Equal([0, 0, 1, 1], gradient.AsType(DType.Float64).ToArray<double>().Select(v => v + 0));
        }
        var huber = Transforms.Grad(v => Losses.Huber(v, -v.StopGradient(), reduction: Reduction.Sum))(x);
        Assert.Equal([-1, -1, 1, 1], huber.AsType(DType.Float64).ToArray<double>());
    }

    // ‖(10³⁰, …)‖ squares beyond float32, and float16's 300 and 400 square beyond float16.
    [Theory]
    [InlineData(DType.Float16, 100)]
    [InlineData(DType.BFloat16, 1e30)]
    [InlineData(DType.Float32, 1e30)]
    public void ClipGradNorm_OfLargeGradients_KeepsTheirDirection(DType dtype, double unit)
    {
        var gradients = TestValues.Tree(("w", Tensor.From(3 * unit, 4 * unit).AsType(dtype)));
        var (clipped, norm) = Optimizer.ClipGradNorm(gradients, 5);
        TestValues.Close([5 * unit], norm, 0.01);
        TestValues.Close([3, 4], clipped["w"], 0.01);
    }

    private static void Agree(Func<Tensor, Tensor> f, Tensor x, DType dtype, double absolute = 0)
    {
        var (value, gradient) = (f(x), Transforms.Grad(v => f(v).Sum())(x));
        var wide = x.AsType(DType.Float64);
        HalfRange.Near(f(wide), value, dtype, absolute: absolute);
        HalfRange.Near(Transforms.Grad(v => f(v).Sum())(wide), gradient, dtype, absolute: absolute);
    }

    /// <summary>Rows of two: each number and its neighbour.</summary>
    private static Tensor Pairs(Tensor x) => x.Reshape(-1, 2);

    /// <summary>With projections that give their input.</summary>
    private static MultiHeadAttention Plain(MultiHeadAttention attention)
    {
        attention.Apply(weight => Init.Identity(weight.Shape, dtype: weight.DType));
        return attention;
    }
}
