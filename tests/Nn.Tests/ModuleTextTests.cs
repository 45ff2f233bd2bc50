using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class ModuleTextTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(4);

    // 3·3·1·8 + 8 = 80, 2·4 = 8 and 4 buffers, 32·10 + 10 = 330, of which the 4 buffers and 10 frozen are not trained.
    [Fact]
    public void Module_AsText_ListsLayersWithShapesAndCounts()
    {
        var model = new Sequential(new Conv2d(1, 8, 3, Key), new Relu(), new Sequential(new BatchNorm(4), new Dropout(0.25, Key)), new Linear(32, 10, Key));
        model.Freeze("layers.3.bias");
        model.Eval();
        Assert.Equal(
            """
            (this)             Sequential
            layers.0           Conv2d(1 → 8, window 3, stride 1, padding 0)  weight (8, 3, 3, 1), bias (8,)                                                   80
            layers.1           Relu
            layers.2           Sequential
            layers.2.layers.0  BatchNorm(4)                                  weight (4,), bias (4,), running_mean (4,) buffer, running_var (4,) buffer        16
            layers.2.layers.1  Dropout(p 0.25)                               key (2,) uint32 buffer                                                           2
            layers.3           Linear(32 → 10)                               weight (10, 32), bias (10,) frozen                                               330
            426 parameters, 408 trainable, 1,704 bytes, in evaluation
            """,
            Squeezed(model.ToString()), ignoreAllWhiteSpace: true);
    }

    /// <summary>What each layer prints in brackets, so that no layer with settings is silent about them.</summary>
    private static readonly Dictionary<Func<Module>, string> Layers = new()
    {
        [() => new Embedding(5, 2, Key)] = "Embedding(5 of 2)",
        [() => new Lstm(2, 3, Key)] = "Lstm(2 → 3)",
        [() => new Gru(2, 3, Key)] = "Gru(2 → 3)",
        [() => new Rnn(2, 3, Key)] = "Rnn(2 → 3)",
        [() => new MultiHeadAttention(4, 2, Key)] = "MultiHeadAttention(2 heads)",
        [() => new LayerNorm(4)] = "LayerNorm(4)",
        [() => new RmsNorm(4)] = "RmsNorm(4)",
        [() => new GroupNorm(2, 6)] = "GroupNorm(2 groups of 3)",
        [() => new MaxPool2d(2)] = "MaxPool2d(window 2, stride 2, padding 0)",
        [() => new LeakyRelu(0.2)] = "LeakyRelu(slope 0.2)",
        [() => new HardTanh(-2, 0.5)] = "HardTanh(-2..0.5)",
        [() => new Softmax(1)] = "Softmax(axis 1)",
        [() => new Flatten(2)] = "Flatten(from axis 2)",
        [() => new PRelu(3)] = "PRelu(3)",
        [() => new Gelu()] = "Gelu",
    };

    [Fact]
    public void Layers_AsText_SayWhatTheyWereMadeWith()
    {
        foreach (var (make, expected) in Layers) Assert.StartsWith($"(this) {expected}", Squeezed(make().ToString()), StringComparison.Ordinal);
    }

    [Fact]
    public void Optimizers_AsText_SayTheirSettings()
    {
        var sgd = new Sgd(0.1, momentum: 0.9);
        sgd.Update(new Linear(1, 1, Key), new([]));
        Assert.Equal("Sgd(learning rate 0.1, momentum 0.9, weight decay 0, dampening 0, nesterov False, step 1)", sgd.ToString());
        Assert.Equal(
            "AdamW(learning rate 0.001, beta1 0.9, beta2 0.999, epsilon 1E-08, bias correction True, weight decay 0.01, step 0)",
            new AdamW(1e-3, biasCorrection: true).ToString());
        Assert.Equal("MultiOptimizer(learning rate 0.5, part 0 Lion(learning rate 0.5, beta1 0.9, beta2 0.99, weight decay 0, step 0), part 1 Sgd(learning rate 0.1, momentum 0, weight decay 0, dampening 0, nesterov False, step 0), step 0)",
            new MultiOptimizer([new Lion(0.5), new Sgd(0.1)], (_, _) => true).ToString());
    }

    private static string Squeezed(string text) => string.Join('\n', text.Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
}
