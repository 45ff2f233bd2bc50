using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Nn.Tests;

/// <summary>Transforms of one module on several threads at once, both known to be inside by a barrier.</summary>
public sealed class ConcurrentTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Meanwhile => ["forward", "update", "set_dtype", "eval", "freeze", "sgd", "step"];

    [Fact]
    public async Task ValueAndGrad_OfOneModuleOnTwoThreads_GivesEachItsOwnGradients()
    {
        var model = Model();
        var batches = Enumerable.Range(0, 2).Select(Batch).ToArray();
        var expected = Array.ConvertAll(batches, batch => Gradients(model, batch, static () => { }));
        for (var i = 0; i < 50; i++)
        {
            using var inside = new Barrier(2);
            var actual = await Both(k => Gradients(model, batches[k], () => Meet(inside)));
            for (var k = 0; k < 2; k++) Same(expected[k], actual[k]);
        }
    }

    [Fact]
    public async Task OtherTransforms_WhileOneThreadTraces_SeeTheParametersThemselves()
    {
        var model = Model();
        var (x, y) = Batch(0);
        var examples = PerExampleValueAndGrad(model, (x, y) => Loss(model, x, y));
        var compiled = Compile(model, model.Forward);
        Func<Tensor>[] uses =
        [
            () => model.Forward(x),
            () => Transforms.Vmap(model.Forward)(x),
            () => Transforms.Vjp(model.Forward, x, Tensor.Ones([8, 4])).Gradient,
            () => Transforms.Jvp(model.Forward, x, x).Tangent,
            () => Transforms.Checkpoint(model.Forward)(x),
            () => examples(x, y).Gradients["layers.0.weight"],
            () => compiled(x),
            () => model.Parameters()["layers.2.bias"],
        ];
        foreach (var use in uses)
        {
            var expected = use().ToArray<float>();
            using var inside = new Barrier(2);
            var tracing = Task.Run(() => Gradients(model, (x, y), () => { Meet(inside); Meet(inside); }), TestContext.Current.CancellationToken);
            Meet(inside);
            var actual = use();
            Assert.Equal(expected, actual.ToArray<float>());
            Meet(inside);
            await tracing;
        }
    }

    // What another thread changes in the middle of a call belongs to the next one.
    [Theory]
    [MemberData(nameof(Meanwhile))]
    public async Task Changes_WhileOneThreadTraces_AreSeenByTheNextCall(string change)
    {
        var model = Model();
        var batch = Batch(0);
        var before = Gradients(model, batch, static () => { });
        var step = CompileStep(model, new Sgd(0.1), (x, y) => Loss(model, x, y));
        using var inside = new Barrier(2);
        var tracing = Task.Run(() => Gradients(model, batch, () => { Meet(inside); Meet(inside); }), TestContext.Current.CancellationToken);
        Meet(inside);
        switch (change)
        {
            case "forward": model.Forward(batch.X).Eval(); break;
            case "update": model.Apply(p => p + 1); break;
            case "set_dtype": model.SetDtype(DType.Float64); break;
            case "eval": model.Eval(); break;
            case "freeze": model.Freeze("bias"); break;
            case "sgd": new Sgd(0.1).Update(model, before); break;
            default: step.Invoke(batch.X, batch.Y); break;
        }
        Meet(inside);
        Same(before, await tracing);
        Assert.Equal(change != "eval", model.Training);
        Assert.Equal(change == "freeze" ? 2 : 4, model.TrainableParameters().Count);
        Assert.Equal(change == "set_dtype" ? DType.Float64 : DType.Float32, model.Parameters()["layers.0.weight"].DType);
        Assert.Equal(change is "update" or "freeze" or "sgd" or "step", !Equal(before, Gradients(model, batch, static () => { })));
    }

    [Fact]
    public async Task Passes_ThatChangeOneBufferAtOnce_AreRefusedByName()
    {
        var model = new Sequential(new Linear(6, 4, RandomKey.FromSeed(1)), new BatchNorm(4), new Dropout(0.5, RandomKey.FromSeed(2)));
        var batch = Batch(0);
        using var inside = new Barrier(2);
        var outcomes = await Both(_ => Record.Exception(() => Gradients(model, batch, () => Meet(inside))));
        var refused = Assert.IsType<InvalidOperationException>(Assert.Single(outcomes, outcome => outcome is not null));
        Assert.StartsWith("[value_and_grad] ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("running_mean, running_var, key changed on another thread", refused.Message, StringComparison.Ordinal);

        // One pass has counted.
        var alone = new Sequential(new Linear(6, 4, RandomKey.FromSeed(1)), new BatchNorm(4), new Dropout(0.5, RandomKey.FromSeed(2)));
        Gradients(alone, batch, static () => { });
        Same(alone.State(), model.State());
    }

    [Fact]
    public async Task CompiledFunctions_ThatShareCells_NeverWaitForEachOtherInACircle()
    {
        var model = Model();
        var (x, y) = Batch(0);
        var steps = new[] { CompileStep(model, new Sgd(0), (x, y) => Loss(model, x, y)), CompileStep(model, new Adam(0), (x, y) => Loss(model, x, y)) };
        var forward = Compile(model, model.Forward);
        var expected = (Loss: steps[0].Invoke(x, y), Output: forward(x).ToArray<float>());
        var work = Enumerable.Range(0, 4).Select(k => Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
            {
                if (k < 2) Assert.Equal(expected.Loss, steps[k].Invoke(x, y), 1e-6);
                else if (k == 2) Assert.Equal(expected.Output, forward(x).ToArray<float>());
                else Assert.Equal(4, model.Parameters().Count);
            }
        })).ToArray();
        await Task.WhenAll(work).WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task CompiledFunctions_ThatCallEachOther_NeverWaitForEachOtherInACircle()
    {
        using var inside = new Barrier(2);
        Func<Tensor, Tensor>[] f = new Func<Tensor, Tensor>[2];
        var isFirst = new AsyncLocal<bool>();
        for (var k = 0; k < 2; k++)
        {
            var (own, other) = (k, 1 - k);
            f[k] = Transforms.Compile(x =>
            {
                if (!isFirst.Value) return x * (own + 2);
                isFirst.Value = false;
                Meet(inside);
                var both = f[other](Tensor.Scalar(10)) + x;
                // Whoever is done first would leave a plan, which the other's call would replay.
                Meet(inside);
                return both;
            });
        }
        var results = await Both(k =>
        {
            isFirst.Value = true;
            return f[k](Tensor.Scalar(1)).Item<float>();
        });
        Assert.Equal([31, 21], results);
    }

    [Fact]
    public async Task Step_FromSeveralThreads_CountsEveryCall()
    {
        var (one, many) = (Model(), Model());
        var (x, y) = Batch(0);
        var optimizers = new[] { new Adam(0.01, biasCorrection: true), new Adam(0.01, biasCorrection: true) };
        var alone = CompileStep(one, optimizers[0], (x, y) => Loss(one, x, y));
        var shared = CompileStep(many, optimizers[1], (x, y) => Loss(many, x, y));
        for (var i = 0; i < 40; i++) alone.Invoke(x, y);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10; i++) shared.Invoke(x, y);
        }))).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(40, optimizers[1].Step);
        Same(one.Parameters(), many.Parameters());
    }

    [Fact]
    public void Tasks_ThatALossStarts_SeeItsTrace()
    {
        var model = Model();
        var batch = Batch(0);
        var expected = Gradients(model, batch, static () => { });
        var (_, actual) = ValueAndGrad(model, (x, y) => Task.Run(async () =>
        {
            await Task.Yield();
            return Loss(model, x, y);
        }).GetAwaiter().GetResult())(batch.X, batch.Y);
        Same(expected, actual);
    }

    private static async Task<T[]> Both<T>(Func<int, T> work) =>
        await Task.WhenAll(Enumerable.Range(0, 2).Select(k => Task.Factory.StartNew(() => work(k), TaskCreationOptions.LongRunning))).WaitAsync(Patience, TestContext.Current.CancellationToken);

    private static void Meet(Barrier barrier) => Assert.True(barrier.SignalAndWait(Patience), "the other thread did not come");

    private static ParameterTree Gradients(Module model, (Tensor X, Tensor Y) batch, Action inside) => ValueAndGrad(model, (x, y) =>
    {
        inside();
        return Loss(model, x, y);
    })(batch.X, batch.Y).Gradients;

    private static Tensor Loss(Module model, Tensor x, Tensor y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean);

    private static Sequential Model() => new(
        new Linear(6, 8, RandomKey.FromSeed(1)), new Tanh(), new Linear(8, 4, RandomKey.FromSeed(2)));

    private static (Tensor X, Tensor Y) Batch(int seed) =>
        (Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + seed)), [8, 6], -1, 1).Eval(), (Tensor.Arange(8) % 4).Eval());

    private static bool Equal(ParameterTree a, ParameterTree b) =>
        a.Keys.SequenceEqual(b.Keys) && a.Keys.All(key => a[key].AsType(DType.Float64).ToArray<double>().Zip(b[key].AsType(DType.Float64).ToArray<double>()).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5));

    private static void Same(ParameterTree expected, ParameterTree actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (key, value) in expected) Assert.Equal(value.AsType(DType.Float64).ToArray<double>(), actual[key].AsType(DType.Float64).ToArray<double>());
    }
}
