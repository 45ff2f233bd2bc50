using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Nn.Tests;

public sealed class CompiledStepTests
{
    public static TheoryData<string> Optimizers => ["sgd", "momentum", "nesterov", "adam", "adam corrected", "adamw", "schedule"];

    private static Optimizer Make(string name) => name switch
    {
        "sgd" => new Sgd(0.1, weightDecay: 0.01),
        "momentum" => new Sgd(0.1, momentum: 0.9, dampening: 0.2),
        "nesterov" => new Sgd(0.1, momentum: 0.9, nesterov: true),
        "adam" => new Adam(0.01),
        "adam corrected" => new Adam(0.01, biasCorrection: true),
        "adamw" => new AdamW(0.01, biasCorrection: true),
        _ => new Sgd(step => 0.2 / (step + 1)),
    };

    private static Sequential Model() => new(
        new Linear(6, 8, RandomKey.FromSeed(1)), new Relu(), new Linear(8, 10, RandomKey.FromSeed(2)));

    private static (Tensor X, Tensor Y) Batch(int step, int size) =>
        (Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + step)), [size, 6], -1, 1).Eval(), (Tensor.Arange(size) % 10).Eval());

    private static Tensor Loss(Module model, Tensor x, Tensor y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean);

    [Theory]
    [MemberData(nameof(Optimizers))]
    public void Invoke_OverManySteps_EqualsEagerTraining(string name)
    {
        var (eager, compiled) = (Model(), Model());
        var (eagerOptimizer, compiledOptimizer) = (Make(name), Make(name));
        var lazy = ValueAndGrad(eager, (x, y) => Loss(eager, x, y));
        var step = CompileStep(compiled, compiledOptimizer, (x, y) => Loss(compiled, x, y));

        for (var i = 0; i < 12; i++)
        {
            // Every fourth batch is shorter, as an epoch's last one.
            var (x, y) = Batch(i, i % 4 == 3 ? 5 : 16);
            var (loss, gradients) = lazy(x, y);
            eagerOptimizer.Update(eager, gradients);
            Assert.Equal(loss.Item<float>(), step.Invoke(x, y), 1e-6);
        }

        Assert.Equal(2, step.Statistics.Traces);
        Assert.Equal(12, compiledOptimizer.Step);
        foreach (var (key, expected) in eager.Parameters())
        {
            Assert.All(expected.ToArray<float>().Zip(compiled.Parameters()[key].ToArray<float>()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
        foreach (var (key, expected) in eagerOptimizer.State)
        {
            Assert.All(expected.ToArray<float>().Zip(compiledOptimizer.State[key].ToArray<float>()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    [Fact]
    public void Parameters_ReadBetweenSteps_AreSnapshotsThatNeverChange()
    {
        var model = Model();
        var step = CompileStep(model, new Sgd(0.1), (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        step.Invoke(x, y);
        var first = model.Parameters()["layers.0.weight"];
        var values = first.ToArray<float>();

        step.Invoke(x, y);

        Assert.Equal(values, first.ToArray<float>());
        Assert.NotEqual(values, model.Parameters()["layers.0.weight"].ToArray<float>());
    }

    [Fact]
    public void Parameters_ReplacedBetweenSteps_AreSeen()
    {
        var model = Model();
        var start = model.Parameters();
        var step = CompileStep(model, new Sgd(0.1), (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        var first = step.Invoke(x, y);
        var second = step.Invoke(x, y);

        model.Update(start);

        Assert.Equal(first, step.Invoke(x, y));
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void LearningRate_SetBetweenSteps_IsSeen()
    {
        var model = Model();
        var optimizer = new Sgd(0.1);
        var step = CompileStep(model, optimizer, (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        step.Invoke(x, y);
        var before = model.Parameters()["layers.0.weight"].ToArray<float>();

        optimizer.LearningRate = 0;
        step.Invoke(x, y);

        Assert.Equal(before, model.Parameters()["layers.0.weight"].ToArray<float>());
    }

    [Fact]
    public void Invoke_ThatFails_IsNoStepAndChangesNothing()
    {
        var model = Model();
        var optimizer = new Adam(0.01, biasCorrection: true);
        var step = CompileStep(model, optimizer, (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        step.Invoke(x, y);
        var before = model.Parameters()["layers.0.weight"].ToArray<float>();

        Assert.Throws<ArgumentOutOfRangeException>(() => step.Invoke(x, y + 10));
        Assert.Throws<ArgumentException>(() => step.Invoke(x, y[..5]));

        Assert.Equal(1, optimizer.Step);
        Assert.Equal(before, model.Parameters()["layers.0.weight"].ToArray<float>());
    }

    [Fact]
    public void FreezeOrEval_AfterTheFirstStep_IsRefused()
    {
        var model = Model();
        var step = CompileStep(model, new Sgd(0.1), (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        step.Invoke(x, y);

        model.Eval();
        var error = Assert.Throws<InvalidOperationException>(() => step.Invoke(x, y));
        Assert.StartsWith("[compile] Sequential went from training to evaluation", error.Message, StringComparison.Ordinal);

        model.Train();
        model.Freeze("layers.0");
        error = Assert.Throws<InvalidOperationException>(() => step.Invoke(x, y));
        Assert.StartsWith("[compile] parameter layers.0.weight was frozen", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Compile_OfAFunctionThatCapturesAModule_IsRefusedUnlessTheModuleIsGiven()
    {
        var model = Model();
        var (x, _) = Batch(0, 4);
        var error = Assert.Throws<InvalidOperationException>(() => Transforms.Compile(model.Forward)(x));
        Assert.StartsWith("[compile] a parameter or state of shape", error.Message, StringComparison.Ordinal);

        var forward = Compile(model, model.Forward);
        Assert.Equal(model.Forward(x).ToArray<float>(), forward(x).ToArray<float>());
        model.Apply(parameter => parameter * 2);
        Assert.Equal(model.Forward(x).ToArray<float>(), forward(x).ToArray<float>());
    }

    [Fact]
    public void ValueAndGrad_OfACompiledForward_EqualsThatOfTheModule()
    {
        var model = Model();
        var forward = Compile(model, model.Forward);
        var (x, y) = Batch(0, 8);
        forward(x);
        var (expected, actual) = (Gradients(model.Forward), Gradients(forward));
        Assert.Contains(expected["layers.0.weight"].ToArray<float>(), g => g != 0);
        Same(expected, actual);

        ParameterTree Gradients(Func<Tensor, Tensor> f) =>
            ValueAndGrad(model, (x, y) => Losses.CrossEntropy(f(x), y, reduction: Reduction.Mean))(x, y).Gradients;
    }

    [Fact]
    public void Invoke_CapturingATransformsTensor_IsRefused()
    {
        var model = Model();
        var (x, y) = Batch(0, 8);
        var error = Assert.Throws<ArgumentException>(() => Transforms.Grad(scale =>
        {
            CompileStep(model, new Sgd(0.1), (x, y) => Loss(model, x, y) * scale).Invoke(x, y);
            return scale;
        })(Tensor.Scalar(2)));
        Assert.Equal("[compile] the step captures a tensor of a transform around it; call the step outside of that", error.Message);
    }

    [Fact]
    public void RestoreOfTheOptimizer_BetweenSteps_IsSeen()
    {
        var model = Model();
        var optimizer = new Adam(0.01, biasCorrection: true);
        var start = model.Parameters();
        var step = CompileStep(model, optimizer, (x, y) => Loss(model, x, y));
        var (x, y) = Batch(0, 16);
        step.Invoke(x, y);
        var (once, state) = (model.Parameters(), optimizer.State);
        step.Invoke(x, y);
        var twice = model.Parameters();

        optimizer.Restore(state, 1);
        model.Update(once);
        step.Invoke(x, y);
        Same(twice, model.Parameters());

        optimizer.Restore(new([]), 0);
        model.Update(start);
        step.Invoke(x, y);
        Same(once, model.Parameters());
    }

    private static void Same(ParameterTree expected, ParameterTree actual)
    {
        foreach (var (key, value) in expected) Assert.Equal(value.ToArray<float>(), actual[key].ToArray<float>());
    }
}
