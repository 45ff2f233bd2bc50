namespace ManagedFed.Nn.Tests;

/// <summary>What changes gradients within a compiled step, and what a step tells beside its loss.</summary>
[Collection("Memory")]
public sealed class GradientTermTests
{
    private static Linear Model() => new(3, 8, RandomKey.FromSeed(1));

    private static (Tensor X, Tensor Y) Batch(int size) =>
        (Tensor.RandomUniform(RandomKey.FromSeed(9), [size, 3], -1, 1).Eval(), (Tensor.Arange(size) % 2).Eval());

    private static CompiledStep Step(Linear model, params GradientTerm[] terms) => new(
        model, new Sgd(0.1), batch =>
        {
            var predictions = model.Forward(batch[0]);
            return (Losses.CrossEntropy(predictions, batch[1], reduction: Reduction.Mean), (predictions.ArgMax() == batch[1]).Sum().AsType(DType.Float64));
        }, terms);

    /// <summary>Adds its value to all gradients and doubles it.</summary>
    private static GradientTerm Doubling(double value) => new("doubling", new([new("by", Tensor.Scalar(value))]), (gradients, _, values) =>
        (gradients.Map(gradient => gradient + values["by"]), values.Map(by => by * 2)));

    [Fact]
    public void Run_WithTerms_GivesTheBitsOfUncompiled()
    {
        var (compiled, plain) = (Model(), Model());
        var (fast, slow) = (Step(compiled, Doubling(0.5), Pull()), Step(plain, Doubling(0.5), Pull()));
        for (var i = 0; i < 8; i++)
        {
            var (x, y) = Batch(i % 4 == 3 ? 5 : 8);
            Assert.Equal(slow.RunUncompiled(x, y), fast.Run(x, y));
            if (i != 4) continue;
            // Other values in the middle: nothing is recorded anew.
            fast.Terms[0].Values = slow.Terms[0].Values = new([new("by", Tensor.Scalar(-3))]);
        }
        Assert.Equal(2, fast.Statistics.Traces);
        Assert.Equal(-24, fast.Terms[0].Values["by"].Item<float>());
        Assert.Equal(plain.Weight.Value.ToArray<float>(), compiled.Weight.Value.ToArray<float>());

        static GradientTerm Pull() => new("pull", new([new("mu", Tensor.Scalar(0.3, DType.Float64))]), (gradients, parameters, values) =>
            (gradients.Map((name, gradient) => gradient + values["mu"].AsType(gradient.DType) * parameters[name]), values));
    }

    [Fact]
    public void Run_TellsTheExtraResult_AndNaNWithout()
    {
        var model = Model();
        var (x, y) = Batch(5);
        var right = model.Forward(x).ArgMax().AsType(DType.Int32).ToArray<int>().Zip(y.ToArray<int>()).Count(pair => pair.First == pair.Second);
        var start = model.Parameters();
        Assert.Equal(right, Step(model).Run(x, y).Extra);
        model.Update(start);
        Assert.Equal(right, Step(model).RunUncompiled(x, y).Extra);
        Assert.Equal(double.NaN, ModuleTransforms.CompileStep(model, new Sgd(0.1), (x, _) => model.Forward(x).Mean()).Run(x, y).Extra);
    }

    [Fact]
    public void Run_OfATermThatChangesAShape_NamesItAndChangesNothing()
    {
        var model = Model();
        var before = model.Weight.Value.ToArray<float>();
        var (x, y) = Batch(5);
        var wrong = new GradientTerm("wrong", new([]), (gradients, _, values) => (gradients.Map(gradient => gradient.Sum()), values));
        var error = Assert.Throws<ArgumentException>(() => Step(model, wrong).Run(x, y));
        Assert.StartsWith("[wrong] gradients wrong: weight () float32, expected (8, 3) float32", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, model.Weight.Value.ToArray<float>());
    }

    [Fact]
    public void IsCurrent_OnceFrozenOrInEvaluation_IsFalse()
    {
        var model = Model();
        var step = Step(model);
        Assert.True(step.IsCurrent);
        model.Eval();
        Assert.False(step.IsCurrent);
        model.Train();
        model.Freeze("bias");
        Assert.False(step.IsCurrent);
    }

    [Fact]
    public void Run_WithTermsOnceRecorded_AllocatesNothing()
    {
        var step = Step(Model(), Doubling(1e-9));
        var (x, y) = Batch(16);
        for (var i = 0; i < 5; i++) step.Run(x, y);
        Assert.Equal(0, Allocations.Fewest(10, () => step.Run(x, y)));
    }
}
