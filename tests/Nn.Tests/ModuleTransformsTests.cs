using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Tests;

public sealed class ModuleTransformsTests
{
    private readonly Mlp model = new([3, 4, 2], RandomKey.FromSeed(5), DType.Float64);
    private readonly Tensor x = TestValues.Matrix(1, 6, 3);
    private readonly Tensor y = Tensor.From(0, 1, 1, 0, 1, 0);

    [Fact]
    public void ValueAndGrad_OfAnMlp_AgreesWithCentralDifferences()
    {
        var (loss, gradients) = ValueAndGrad(model, Loss)(x, y);
        Assert.Equal(Loss(model, x, y).Item<double>(), loss.Item<double>(), 15);
        Assert.Equal(model.Parameters().Keys, gradients.Keys);
        var parameters = model.Parameters();
        foreach (var (name, value) in parameters)
        {
            var values = value.ToArray<double>();
            var numeric = new double[values.Length];
            for (var i = 0; i < values.Length; i++) numeric[i] = (LossWith(name, i, 1e-5) - LossWith(name, i, -1e-5)) / 2e-5;
            TestValues.Close(numeric, gradients[name], 1e-8);
            Assert.Equal(value.Shape, gradients[name].Shape);
        }

        double LossWith(string name, int i, double by)
        {
            var changed = parameters[name].ToArray<double>();
            changed[i] += by;
            model.Update(TestValues.Tree((name, Tensor.From<double>(changed, parameters[name].Shape))), strict: false);
            var result = Loss(model, x, y).Item<double>();
            model.Update(parameters);
            return result;
        }
    }

    [Fact]
    public void ValueAndGrad_WithFrozenParameters_GivesTheOthersOnly()
    {
        var all = ValueAndGrad(model, Loss)(x, y).Gradients;
        model.Freeze("layers.0");
        var gradients = ValueAndGrad(model, Loss)(x, y).Gradients;
        Assert.Equal(["layers.1.weight", "layers.1.bias"], gradients.Keys);
        Assert.Equal(all["layers.1.weight"].ToArray<double>(), gradients["layers.1.weight"].ToArray<double>());
    }

    [Fact]
    public void ValueAndGrad_WithAllFrozen_GivesTheLossAlone()
    {
        model.Freeze();
        var (loss, gradients) = ValueAndGrad(model, Loss)(x, y);
        Assert.Empty(gradients);
        Assert.Equal(Loss(model, x, y).Item<double>(), loss.Item<double>());
    }

    [Fact]
    public void ValueAndGrad_OfAFunctionThatThrows_PutsTheParametersBack()
    {
        var before = model.Parameters();
        var step = ValueAndGrad(model, (Tensor a, Tensor b) => throw new InvalidDataException());
        Assert.Throws<InvalidDataException>(() => step(x, y));
        Assert.All(before.Zip(model.Parameters()), pair => Assert.Same(pair.First.Value, pair.Second.Value));
    }

    [Fact]
    public void ValueAndGrad_OfALossThatIsNoScalar_PutsTheParametersBackAndSaysSo()
    {
        var before = model.Parameters();
        var step = ValueAndGrad(model, (a, b) => Losses.CrossEntropy(model.Forward(a), b));
        var error = Assert.Throws<ArgumentException>(() => step(x, y));
        Assert.Equal("[grad] loss has shape (6,), expected a scalar; reduce it with Sum() or Mean()", error.Message);
        Assert.All(before.Zip(model.Parameters()), pair => Assert.Same(pair.First.Value, pair.Second.Value));
    }

    [Fact]
    public void ValueAndGrad_OfEveryForm_GivesTheSameGradients()
    {
        var weight = Tensor.Ones([6], DType.Float64);
        var expected = ValueAndGrad(model, Loss)(x, y).Gradients["layers.0.weight"].ToArray<double>();
        Same(ValueAndGrad(model, a => Loss(model, a, y))(x).Gradients);
        Same(ValueAndGrad(model, (a, b) => Loss(model, a, b))(x, y).Gradients);
        Same(ValueAndGrad(model, (a, b, c) => (Losses.CrossEntropy(model.Forward(a), b, weights: c)).Mean())(x, y, weight).Gradients);
        Same(ValueAndGrad(model, (m, a) => Loss(m, a, y))(x).Gradients);
        Same(ValueAndGrad(model, (m, a, b, c) => Losses.CrossEntropy(m.Forward(a), b, c).Mean())(x, y, weight).Gradients);
        Same(ValueAndGrad(model, a => (Loss(model, a, y), "extra"))(x).Gradients);
        Same(ValueAndGrad(model, (a, b, c) => (Losses.CrossEntropy(model.Forward(a), b, c).Mean(), 1))(x, y, weight).Gradients);

        void Same(ParameterTree gradients) => Assert.Equal(expected, gradients["layers.0.weight"].ToArray<double>());
    }

    [Fact]
    public void ValueAndGrad_WithAnExtraResult_PassesItThrough()
    {
        var step = ValueAndGrad(model, (a, b) =>
        {
            var logits = model.Forward(a);
            return (Losses.CrossEntropy(logits, b, reduction: Reduction.Mean), logits);
        });
        var (_, logits, gradients) = step(x, y);
        Assert.Equal(model.Forward(x).ToArray<double>(), logits.ToArray<double>());
        Assert.Equal(4, gradients.Count);
    }

    [Fact]
    public void ValueAndGrad_OfALossReadInside_KeepsThePathOfTheGradient()
    {
        var seen = 0.0;
        var step = ValueAndGrad(model, (a, b) =>
        {
            var loss = Loss(model, a, b);
            seen = loss.Item<double>();
            return loss * 2;
        });
        var (value, gradients) = step(x, y);
        Assert.Equal(2 * seen, value.Item<double>(), 15);
        var once = ValueAndGrad(model, Loss)(x, y).Gradients["layers.0.bias"];
        Assert.Equal((once * 2).ToArray<double>(), gradients["layers.0.bias"].ToArray<double>());
    }

    [Fact]
    public void ValueAndGrad_WithABuffer_LeavesItOut()
    {
        var mixed = new Mixed();
        var gradients = ValueAndGrad(mixed, a => mixed.Forward(a).Sum())(Tensor.Ones([1, 2])).Gradients;
        Assert.Equal(["first.weight", "first.bias", "scale", "last.weight"], gradients.Keys);
    }

    private static Tensor Loss(Mlp model, Tensor x, Tensor y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean);
}
