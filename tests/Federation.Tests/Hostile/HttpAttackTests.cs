using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Google.Protobuf;
using ManagedFed.Federation.Tests.Fleet;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Requests that are broken or mean harm, over HTTP: each is refused with its status, most before their body is read, and honest nodes are served.</summary>
public sealed class HttpAttackTests : IDisposable
{
    private static readonly PeerLimits Quick = new() { StallTimeout = TimeSpan.FromSeconds(1.1) };

    private readonly HandDesk server = new(door: Door.Http, peers: Quick);
    private readonly NodeKey key = NodeKey.Create(), other = NodeKey.Create();
    private readonly HttpClient http = new();
    private readonly HandNode victim;

    public HttpAttackTests()
    {
        victim = server.JoinedNode();
        Attacker = new(server, key);
        Attacker.Join();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HandNode Attacker { get; }

    public void Dispose()
    {
        http.Dispose();
        server.Dispose();
        key.Dispose();
        other.Dispose();
    }

    private static readonly Dictionary<string, (int Status, int Code, Func<HttpAttackTests, Attack> Make)> Attacks = new()
    {
        ["no key"] = (401, 0, test => test.Pull().Without("flwr-public-key")),
        ["no time"] = (401, 0, test => test.Pull().Without("flwr-timestamp")),
        ["no signature"] = (401, 0, test => test.Pull().Without("flwr-signature")),
        ["two keys"] = (401, 0, test => test.Pull().Twice("flwr-public-key")),
        ["two times"] = (401, 0, test => test.Pull().Twice("flwr-timestamp")),
        ["two signatures"] = (401, 0, test => test.Pull().Twice("flwr-signature")),
        ["key not base64"] = (401, 0, test => test.Pull().With("flwr-public-key", text => $"*{text}")),
        ["key with a space"] = (401, 0, test => test.Pull().With("flwr-public-key", text => $"{text[..8]} {text[8..]}")),
        ["signature cut"] = (401, 0, test => test.Pull().With("flwr-signature", text => text[..^3])),
        ["signature for URLs"] = (401, 0, test => test.Pull().With("flwr-signature", text => text.Replace('A', '-').Replace('M', '_'))),
        ["names of gRPC"] = (401, 0, test => test.Pull().Renamed("flwr-public-key", "flwr-public-key-bin").Renamed("flwr-signature", "flwr-signature-bin")),
        ["key no key"] = (401, 0, test => test.Pull().With("flwr-public-key", _ => Convert.ToBase64String("-----BEGIN PUBLIC KEY-----"u8))),
        ["key of a megabit"] = (401, 0, test => test.Pull().With("flwr-public-key", _ => Convert.ToBase64String(new byte[16 << 10]))),
        ["another's key"] = (401, 0, test => test.Pull().With("flwr-public-key", _ => Convert.ToBase64String(test.other.PublicKey.Span))),
        ["another's signature"] = (401, 0, test => test.Pull().With("flwr-signature", _ => Convert.ToBase64String(test.other.Sign(test.Now).Signature.Span))),
        ["another time than signed"] = (401, 0, test => test.Pull().With("flwr-timestamp", _ => SignedHeaders.Format(test.Now.AddSeconds(1)))),
        ["ten minutes ahead"] = (401, 0, test => test.Pull(at: test.Now.AddMinutes(10))),
        ["ten minutes behind"] = (401, 0, test => test.Pull(at: test.Now.AddMinutes(-10))),
        ["no time at all"] = (401, 0, test => test.Pull().With("flwr-timestamp", _ => "yesterday")),
        ["another node's id"] = (401, 0, test => test.Call("PullMessages", new Wire.PullMessagesRequest { Node = test.victim.Self })),
        ["no id"] = (401, 0, test => test.Call("PullMessages", new Wire.PullMessagesRequest())),
        ["another node's goodbye"] = (401, 0, test => test.Call("UnregisterNode", new Wire.UnregisterNodeRequest { NodeId = test.victim.Id })),
        ["another key in the body"] = (401, 0, test => test.Call("RegisterNode", new Wire.RegisterNodeRequest { PublicKey = test.victim.PublicKey })),
        ["content signed by another"] = (401, 0, test => test.Pull(content: test.other)),
        ["content of another path"] = (401, 0, test => test.Pull(content: test.key).At("/v1/fleet/get-run")),
        ["nonce no nonce"] = (401, 0, test => test.Pull(content: test.key).With("managedfed-nonce", _ => "1")),
        ["another run"] = (403, 2007, test => test.Call("PullObject", new Wire.PullObjectRequest { Node = test.Attacker.Self, RunId = 1, ObjectId = new('0', 64) })),
        ["another run asked for"] = (403, 2008, test => test.Call("GetRun", new Wire.GetRunRequest { Node = test.Attacker.Self, RunId = 1 })),
        ["a bundle that is not there"] = (403, 2009, test => test.Call("GetFab", new Wire.GetFabRequest { Node = test.Attacker.Self, RunId = HandDesk.RunId })),
        ["an object nobody waits for"] = (403, 2007, test => test.Call("PushObject", new Wire.PushObjectRequest { Node = test.Attacker.Self })),
        ["a reply to another's message"] = (403, 2007, test => test.Call("PushMessages", new Wire.PushMessagesRequest
        {
            Node = test.Attacker.Self,
            MessagesList = { new Wire.Message { Metadata = new() { ReplyToMessageId = new('0', 64) } } },
            MessageObjectTrees = { new Wire.ObjectTree() },
        })),
        ["truncated"] = (400, 0, test => test.Raw("PullMessages", [0x0a, 0x20, 0x08])),
        ["noise"] = (400, 0, test => test.Raw("PullMessages", [.. Enumerable.Repeat((byte)0xff, 100)])),
        ["heartbeats too rare"] = (400, 2003, test => test.Call("SendNodeHeartbeat", new Wire.SendNodeHeartbeatRequest { Node = test.Attacker.Self, HeartbeatInterval = 1801 })),
        ["a key that is not registered"] = (412, 2004, test => test.Call("ActivateNode", new Wire.ActivateNodeRequest { PublicKey = ByteString.CopyFrom(test.other.PublicKey.Span), HeartbeatInterval = 30 }, test.other)),
        ["another type"] = (415, 0, test => test.Pull().OfType("application/grpc")),
        ["no type"] = (415, 0, test => test.Pull().OfType(null)),
        ["compressed"] = (415, 0, test => test.Pull().Compressed()),
        ["one byte over"] = (413, 0, test => test.Stopping("PullMessages", (256 << 10) + 1, 1)),
        ["two GiB announced"] = (413, 0, test => test.Stopping("PullMessages", 2L << 30, 1)),
        ["without end"] = (413, 0, test => test.Stopping("PullMessages", null, (256 << 10) + 1)),
        ["a tree of more than 8 MiB"] = (413, 0, test => test.Stopping("PushMessages", (8 << 20) + 1, 1)),
        ["slow"] = (408, 0, test => test.Stopping("PullMessages", 1000, 1)),
        ["unknown path"] = (404, 0, test => test.Pull().At("/v1/fleet/create-node")),
        ["the older REST"] = (404, 0, test => test.Pull().At("/api/v0/fleet/pull-messages")),
        ["a method of gRPC"] = (404, 0, test => test.Pull().At("/flwr.proto.Fleet/PullMessages")),
    };

    public static TheoryData<string> Kinds => [.. Attacks.Keys];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Request_ThatIsWrong_IsRefusedAndTheOthersAreServed(string kind)
    {
        var (status, code, make) = Attacks[kind];
        using var attack = make(this);
        var (answered, body) = await attack.SendAsync(http, Token).Bounded();
        Assert.Equal(status, answered);
        using var told = JsonDocument.Parse(body);
        Assert.Equal(code, told.RootElement.GetProperty("code").GetInt32());
        Assert.NotEmpty(told.RootElement.GetProperty("public_message").GetString()!);
        if (status == 401) Assert.Equal("Invalid SuperNode authentication", told.RootElement.GetProperty("detail").GetString());
        Assert.Empty(victim.Pull().MessagesList);
        Assert.Equal(2, server.Registry.Snapshot().Count);
    }

    /// <summary>What a signed call said stays said: it counts once, on one path, with one body.</summary>
    [Fact]
    public async Task Call_WithSignedContent_CountsOnce()
    {
        var nonce = SignedContent.NewNonce();
        Assert.Equal(200, await Status(Pull(content: key, nonce: nonce)));
        Assert.Equal(401, await Status(Pull(content: key, nonce: nonce)));
        using var changed = Pull(content: key);
        using var longer = Raw("PullMessages", [.. new Wire.PullMessagesRequest { Node = Attacker.Self }.ToByteArray(), 0x12, 0x00]);
        foreach (var (name, values) in changed.Message.Headers.Where(header => header.Key.StartsWith("managedfed", StringComparison.Ordinal))) longer.Message.Headers.Add(name, values);
        Assert.Equal(401, await Status(longer));
        // Remembered for as long as it would count: then its time is too old.
        server.Clock.Advance(TimeSpan.FromSeconds(59));
        Attacker.Beat();
        Assert.Equal(401, await Status(Pull(at: server.Clock.GetUtcNow().AddSeconds(-59), content: key, nonce: nonce)));
        server.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(401, await Status(Pull(at: server.Clock.GetUtcNow().AddSeconds(-61), content: key, nonce: nonce)));
        Assert.Equal(200, await Status(Pull(content: key)));
    }

    [Fact]
    public async Task Headers_ThatStop_EndTheConnection()
    {
        using var socket = await Connect();
        await socket.GetStream().WriteAsync("POST /v1/fleet/pull-messages HTTP/1.1\r\nHost: x\r\n"u8.ToArray(), Token);
        var answer = new StreamReader(socket.GetStream()).ReadToEndAsync(Token);
        Assert.StartsWith("HTTP/1.1 408", await answer.Bounded(), StringComparison.Ordinal);
        Assert.Empty(victim.Pull().MessagesList);
    }

    [Fact]
    public async Task Calls_OfOneNodeThatNeverEnd_TakeUpItsOwnPlacesAlone()
    {
        using var patient = new HandDesk(door: Door.Http);
        var (honest, one) = (patient.JoinedNode(), new HandNode(patient, key));
        one.Join();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var calls = Enumerable.Range(0, 33).Select(_ => Stopping("PullMessages", null, 1, patient).SendAsync(http, stop.Token)).ToArray();
        // All but one are inside and wait for their bodies.
        Assert.Equal(503, (await await Task.WhenAny(calls).Bounded()).Status);
        Assert.Empty(honest.Pull().MessagesList);
        await stop.CancelAsync();
        await ((Task)Task.WhenAll(calls)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>A thousand keys at once: those beyond the places are told to try again, and who is there stays.</summary>
    [Fact]
    public async Task Registrations_OfAThousandKeys_FindNoMorePlacesThanThereAre()
    {
        using var small = new HandDesk(new() { MaxNodes = 20 }, door: Door.Http);
        var honest = small.JoinedNode();
        var statuses = new int[1000];
        await Parallel.ForAsync(0, statuses.Length, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Token }, async (i, token) =>
        {
            using var fresh = NodeKey.Create();
            using var call = Call("RegisterNode", new Wire.RegisterNodeRequest { PublicKey = ByteString.CopyFrom(fresh.PublicKey.Span) }, fresh, small);
            statuses[i] = (await call.SendAsync(http, token)).Status;
        });
        Assert.Equal(19, statuses.Count(status => status == 200));
        Assert.Equal(981, statuses.Count(status => status == 503));
        Assert.Empty(honest.Pull().MessagesList);
    }

    private DateTimeOffset Now => server.Clock.GetUtcNow();

    private async Task<int> Status(Attack attack)
    {
        using (attack) return (await attack.SendAsync(http, Token).Bounded()).Status;
    }

    private async Task<TcpClient> Connect()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(server.Address), Token);
        return client;
    }

    private Attack Pull(DateTimeOffset? at = null, NodeKey? content = null, string? nonce = null)
    {
        var body = new Wire.PullMessagesRequest { Node = Attacker.Self }.ToByteArray();
        var attack = new Attack(server, "PullMessages", new ByteArrayContent(body), key, at ?? Now);
        if (content is null) return attack;
        nonce ??= SignedContent.NewNonce();
        var text = SignedContent.Text("/v1/fleet/pull-messages", new(body), SignedHeaders.Format(at ?? Now), nonce);
        attack.Message.Headers.Add("managedfed-nonce", nonce);
        attack.Message.Headers.Add("managedfed-content-signature", Convert.ToBase64String(content.SignAsync(text, default).AsTask().Result));
        return attack;
    }

    private Attack Call(string method, IMessage request, NodeKey? signer = null, HandDesk? desk = null) =>
        new(desk ?? server, method, new ByteArrayContent(request.ToByteArray()), signer ?? key, Now);

    private Attack Raw(string method, byte[] body) => new(server, method, new ByteArrayContent(body), key, Now);

    private Attack Stopping(string method, long? announced, int sent, HandDesk? desk = null) =>
        new(desk ?? server, method, new ByteArrayContent(new byte[sent]), key, Now) { Stops = true, Announced = announced };

    /// <summary>A signed request, to be spoilt.</summary>
    private sealed class Attack : IDisposable
    {
        public Attack(HandDesk server, string method, HttpContent body, NodeKey key, DateTimeOffset at)
        {
            var headers = key.Sign(at);
            Message = new(HttpMethod.Post, new Uri($"http://{server.Address}/v1/fleet/{FleetMethods.Path(method)}")) { Content = body };
            body.Headers.ContentType = new("application/protobuf");
            Message.Headers.Add("flwr-public-key", Convert.ToBase64String(headers.PublicKey.Span));
            Message.Headers.Add("flwr-timestamp", headers.Timestamp);
            Message.Headers.Add("flwr-signature", Convert.ToBase64String(headers.Signature.Span));
        }

        public HttpRequestMessage Message { get; }

        /// <summary>True when nothing follows the body's bytes, not even its end.</summary>
        public bool Stops { get; init; }

        /// <summary>The length that is said of such a body; null says none.</summary>
        public long? Announced { get; init; }

        /// <summary>The status and the body of the answer.</summary>
        public async Task<(int Status, string Body)> SendAsync(HttpClient http, CancellationToken cancellation = default)
        {
            if (Stops) return await SendHeadAsync(cancellation);
            using var response = await http.SendAsync(Message, cancellation);
            return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancellation));
        }

        /// <summary>By hand: a client of HTTP/1.1 reads no answer before it has sent its body.</summary>
        private async Task<(int Status, string Body)> SendHeadAsync(CancellationToken cancellation)
        {
            var (uri, content) = (Message.RequestUri!, Message.Content!);
            using var socket = new TcpClient();
            await socket.ConnectAsync(uri.Host, uri.Port, cancellation);
            var body = await content.ReadAsByteArrayAsync(cancellation);
            var head = new StringBuilder($"POST {uri.AbsolutePath} HTTP/1.1\r\nHost: x\r\nContent-Type: {content.Headers.ContentType}\r\n");
            foreach (var (name, values) in Message.Headers) head.Append($"{name}: {values.Single()}\r\n");
            head.Append(Announced is { } length ? $"Content-Length: {length}\r\n\r\n" : $"Transfer-Encoding: chunked\r\n\r\n{body.Length:x}\r\n");
            await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head.ToString()), cancellation);
            await socket.GetStream().WriteAsync(body, cancellation);
            using var reader = new StreamReader(socket.GetStream());
            var status = int.Parse((await reader.ReadLineAsync(cancellation))!.Split(' ')[1], CultureInfo.InvariantCulture);
            var count = 0;
            while (await reader.ReadLineAsync(cancellation) is { Length: > 0 } line)
            {
                if (line.StartsWith("Content-Length: ", StringComparison.Ordinal)) count = int.Parse(line["Content-Length: ".Length..], CultureInfo.InvariantCulture);
            }
            var text = new char[count];
            Assert.Equal(count, await reader.ReadBlockAsync(text, cancellation));
            return (status, new(text));
        }

        public Attack Without(string name) => With(name, _ => null);

        public Attack Twice(string name)
        {
            var text = Message.Headers.GetValues(name).Single();
            Message.Headers.Remove(name);
            // In one line they would be another thing.
            foreach (var _ in new[] { 1, 2 }) Message.Headers.TryAddWithoutValidation(name, text);
            return this;
        }

        public Attack With(string name, Func<string, string?> change)
        {
            var text = Message.Headers.GetValues(name).Single();
            Message.Headers.Remove(name);
            if (change(text) is { } changed) Message.Headers.TryAddWithoutValidation(name, changed);
            return this;
        }

        public Attack Renamed(string from, string to)
        {
            Message.Headers.Add(to, Message.Headers.GetValues(from));
            Message.Headers.Remove(from);
            return this;
        }

        public Attack At(string path)
        {
            Message.RequestUri = new Uri(Message.RequestUri!, path);
            return this;
        }

        public Attack OfType(string? type)
        {
            Message.Content!.Headers.ContentType = type is null ? null : new MediaTypeHeaderValue(type);
            return this;
        }

        public Attack Compressed()
        {
            Message.Content!.Headers.ContentEncoding.Add("gzip");
            return this;
        }

        public void Dispose() => Message.Dispose();
    }
}
