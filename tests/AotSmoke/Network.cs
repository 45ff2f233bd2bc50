using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ManagedFed.Federation;

/// <summary>A server in this process and two clients of it over loopback and TLS, one by each of Flower's wires.</summary>
internal static class Network
{
    // A run takes a second; this only keeps a broken one from hanging.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    public static async Task<History> RunAsync(ServerConfig config, Strategy strategy, ArrayClient[] clients)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var certificate = SelfSigned();
        var (stream, fleet) = (new TaskCompletionSource<string>(), new TaskCompletionSource<string>());
        var server = FederatedServer.StartAsync("127.0.0.1:0", config, strategy, new()
        {
            Certificate = certificate,
            OnListening = stream.SetResult,
            Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult },
        }, limit.Token);
        // A server that cannot start ends this wait, too.
        await Task.WhenAny(server, Task.WhenAll(stream.Task, fleet.Task));
        if (server.IsCompleted) return await server;

        var roots = new X509Certificate2Collection(certificate);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(limit.Token);
        var client = FederatedClient.StartAsync(await stream.Task, clients[0], new() { RootCertificates = roots }, limit.Token);
        var node = FederatedNode.StartAsync(
            await fleet.Task, clients[1],
            new() { RootCertificates = roots, PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero }, leave.Token);
        var history = await server;
        await client;
        await leave.CancelAsync();
        await node.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return history;
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
