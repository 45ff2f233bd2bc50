using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>What transforms hold in memory; counters are the process's, so these run alone.</summary>
[Collection("memory")]
public sealed class TransformMemoryTests
{
    [Fact]
    public void Checkpoint_OfLongSegments_HoldsLessMemory()
    {
        const int Segments = 8, Steps = 16, Size = 1 << 14;
        var x = Tensor.RandomUniform(RandomKey.FromSeed(1), [Size]).Eval();
        Tensor Segment(Tensor v)
        {
            for (var i = 0; i < Steps; i++) v = v.Sin() * 1.5;
            return v;
        }
        long Peak(Func<Tensor, Tensor> segment)
        {
            var before = Settled().Arrays;
            TensorMemory.ResetPeak();
            Grad(v =>
            {
                for (var i = 0; i < Segments; i++) v = segment(v);
                return v.Sum();
            })(x).Eval();
            return TensorMemory.PeakBytes - before;
        }
        var plain = Peak(Segment);
        var less = Peak(Checkpoint(Segment));

        // All 128 sines' arguments against those of one segment and the segments' ends.
        Assert.True(less < plain / 3, $"{less} bytes with checkpoints, {plain} without");
    }

    [Fact]
    public void LazySteps_WhoseLossIsReadOnceEach_HoldMemoryFlat()
    {
        // Nothing but the loss is ever asked for: reading it computes the weights it depends on.
        Tensor w = Tensor.From<double>(1, 2, 3), velocity = w.ZerosLike();
        Run(500);
        var before = Settled();
        Run(10_000);
        var after = Settled();

        Assert.True(after.Arrays <= before.Arrays + 8192, $"{after.Arrays} bytes of arrays after 10,000 steps, {before.Arrays} before");
        Assert.True(after.Objects <= before.Objects + (1 << 20), $"{after.Objects} bytes of objects after 10,000 steps, {before.Objects} before");

        void Run(int steps)
        {
            for (var i = 0; i < steps; i++)
            {
                var (loss, gradient) = ValueAndGrad((Tensor v) => (v * v).Sum())(w);
                velocity = velocity * 0.9 + gradient;
                w -= velocity * 1e-6;
                Assert.True(loss.Item<double>() > 0);
            }
        }
    }

    [Fact]
    public void TransformsInALoop_HoldMemoryFlat()
    {
        var x = Tensor.From<double>(1, 2, 3);
        var f = Compile(Checkpoint(v => v.Sin() * v));
        Run(50);
        var before = Settled();
        Run(1_000);
        var after = Settled();

        Assert.True(after.Arrays <= before.Arrays + 8192, $"{after.Arrays} bytes of arrays after 1,000 calls, {before.Arrays} before");
        Assert.True(after.Objects <= before.Objects + (1 << 20), $"{after.Objects} bytes of objects after 1,000 calls, {before.Objects} before");

        void Run(int calls)
        {
            for (var i = 0; i < calls; i++)
            {
                var hessian = Vmap(v => Jvp(Grad(u => f(u).Sum()), x, v).Tangent)(Tensor.Eye(3, DType.Float64));
                Assert.Equal([3, 3], hessian.Eval().Shape);
            }
        }
    }

    private static (long Arrays, long Objects) Settled()
    {
        // A dropped array's block comes back to the pool, is found unneeded by the next full collection but one, and freed by that after it.
        for (var i = 0; i < 4; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return (TensorMemory.ActiveBytes, GC.GetTotalMemory(forceFullCollection: true));
    }
}
