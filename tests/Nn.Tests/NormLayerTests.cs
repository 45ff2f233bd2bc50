using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;
using static ManagedFed.Tests.LayerCheck;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

public sealed class NormLayerTests
{
    private const DType F64 = DType.Float64;

    [Fact]
    public void Embedding_OfIndices_PicksRows()
    {
        var layer = new Embedding(4, 2, RandomKey.FromSeed(1), F64);
        HasParameters(layer, ("weight", [4, 2]));
        layer.Update(Tree(("weight", Tensor.From<double>([0, 1, 2, 3, 4, 5, 6, 7], [4, 2]))));
        var y = layer.Forward(Tensor.From<int>([3, 0, 3, 1], [2, 2]));
        Assert.Equal([2, 2, 2], y.Shape);
        Close([6, 7, 0, 1, 6, 7, 2, 3], y, 0);

        // x·Wᵀ with x = (1, −1): each row's difference, −1.
        Close([-1, -1, -1, -1], layer.AsLinear(Tensor.From(1.0, -1.0)), 0);
    }

    [Fact]
    public void Embedding_Gradient_AddsUpForRepeatedIndices()
    {
        var layer = new Embedding(3, 2, RandomKey.FromSeed(1), F64);
        var (_, gradients) = ValueAndGrad(layer, x => (layer.Forward(x) * Tensor.From<double>([1, 2, 3, 4], [2, 2])).Sum())(Tensor.From(2, 2));
        Close([0, 0, 0, 0, 4, 6], gradients["weight"], 0);
        HasRightGradients(layer, Random(1, [3, 2]), layer.AsLinear);
    }

    [Fact]
    public void Embedding_Initially_HasDeviationOneOverRootSize()
    {
        var values = new Embedding(300, 100, RandomKey.FromSeed(1)).Weight.Value.ToArray<float>();
        Assert.Equal(0.01, values.Average(v => (double)v * v), 0.0005);
        Assert.InRange(values.Max(), 0.3f, 0.6f);
    }

    [Fact]
    public void Embedding_OfWhatIsNoIndex_IsRefused()
    {
        var layer = new Embedding(3, 2, RandomKey.FromSeed(1));
        Refuses("[embedding] dtype is float32, expected an integer type for indices", () => layer.Forward(Tensor.Ones([2])));
        Refuses("[embedding] input has shape (3,), expected (..., 2)", () => layer.AsLinear(Tensor.Ones([3])));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.Forward(Tensor.From(3)).Eval());
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.Forward(Tensor.From(-1)).Eval());
        Assert.Throws<ArgumentOutOfRangeException>(() => new Embedding(0, 2, default));
    }

    [Fact]
    public void LayerNorm_OfRows_FollowsItsFormula()
    {
        var layer = new LayerNorm(5, 0.1, dtype: F64);
        HasParameters(layer, ("weight", [5]), ("bias", [5]));
        HasParameters(new LayerNorm(5, bias: false), ("weight", [5]));
        HasParameters(new LayerNorm(5, affine: false));
        var x = Random(3, [2, 3, 5]);
        var rows = x.ToArray<double>().Chunk(5).ToArray();
        Close([.. rows.SelectMany(row => Normal(row, 0.1))], layer.Forward(x), 1e-14);
        Close([.. rows.SelectMany(row => Normal(row, 1e-5))], new LayerNorm(5, affine: false).Forward(x), 1e-13);
        layer.Randomised();
        var (scale, shift) = (layer.Weight!.Value.ToArray<double>(), layer.Bias!.Value.ToArray<double>());
        Close([.. rows.SelectMany(row => Normal(row, 0.1).Select((v, i) => v * scale[i] + shift[i]))], layer.Forward(x), 1e-14);
        HasRightGradients(layer, x);
        Refuses("[layer_norm] input has shape (2, 4), expected (..., 5)", () => layer.Forward(Tensor.Zeros([2, 4])));
        Refuses("[layer_norm] epsilon -1 lies outside (0, ∞)", () => new LayerNorm(5, -1));
    }

    [Fact]
    public void RmsNorm_OfRows_FollowsItsFormula()
    {
        var layer = new RmsNorm(4, 0.1, F64);
        HasParameters(layer, ("weight", [4]));
        var x = Random(3, [3, 4]);
        var rows = x.ToArray<double>().Chunk(4).ToArray();
        Close([.. rows.SelectMany(row => row.Select(v => v / Math.Sqrt(row.Average(u => u * u) + 0.1)))], layer.Forward(x), 1e-14);
        layer.Randomised();
        HasRightGradients(layer, x);
        Refuses("[rms_norm] input has shape (), expected (..., 4)", () => layer.Forward(Tensor.Scalar(1)));
    }

    // Channels 0–2 and 3–5 are groups; interleaved, the even and the odd ones.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GroupNorm_OfImages_NormalisesEachGroupOfEachSample(bool interleaved)
    {
        var layer = new GroupNorm(2, 6, 0.1, interleaved: interleaved, dtype: F64);
        HasParameters(layer, ("weight", [6]), ("bias", [6]));
        HasParameters(new GroupNorm(2, 6, affine: false));
        var x = Random(3, [2, 2, 2, 6]);
        var values = x.ToArray<double>();
        var expected = new double[48];
        for (var sample = 0; sample < 2; sample++)
        {
            for (var group = 0; group < 2; group++)
            {
                var places = Enumerable.Range(24 * sample, 24).Where(i => (interleaved ? i % 2 : i % 6 / 3) == group).ToArray();
                var normal = Normal([.. places.Select(i => values[i])], 0.1);
                for (var k = 0; k < places.Length; k++) expected[places[k]] = normal[k];
            }
        }
        Close(expected, layer.Forward(x), 1e-14);
        layer.Randomised();
        HasRightGradients(layer, x);
        Refuses("[group_norm] input has shape (6,), expected (n, ..., 6)", () => layer.Forward(Tensor.Zeros([6])));
        Refuses("[group_norm] 6 channels cannot be divided into 4 groups", () => new GroupNorm(4, 6));
    }

    // Two channels with values (1, 3) and (2, 2): means 2 and 2, biased variances 1 and 0, unbiased 2 and 0.
    [Fact]
    public void BatchNorm_InTraining_UsesTheBatchAndMovesTheRunningStatistics()
    {
        var layer = new BatchNorm(2, 1e-30, dtype: F64);
        HasParameters(layer, ("weight", [2]), ("bias", [2]), ("running_mean", [2]), ("running_var", [2]));
        Assert.Equal(["weight", "bias"], layer.TrainableParameters().Keys);
        var x = Tensor.From<double>([1, 2, 3, 2.5], [2, 2]);
        Close([-1, -1, 1, 1], layer.Forward(x), 1e-14);
        Close([0.2, 0.225], layer.RunningMean!, 1e-15);
        Close([0.9 + 0.2, 0.9 + 0.1 * 0.125], layer.RunningVar!, 1e-15);
        layer.Eval();
        Close([0.8 / Math.Sqrt(1.1), 1.775 / Math.Sqrt(0.9125)], layer.Forward(x[0..1]), 1e-14);
        Close([0.2, 0.225], layer.RunningMean!, 1e-15);
    }

    [Fact]
    public void BatchNorm_OfImages_NormalisesEachChannelOverAllElse()
    {
        var layer = new BatchNorm(3, 0.1, affine: false, trackRunningStats: false, dtype: F64);
        Assert.Empty(layer.State());
        var x = Random(5, [2, 2, 4, 3]);
        var values = x.ToArray<double>();
        var expected = new double[48];
        for (var channel = 0; channel < 3; channel++)
        {
            var places = Enumerable.Range(0, 48).Where(i => i % 3 == channel).ToArray();
            var normal = Normal([.. places.Select(i => values[i])], 0.1);
            for (var k = 0; k < places.Length; k++) expected[places[k]] = normal[k];
        }
        Close(expected, layer.Forward(x), 1e-14);
        layer.Eval();
        Close(expected, layer.Forward(x), 1e-14);
    }

    [Fact]
    public void BatchNorm_Gradients_PassThroughTheStatistics()
    {
        var layer = new BatchNorm(3, 0.1, dtype: F64).Randomised();
        HasRightGradients(layer, Random(6, [5, 3]));
        layer.RunningVar!.Value = Tensor.From(0.5, 1, 2);
        layer.Eval();
        HasRightGradients(layer, Random(6, [5, 3]));
    }

    [Fact]
    public void BatchNorm_InACompiledStep_MovesTheStatisticsAsEagerTrainingDoes()
    {
        var (eager, compiled) = (Model(), Model());
        var (sgd, other) = (new Sgd(0.1), new Sgd(0.1));
        var lazy = ValueAndGrad(eager, (x, y) => Losses.Mse(eager.Forward(x), y));
        var step = CompileStep(compiled, other, (x, y) => Losses.Mse(compiled.Forward(x), y));
        for (var i = 0; i < 10; i++)
        {
            var (x, y) = (Random(i, [8, 4]), Random(i + 50, [8, 2]));
            var (loss, gradients) = lazy(x, y);
            sgd.Update(eager, gradients);
            Assert.Equal(loss.Item<double>(), step.Invoke(x, y), 1e-12);
        }
        foreach (var (name, value) in eager.State()) Close(value.ToArray<double>(), compiled.State()[name], 1e-12);
        Assert.NotEqual(0, eager.State()["layers.1.running_mean"].ToArray<double>()[0]);

        static Sequential Model() => new(
            new Linear(4, 3, RandomKey.FromSeed(1), dtype: F64), new BatchNorm(3, dtype: F64), new Relu(), new Linear(3, 2, RandomKey.FromSeed(2), dtype: F64));
    }

    [Fact]
    public void BatchNorm_OfWhatDoesNotFit_SaysWhatWould()
    {
        var layer = new BatchNorm(3);
        Refuses("[batch_norm] input has shape (4, 2), expected (n, ..., 3)", () => layer.Forward(Tensor.Zeros([4, 2])));
        Refuses("[batch_norm] input of shape (1, 3) has 1 values per channel, expected at least 2 in training", () => layer.Forward(Tensor.Zeros([1, 3])));
        Refuses("[batch_norm] momentum 2 lies outside [0, 1]", () => new BatchNorm(3, momentum: 2));
        layer.Eval();
        Assert.Equal([1, 3], layer.Forward(Tensor.Zeros([1, 3])).Shape);
    }

    private static double[] Normal(double[] values, double epsilon)
    {
        var mean = values.Average();
        var variance = values.Average(v => (v - mean) * (v - mean));
        return [.. values.Select(v => (v - mean) / Math.Sqrt(variance + epsilon))];
    }
}
