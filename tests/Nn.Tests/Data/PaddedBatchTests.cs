using ManagedFed.Nn.Data;

namespace ManagedFed.Nn.Tests.Data;

public sealed class PaddedBatchTests
{
    private static readonly Dataset Seven = new(
        NdArray.From<float>([.. Enumerable.Range(0, 14).Select(i => (float)i)], [7, 2]), NdArray.From(0, 1, 2, 3, 4, 5, 6));

    [Fact]
    public void Padded_InOrder_FillsTheLastBatchUp()
    {
        var batches = Seven.Padded(3).ToArray();
        Assert.Equal([3, 3, 1], batches.Select(batch => batch.Count));
        Assert.All(batches, batch => Assert.Equal([3, 2], batch.Inputs.Shape));
        Assert.Equal([6, 6, 6], batches[2].Labels.AsSpan<int>().ToArray());
        Assert.Equal([12f, 13, 12, 13, 12, 13], batches[2].Inputs.AsSpan<float>().ToArray());
        Assert.Equal([1f, 0, 0], batches[2].Mask.AsSpan<float>().ToArray());
        Assert.Equal([1f, 1, 1], batches[0].Mask.AsSpan<float>().ToArray());
    }

    [Fact]
    public void Padded_Shuffled_HoldsTheBatchesOfThatOrder()
    {
        var key = RandomKey.FromSeed(4);
        var expected = Batches.Shuffled(7, 4, key);
        var batches = Seven.Padded(4, key).Prefetch(cancellation: TestContext.Current.CancellationToken).ToArray();
        Assert.Equal(expected, batches.Select(batch => batch.Labels.AsSpan<int>()[..batch.Count].ToArray()));
        Assert.Throws<ArgumentOutOfRangeException>(() => Seven.Padded(0));
    }

    // A mean over the mask does not see the padding, and one trace serves all batches.
    [Fact]
    public void Padded_InACompiledStep_TrainsOnTheExamplesAlone()
    {
        var model = new Linear(2, 7, RandomKey.FromSeed(1));
        var step = ModuleTransforms.CompileStep(model, new Sgd(0), tensors =>
            Losses.CrossEntropy(model.Forward(tensors[0]), tensors[1], weights: tensors[2]).Sum() / tensors[2].Sum());
        foreach (var batch in Seven.Padded(3))
        {
            var real = batch.Inputs.Slice(0, 0, batch.Count);
            var expected = Losses.CrossEntropy(model.Forward(real), batch.Labels.Slice(0, 0, batch.Count), reduction: Reduction.Mean).Item<float>();
            Assert.Equal(expected, step.Invoke(batch.Inputs, batch.Labels, batch.Mask), 1e-6);
        }
        Assert.Equal(1, step.Statistics.Traces);
    }
}
