using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Nn.Tests;

/// <summary>A call that fails leaves a module and its optimizer as they were: the next one gives what a fresh model gives.</summary>
public sealed class RestoreTests
{
    private const int Classes = 4;

    private sealed record Setting(Sequential Model, Optimizer Optimizer)
    {
        public Tensor Forward(Tensor x) => Model.Forward(x);

        public Tensor Loss(Tensor x, Tensor y) => Losses.CrossEntropy(Model.Forward(x), y, reduction: Reduction.Mean);
    }

    /// <summary>Transforms around a function that calls the model, then what the test wants, and returns the output.</summary>
    private static readonly Dictionary<string, Action<Setting, Func<Tensor, Tensor>, Tensor>> Paths = new()
    {
        ["grad"] = (_, f, x) => Transforms.Grad(v => f(v).Sum())(x),
        ["value_and_grad"] = (_, f, x) => Transforms.ValueAndGrad(v => f(v).Sum())(x),
        ["value_and_grad of trees"] = (_, f, x) => Transforms.ValueAndGrad((Tree v) => f(v.Tensor).Sum())(x),
        ["module"] = (s, f, x) => ValueAndGrad(s.Model, v => f(v).Sum())(x),
        ["module, nested"] = (s, f, x) => ValueAndGrad(s.Model, v => ValueAndGrad(s.Model, w => f(w).Sum())(v).Loss + f(v).Sum())(x),
        ["vjp"] = (_, f, x) => Transforms.Vjp(v => f(v).Sum(), x, Tensor.Scalar(1)),
        ["jvp"] = (_, f, x) => Transforms.Jvp(f, x, x),
        ["vmap"] = (_, f, x) => Transforms.Vmap(v => f(x) + v.Sum())(x),
        ["checkpoint"] = (_, f, x) => Transforms.Checkpoint(f)(x),
        ["grad of checkpoint"] = (_, f, x) => Transforms.Grad(v => Transforms.Checkpoint(f)(v).Sum())(x),
        ["custom_function"] = (_, f, x) => new CustomFunction(v => [f(v[0])]).Invoke(x),
        ["compile"] = (s, f, x) => Compile(s.Model, f)(x),
        ["compile_step"] = (s, f, x) => CompileStep(s.Model, s.Optimizer, (v, _) => f(v).Sum()).Invoke(x, x),
        ["compile_step inside of grad"] = (s, f, x) => Transforms.Grad(v =>
        {
            CompileStep(s.Model, s.Optimizer, (w, _) => s.Forward(w).Sum()).Invoke(x, x);
            f(x);
            return v.Sum();
        })(x),
        ["optimizer inside of grad"] = (s, f, x) => Transforms.Grad(v =>
        {
            s.Optimizer.Update(s.Model, ValueAndGrad(s.Model, s.Loss)(x, Labels()).Gradients);
            f(x);
            return v.Sum();
        })(x),
        ["compiled function inside of grad"] = (s, f, x) => Transforms.Grad(v =>
        {
            Compile(s.Model, s.Forward)(x);
            return f(v).Sum();
        })(x),
    };

    public static TheoryData<string> Names => [.. Paths.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Exception_AfterTheModel_LeavesEverythingAsItWas(string path)
    {
        var (tried, fresh) = (Make(), Make());
        var x = Inputs(0);
        var error = Assert.Throws<InvalidOperationException>(() => Paths[path](tried, v =>
        {
            var y = tried.Forward(v);
            tried.Model.Eval();
            if (path != "compile_step") tried.Model.Freeze("layers.0");
            throw new InvalidOperationException($"after {y.Shape}");
        }, x));
        Assert.StartsWith("after ", error.Message, StringComparison.Ordinal);
        IsFresh(tried, fresh);
    }

    // The value is asked for, or a shape found wrong, only when the model's state has moved.
    [Theory]
    [MemberData(nameof(Names))]
    public void ErrorOfAnOperation_AfterTheModel_LeavesEverythingAsItWas(string path)
    {
        foreach (var evaluate in new[] { false, true })
        {
            if (evaluate && path.StartsWith("compile", StringComparison.Ordinal) && path.IndexOf("inside", StringComparison.Ordinal) < 0) continue;
            var (tried, fresh) = (Make(), Make());
            Assert.ThrowsAny<ArgumentException>(() => Paths[path](tried, v =>
            {
                var y = tried.Forward(v);
                if (!evaluate) return y.Reshape(7, 3);
                return y + Tensor.Arange(5)[Tensor.From<int>(99)].Item<int>();
            }, Inputs(0)));
            IsFresh(tried, fresh);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LabelOutOfRange_InACompiledStep_LeavesEverythingAsItWas(bool afterSteps)
    {
        var (tried, fresh) = (Make(), Make());
        var (step, alone) = (Step(tried), Step(fresh));
        if (afterSteps)
        {
            step.Invoke(Inputs(1), Labels());
            alone.Invoke(Inputs(1), Labels());
        }
        for (var i = 0; i < 3; i++) Assert.Throws<ArgumentOutOfRangeException>(() => step.Invoke(Inputs(2), Labels() + Classes));
        Assert.Equal(alone.Invoke(Inputs(3), Labels()), step.Invoke(Inputs(3), Labels()));
        IsFresh(tried, fresh);

        static CompiledStep Step(Setting setting) => CompileStep(setting.Model, setting.Optimizer, setting.Loss);
    }

    // Here nothing of the gradients waits for the check.
    [Fact]
    public void CheckThatNoGradientNeeds_InACompiledStep_LeavesEverythingAsItWas()
    {
        var (tried, fresh) = (Make(), Make());
        var table = Tensor.Arange(0.0, 5.0);
        var (step, alone) = (Step(tried), Step(fresh));
        step.Invoke(Inputs(0), Labels());
        alone.Invoke(Inputs(0), Labels());
        Assert.Throws<ArgumentOutOfRangeException>(() => step.Invoke(Inputs(0), Labels() + 90));
        Assert.Equal(alone.Invoke(Inputs(1), Labels()), step.Invoke(Inputs(1), Labels()));
        IsFresh(tried, fresh);

        CompiledStep Step(Setting setting) =>
            CompileStep(setting.Model, setting.Optimizer, (x, y) => setting.Forward(x).Square().Sum() + table[y].Sum().AsType(DType.Float32));
    }

    // A check of what the new value holds cannot come before it.
    [Fact]
    public void CheckAfterANewValue_InACompiledFunction_LeavesTheValue()
    {
        var model = new Counter();
        var next = Compile(model, model.Forward);
        Assert.Equal(11, next(Tensor.Scalar(0)).Item<float>());
        Assert.Equal(12, next(Tensor.Scalar(0)).Item<float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => next(Tensor.Scalar(2)));
        Assert.Equal(2, model.Count.Value.Item<int>());
        Assert.Equal(13, next(Tensor.Scalar(0)).Item<float>());
    }

    [Fact]
    public void Vmap_OfAPassThatWouldMoveStatisticsByMember_IsRefusedAndLeavesThem()
    {
        var (tried, fresh) = (Make(), Make());
        var error = Assert.Throws<InvalidOperationException>(() => Transforms.Vmap(tried.Forward)(Tensor.Ones([3, 8, 6])));
        Assert.StartsWith("[vmap] running_mean, running_var would change with each member", error.Message, StringComparison.Ordinal);
        IsFresh(tried, fresh);
    }

    [Fact]
    public void Compile_OfAFunctionThatSetsAStateItWasNotCompiledWith_IsRefused()
    {
        var model = new Counter();
        var error = Assert.Throws<InvalidOperationException>(() => Transforms.Compile(x =>
        {
            model.Count.Value = Tensor.From<int>([7], []);
            return x + 1;
        })(Tensor.Scalar(1)));
        Assert.StartsWith("[compile] the function changes count, which calls after the first would not do", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, model.Count.Value.Item<int>());
    }

    private static void IsFresh(Setting tried, Setting fresh)
    {
        Assert.True(tried.Model.Training);
        Assert.Equal(fresh.Model.TrainableParameters().Count, tried.Model.TrainableParameters().Count);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(fresh.Optimizer.Step, tried.Optimizer.Step);
            Same(fresh.Model.State(), tried.Model.State());
            var (loss, gradients) = ValueAndGrad(tried.Model, tried.Loss)(Inputs(i), Labels());
            var (expected, others) = ValueAndGrad(fresh.Model, fresh.Loss)(Inputs(i), Labels());
            Assert.Equal(expected.Item<float>(), loss.Item<float>());
            tried.Optimizer.Update(tried.Model, gradients);
            fresh.Optimizer.Update(fresh.Model, others);
            Same(fresh.Optimizer.State, tried.Optimizer.State);
        }
    }

    private static void Same(ParameterTree expected, ParameterTree actual)
    {
        Assert.Equal(expected.Keys, actual.Keys);
        foreach (var (key, value) in expected) Assert.Equal(value.AsType(DType.Float64).ToArray<double>(), actual[key].AsType(DType.Float64).ToArray<double>());
    }

    private static Setting Make() => new(
        new Sequential(
            new Linear(6, 8, RandomKey.FromSeed(1)), new BatchNorm(8), new Dropout(0.5, RandomKey.FromSeed(2)), new Linear(8, Classes, RandomKey.FromSeed(3))),
        new Adam(0.01, biasCorrection: true));

    private static Tensor Inputs(int seed) => Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + seed)), [8, 6], -1, 1).Eval();

    private static Tensor Labels() => (Tensor.Arange(8) % Classes).Eval();

    /// <summary>Counts its calls, and takes the element of a table that the count and the input choose.</summary>
    private sealed class Counter : Module
    {
        private readonly Tensor table = Tensor.Arange(10.0, 15.0).AsType(DType.Float32).Eval();

        public Counter() => Count = Buffer("count", Tensor.From<int>([0], []));

        public Parameter Count { get; }

        public override Tensor Forward(Tensor x)
        {
            Count.Value = Count.Value + 1;
            return table[Count.Value + x.AsType(DType.Int32)];
        }
    }
}
