using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Tests;

/// <summary>State that passes change themselves: random keys and running statistics, eager and compiled.</summary>
public sealed class StateTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(7);

    [Fact]
    public void Dropout_Key_IsAStateThatIsNeitherTrainedNorSaved()
    {
        var model = Dropping();
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.3.weight", "layers.3.bias"], model.Parameters().Keys);
        Assert.Equal(model.Parameters().Keys, model.TrainableParameters().Keys);
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.2.key", "layers.3.weight", "layers.3.bias", "layers.4.key"], model.State().Keys);
    }

    [Fact]
    public void Dropout_AfterPasses_HasSplitItsKeyAsTheHostDoes()
    {
        var layer = new Dropout(0.3, Key);
        var x = Tensor.Ones([50]);
        var key = Key;
        for (var i = 0; i < 5; i++)
        {
            (key, var draw) = key.Split();
            var expected = Tensor.RandomBernoulli(draw, 0.3, [50]).ToArray<bool>();
            Assert.Equal(expected, layer.Forward(x).ToArray<float>().Select(v => v == 0));
        }
        Assert.Equal([key.Word0, key.Word1], layer.Key.Value.ToArray<uint>());
    }

    // Equal masks, for the losses would differ at once with others.
    [Fact]
    public void Dropout_InACompiledStep_TrainsAsEagerTrainingDoes()
    {
        var (eager, compiled) = (Dropping(), Dropping());
        var (eagerOptimizer, compiledOptimizer) = (new Sgd(0.1, momentum: 0.9), new Sgd(0.1, momentum: 0.9));
        var lazy = ValueAndGrad(eager, (x, y) => Losses.CrossEntropy(eager.Forward(x), y, reduction: Reduction.Mean));
        var step = CompileStep(compiled, compiledOptimizer, (x, y) => Losses.CrossEntropy(compiled.Forward(x), y, reduction: Reduction.Mean));
        var losses = new HashSet<float>();
        for (var i = 0; i < 20; i++)
        {
            var (x, y) = Batch(i);
            var (loss, gradients) = lazy(x, y);
            eagerOptimizer.Update(eager, gradients);
            Assert.Equal(loss.Item<float>(), step.Invoke(x, y), 1e-5);
            losses.Add(loss.Item<float>());
        }
        Assert.Equal(20, losses.Count);
        Assert.Equal(1, step.Statistics.Traces);
        var (first, second) = (Key, Key.Fold(1));
        for (var i = 0; i < 20; i++) (first, second) = (first.Split().First, second.Split().First);
        foreach (var model in new[] { eager, compiled })
        {
            Assert.Equal([first.Word0, first.Word1], model.State()["layers.2.key"].ToArray<uint>());
            Assert.Equal([second.Word0, second.Word1], model.State()["layers.4.key"].ToArray<uint>());
        }
    }

    [Fact]
    public void Key_SetBetweenCompiledSteps_IsSeen()
    {
        var model = Dropping();
        var step = CompileStep(model, new Sgd(0), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        var (x, y) = Batch(0);
        var start = model.State();
        var first = step.Invoke(x, y);
        Assert.NotEqual(first, step.Invoke(x, y));
        model.Update(start);
        Assert.Equal(first, step.Invoke(x, y));
    }

    [Fact]
    public void Invoke_ThatFails_LeavesTheKey()
    {
        var model = Dropping();
        var step = CompileStep(model, new Sgd(0), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        var (x, y) = Batch(0);
        step.Invoke(x, y);
        var before = model.State()["layers.2.key"].ToArray<uint>();
        Assert.Throws<ArgumentOutOfRangeException>(() => step.Invoke(x, y + 10));
        Assert.Equal(before, model.State()["layers.2.key"].ToArray<uint>());
    }

    [Fact]
    public void Compile_OfAModelInTraining_AdvancesTheKeyAsEagerCallsDo()
    {
        var (eager, compiled) = (Dropping(), Dropping());
        var forward = Compile(compiled, compiled.Forward);
        var (x, _) = Batch(0);
        for (var i = 0; i < 3; i++) TestValues.Close([.. eager.Forward(x).ToArray<float>().Select(v => (double)v)], forward(x), 1e-6);
        Assert.Equal(eager.State()["layers.2.key"].ToArray<uint>(), compiled.State()["layers.2.key"].ToArray<uint>());
        compiled.Eval();
        var error = Assert.Throws<InvalidOperationException>(() => forward(x));
        Assert.StartsWith("[compile] Sequential went from training to evaluation", error.Message, StringComparison.Ordinal);
    }

    // m ← 0.9·m + 0.1·mean(x·w) with w = 2 and mean(x) = 1, 2, 3: 0.2, 0.58, 1.122.
    [Fact]
    public void Buffer_SetByThePass_IsUpdatedEagerAndCompiled()
    {
        var (eager, compiled) = (new Average(), new Average());
        var lazy = ValueAndGrad(eager, x => eager.Forward(x).Sum());
        var step = CompileStep(compiled, new Sgd(0), x => compiled.Forward(x[0]).Sum());
        for (var i = 1; i <= 3; i++)
        {
            var x = Tensor.Full([4], i);
            var (loss, gradients) = lazy(x);
            Assert.Equal(["weight"], gradients.Keys);
            Assert.Equal(4 * i, gradients["weight"].Item<float>());
            Assert.Equal(loss.Item<float>(), step.Invoke(x));
        }
        TestValues.Close([1.122], eager.Mean, 1e-6);
        TestValues.Close([1.122], compiled.Mean, 1e-6);
    }

    // Else each step's graph would hang on the one before for as long as nobody reads the buffer.
    [Fact]
    public void Buffer_SetByThePass_IsComputedWithTheLoss()
    {
        var model = new Average();
        var (loss, _) = ValueAndGrad(model, x => model.Forward(x).Sum())(Tensor.Ones([4]));
        loss.Eval();
        Assert.True(model.Mean.Value is { Op: null, Data: not null });
    }

    [Fact]
    public void Update_WithTheState_RestoresEverything()
    {
        var model = Dropping();
        var state = model.State();
        var (x, _) = Batch(0);
        var first = model.Forward(x).ToArray<float>();
        Assert.NotEqual(first, model.Forward(x).ToArray<float>());
        model.Update(state);
        Assert.Equal(first, model.Forward(x).ToArray<float>());
        model.Update(model.Parameters());
    }

    private static Sequential Dropping() => new(
        new Linear(6, 8, Key), new Relu(), new Dropout(0.5, Key), new Linear(8, 10, Key), new Dropout(0.1, Key.Fold(1)));

    private static (Tensor X, Tensor Y) Batch(int step) =>
        (Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + step)), [16, 6], -1, 1).Eval(), (Tensor.Arange(16) % 10).Eval());

    /// <summary>x·w, and a running mean of it.</summary>
    private sealed class Average : Module
    {
        private readonly Parameter weight;

        public Average()
        {
            weight = Parameter("weight", Tensor.Scalar(2));
            Mean = Buffer("mean", Tensor.Scalar(0));
        }

        public Parameter Mean { get; }

        public override Tensor Forward(Tensor x)
        {
            var y = x * weight;
            Mean.Value = Mean.Value * 0.9 + y.Mean().StopGradient() * 0.1;
            return y;
        }
    }
}
