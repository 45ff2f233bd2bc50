using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Tests;

/// <remarks>Alone, because the byte counters are those of the whole process.</remarks>
[Collection(nameof(TrainingTests))]
public sealed class TrainingTests
{
    [Fact]
    public void Training_OfAnMlp_LearnsASpiralTheSameWayEachTime()
    {
        var first = Train(200);
        Assert.True(first[^1] < 0.1, $"loss {first[^1]} after {first.Length} steps");
        Assert.True(first[0] > 0.5, $"loss {first[0]} at first");
        Assert.Equal(first, Train(200));

        static float[] Train(int steps)
        {
            var (x, y) = Rings(RandomKey.FromSeed(3), 256);
            var model = new Mlp([2, 16, 16, 2], RandomKey.FromSeed(4));
            var optimizer = new Adam(0.02, biasCorrection: true);
            var step = ValueAndGrad(model, (a, b) => Losses.CrossEntropy(model.Forward(a), b, reduction: Reduction.Mean));
            return [.. Enumerable.Range(0, steps).Select(_ => Step(model, optimizer, step, x, y))];
        }
    }

    public static TheoryData<string> Loops => ["evaluate", "read loss"];

    /// <summary>Nobody disposes anything, and the memory of step 2,000 is that of step 200.</summary>
    [Theory]
    [MemberData(nameof(Loops))]
    public void Training_OfTwoThousandSteps_HoldsMemoryFlat(string loop)
    {
        var (x, y) = Rings(RandomKey.FromSeed(3), 64);
        var model = new Mlp([2, 16, 2], RandomKey.FromSeed(4));
        var optimizer = new Adam(0.001);
        var step = ValueAndGrad(model, (a, b) => Losses.CrossEntropy(model.Forward(a), b, reduction: Reduction.Mean));
        Run(200);
        var early = Settled();
        Run(1800);
        var late = Settled();
        Assert.True(late <= early + 4096, $"{early} bytes after 200 steps, {late} after 2,000");

        void Run(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                if (loop == "evaluate")
                {
                    Step(model, optimizer, step, x, y);
                    continue;
                }
                var (loss, gradients) = step(x, y);
                optimizer.Update(model, gradients);
                Assert.True(float.IsFinite(loss.Item<float>()));
            }
        }

        static long Settled()
        {
            for (var i = 0; i < 3; i++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
            return TensorMemory.ActiveBytes;
        }
    }

    private static float Step(
        Module model, Optimizer optimizer, Func<Tensor, Tensor, (Tensor Loss, ParameterTree Gradients)> step, Tensor x, Tensor y)
    {
        var (loss, gradients) = step(x, y);
        optimizer.Update(model, gradients);
        Tensor.Eval([loss, .. model.Parameters().Values]);
        return loss.Item<float>();
    }

    /// <summary>Points of the plane; class 1 are those within the ring 0.4 &lt; |x|² &lt; 1.</summary>
    private static (Tensor X, Tensor Y) Rings(RandomKey key, int count)
    {
        var x = Tensor.RandomUniform(key, [count, 2], -1.2, 1.2);
        var r = x.Square().Sum(1);
        return (x.Eval(), ((r > 0.4) & (r < 1)).AsType(DType.Int32).Eval());
    }
}

[CollectionDefinition(nameof(TrainingTests), DisableParallelization = true)]
public sealed class TrainingCollection;
