using Google.Protobuf;
using Microsoft.Extensions.Logging;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>A node against a SuperLink in memory.</summary>
public abstract class FederatedNodeTests(Door door) : IAsyncDisposable
{
    private readonly SkippingTime time = new();
    private FakeSuperLink? made;
    private LinkHost? host;
    private readonly CancellationTokenSource leave = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    private static ConfigRecord Config { get; } = new(("server-round", 1), ("lr", 0.5));

    private FakeSuperLink Link => made ??= new(time);

    public async ValueTask DisposeAsync()
    {
        leave.Dispose();
        Link.Dispose();
        if (host is not null) await host.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    // A tenth of each backoff's ceiling: 0.05, 0.1, 0.2, … at most 2 s.
    private FederatedNodeOptions Options => new() { TimeProvider = time, Random = new Tenth() };

    private Task Run(ArrayClient client, FederatedNodeOptions? options = null) => Run(new ArrayRecordClient(client), client, options ?? Options);

    private Task Run(IRecordClient client, FederatedNodeOptions? options = null) => Run(client, null, options ?? Options);

    private async Task Run(IRecordClient records, ArrayClient? legacy, FederatedNodeOptions options)
    {
        if (door != Door.Memory) host = await LinkHost.StartAsync(Link, door == Door.Http);
        using var transport = host is null ? Link
            : (options with { Wire = door == Door.Http ? FleetWire.Http : FleetWire.Grpc }).Open(host.Address, options.LoggerFactory.CreateLogger(""));
        await FederatedNode.RunAsync(transport, "test:9092", records, legacy, options, leave.Token).Bounded();
    }

    private async Task LeaveAsync(Task node)
    {
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node);
    }

    private static RecordDict Model(params ReadOnlySpan<float> values) =>
        new(("arrays", new ArrayRecord(("w", NdArray.From(values)))), ("config", Config));

    [Fact]
    public async Task Node_OfArrayClient_AnswersBothInterfaces()
    {
        Link.Send("get_parameters", LegacyRecords.Encode(new GetParametersInstructions(TestKit.NoValues)).Content, group: "0");
        Link.Send("train", LegacyRecords.Encode(new FitInstructions(new(TestKit.Floats(5)), TestKit.NoValues)).Content, group: "1");
        Link.Send("train", Model(7));
        Link.Send("evaluate", Model(8));
        var node = Run(LambdaClient.Adding(1, examples: 10));

        var first = LegacyRecords.DecodeResult("get_parameters", (await Link.NextReply()).Content!);
        Assert.Equal([0f], ((GetParametersResult)first).Parameters.Arrays[0].ToArray<float>());
        var fit = (FitResult)LegacyRecords.DecodeResult("train", (await Link.NextReply()).Content!);
        Assert.Equal((6f, 10L), (fit.Parameters.Arrays[0].ToArray<float>()[0], fit.NumExamples));
        var trained = (await Link.NextReply()).Content!;
        Assert.Equal([8f], trained.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>());
        Assert.Equal(10, trained.Get<MetricRecord>("metrics")["num-examples"].Scalar.AsInt64());
        var evaluated = (await Link.NextReply()).Content!.Get<MetricRecord>("metrics");
        // Loss 8, accuracy 2·8 + 1 of 10 examples.
        Assert.Equal([("num-examples", 10.0), ("eval_loss", 8), ("accuracy", 17)], evaluated.Select(item => (item.Key, item.Value.Scalar.AsDouble())));
        await LeaveAsync(node);
        Assert.Equal(["RegisterNode", "ActivateNode"], Link.Calls.Take(2));
        Assert.Equal(["DeactivateNode", "UnregisterNode"], Link.Calls.TakeLast(2));
    }

    [Fact]
    public async Task Node_OfRecordClient_HearsActionsAndGroups()
    {
        Link.Send("query.colours", new RecordDict(("q", new ConfigRecord(("names", new[] { "red" })))), group: "g");
        Link.Send("train", Model(1));
        Link.Send("sing", new RecordDict());
        var node = Run(new Colours());

        Assert.Equal("colours of g: red", (await Link.NextReply()).Content!.Get<ConfigRecord>("a")["text"].Scalar.AsString());
        Assert.Equal((2, "Client does not implement `train`"), Shown(await Link.NextReply()));
        Assert.Equal((0, "Message type 'sing' is none of train, evaluate and query."), Shown(await Link.NextReply()));
        await LeaveAsync(node);
    }

    [Fact]
    public async Task Calls_OfOneSecond_ShareASignature()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));
        using var heard = new Headers();
        using var key = NodeKey.Create();
        var calls = new FleetCalls(heard, key, "test:9092", new() { TimeProvider = clock }, new LogRecorder());
        await calls.HeartbeatAsync(1, leave.Token);
        clock.Advance(TimeSpan.FromMilliseconds(999));
        await calls.HeartbeatAsync(1, leave.Token);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        await calls.HeartbeatAsync(1, leave.Token);

        Assert.Same(heard.Seen[0], heard.Seen[1]);
        Assert.Equal("2026-11-27T12:00:01.000000+00:00", heard.Seen[2].Timestamp);
        Assert.All(heard.Seen, headers => Assert.Null(headers.Problem(clock.GetUtcNow())));
    }

    private sealed class Headers : IFleetTransport
    {
        public List<SignedHeaders> Seen { get; } = [];

        public (int Pushes, int Pulls) AtOnce => (3, 4);

        public ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
        {
            Seen.Add(headers);
            return new(new Wire.SendNodeHeartbeatResponse { Success = true }.ToByteArray());
        }

        public void Dispose()
        {
        }
    }

    /// <summary>Flower's apps may send lists in a config and take lists of numbers as metrics.</summary>
    [Fact]
    public async Task Node_OfArrayClient_TakesAndGivesLists()
    {
        var lists = new ConfigRecord(
            ("ints", new[] { -1L, 2 }), ("floats", new[] { 0.5, 0.25 }), ("flags", new[] { true, false }), ("names", new[] { "a", "" }),
            ("bytes", new[] { new byte[] { 9 } }), ("none", RecordValue.List(ScalarKind.Double)), ("single", 3));
        Link.Send("evaluate", new RecordDict(("arrays", new ArrayRecord(("w", TestKit.Floats(1)))), ("config", lists)));
        IReadOnlyDictionary<string, Scalar>? heard = null;
        var node = Run(new LambdaClient
        {
            Evaluate = (_, config) =>
            {
                heard = config;
                return new(1, 2, new Dictionary<string, Scalar>
                {
                    ["recalls"] = Scalar.FromList(new[] { 0.5, 0.75 }),
                    ["names"] = Scalar.FromList(new[] { "a" }),
                    ["text"] = "b",
                });
            },
        });

        var metrics = (await Link.NextReply()).Content!.Get<MetricRecord>("metrics");
        await LeaveAsync(node);
        Assert.Equal(lists.Select(item => (item.Key, item.Value)), heard!.Select(item => (item.Key, (RecordValue)item.Value)));
        Assert.Equal(["num-examples", "eval_loss", "recalls"], metrics.Keys);
        Assert.Equal<RecordValue>(new[] { 0.5, 0.75 }, metrics["recalls"]);
    }

    private static float Weight(FleetMessage message) =>
        Assert.Single(message.Content!.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>());

    private static (long, string) Shown(FleetMessage message) => (message.Error!.Code, message.Error.Reason);

    [Fact]
    public async Task Node_PushesOnlyWhatTheServerLacks_AndPullsAModelOnce()
    {
        var model = Model(3);
        Link.Send("evaluate", model);
        Link.Send("train", model);
        var node = Run(new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput(parameters, 1)),
            Evaluate = (_, _) => new(0, 1),
        });
        await Link.NextReply();
        await Link.NextReply();
        await LeaveAsync(node);

        var record = model.Get<ArrayRecord>("arrays").Deflated;
        // Record, array and piece: pulled for the first message alone, and never pushed.
        Assert.All(record.Parts, part => Assert.Equal(1, Link.Pulled.Count(id => id == part.Id)));
        Assert.Empty(record.Parts.Select(part => part.Id).Intersect(Link.Pushed));
    }

    [Fact]
    public async Task Node_WhoseServerIsUnreachable_TriesAgainWithGrowingWaits()
    {
        var failures = 0;
        Link.Fault = method =>
        {
            if (method == "RegisterNode" && failures++ < 9) throw new FleetException(FleetFault.Unavailable, "down");
        };
        Link.Send("train", Model(1));
        var node = Run(LambdaClient.Adding(1, 1));
        await Link.NextReply();
        await LeaveAsync(node);

        // min(20, 0.5·2ⁿ) / 10 for n = 0…8.
        double[] expected = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2];
        Assert.Equal(expected, time.Waits.Take(9).Select(wait => Math.Round(wait.TotalSeconds, 6)));
    }

    [Fact]
    public async Task Node_GivesUpAfterTheMostAttempts()
    {
        Link.Fault = _ => throw new FleetException(FleetFault.Unavailable, "down");
        var error = await Assert.ThrowsAsync<FederationException>(() => Run(LambdaClient.Adding(1, 1), Options with { MaxAttempts = 3 }));
        Assert.Equal("[node] test:9092 cannot be reached after 3 attempt(s): RegisterNode: down; is the SuperLink running?", error.Message);
    }

    [Fact]
    public async Task Node_ForgottenByARestartedServer_RegistersAnew()
    {
        Link.Send("train", Model(1));
        var node = Run(LambdaClient.Adding(1, 1));
        await Link.NextReply();
        var before = Link.Nodes.Values.Single();
        Link.Nodes.Clear();
        Link.SendNothing();
        Link.Send("train", Model(2));
        Assert.Equal(3f, Weight(await Link.NextReply()));
        Assert.NotEqual(before, Link.Nodes.Values.Single());
        await LeaveAsync(node);
    }

    [Fact]
    public async Task Node_WithAKey_IsNotRegistered()
    {
        using var key = NodeKey.Create();
        Link.AuthenticationOnly = true;
        Link.Nodes[Convert.ToHexString(key.PublicKey.Span)] = 42;
        Link.Send("train", Model(1));
        var node = Run(LambdaClient.Adding(1, 1), Options with { Key = key });
        await Link.NextReply();
        await LeaveAsync(node);
        Assert.DoesNotContain("RegisterNode", Link.Calls);
        Assert.DoesNotContain("UnregisterNode", Link.Calls);
        Assert.Contains("DeactivateNode", Link.Calls);
    }

    [Fact]
    public async Task Node_WithoutARegisteredKey_IsToldSo()
    {
        using var key = NodeKey.Create();
        Link.AuthenticationOnly = true;
        var unknown = await Assert.ThrowsAsync<FederationException>(() => Run(LambdaClient.Adding(1, 1), Options with { Key = key }));
        Assert.Contains("was it registered with `flwr supernode register`?", unknown.Message, StringComparison.Ordinal);
        var none = await Assert.ThrowsAsync<FederationException>(() => Run(LambdaClient.Adding(1, 1)));
        Assert.Contains("give that key in the options", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Node_ThatIsCancelled_StaysForTheGracePeriodUnlessTheRunIsOver()
    {
        Link.Send("train", Model(1));
        var node = Run(LambdaClient.Adding(1, 1));
        await Link.NextReply();
        await LeaveAsync(node);
        // It asked for the run each second of the ten.
        Assert.InRange(Link.Calls.Count(method => method == "GetRun"), 9, 11);
    }

    [Fact]
    public async Task Node_ToLeaveAfterItsRun_LeavesByItself()
    {
        Link.Send("train", Model(1));
        Link.SendNothing();
        Link.SendNothing();
        Link.Fault = method => Link.RunStatus = Link.Calls.Count(call => call == "GetRun") >= 2 ? "finished" : "running";
        await Run(LambdaClient.Adding(1, 1), Options with { LeaveAfterRun = true });
        Assert.Equal(["DeactivateNode", "UnregisterNode"], Link.Calls.TakeLast(2));
        Assert.Equal(TimeSpan.FromSeconds(3), Assert.Single(time.Waits));
    }

    [Fact]
    public async Task Node_WhoseClientThrows_TellsTheTypeAlone_AndThrowsAfterTheMost()
    {
        Link.Send("train", Model(1));
        Link.Send("train", Model(2));
        var node = Run(
            new LambdaClient { Fit = (_, _, _) => throw new InvalidDataException("patient 17") }, Options with { MaxErrors = 2 });
        Assert.Equal((2, "Client failed to train: InvalidDataException"), Shown(await Link.NextReply()));
        Assert.Equal((2, "Client failed to train: InvalidDataException"), Shown(await Link.NextReply()));
        Assert.Equal("patient 17", (await Assert.ThrowsAsync<InvalidDataException>(() => node)).Message);
        Assert.Equal("UnregisterNode", Link.Calls.Last());
    }

    [Fact]
    public async Task Node_GivenAChangedObject_ReportsItAndLivesOn()
    {
        var model = Model(1);
        var array = model.Get<ArrayRecord>("arrays").Deflated.Parts[0].Id;
        var changed = true;
        Link.Replace = (id, content) => id != array || !changed ? null
            : new() { ObjectFound = true, ObjectAvailable = true, ObjectContent = ByteString.CopyFrom([.. content.Span[..^1], 0xFF]) };
        Link.Send("train", model);
        var node = Run(LambdaClient.Adding(1, 1));
        var (code, reason) = Shown(await Link.NextReply());
        Assert.Equal(3, code);
        Assert.Contains("it was changed on its way", reason, StringComparison.Ordinal);
        changed = false;
        Link.Send("train", model);
        Assert.NotNull((await Link.NextReply()).Content);
        await LeaveAsync(node);
    }

    [Fact]
    public async Task Node_WaitsForAnObjectThatIsNotThereYet()
    {
        var asked = 0;
        var model = Model(1);
        var dict = Link.Send("train", model).Tree.Children[0].ObjectId;
        Link.Replace = (id, _) => id == dict && asked++ < 3 ? new() { ObjectFound = true } : null;
        var node = Run(LambdaClient.Adding(1, 1));
        await Link.NextReply();
        // 1 s and 2 s and 4 s.
        Assert.Equal([1, 2, 4], time.Waits.Take(3).Select(wait => wait.TotalSeconds));
        await LeaveAsync(node);
    }

    [Fact]
    public async Task Node_WhoseRunEndedMeanwhile_DropsTheMessage()
    {
        var denied = false;
        Link.Fault = method =>
        {
            if (method != "PushMessages" || denied) return;
            denied = true;
            throw new FleetException(FleetFault.Denied, "Run is not running.");
        };
        Link.Send("train", Model(1));
        Link.Send("train", Model(2));
        var node = Run(LambdaClient.Adding(1, 1));
        Assert.Equal(3f, Weight(await Link.NextReply()));
        await LeaveAsync(node);
        Assert.Single(Link.Calls, "RegisterNode");
    }

    private sealed class Colours : IRecordClient
    {
        public ValueTask<RecordDict> QueryAsync(RecordRequest request, CancellationToken cancellation)
        {
            var names = request.Content.Get<ConfigRecord>("q")["names"].Items;
            return new(new RecordDict(("a", new ConfigRecord(("text", $"{request.Action} of {request.GroupId}: {string.Join(',', names)}")))));
        }
    }
}

/// <inheritdoc/>
public sealed class FederatedNodeTestsInMemory() : FederatedNodeTests(Door.Memory);

/// <inheritdoc/>
public sealed class FederatedNodeTestsOverGrpc() : FederatedNodeTests(Door.Grpc);

/// <inheritdoc/>
public sealed class FederatedNodeTestsOverHttp() : FederatedNodeTests(Door.Http);
