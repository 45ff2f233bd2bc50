using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A node over real connections, by either wire and by finding out which.</summary>
public sealed class NodeWireTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(FleetWire.Grpc, FleetWire.Grpc)]
    [InlineData(FleetWire.Http, FleetWire.Http)]
    [InlineData(FleetWire.Grpc, FleetWire.Auto)]
    [InlineData(FleetWire.Http, FleetWire.Auto)]
    public async Task Node_OverTls_WorksThroughARestart(FleetWire server, FleetWire wire)
    {
        var isHttp = server == FleetWire.Http;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var made = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        var time = new SkippingTime();
        using var link = new FakeSuperLink(time);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        // 12 MiB and a header: three pieces each way.
        var model = NdArray.Zeros([3 << 20]);
        model.AsSpan<float>()[^1] = 1;

        var first = await LinkHost.StartAsync(link, isHttp, certificate);
        var port = new Uri($"https://{first.Address}").Port;
        link.Send("train", new RecordDict(("arrays", new ArrayRecord(("w", model)))));
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput([Plus(parameters[0], 1)], 5)),
        };
        var node = FederatedNode.StartAsync(
            $"127.0.0.1:{port}", client, new FederatedNodeOptions { TimeProvider = time, Random = new Tenth(), RootCertificates = [certificate], Wire = wire }, leave.Token);
        Assert.Equal((1f, 2f), Ends(await link.NextReply()));
        // Message, dict, two records, the array and its three pieces.
        Assert.Equal(8, link.Pushed.Count);

        await first.DisposeAsync();
        var second = await LinkHost.StartAsync(link, isHttp, certificate, port);
        link.Send("train", new RecordDict(("arrays", new ArrayRecord(("w", Plus(model, 1))))));
        Assert.Equal((2f, 3f), Ends(await link.NextReply()));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Bounded());
        Assert.Equal("UnregisterNode", link.Calls.Last());
        await second.DisposeAsync();
    }

    [Theory]
    [InlineData(true, FleetWire.Auto)]
    [InlineData(false, FleetWire.Auto)]
    [InlineData(true, FleetWire.Http)]
    [InlineData(false, FleetWire.Grpc)]
    public async Task Node_OfAServerWithoutFleet_IsRefusedWithASentence(bool isHttp, FleetWire wire)
    {
        await using var server = await LinkHost.StartAsync(null, isHttp);
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedNode.StartAsync(
            $"http://{server.Address}", LambdaClient.Adding(1, 1), new() { TimeProvider = new SkippingTime(), Wire = wire }, Token).Bounded());
        Assert.Contains("its Fleet service is not that of Flower 1.23 or later", error.Message, StringComparison.Ordinal);
        if (wire == FleetWire.Auto) Assert.Matches("neither HTTP nor gRPC: over HTTP: .*; over gRPC: ", error.Message);
    }

    [Fact]
    public async Task Node_OfNobody_TriesBothWiresAgain()
    {
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedNode.StartAsync(
            LoopbackPort.Address(), LambdaClient.Adding(1, 1), new() { TimeProvider = new SkippingTime(), Random = new Tenth(), MaxAttempts = 3 }, Token).Bounded());
        Assert.Contains("cannot be reached after 3 attempt(s)", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A node that has a handler and a signer of its own, as in a browser; it says its version, and hears what the server says of it.</summary>
    [Fact]
    public async Task Node_WithItsOwnHandlerAndSigner_UsesThem()
    {
        var time = new SkippingTime();
        using var link = new FakeSuperLink(time) { VersionWarning = "1.40 and 1.41" };
        await using var server = await LinkHost.StartAsync(link, isHttp: true);
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(Token);
        using var handler = new Counting();
        using var signer = new Signer();
        var log = new LogRecorder();
        link.Send("train", new RecordDict(("arrays", new ArrayRecord(("w", TestKit.Floats(1))))));
        var node = FederatedNode.StartAsync(
            server.Address, LambdaClient.Adding(1, 1),
            new() { TimeProvider = time, Random = new Tenth(), HttpHandler = handler, Signer = signer, LoggerFactory = log }, leave.Token);

        Assert.Equal((2f, 2f), Ends(await link.NextReply()));
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Bounded());
        Assert.True(handler.Requests >= link.Calls.Count, $"{handler.Requests} requests by the handler, {link.Calls.Count} calls");
        Assert.Equal(signer.PublicKeyPem, System.Text.Encoding.ASCII.GetString(Convert.FromHexString(Assert.Single(link.Registered))));
        Assert.True(signer.Signatures > 0);
        Assert.All(link.Versions, version => Assert.Equal("flwr 1.40.0 SuperNode", version));
        Assert.Equal("The server says of versions: 1.40 and 1.41", Assert.Single(log.WithId(419)));
        Assert.Equal("UnregisterNode", link.Calls.Last());
    }

    private sealed class Counting : DelegatingHandler
    {
        private int requests;

        public Counting() : base(new SocketsHttpHandler())
        {
        }

        public int Requests => requests;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref requests);
            return base.SendAsync(request, cancellationToken);
        }
    }

    private sealed class Signer : INodeSigner, IDisposable
    {
        private readonly NodeKey key = NodeKey.Create();
        private int signatures;

        public string PublicKeyPem => key.PublicKeyPem;

        public int Signatures => signatures;

        public async ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation)
        {
            // As slow as one that asks another program.
            await Task.Yield();
            Interlocked.Increment(ref signatures);
            return await key.SignAsync(data, cancellation);
        }

        public void Dispose() => key.Dispose();
    }

    private static NdArray Plus(NdArray array, float more) => NdArray.From<float>([.. array.ToArray<float>().Select(value => value + more)], array.Shape);

    private static (float First, float Last) Ends(FleetMessage reply)
    {
        var values = reply.Content!.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>();
        return (values[0], values[^1]);
    }
}
