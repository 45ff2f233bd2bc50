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
        connection.End();
        Assert.False(connection.Deliver(new(new DisconnectResult(DisconnectReason.Ack))));
        Assert.Equal(FailureReason.Disconnected, (await connection.AskAsync(Ask, Token).Bounded()).Failure?.Reason);
    }

    [Fact]
    public async Task AskAsync_StreamEndsWhileWaiting_IsAFailure()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink());
        var asked = connection.AskAsync(Ask, Token);
        connection.End();
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

    [Fact]
    public async Task AskAsync_GoodbyeAfterAnInstructionCutOff_IsAFailure()
    {
        var connection = new BidiConnection(new("a", "b"), new Sink { Full = true });
        using var stop = new CancellationTokenSource();
        var asked = connection.AskAsync(Ask, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.Bounded());
        Assert.Equal(FailureReason.Disconnected, (await connection.AskAsync(new ReconnectInstructions(0), Token).Bounded()).Failure?.Reason);
    }

    private sealed class Sink : IInstructionWriter
    {
        public bool Gone { get; init; }

        public bool Full { get; init; }

        public Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation) =>
            Full ? new TaskCompletionSource<long>().Task.WaitAsync(cancellation) : Gone ? Task.FromException<long>(new IOException("the client reads no more")) : Task.FromResult(1L);
    }
}
