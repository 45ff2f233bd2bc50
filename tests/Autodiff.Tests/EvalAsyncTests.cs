using ManagedFed.Graph;
using Xunit;

namespace ManagedFed.Tests;

public sealed class EvalAsyncTests
{
    /// <summary>The input's value, once the test lets it pass.</summary>
    private sealed record Gate(ManualResetEventSlim Reached, ManualResetEventSlim Open) : Op
    {
        public override string Name => "gate";

        public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

        protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y)
        {
            Reached.Set();
            if (!Open.Wait(TimeSpan.FromSeconds(30))) throw new TimeoutException("the gate was not opened");
            Kernels.Copy.Run(x[0], y);
        }

        public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g;
    }

    [Fact]
    public async Task EvalAsync_OfSeveralTensors_ComputesThem()
    {
        var x = Tensor.From<double>(1, 2);
        var (y, z) = (x * 2, x.Sum());

        await Tensor.EvalAsync([y, z], TestContext.Current.CancellationToken);

        Assert.True(y.Data is not null && z.Data is not null);
        Assert.Equal([2, 4], y.ToArray<double>());
        var doubled = await (y * 2).EvalAsync(TestContext.Current.CancellationToken);
        Assert.Equal([4, 8], doubled.ToArray<double>());
    }

    [Fact]
    public async Task EvalAsync_WhileItRuns_LetsOthersRecordAndWaitForWhatTheyRead()
    {
        using ManualResetEventSlim reached = new(), open = new();
        var token = TestContext.Current.CancellationToken;
        var slow = Tensor.Apply(new Gate(reached, open), Tensor.From<double>(1, 2));
        var running = slow.EvalAsync(token);
        reached.Wait(token);

        var more = slow + 1;
        Assert.Equal([6.0], (Tensor.From<double>(3) * 2).ToArray<double>());
        var reading = Task.Run(() => more.ToArray<double>(), token);
        Assert.False(running.IsCompleted);
        open.Set();

        var values = await reading;
        Assert.Equal([2, 3], values);
        Assert.Same(slow, await running);
    }

    [Fact]
    public async Task EvalAsync_Cancelled_StopsBeforeTheNextOperationAndCanBeRepeated()
    {
        using ManualResetEventSlim reached = new(), open = new();
        using var cancellation = new CancellationTokenSource();
        var first = Tensor.Apply(new Gate(reached, open), Tensor.From<double>(1, 2));
        var y = first * 10;
        var running = y.EvalAsync(cancellation.Token);
        reached.Wait(TestContext.Current.CancellationToken);

        await cancellation.CancelAsync();
        open.Set();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Null(y.Data);
        Assert.Equal([10, 20], y.ToArray<double>());
    }

    [Fact]
    public async Task EvalAsync_CancelledWhileItWaitsForAnother_LeavesThatAlone()
    {
        using ManualResetEventSlim reached = new(), open = new();
        using var cancellation = new CancellationTokenSource();
        var slow = Tensor.Apply(new Gate(reached, open), Tensor.From<double>(1, 2));
        var running = slow.EvalAsync(TestContext.Current.CancellationToken);
        reached.Wait(TestContext.Current.CancellationToken);

        var second = slow.EvalAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        open.Set();

        var result = await running;
        Assert.Equal([1, 2], result.ToArray<double>());
    }

    [Fact]
    public async Task EvalAsync_OfAFailingOperation_ThrowsItsError()
    {
        var bad = Tensor.From<float>(1, 2).Take(Tensor.From(7));
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => bad.EvalAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("[take] index 7 is out of range", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Transforms_FromSeveralThreads_AreIndependent()
    {
        // Every thread differentiates, maps and compiles functions of one shared lazy tensor.
        var shared = Tensor.Arange(6).AsType(DType.Float64) * 0.5;
        var compiled = Transforms.Compile(x => (x.Sin() * x).Sum());
        double[] Work(int seed)
        {
            var x = shared + seed;
            var hessian = Transforms.Vmap(v => Transforms.Jvp(Transforms.Grad(compiled), x, v).Tangent)(Tensor.Eye(6, DType.Float64));
            return [.. hessian.ToArray<double>(), compiled(x).Item<double>(), .. Transforms.Grad(Transforms.Checkpoint(compiled))(x).ToArray<double>()];
        }
        var expected = Enumerable.Range(0, 8).Select(Work).ToArray();

        var actual = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => Work(i % 8))));

        for (var i = 0; i < actual.Length; i++) Assert.Equal(expected[i % 8], actual[i]);
    }
}
