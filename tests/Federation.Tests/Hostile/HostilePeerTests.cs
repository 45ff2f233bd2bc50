using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Peers that take up connections, streams and bodies, over loopback; each waits for an event, within a bound.</summary>
public sealed class HostilePeerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly PeerLimits Quick = new() { StallTimeout = TimeSpan.FromSeconds(1.1), IdleConnectionTimeout = TimeSpan.FromSeconds(1.1) };

    [Fact]
    public async Task UnsignedBody_IsRefusedBeforeItIsRead()
    {
        await using var port = await FleetPort.Start();
        // The body never comes.
        using var response = await port.Send("PushObject", new Body([], null), signed: false);
        Assert.Equal("16", Header(response, "grpc-status"));
        Assert.Contains("the call is not signed", Uri.UnescapeDataString(Header(response, "grpc-message")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SignedBody_NobodyWaitsFor_IsRefusedBeforeItIsRead()
    {
        await using var port = await FleetPort.Start();
        using var response = await port.Send("PushObject", new Body([], null));
        Assert.Equal("7", Header(response, "grpc-status"));
    }

    /// <summary>A gigabyte of zeros in a megabyte: neither by the header nor by the flag alone is it blown up.</summary>
    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData(null)]
    public async Task CompressedBody_IsRefused(string? encoding)
    {
        using var bomb = new MemoryStream();
        await using (var gzip = new GZipStream(bomb, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            for (var i = 0; i < 64; i++) gzip.Write(new byte[1 << 20]);
        }
        await using var port = await FleetPort.Start();
        using var response = await port.Send("RegisterNode", new Body(Framed(bomb.ToArray(), 1), 0), encoding: encoding);
        Assert.Equal("12", Header(response, "grpc-status"));
    }

    [Theory]
    [InlineData("PullMessages", (256 << 10) + 1, "262145 bytes, at most 262144 are taken")]
    [InlineData("RegisterNode", 1 << 30, "1073741824 bytes, at most 262144")]
    [InlineData("PushMessages", (8 << 20) + 1, "at most 8388608 are taken")]
    public async Task LargeBody_IsRefusedByItsPrefix(string method, int length, string problem)
    {
        await using var port = await FleetPort.Start();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), length);
        using var response = await port.Send(method, new Body(prefix, null));
        Assert.Equal("8", Header(response, "grpc-status"));
        Assert.Contains(problem, Uri.UnescapeDataString(Header(response, "grpc-message")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task BodyThatStops_EndsTheCall()
    {
        await using var port = await FleetPort.Start(new() { PeerLimits = Quick });
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => port.Send("PullMessages", new Body([0, 0, 0, 1, 0, 1], null)).Bounded());
    }

    [Fact]
    public async Task ConnectionWithoutAStream_IsClosed()
    {
        await using var server = await RunningServer.Start(new(1), Model(1), new() { PeerLimits = Quick });
        using var connection = await Http2Connection.Open(server.Address);
        await connection.ReadToEnd().Bounded();
    }

    [Fact]
    public async Task ConnectionsOfOneAddress_BeyondTheLimit_AreClosedUntilOneLeaves()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(1), Model(1), new() { LoggerFactory = log, PeerLimits = new() { MaxConnectionsPerAddress = 2 } });
        var (one, two) = (await Http2Connection.Open(server.Address), await Http2Connection.Open(server.Address));
        await one.ReadSome().Bounded();
        await two.ReadSome().Bounded();
        using (var three = await Http2Connection.Open(server.Address)) await three.ReadToEnd().Bounded();
        await log.Next(108);
        Assert.Contains("2 of 127.0.0.1 are there, at most 2 of one address may be", log.WithId(108)[0], StringComparison.Ordinal);
        one.Dispose();
        two.Dispose();
        // The server hears of it in its own time; an honest client tries again.
        await FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), new() { Random = new Random(1) }, Token).Bounded();
        await server.History.Bounded();
    }

    [Fact]
    public async Task ClientsOfOneAddress_BeyondTheLimit_AreRefusedUntilOneLeaves()
    {
        await using var server = await RunningServer.Start(new(1), Model(2), new() { PeerLimits = new() { MaxClientsPerAddress = 1 } });
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress($"http://{server.Address}");
        var service = new Wire.FlowerService.FlowerServiceClient(channel);
        using var first = service.Join(cancellationToken: Token);
        await first.ResponseHeadersAsync.Bounded();
        using var second = service.Join(cancellationToken: Token);
        var refusal = await Assert.ThrowsAsync<Grpc.Core.RpcException>(() => second.ResponseStream.MoveNext(Token).Bounded());
        Assert.Equal(Grpc.Core.StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.Contains("1 of 127.0.0.1 are there, at most 1 of one address", refusal.Status.Detail, StringComparison.Ordinal);
    }

    /// <summary>A reply of which one byte comes, then nothing; the round ends all the same.</summary>
    [Fact]
    public async Task ReplyThatStops_EndsTheStreamAndTheRoundGoesOn()
    {
        var time = new FakeTimeProvider();
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(new(1), Model(2), new() { LoggerFactory = log, TimeProvider = time });
        var good = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), cancellation: Token);
        using var http = new HttpClient(new SocketsHttpHandler());
        var begun = new TaskCompletionSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{server.Address}/flwr.proto.FlowerService/Join")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new Body([0, 0, 0, 0, 9, 0x22], null, begun.Task),
        };
        request.Headers.TE.Add(new("trailers"));
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token).Bounded();
        await log.Next(300);
        var reading = response.Content.ReadAsByteArrayAsync(Token);
        await log.Next(301);
        begun.SetResult();
        // When the bytes have come only the server knows; from then on two looks at the clock are enough.
        var clock = Task.Run(
            async () =>
            {
                while (!server.History.IsCompleted)
                {
                    time.Advance(TimeSpan.FromSeconds(31));
                    await Task.Yield();
                }
            },
            Token);
        await clock.Bounded();
        Assert.Equal(1, (await server.History.Bounded()).Value());
        await ((Task)reading).Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await good.Bounded();
    }

    /// <summary>A client that takes none of the model that it is sent.</summary>
    [Fact]
    public async Task ReaderThatTakesNothing_LosesItsConnectionAndTheRoundGoesOn()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(1) { AllowUntrained = true },
            new FedAvg { InitialParameters = new(NdArray.Zeros([8 << 20])), FractionEvaluate = 0, MinFitClients = 1, MinAvailableClients = 1 },
            new() { LoggerFactory = log, PeerLimits = Quick with { MinBytesPerSecond = 4 << 20 } });
        using var http = new HttpClient(new SocketsHttpHandler());
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{server.Address}/flwr.proto.FlowerService/Join")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new Body([], null),
        };
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token).Bounded();
        await log.Next(302);
        Assert.Contains("(Disconnected)", log.WithId(302)[0], StringComparison.Ordinal);
        await server.History.Bounded();
    }

    private static FedAvg Model(int clients) => new()
    {
        InitialParameters = new(TestKit.Floats(0)),
        FractionEvaluate = 0,
        MinFitClients = clients,
        MinAvailableClients = clients,
    };

    private static string Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) || response.TrailingHeaders.TryGetValues(name, out values) ? string.Concat(values) : $"no {name}";

    private static byte[] Framed(byte[] message, byte flag)
    {
        var prefix = new byte[5];
        prefix[0] = flag;
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        return [.. prefix, .. message];
    }

    /// <summary>A body of some bytes that ends, or never does.</summary>
    private sealed class Body : HttpContent
    {
        private readonly byte[] bytes;
        private readonly int? end;
        private readonly Task? when;

        public Body(byte[] bytes, int? end, Task? when = null)
        {
            (this.bytes, this.end, this.when) = (bytes, end, when);
            Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.FlushAsync(Token);
            if (when is not null) await when.Bounded();
            await stream.WriteAsync(bytes, Token);
            await stream.FlushAsync(Token);
            if (end is null) await Task.Delay(Timeout.Infinite, Token);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    /// <summary>A connection that says the preface of HTTP/2 and no more.</summary>
    private sealed class Http2Connection(TcpClient client) : IDisposable
    {
        public static async Task<Http2Connection> Open(string address)
        {
            var endpoint = IPEndPoint.Parse(address);
            var client = new TcpClient();
            await client.ConnectAsync(endpoint, Token);
            await client.GetStream().WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"u8.ToArray(), Token);
            return new(client);
        }

        public async Task ReadSome() => Assert.True(await client.GetStream().ReadAsync(new byte[100], Token) > 0);

        public async Task ReadToEnd()
        {
            try
            {
                while (await client.GetStream().ReadAsync(new byte[1000], Token) > 0)
                {
                    // Settings, and that the server goes away.
                }
            }
            catch (IOException)
            {
                // A reset ends it as well.
            }
        }

        public void Dispose() => client.Dispose();
    }

    /// <summary>A server that waits for nodes, and calls to its Fleet port made by hand.</summary>
    private sealed class FleetPort(RunningServer server, string address) : IAsyncDisposable
    {
        private readonly HttpClient http = new(new SocketsHttpHandler());
        private readonly NodeKey key = NodeKey.Create();

        public static async Task<FleetPort> Start(FederatedServerOptions? options = null)
        {
            var fleet = new TaskCompletionSource<string>();
            var server = await RunningServer.Start(new(1), Model(1), (options ?? new()) with { Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } });
            return new(server, await fleet.Task.Bounded());
        }

        public async Task<HttpResponseMessage> Send(string method, HttpContent body, bool signed = true, string? encoding = null)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, $"http://{address}/flwr.proto.Fleet/{method}")
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = body,
            };
            request.Headers.TE.Add(new("trailers"));
            if (encoding is not null) request.Headers.Add("grpc-encoding", encoding);
            if (signed)
            {
                var headers = key.Sign(DateTimeOffset.UtcNow);
                request.Headers.Add("flwr-public-key-bin", Convert.ToBase64String(headers.PublicKey.Span).TrimEnd('='));
                request.Headers.Add("flwr-timestamp", headers.Timestamp);
                request.Headers.Add("flwr-signature-bin", Convert.ToBase64String(headers.Signature.Span));
            }
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Token).Bounded();
        }

        public async ValueTask DisposeAsync()
        {
            http.Dispose();
            key.Dispose();
            await server.DisposeAsync();
        }
    }
}
