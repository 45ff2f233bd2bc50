using Grpc.Core;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The server's end of a stream when things happen in an unlucky order.</summary>
public sealed class BidiConnectionTests
{
    private static readonly GetParametersInstructions Ask = new(TestKit.NoValues);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AskAsync_AfterTheStreamEnded_IsAFailure()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink());
        _ = connection.End();
        Assert.False(connection.Deliver(new(new DisconnectResult(DisconnectReason.Ack))));
        Assert.Equal(FailureReason.Disconnected, (await connection.AskAsync(Ask, Token).Bounded()).Failure?.Reason);
    }

    [Fact]
    public async Task AskAsync_StreamEndsWhileWaiting_IsAFailure()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink());
        var asked = connection.AskAsync(Ask, Token);
        _ = connection.End();
        Assert.Equal(FailureReason.Disconnected, (await asked.Bounded()).Failure?.Reason);
    }

    [Fact]
    public async Task AskAsync_WhileAnotherWaits_Throws()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink());
        var first = connection.AskAsync(Ask, Token);
        await Assert.ThrowsAsync<InvalidOperationException>(() => connection.AskAsync(Ask, Token));
        Assert.True(connection.Deliver(new(new DisconnectResult(DisconnectReason.Ack))));
        Assert.Equal(new DisconnectResult(DisconnectReason.Ack), (await first.Bounded()).Reply);
    }

    [Fact]
    public async Task AskAsync_WriterThatIsGone_IsAFailure()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink { Gone = true });
        Assert.Equal(FailureReason.Disconnected, (await connection.AskAsync(Ask, Token).Bounded()).Failure?.Reason);
    }

    [Fact]
    public async Task AskAsync_GoodbyeInPlaceOfAnAnswer_TakesTheLateReply()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink());
        using var stop = new CancellationTokenSource();
        var asked = connection.AskAsync(Ask, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.Bounded());
        var goodbye = connection.AskAsync(new ReconnectInstructions(0), Token);
        Assert.True(connection.Deliver(new(new GetParametersResult(ResultStatus.Success, Parameters.Empty))));
        Assert.NotNull((await goodbye.Bounded()).Reply);
        Assert.Equal(Status.DefaultSuccess, await connection.Closed.Bounded());
    }

    /// <summary>Half an instruction can be followed by nothing: the goodbye waits for the other half.</summary>
    [Fact]
    public async Task AskAsync_GoodbyeWhileAnInstructionIsOnItsWay_FollowsIt()
    {
        var sink = new Sink { Slow = new(TaskCreationOptions.RunContinuationsAsynchronously) };
        var connection = new BidiConnection(new("a", "b"), sink);
        using var stop = new CancellationTokenSource();
        var asked = connection.AskAsync(Ask, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.Bounded());
        var goodbye = connection.AskAsync(new ReconnectInstructions(0), Token);
        sink.Slow.SetResult(1);
        await sink.Said.Task.Bounded();
        Assert.True(connection.Deliver(new(new DisconnectResult(DisconnectReason.Ack))));
        Assert.Equal(new DisconnectResult(DisconnectReason.Ack), (await goodbye.Bounded()).Reply);
    }

    [Fact]
    public async Task End_WhileAnInstructionIsOnItsWay_WaitsForItsEnd()
    {
        using var gone = new CancellationTokenSource();
        var connection = new BidiConnection(new("a", "b"), new Sink { Slow = new() }, gone: gone.Token);
        var asked = connection.AskAsync(Ask, Token);
        var written = connection.End();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => written.Bounded());
        Assert.Equal(FailureReason.Disconnected, (await asked.Bounded()).Failure?.Reason);
        Assert.Equal(FailureReason.Disconnected, (await connection.AskAsync(Ask, Token).Bounded()).Failure?.Reason);
    }

    private sealed class Sink : IInstructionWriter
    {
        public bool Gone { get; init; }

        /// <summary>Completes what is written first.</summary>
        public TaskCompletionSource<long>? Slow { get; init; }

        /// <summary>Completes when a goodbye is written.</summary>
        public TaskCompletionSource Said { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation)
        {
            if (Gone) return Task.FromException<long>(new IOException("the client reads no more"));
            if (instruction is ReconnectInstructions) Said.SetResult();
            return Slow is null ? Task.FromResult(1L) : Slow.Task.WaitAsync(cancellation);
        }
    }
}
