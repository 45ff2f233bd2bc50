using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class CheckpointTests
{
    private static Sequential Model() => new(
        new Linear(3, 4, RandomKey.FromSeed(1)), new BatchNorm(4), new Dropout(0.5, RandomKey.FromSeed(2)), new Linear(4, 2, RandomKey.FromSeed(3)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Checkpoint_OfABlockWithBuffers_TrainsLikeTheBlock(bool compiled)
    {
        var (plain, kept) = (Model(), Model());
        var x = TestValues.Matrix(1, 6, 3).AsType(DType.Float32);
        var block = Transforms.Checkpoint(kept.Forward);

        Train(plain, v => plain.Forward(v));
        Train(kept, v => block(v));

        foreach (var (name, expected) in plain.State()) Assert.Equal(expected.AsType(DType.Float64).ToArray<double>(), kept.State()[name].AsType(DType.Float64).ToArray<double>());

        void Train(Module model, Func<Tensor, Tensor> forward)
        {
            var optimizer = new Sgd(0.1);
            Tensor Loss(Tensor v, Tensor _) => forward(v).Square().Mean();
            var step = compiled ? ModuleTransforms.CompileStep(model, optimizer, Loss) : null;
            for (var i = 0; i < 3; i++)
            {
                if (step is not null)
                {
                    Assert.True(step.Invoke(x, x) > 0);
                    continue;
                }
                var (loss, gradients) = ModuleTransforms.ValueAndGrad(model, Loss)(x, x);
                optimizer.Update(model, gradients);
                Assert.True(loss.Item<float>() > 0);
            }
        }
    }
}
