using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Tests;

public sealed class PerExampleTests
{
    private static Tensor Loss(Module model, Tensor x, Tensor y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean);

    private static void EqualsALoop(Module model, Tensor x, Tensor y, Func<Tensor, Tensor, Tensor>? loss = null)
    {
        loss ??= (a, b) => Loss(model, a, b);
        var (losses, gradients) = PerExampleValueAndGrad(model, loss)(x, y);
        Assert.Equal([x.Shape[0]], losses.Shape);
        Assert.Equal(model.TrainableParameters().Keys, gradients.Keys);
        for (var i = 0; i < x.Shape[0]; i++)
        {
            var (one, expected) = ValueAndGrad(model, loss)(x.Slice(0, i, 1), y.Slice(0, i, 1));
            TestValues.Close([one.AsType(DType.Float64).Item<double>()], losses[i], 1e-6);
            foreach (var (name, gradient) in expected) TestValues.Close(gradient.AsType(DType.Float64).ToArray<double>(), gradients[name][i], 1e-5);
        }
    }

    [Fact]
    public void PerExampleValueAndGrad_OfAnMlp_EqualsALoop() =>
        EqualsALoop(new Mlp([3, 4, 2], RandomKey.FromSeed(5), DType.Float64), TestValues.Matrix(1, 6, 3), Tensor.From(0, 1, 1, 0, 1, 0));

    [Fact]
    public void PerExampleValueAndGrad_OfATransformer_EqualsALoop()
    {
        var model = new TransformerEncoder(1, 8, 2, RandomKey.FromSeed(2));
        var x = TestValues.Matrix(3, 3 * 5, 8).AsType(DType.Float32).Reshape(3, 5, 8);
        EqualsALoop(model, x, Tensor.From<float>(1, 2, 3), (a, b) => (model.Forward(a).Mean([1, 2]) - b).Square().Mean());
    }

    [Fact]
    public void PerExampleValueAndGrad_OfAnLstm_EqualsALoop()
    {
        var model = new Lstm(3, 4, RandomKey.FromSeed(2));
        var x = TestValues.Matrix(4, 2 * 5, 3).AsType(DType.Float32).Reshape(2, 5, 3);
        EqualsALoop(model, x, Tensor.From<float>(1, 2), (a, b) => (model.Forward(a).Mean([1, 2]) - b).Square().Mean());
    }

    [Fact]
    public void PerExampleValueAndGrad_Compiled_EqualsEager()
    {
        var model = new Mlp([3, 4, 2], RandomKey.FromSeed(5), DType.Float64);
        var (x, y) = (TestValues.Matrix(1, 6, 3), Tensor.From(0, 1, 1, 0, 1, 0));
        var perExample = PerExampleValueAndGrad(model, (a, b) => Loss(model, a, b));
        var compiled = Compile(model, v => perExample(v, y).Gradients["layers.0.weight"].Square().Sum([1, 2]));
        TestValues.Close(perExample(x, y).Gradients["layers.0.weight"].Square().Sum([1, 2]).ToArray<double>(), compiled(x), 1e-12);
    }

    [Fact]
    public void PerExampleValueAndGrad_OfDropout_AdvancesItsKeyOnce()
    {
        var (a, b) = (new Dropout(0.5, RandomKey.FromSeed(1)), new Dropout(0.5, RandomKey.FromSeed(1)));
        var model = new Sequential(new Linear(3, 4, RandomKey.FromSeed(2)), a);
        b.Forward(Tensor.Ones([1, 4]));

        PerExampleValueAndGrad(model, (x, _) => model.Forward(x).Sum())(Tensor.Ones([5, 3]), Tensor.Zeros([5]));

        Assert.Equal(b.Key.Value.ToArray<uint>(), a.Key.Value.ToArray<uint>());
    }

    [Fact]
    public void PerExampleValueAndGrad_OfBatchNormInTraining_IsRefusedAndChangesNothing()
    {
        var norm = new BatchNorm(3);
        var before = norm.State();
        var error = Assert.Throws<InvalidOperationException>(
            () => PerExampleValueAndGrad(norm, (x, _) => norm.Forward(x).Sum())(Tensor.Ones([4, 5, 3]), Tensor.Zeros([4])));
        Assert.StartsWith("[per_example] running_mean, running_var would change with each example; use evaluation mode", error.Message, StringComparison.Ordinal);
        Assert.All(before, entry => Assert.Equal(entry.Value.ToArray<float>(), norm.State()[entry.Key].ToArray<float>()));

        norm.Eval();
        var (losses, _) = PerExampleValueAndGrad(norm, (x, _) => norm.Forward(x).Sum())(Tensor.Ones([4, 5, 3]), Tensor.Zeros([4]));
        Assert.Equal([4], losses.Shape);
    }
}
