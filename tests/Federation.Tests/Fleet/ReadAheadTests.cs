using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Objects fetched before their turn.</summary>
public sealed class ReadAheadTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private readonly List<string> asked = [];
    private readonly Dictionary<string, TaskCompletionSource<ReadOnlyMemory<byte>>> answers = [];

    [Fact]
    public async Task TakeAsync_InOrder_KeepsSoManyOnTheirWay()
    {
        await using var objects = Open(2, "a", "b", "c", "d", "e");
        var first = objects.TakeAsync("a", Token);
        Assert.Equal(["a", "b", "c"], asked);
        Answer("b");
        Answer("a");
        Assert.Equal("a"u8.ToArray(), (await first).ToArray());
        Assert.Equal(["a", "b", "c"], asked);
        Assert.Equal("b"u8.ToArray(), (await objects.TakeAsync("b", Token)).ToArray());
        Assert.Equal(["a", "b", "c", "d"], asked);
    }

    [Fact]
    public async Task TakeAsync_OutOfOrderOrUnknown_FetchesItThenAndNothingTwice()
    {
        await using var objects = Open(1, "a", "b", "c");
        var c = objects.TakeAsync("c", Token);
        var other = objects.TakeAsync("x", Token);
        Assert.Equal(["c", "a", "x"], asked);
        foreach (var id in asked.ToArray()) Answer(id);
        Assert.Equal("c"u8.ToArray(), (await c).ToArray());
        Assert.Equal("x"u8.ToArray(), (await other).ToArray());
        await objects.TakeAsync("a", Token);
        Answer("b");
        await objects.TakeAsync("b", Token);
        Assert.Equal(["c", "a", "x", "b"], asked);
    }

    [Fact]
    public async Task DisposeAsync_WhileObjectsAreOnTheirWay_GivesThemUp()
    {
        var objects = Open(2, "a", "b", "c");
        var first = objects.TakeAsync("a", Token).AsTask();
        await objects.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Bounded());
        Assert.All(answers.Values, answer => Assert.True(answer.Task.IsCanceled));
    }

    private ReadAhead Open(int width, params string[] order) => new(
        (id, token) =>
        {
            asked.Add(id);
            var answer = answers[id] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            token.Register(() => answer.TrySetCanceled(token));
            return new(answer.Task);
        },
        order, width, Token);

    private void Answer(string id) => answers[id].SetResult(System.Text.Encoding.ASCII.GetBytes(id));
}
