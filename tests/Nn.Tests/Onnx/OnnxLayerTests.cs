using ManagedFed.Nn;
using static ManagedFed.Tests.OnnxFile;

namespace ManagedFed.Tests;

/// <summary>Every layer, activation and loss in ONNX Runtime.</summary>
public sealed class OnnxLayerTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(5);

    private static readonly Dictionary<string, (Func<Module> Layer, int[] Sizes)> Layers = new()
    {
        ["Linear"] = (() => new Linear(4, 3, Key), [4]),
        ["Linear of sequences"] = (() => new Linear(4, 3, Key), [5, 4]),
        ["Linear without bias"] = (() => new Linear(4, 3, Key, bias: false), [4]),
        ["Conv1d"] = (() => new Conv1d(4, 6, 3, Key), [9, 4]),
        ["Conv1d with all options"] = (() => new Conv1d(4, 6, 3, Key, stride: 2, padding: 2, dilation: 2, groups: 2, bias: false), [9, 4]),
        ["Conv2d"] = (() => new Conv2d(3, 5, 3, Key), [8, 7, 3]),
        ["Conv2d with stride"] = (() => new Conv2d(3, 5, 3, Key, stride: 2), [8, 7, 3]),
        ["Conv2d with padding"] = (() => new Conv2d(3, 5, 3, Key, padding: 1), [8, 7, 3]),
        ["Conv2d with dilation"] = (() => new Conv2d(3, 5, 3, Key, dilation: 2), [8, 7, 3]),
        ["Conv2d with groups"] = (() => new Conv2d(4, 6, 3, Key, groups: 2), [8, 7, 4]),
        ["Conv2d of each channel"] = (() => new Conv2d(4, 4, 3, Key, stride: 2, padding: 1, groups: 4, bias: false), [8, 7, 4]),
        ["MaxPool1d"] = (() => new MaxPool1d(2), [9, 4]),
        ["MaxPool1d with all options"] = (() => new MaxPool1d(3, 2, 1), [9, 4]),
        ["MaxPool2d"] = (() => new MaxPool2d(2), [8, 7, 3]),
        ["MaxPool2d with all options"] = (() => new MaxPool2d(3, 2, 1), [8, 7, 3]),
        ["AvgPool1d"] = (() => new AvgPool1d(2), [9, 4]),
        ["AvgPool1d with all options"] = (() => new AvgPool1d(3, 2, 1), [9, 4]),
        ["AvgPool2d"] = (() => new AvgPool2d(2), [8, 7, 3]),
        ["AvgPool2d with all options"] = (() => new AvgPool2d(3, 1, 1), [8, 7, 3]),
        ["Pool of sequences of images"] = (() => new MaxPool2d(2, 2, 1), [2, 6, 5, 3]),
        ["Flatten"] = (() => new Flatten(), [4, 3, 2]),
        ["BatchNorm"] = (() => new BatchNorm(4), [5, 4]),
        ["BatchNorm without parameters"] = (() => new BatchNorm(4, affine: false), [4]),
        ["BatchNorm without running statistics"] = (() => new BatchNorm(4, trackRunningStats: false), [2, 4]),
        ["LayerNorm"] = (() => new LayerNorm(4), [5, 4]),
        ["LayerNorm without parameters"] = (() => new LayerNorm(4, affine: false), [4]),
        ["GroupNorm"] = (() => new GroupNorm(2, 6), [4, 3, 6]),
        ["GroupNorm interleaved"] = (() => new GroupNorm(2, 6, interleaved: true), [4, 6]),
        ["RmsNorm"] = (() => new RmsNorm(4), [5, 4]),
        ["Dropout"] = (() => new Dropout(0.5, Key), [4]),
        ["Identity"] = (() => new Identity(), [4]),
        ["PRelu"] = (() => new PRelu(), [5, 4]),
        ["PRelu of channels"] = (() => new PRelu(4), [5, 4]),
        ["Rnn"] = (() => new Rnn(3, 4, Key), [5, 3]),
        ["Rnn with relu, without bias"] = (() => new Rnn(3, 4, Key, bias: false, nonlinearity: Activations.Relu), [5, 3]),
        ["Gru"] = (() => new Gru(3, 4, Key), [5, 3]),
        ["Gru without bias"] = (() => new Gru(3, 4, Key, bias: false), [5, 3]),
        ["Lstm"] = (() => new Lstm(3, 4, Key), [5, 3]),
        ["Lstm without bias"] = (() => new Lstm(3, 4, Key, bias: false), [5, 3]),
        ["MultiHeadAttention"] = (() => new MultiHeadAttention(6, 2, Key, bias: true), [5, 6]),
        ["TransformerEncoder"] = (() => new TransformerEncoder(2, 6, 3, Key, mlpDims: 8, dropout: 0.2), [5, 6]),
        ["TransformerEncoder, norm last"] = (() => new TransformerEncoder(1, 6, 2, Key, activation: Activations.Gelu, normFirst: false), [5, 6]),
        ["Sequential"] = (() => new Sequential(new Conv2d(1, 4, 3, Key), new BatchNorm(4), new Relu(), new MaxPool2d(2), new Flatten(), new Linear(36, 10, Key), new Softmax()), [8, 8, 1]),
    };

    private static readonly Dictionary<string, Func<Module>> Functions = new()
    {
        ["Relu"] = () => new Relu(),
        ["Relu2"] = () => new Relu2(),
        ["Relu6"] = () => new Relu6(),
        ["LeakyRelu"] = () => new LeakyRelu(0.2),
        ["Elu"] = () => new Elu(1.5),
        ["Celu"] = () => new Celu(1.5),
        ["Selu"] = () => new Selu(),
        ["Sigmoid"] = () => new Sigmoid(),
        ["LogSigmoid"] = () => new LogSigmoid(),
        ["Tanh"] = () => new Tanh(),
        ["HardTanh"] = () => new HardTanh(-0.5, 2),
        ["Gelu"] = () => new Gelu(),
        ["GeluApprox"] = () => new GeluApprox(),
        ["GeluFastApprox"] = () => new GeluFastApprox(),
        ["Silu"] = () => new Silu(),
        ["HardSwish"] = () => new HardSwish(),
        ["Mish"] = () => new Mish(),
        ["Softplus"] = () => new Softplus(),
        ["Softsign"] = () => new Softsign(),
        ["HardShrink"] = () => new HardShrink(),
        ["SoftShrink"] = () => new SoftShrink(),
        ["Step"] = () => new Step(0.5),
        ["Softmax"] = () => new Softmax(),
        ["Softmax of an inner axis"] = () => new Softmax(1),
        ["Softmin"] = () => new Softmin(),
        ["LogSoftmax"] = () => new LogSoftmax(),
        ["Glu"] = () => new Glu(),
        ["Glu of an inner axis"] = () => new Glu(1),
    };

    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> LossFunctions = new()
    {
        ["Mse"] = (x, y) => Losses.Mse(x, y),
        ["L1"] = (x, y) => Losses.L1(x, y, Reduction.Sum),
        ["SmoothL1"] = (x, y) => Losses.SmoothL1(x, y),
        ["Huber"] = (x, y) => Losses.Huber(x, y),
        ["LogCosh"] = (x, y) => Losses.LogCosh(x, y),
        ["GaussianNll"] = (x, y) => Losses.GaussianNll(x, y, x.Exp()),
        ["BinaryCrossEntropy"] = (x, y) => Losses.BinaryCrossEntropy(x, y),
        ["BinaryCrossEntropy of probabilities"] = (x, y) => Losses.BinaryCrossEntropy(x.Sigmoid(), y, withLogits: false),
        ["CrossEntropy of probabilities"] = (x, y) => Losses.CrossEntropy(x, y.Softmax(), reduction: Reduction.Mean),
        ["CrossEntropy of classes"] = (x, y) => Losses.CrossEntropy(x, y.ArgMax(), reduction: Reduction.Mean),
        ["CrossEntropy with smoothing"] = (x, y) => Losses.CrossEntropy(x, y.ArgMax(), labelSmoothing: 0.1),
        ["NllLoss"] = (x, y) => Losses.NllLoss(x.LogSoftmax(), y.ArgMin(), reduction: Reduction.Mean),
        ["KlDiv"] = (x, y) => Losses.KlDiv(x.LogSoftmax(), y.LogSoftmax()),
        ["Hinge"] = (x, y) => Losses.Hinge(x, y.Sign()),
        ["CosineSimilarity"] = (x, y) => Losses.CosineSimilarity(x, y),
        ["MarginRanking"] = (x, y) => Losses.MarginRanking(x, y, x.Sign(), 0.5),
        ["Triplet"] = (x, y) => Losses.Triplet(x, y, x * y, p: 3),
    };

    public static TheoryData<string> LayerNames => [.. Layers.Keys];

    public static TheoryData<string> FunctionNames => [.. Functions.Keys];

    public static TheoryData<string> LossNames => [.. LossFunctions.Keys];

    [Theory]
    [MemberData(nameof(LayerNames))]
    public void Export_OfALayer_ComputesTheSame(string name)
    {
        var (layer, rest) = Layers[name];
        Agrees(Positive(layer().Randomised()), batch => Numbers(batch, rest));
    }

    [Theory]
    [MemberData(nameof(FunctionNames))]
    public void Export_OfAnActivation_ComputesTheSame(string name) => Agrees(Functions[name](), batch => Numbers(batch, [4, 6]) * 6);

    [Theory]
    [MemberData(nameof(LossNames))]
    public void Export_OfALoss_ComputesTheSame(string name) =>
        Agrees(new Identity(), x => [LossFunctions[name](x[0], x[1])], batch => [Numbers(batch, [6]) * 3, Numbers(batch + 50, [6], batch)]);

    [Theory]
    [InlineData(DType.Int32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.UInt8)]
    public void Export_OfAnEmbedding_TakesIndicesOfEveryType(DType dtype)
    {
        var model = new Sequential(new Embedding(7, 4, Key), new Linear(4, 2, Key));
        Agrees(model, batch => Tensor.RandomInt(RandomKey.FromSeed((ulong)batch), 0, 7, [batch, 5]).AsType(dtype));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Export_OfAttentionWithAMask_TakesTheMaskAsAnInput(bool isBool)
    {
        var layer = new MultiHeadAttention(6, 2, Key);
        var mask = isBool ? MultiHeadAttention.CausalMask(5) : Numbers(9, [5], 5);
        Agrees(layer, x => [layer.Forward(x[0], x[0], x[0], x[1])], batch => [Numbers(batch, [5, 6]), mask]);
    }

    [Fact]
    public void Export_OfAttentionWithACapturedMask_KeepsItAsAConstant()
    {
        var layer = new MultiHeadAttention(6, 2, Key);
        Agrees(layer, x => [layer.Forward(x[0], x[0], x[0], MultiHeadAttention.CausalMask(5))], batch => [Numbers(batch, [5, 6])]);
    }

    [Fact]
    public void Export_OfAnLstmWithStates_TakesAndGivesThem()
    {
        var layer = new Lstm(3, 4, Key);
        Agrees(
            layer,
            x =>
            {
                var (states, cells) = layer.Forward(x[0], x[1], x[2]);
                return [states, cells];
            },
            batch => [Numbers(batch, [5, 3]), Numbers(batch + 50, [4], batch), Numbers(batch + 90, [4], batch)]);
    }

    private static Tensor Numbers(int seed, int[] rest, int? batch = null) => LayerCheck.Random(seed, [batch ?? seed, .. rest]).AsType(DType.Float32);

    /// <summary>With variances such as a pass of training leaves.</summary>
    private static Module Positive(Module layer)
    {
        foreach (var (name, parameter) in layer.NamedParameters())
        {
            if (name.EndsWith("running_var", StringComparison.Ordinal)) parameter.Value = parameter.Value.Abs() + 0.1;
        }
        return layer;
    }
}
