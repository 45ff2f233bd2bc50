using Xunit;

namespace ManagedFed.Tests;

/// <summary>What a disposed tensor gives back and what it leaves alone. Reads the process's byte counters, so it runs alone.</summary>
[Collection("memory")]
public sealed class DisposeTests
{
    private const int Count = 1 << 16;

    /// <summary>More than the scalars of a test take.</summary>
    private const int Scalars = 4096;

    public DisposeTests()
    {
        // What earlier tests dropped shall not be found later.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    private static long Active => TensorMemory.ActiveBytes;

    [Fact]
    public void Dispose_OfAValue_GivesItsMemoryBackAtOnce()
    {
        var x = Tensor.Ones([Count]).Eval();
        var before = Active;
        var y = (x + 1).Eval();
        Assert.InRange(Active - before, 4 * Count, 4 * Count + Scalars);

        y.Dispose();
        y.Dispose();

        Assert.InRange(Active - before, 0, Scalars);
    }

    [Fact]
    public void Dispose_InALoop_KeepsMemoryFlatWithoutTheCollector()
    {
        var x = Tensor.Ones([Count]).Eval();
        using (var warm = (x + 1).Eval()) Assert.Equal(2, warm.ToArray<float>()[^1]);
        TensorMemory.ResetPeak();
        var before = Active;
        var collections = GC.CollectionCount(0);
        for (var i = 0; i < 1000; i++)
        {
            using var y = x + i;
            y.Eval();
        }

        Assert.InRange(TensorMemory.PeakBytes - before, 0, 5 * Count);
        Assert.Equal(collections, GC.CollectionCount(0));
    }

    [Fact]
    public void Dispose_BeforeARecordedConsumerRan_WaitsForIt()
    {
        var x = Tensor.From<float>(1, 2);
        var (sum, product) = (x + 1, x * 3);

        x.Dispose();

        Assert.Equal([2, 3], sum.ToArray<float>());
        Assert.Equal([3, 6], product.ToArray<float>());
    }

    [Fact]
    public void Dispose_BeforeTheLastConsumerRan_GivesTheMemoryBackAfterIt()
    {
        var x = (Tensor.Ones([Count]) * 3).Eval();
        var sum = x.Sum();
        var before = Active;

        x.Dispose();
        Assert.Equal(before, Active);
        Assert.Equal(3 * Count, sum.Item<float>());

        Assert.InRange(before - Active, 4 * Count - Scalars, 4 * Count);
    }

    [Fact]
    public void Dispose_OfANodeThatWasNotEvaluated_LeavesItsConsumers()
    {
        var x = Tensor.From<float>(1, 2);
        var doubled = x * 2;
        var result = doubled + 1;

        doubled.Dispose();

        Assert.Equal([3, 5], result.ToArray<float>());
        Assert.Throws<ObjectDisposedException>(() => doubled.ToArray<float>());
    }

    [Fact]
    public void DisposedTensor_ReadOrUsedAgain_IsRefused()
    {
        var x = Tensor.From<float>(1, 2, 3);
        x.Dispose();

        var error = Assert.Throws<ObjectDisposedException>(() => x + 1);
        Assert.Contains("[add] a tensor of shape (3,) was disposed of; dispose of it after its last use", error.Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => x.ToArray<float>());
        Assert.Throws<ObjectDisposedException>(() => x.ToNdArray());
        Assert.Throws<ObjectDisposedException>(() => x.Eval());
        Assert.Throws<ObjectDisposedException>(() => x.ToString());
        Assert.Throws<ObjectDisposedException>(() => Transforms.Grad(v => v.Sum())(x));
        Assert.Throws<ObjectDisposedException>(() => Transforms.Compile(v => v.Sum())(x));
        Assert.Equal([3], x.Shape);
    }

    [Fact]
    public void Step_AskedForAfterItsSourceIsGone_IsRefusedAndLeavesTheGraphUsable()
    {
        var x = Tensor.From<float>(1, 2);
        var step = x + 1;
        var result = (step * 2).Eval();
        x.Dispose();

        var error = Assert.Throws<ObjectDisposedException>(() => (result + step).Eval());
        Assert.Contains("[eval] a tensor of shape (2,) was disposed of, and what is asked for was computed from it", error.Message, StringComparison.Ordinal);
        Assert.Equal([5, 7], (result + 1).ToArray<float>());
    }

    [Fact]
    public void Arrays_OfADisposedTensor_StayValid()
    {
        var x = (Tensor.Ones([Count]) * 7).Eval();
        var array = x.ToNdArray();
        var given = NdArray.Zeros([Count]);
        var tensor = Tensor.FromArray(given);
        var before = Active;

        x.Dispose();
        tensor.Dispose();
        var others = Enumerable.Range(0, 4).Select(i => (Tensor.Ones([Count]) * i).Eval()).ToArray();

        Assert.InRange(Active - before, 4 * 4 * Count, 4 * 4 * Count + Scalars);
        Assert.All(array.ToArray<float>(), value => Assert.Equal(7, value));
        Assert.All(given.ToArray<float>(), value => Assert.Equal(0, value));
        GC.KeepAlive(others);
    }

    [Fact]
    public void Views_KeepTheMemoryByTheirOwnClaims()
    {
        var before = Active;
        var x = Tensor.Arange(0, Count, 1, DType.Float32);
        var column = x.Reshape(-1, 2).T[1].Eval();

        x.Dispose();
        Assert.InRange(Active - before, 4 * Count, 4 * Count + Scalars);
        Assert.Equal([1, 3, 5], column.ToArray<float>()[..3]);
        column.Dispose();

        Assert.InRange(Active - before, 0, Scalars);
    }

    [Fact]
    public void Dispose_InsideATransform_LeavesWhatTheDerivativeNeeds()
    {
        Func<Tensor, Tensor> f = x =>
        {
            using var square = x * x;
            using var sine = square.Sin();
            return (sine * square).Sum();
        };
        var x = Tensor.From<double>(0.3, 0.7);

        // d/dx [sin(x²)·x²] = 2x³·cos(x²) + 2x·sin(x²).
        double[] expected = [.. x.ToArray<double>().Select(v => 2 * v * v * v * Math.Cos(v * v) + 2 * v * Math.Sin(v * v))];
        Assert.All(Transforms.Grad(f)(x).ToArray<double>().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        Assert.All(Transforms.Compile(Transforms.Grad(f))(x).ToArray<double>().Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12));
        Assert.Equal(f(x).Item<double>(), Transforms.Compile(f)(x).Item<double>(), 1e-12);
    }

    [Fact]
    public void Dispose_OfAConstantOfACompiledFunction_LeavesTheFunction()
    {
        var (weight, result) = ((Tensor.Ones([Count]) * 2).Eval(), (Tensor.Ones([Count]) * 5).Eval());
        var f = Transforms.Compile((Tensor[] v) => [v[0] * weight, result]);
        var x = Tensor.Ones([Count]).Eval();
        f.Invoke(x);

        weight.Dispose();
        result.Dispose();
        var others = Enumerable.Range(0, 4).Select(i => (Tensor.Ones([Count]) * -i).Eval()).ToArray();

        var outputs = f.Invoke(x);
        Assert.All(outputs[0].ToArray<float>(), value => Assert.Equal(2, value));
        Assert.All(outputs[1].ToArray<float>(), value => Assert.Equal(5, value));
        GC.KeepAlive(others);
    }

    [Fact]
    public void Dispose_AfterAnEvaluationFailed_GivesTheMemoryBack()
    {
        var x = (Tensor.Ones([Count]) * 2).Eval();
        var before = Active;
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Take(Tensor.From(Count)).Eval());

        // The failed operation may be tried again, so it still needs x.
        x.Dispose();
        Assert.InRange(Active - before, -4 * Count, Scalars);
    }

    [Fact]
    public async Task Dispose_WhileOtherThreadsEvaluate_NeverChangesTheirResults()
    {
        for (var round = 0; round < 200; round++)
        {
            var x = (Tensor.Ones([4096]) * round).Eval();
            var sums = Enumerable.Range(1, 4).Select(k => (x * k + x.Reshape(64, 64).T.Reshape(4096)).Sum()).ToArray();
            var late = 0;
            var work = sums.Select((sum, i) => Task.Run(() =>
            {
                Assert.Equal(4096f * round * (i + 2), sum.Item<float>());
                sum.Dispose();
            })).ToList();
            work.Add(Task.Run(x.Dispose, TestContext.Current.CancellationToken));
            work.Add(Task.Run(() =>
            {
                // Either refused or right, never anything else.
                try
                {
                    Assert.Equal(4096f * round, x.Sum().Item<float>());
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref late);
                }
            }, TestContext.Current.CancellationToken));
            await Task.WhenAll(work);
            Assert.InRange(late, 0, 1);
            Assert.Throws<ObjectDisposedException>(() => x.ToNdArray());
        }
    }
}
