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

    private static NdArray Plus(NdArray array, float more) => NdArray.From<float>([.. array.ToArray<float>().Select(value => value + more)], array.Shape);

    private static (float First, float Last) Ends(FleetMessage reply)
    {
        var values = reply.Content!.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>();
        return (values[0], values[^1]);
    }
}
