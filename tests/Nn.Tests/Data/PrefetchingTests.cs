using ManagedFed.Nn.Data;

namespace ManagedFed.Nn.Tests.Data;

public sealed class PrefetchingTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(1000, 1)]
    [InlineData(1000, 7)]
    public void Prefetch_OfASource_GivesItsItemsInOrder(int count, int ahead)
    {
        var items = Enumerable.Range(0, count).Prefetch(ahead, Stop);
        Assert.Equal(Enumerable.Range(0, count), items);
        Assert.Equal(Enumerable.Range(0, count), items);
    }

    [Fact]
    public void Prefetch_BeforeAnItemIsTaken_MakesSoManyAndNoMore()
    {
        using var made = new SemaphoreSlim(0);
        var count = 0;
        IEnumerable<int> Source()
        {
            while (true)
            {
                Interlocked.Increment(ref count);
                made.Release();
                yield return count;
            }
        }
        using var items = Source().Prefetch(2, Stop).GetEnumerator();
        Assert.Equal(0, count);
        Assert.True(items.MoveNext());

        // The one taken, two that wait, and one in the producer's hand, which nobody takes.
        for (var i = 0; i < 4; i++) Assert.True(made.Wait(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(4, Volatile.Read(ref count));
        Assert.Equal(1, items.Current);
    }

    [Fact]
    public void Prefetch_OfASourceThatFails_FailsAfterTheItemsBefore()
    {
        static IEnumerable<int> Source()
        {
            yield return 1;
            yield return 2;
            throw new InvalidDataException("broken");
        }
        var seen = new List<int>();
        var error = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (var item in Source().Prefetch(cancellation: Stop)) seen.Add(item);
        });
        Assert.Equal("broken", error.Message);
        Assert.Equal([1, 2], seen);
    }

    [Fact]
    public void Prefetch_LeftEarly_EndsTheSource()
    {
        var disposed = false;
        IEnumerable<int> Source()
        {
            try
            {
                for (var i = 0; ; i++) yield return i;
            }
            finally
            {
                disposed = true;
            }
        }
        foreach (var item in Source().Prefetch(3, Stop))
        {
            if (item == 5) break;
        }
        Assert.True(disposed);
    }

    [Fact]
    public async Task Prefetch_Cancelled_WakesTheConsumerAndEndsTheSource()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var gate = new ManualResetEventSlim();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        IEnumerable<int> Source()
        {
            yield return 1;
            waiting.SetResult();
            gate.Wait(stop.Token);
            yield return 2;
        }
        var consumer = Task.Run(() => Source().Prefetch(1, stop.Token).Count(), TestContext.Current.CancellationToken);
        await waiting.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => consumer.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Prefetch_OfNothingAhead_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new[] { 1 }.Prefetch(0, Stop));
}
