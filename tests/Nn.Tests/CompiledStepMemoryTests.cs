using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Nn.Tests;

/// <summary>A replayed step takes its scratch from the pool, where no other test may have borrowed it meanwhile.</summary>
[Collection("Memory")]
[CollectionDefinition("Memory", DisableParallelization = true)]
public sealed class CompiledStepMemoryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void Invoke_OnceTraced_AllocatesNothing(double dropout)
    {
        var key = RandomKey.FromSeed(1);
        var model = new Sequential(new Linear(6, 8, key), new Relu(), new Dropout(dropout, key), new Linear(8, 10, RandomKey.FromSeed(2)));
        var step = CompileStep(model, new Adam(0.01), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
        var x = Tensor.RandomUniform(RandomKey.FromSeed(100), [16, 6], -1, 1).Eval();
        var y = (Tensor.Arange(16) % 10).Eval();
        for (var i = 0; i < 5; i++) step.Invoke(x, y);

        Assert.Equal(0, Allocations.Fewest(10, () => step.Invoke(x, y)));
    }
}
