using System.Net.Http;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Joins a server over Flower's bidirectional stream, ours or a stock one, and works until it says goodbye.</summary>
/// <remarks>
/// A server that cannot be reached, or is lost, is tried again after exponentially growing random waits of at most 20 s, without
/// end unless the options set one. When the client's own code throws, the server is told that the task failed and the client
/// stays; the exception is thrown on after <see cref="ConnectionOptions.MaxErrors"/> of them in a row.
/// </remarks>
public static class FederatedClient
{
    /// <summary>Joins and works; returns after the server's goodbye.</summary>
    /// <param name="address">The server: <c>host:port</c>, plain HTTP/2 unless it begins with <c>https://</c> or the options ask for TLS.</param>
    /// <param name="client">What does the work.</param>
    /// <param name="options">How long to try, what to trust, where to log.</param>
    /// <param name="cancellation">Leaves the server.</param>
    /// <exception cref="FederationException">The server refuses this client, or the options' limit of attempts or time is reached.</exception>
    /// <exception cref="OperationCanceledException">The client was cancelled.</exception>
    public static async Task StartAsync(
        string address, ArrayClient client, FederatedClientOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        options ??= new();
        var time = options.TimeProvider;
        var log = options.LoggerFactory.CreateLogger("ManagedFed.Client");
        var uri = options.ToUri(address);
        var session = new BidiSession(new InstructionRunner(client, time, log, options.TellErrorMessages), options.MaxErrors, time, log, options.Name);

        var failures = 0;
        var alone = time.GetTimestamp();
        while (true)
        {
            log.Joining(address);
            SessionEnd end;
            using (var http = new HttpMessageInvoker(GrpcChannels.Handler(uri, options.RootCertificates, options.KeepAliveInterval)))
            {
                end = await session.RunAsync(http, uri, address, cancellation).ConfigureAwait(false);
            }
            if (end.Joined) (failures, alone) = (0, time.GetTimestamp());
            if (end.ComeBackAfter is 0 or < 0) return;
            if (end.ComeBackAfter is { } seconds)
            {
                log.ComeBack(seconds);
                await Task.Delay(TimeSpan.FromSeconds(seconds), time, cancellation).ConfigureAwait(false);
                continue;
            }

            var shown = GrpcChannels.Shown(end.Status, options.IsEncrypted(address));
            ThrowIfRefused(address, end.Status, shown);
            var wait = Backoff.Wait(failures++, options.Random);
            if (options.GivesUp(failures, time.GetElapsedTime(alone) + wait))
            {
                throw new FederationException(
                    $"[client] {address} cannot be reached after {failures} attempt(s): {shown}; is the server running?",
                    GrpcChannels.Harmless(end.Status));
            }
            if (end.Joined) log.LostAndRetrying(address, shown, wait.TotalSeconds);
            else log.Retrying(address, shown, failures + 1, wait.TotalSeconds);
            await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Throws for the ends that trying again cannot mend.</summary>
    private static void ThrowIfRefused(string address, Status status, string shown)
    {
        var why = status.StatusCode switch
        {
            StatusCode.Unimplemented => "is a gRPC server, but not of Flower's bidirectional stream (a SuperLink, perhaps)",
            StatusCode.Unauthenticated or StatusCode.PermissionDenied => "does not let this client in",
            StatusCode.InvalidArgument or StatusCode.FailedPrecondition => "refused what this client sent",
            _ => GrpcChannels.Refusal(status),
        };
        if (why is not null) throw new FederationException($"[client] {address} {why}: {shown}", GrpcChannels.Harmless(status));
    }
}
