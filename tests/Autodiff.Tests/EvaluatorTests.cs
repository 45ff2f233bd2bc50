using ManagedFed.Graph;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>Order, memory and threads of evaluation. Runs alone because it reads the process's byte counters.</summary>
[Collection("memory")]
[CollectionDefinition("memory", DisableParallelization = true)]
public sealed class EvaluatorTests
{
    [Fact]
    public void Eval_OfAMillionOperationChain_ComputesAndDifferentiates()
    {
        const int n = 1_000_000;
        var one = Tensor.Scalar(1, DType.Float64);
        Func<Tensor, Tensor> chain = x =>
        {
            for (var i = 0; i < n; i++) x = x + one;
            return x;
        };

        var (value, gradient) = Transforms.ValueAndGrad(chain)(Tensor.Scalar(0.5, DType.Float64));

        Assert.Equal(1_000_000.5, value.Item<double>());
        Assert.Equal(1, gradient.Item<double>());
    }

    [Fact]
    public void Eval_OfANodeSharedAMillionTimes_ComputesItOnce()
    {
        var counter = new Counter();
        var shared = Tensor.Apply(counter, Tensor.Scalar(1));
        var sum = shared;
        for (var i = 1; i < 1_000_000; i++) sum = sum + shared;

        Assert.Equal(1_000_000f, sum.Item<float>());
        Assert.Equal(1, counter.Runs);
    }

    [Fact]
    public void Eval_OfAChain_HoldsNoMoreThanItsEnds()
    {
        var x = Tensor.Ones([1 << 16]).Eval() * 1;
        x.Eval();
        var before = Settled();
        TensorMemory.ResetPeak();

        var y = x;
        for (var i = 0; i < 100; i++) y = y.Sin() + x;
        y.Eval();

        // Each array is 256 KiB: at most x's successor, the one being computed and one scalar are alive at a time.
        Assert.InRange(TensorMemory.PeakBytes - before, 0, 3 << 18);
        Assert.InRange(TensorMemory.ActiveBytes - before, 1 << 18, (1 << 18) + 4096);
    }

    [Fact]
    public void Eval_OfAnIntermediateLater_ComputesItAgainOnceAndKeepsIt()
    {
        var counter = new Counter();
        var middle = Tensor.Apply(counter, Tensor.Scalar(3));
        var end = middle * 2;

        Assert.Equal(6, end.Item<float>());
        Assert.Equal(3, middle.Item<float>());
        Assert.Equal(3, middle.Item<float>());
        Assert.Equal(2, counter.Runs);
    }

    [Fact]
    public void Eval_OfAValueWithRecordedConsumers_KeepsItForThem()
    {
        var counter = new Counter();
        var middle = Tensor.Apply(counter, Tensor.Scalar(3));
        var (first, second) = (middle * 2, middle * 5);

        Assert.Equal(6, first.Item<float>());
        Assert.Equal(15, second.Item<float>());
        Assert.Equal(1, counter.Runs);
    }

    [Fact]
    public void Eval_InPlaceReuse_NeverChangesAValueThatIsReadAgain()
    {
        var x = Tensor.From<float>(1, 2, 3);
        var a = x + 1;
        var b = a * 10;
        var c = a - 1;
        Tensor.Eval(b, c);

        Assert.Equal([20, 30, 40], b.ToArray<float>());
        Assert.Equal([1, 2, 3], c.ToArray<float>());
        Assert.Equal([2, 3, 4], a.ToArray<float>());
        Assert.Equal([1, 2, 3], x.ToArray<float>());
    }

    [Fact]
    public void Eval_OfAView_LeavesItsSourceIntact()
    {
        var x = Tensor.Arange(6).AsType(DType.Float32).Reshape(2, 3);
        var doubled = x.T * 2;
        var source = x.T.Reshape(6);
        Tensor.Eval(doubled);

        Assert.Equal([0, 6, 2, 8, 4, 10], doubled.ToArray<float>());
        Assert.Equal([0, 3, 1, 4, 2, 5], source.ToArray<float>());
    }

    [Fact]
    public void Eval_WhenAnOperationFails_LeavesTheGraphUsable()
    {
        var indices = Tensor.From(0, 9);
        var x = Tensor.From<float>(1, 2, 3) * 2;
        var bad = x.Take(indices);

        Assert.Throws<ArgumentOutOfRangeException>(() => bad.ToArray<float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => bad.ToArray<float>());
        Assert.Equal([2, 4, 6], x.ToArray<float>());
    }

    [Fact]
    public void Item_InsideADifferentiatedFunction_DoesNotCutTheGradient()
    {
        var seen = 0f;
        var gradient = Transforms.Grad(x =>
        {
            var y = x * x;
            seen = y.Item<float>();
            return y * x;
        })(Tensor.Scalar(2));

        Assert.Equal(4, seen);
        Assert.Equal(12, gradient.Item<float>());
    }

    [Fact]
    public void Item_InsideANestedGradient_KeepsTheOuterPath()
    {
        // f = x³; the inner function reads values that depend on both variables.
        var second = Transforms.Grad(x => Transforms.Grad(u =>
        {
            var y = u * u * (x / x);
            _ = y.Item<double>();
            return y * u;
        })(x))(Tensor.Scalar(2, DType.Float64));

        // ∂/∂x [3u²·(x/x)] at u = x: 6x.
        Assert.Equal(12, second.Item<double>(), 12);
    }

    [Fact]
    public void Trace_AfterTheCall_LetsEvaluatedNodesDropTheirInputs()
    {
        Tensor? kept = null;
        Transforms.Grad(x =>
        {
            kept = (x * x).Eval();
            Assert.NotEmpty(kept.Inputs);
            return kept.Sum();
        })(Tensor.Scalar(2));

        Assert.Empty(kept!.Inputs);
    }

    [Fact]
    public void LazySteps_WithOnlyTheLossRead_HoldMemoryFlat()
    {
        var key = RandomKey.FromSeed(1);
        var x = Tensor.RandomUniform(key, [64, 32]).Eval();
        var w = Tensor.RandomUniform(key, [32, 32]).Eval();
        var both = Transforms.ValueAndGrad(v => (x.MatMul(v).Tanh() - 0.5).Square().Mean());
        var marks = new List<long>();
        for (var step = 0; step < 3000; step++)
        {
            var (loss, gradient) = both(w);
            w = w - gradient * 0.1;
            Assert.True(loss.Item<float>() < 1);
            if (step % 1000 == 999) marks.Add(Settled());
        }

        Assert.InRange(marks[2] - marks[0], -65536, 65536);
    }

    [Fact]
    public void LazySteps_ReadBeforeTheUpdateIsRecorded_StayLinear()
    {
        // Each parameter is computed for the loss, given up, and computed once more for the next step: never a longer chain.
        var counter = new Counter();
        var w = Tensor.Scalar(1);
        for (var step = 0; step < 200; step++)
        {
            Assert.True(float.IsFinite((w * w).Item<float>()));
            w = Tensor.Apply(counter, w);
        }

        Assert.InRange(counter.Runs, 199, 400);
    }

    [Fact]
    public async Task Eval_FromManyThreadsOnOneGraph_ComputesEveryValueRight()
    {
        for (var round = 0; round < 50; round++)
        {
            var x = Tensor.From<float>(1, 2, 3, 4);
            var shared = x;
            for (var i = 0; i < 50; i++) shared = shared.Sin() + x;
            var expected = 0.0;
            foreach (var start in new double[] { 1, 2, 3, 4 })
            {
                var v = start;
                for (var i = 0; i < 50; i++) v = Math.Sin(v) + start;
                expected += v;
            }

            var sums = await Task.WhenAll(Enumerable.Range(1, 8).Select(k => Task.Run(() => (shared * k).Sum().Item<float>())));

            Assert.All(sums.Select((sum, i) => sum / (i + 1)), sum => Assert.Equal(expected, sum, 1e-4));
        }
    }

    [Fact]
    public void CompiledCalls_WithLazyArguments_HoldMemoryFlatWithoutTheCollector()
    {
        var table = Tensor.RandomUniform(RandomKey.FromSeed(1), [1000, 64]).Eval();
        var order = Tensor.Arange(1000);
        var f = Transforms.Compile((Tensor[] v) => [(v[0] * v[1].T.MatMul(v[0])[..1]).Sum()]);
        using (var first = f.Invoke(table[order[..64]], table[order[..64]])[0]) first.Eval();
        var before = Settled();
        var collections = GC.CollectionCount(0);
        TensorMemory.ResetPeak();
        for (var step = 0; step < 1000; step++)
        {
            var batch = order[(step % 900)..(step % 900 + 64)];
            using var result = f.Invoke(table[batch], table[batch])[0];
            Assert.True(float.IsFinite(result.Item<float>()));
        }

        // Two gathered batches of 16 KiB, and less than that of indices and scratch; a slice of 1000 int32 shares their memory.
        Assert.InRange(TensorMemory.PeakBytes - before, 0, 3 * 16384);
        Assert.InRange(TensorMemory.ActiveBytes - before, 0, 1024);
        Assert.Equal(collections, GC.CollectionCount(0));
    }

    [Fact]
    public void CompiledCall_GivesALazyArgumentUpButLeavesItReadable()
    {
        var counter = new Counter();
        var argument = Tensor.Apply(counter, Tensor.From<float>(1, 2));
        var f = Transforms.Compile(x => x + 1);

        Assert.Equal([2, 3], f(argument).ToArray<float>());
        Assert.Null(argument.Data);
        Assert.Equal([1, 2], argument.ToArray<float>());
        Assert.Equal([2, 3], f(argument).ToArray<float>());
        Assert.Equal(2, counter.Runs);
    }

    [Fact]
    public void CompiledCall_OnAnArgumentThatOthersNeed_KeepsIt()
    {
        var counter = new Counter();
        var argument = Tensor.Apply(counter, Tensor.From<float>(1, 2));
        var consumer = argument * 10;
        var f = Transforms.Compile((Tensor[] v) => [v[0], v[1].Reshape(2, 1)]);

        var results = f.Invoke(argument, argument);

        Assert.Equal([10, 20], consumer.ToArray<float>());
        Assert.Equal([1, 2], results[0].ToArray<float>());
        Assert.Equal([1, 2], results[1].ToArray<float>());
        Assert.Equal(1, counter.Runs);
    }

    private static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return TensorMemory.ActiveBytes;
    }

    /// <summary>The identity as a copy, counting how often it runs.</summary>
    private sealed record Counter : Op
    {
        private int runs;

        public int Runs => runs;

        public override string Name => "counter";

        public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

        protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
        {
            Interlocked.Increment(ref runs);
            Kernels.Copy.Run(x[0], y);
        }

        public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;
    }
}
