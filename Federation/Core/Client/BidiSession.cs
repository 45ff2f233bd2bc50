using System.Net.Http;
using System.Runtime.ExceptionServices;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>How one stay on a server ended.</summary>
/// <param name="Joined">True when the server took the call.</param>
/// <param name="ComeBackAfter">The seconds the server asked to stay away in its goodbye, 0 for ever; null when there was no goodbye.</param>
/// <param name="Status">The call's end, when there was no goodbye.</param>
internal readonly record struct SessionEnd(bool Joined, long? ComeBackAfter, Status Status);

/// <summary>One stay on a server over Flower's bidirectional stream: read an instruction, do it, answer.</summary>
internal sealed class BidiSession(InstructionRunner runner, int maxErrors, TimeProvider time, ILogger log, string? name = null)
{
    /// <summary>A server that heard the goodbye ends the stream at once; a stock one that stops may never do.</summary>
    private static readonly TimeSpan GoodbyeTime = TimeSpan.FromMilliseconds(200);

    public async Task<SessionEnd> RunAsync(HttpMessageInvoker http, Uri server, string address, CancellationToken cancellation)
    {
        var joined = false;
        try
        {
            // The server speaks first, so there is nothing to send; a server may hold its headers back until it speaks.
            using var call = await JoinCall.OpenAsync(http, server, name, time, cancellation).ConfigureAwait(false);
            joined = true;
            log.JoinedServer(address);
            var next = call.NextAsync(cancellation);
            while (await next.ConfigureAwait(false) is { } instruction)
            {
                if (instruction is ReconnectInstructions reconnect)
                {
                    await SayGoodbyeAsync(call, cancellation).ConfigureAwait(false);
                    return new(joined, reconnect.Seconds, Status.DefaultSuccess);
                }
                using var lost = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                var work = runner.RunAsync(instruction, lost.Token);
                // A model that was worked on is let go before the next one comes: this method lives on meanwhile.
                instruction = null;
                // Reading on shows at once when the server goes away or says goodbye, so that work nobody waits for is stopped.
                next = call.NextAsync(cancellation);
                await AnswerAsync(call, work, next, lost, cancellation).ConfigureAwait(false);
                work = null;
            }
            return new(joined, null, new(StatusCode.Unavailable, "the server closed the stream without a goodbye"));
        }
        catch (RpcException exception) when (!cancellation.IsCancellationRequested)
        {
            // A full server, or one where a client of this name is, may answer with headers, too.
            return new(joined && exception.StatusCode is not (StatusCode.AlreadyExists or StatusCode.ResourceExhausted), null, exception.Status);
        }
        catch (FormatException exception)
        {
            return new(joined, null, new(StatusCode.Internal, exception.Message, exception));
        }
        catch (RpcException exception)
        {
            throw new OperationCanceledException(exception.Status.Detail, exception, cancellation);
        }
    }

    private async Task AnswerAsync(JoinCall call, Task<Reply> work, Task<Instruction?> next, CancellationTokenSource lost, CancellationToken cancellation)
    {
        var first = await Task.WhenAny(work, next).ConfigureAwait(false);
        if (first == next) await lost.CancelAsync().ConfigureAwait(false);
        Reply reply;
        try
        {
            reply = await work.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return; // The caller awaits `next`, which is a goodbye or says how the server was lost.
        }
        if (!await call.TryWriteAsync(runner.Sendable(reply), cancellation).ConfigureAwait(false)) return; // `next` says why.
        if (runner.Errors is not { Exception: { } exception } errors || errors.Count < maxErrors) return;
        // What was sent has time to arrive: the connection's end would take it along.
        call.Complete();
        await ((Task)next).WaitAsync(GoodbyeTime, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        ExceptionDispatchInfo.Throw(exception);
    }

    private async Task SayGoodbyeAsync(JoinCall call, CancellationToken cancellation)
    {
        log.Goodbye();
        using var timer = new CancellationTokenSource(GoodbyeTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            if (!await call.TryWriteAsync(new DisconnectResult(DisconnectReason.Reconnect), either.Token).ConfigureAwait(false)) return;
            call.Complete();
            while (await call.NextAsync(either.Token).WaitAsync(either.Token).ConfigureAwait(false) is not null)
            {
                // Whatever else the server says after its goodbye, the run is over.
            }
        }
        catch (Exception exception) when (exception is RpcException or OperationCanceledException or FormatException)
        {
            // UNAVAILABLE, CANCELLED, a closed stream or silence: after the goodbye every end is a good one.
            cancellation.ThrowIfCancellationRequested();
        }
    }
}
