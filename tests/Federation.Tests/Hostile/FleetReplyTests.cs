using System.Text;
using Google.Protobuf;
using ManagedFed.Federation.Tests.Fleet;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Replies of a node that is broken or means harm: they do not count, each with its reason, and the node may be asked again.</summary>
public abstract class FleetReplyTests(Door door) : IDisposable
{
    private readonly HandDesk server = new(door: door);
    private readonly List<HandDesk> others = [];

    public void Dispose()
    {
        server.Dispose();
        foreach (var other in others) other.Dispose();
        GC.SuppressFinalize(this);
    }

    private HandDesk Also(HandDesk other)
    {
        others.Add(other);
        return other;
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly FitInstructions Task = new(new(NdArray.Zeros([100])), TestKit.NoValues);

    private static readonly Dictionary<string, (RecordDict Content, string Problem)> Refused = new()
    {
        ["examples above int64"] = (Fit(Scalar.FromUInt64(ulong.MaxValue)), "'num_examples' is UInt64 18446744073709551615, expected a whole number of 64 bits"),
        ["examples not whole"] = (Fit(1.5), "'num_examples' is Double 1.5"),
        ["examples not finite"] = (Fit(double.NaN), "'num_examples' is Double NaN"),
        ["examples of 2^63"] = (Fit(Math.ScaleB(1, 63)), "'num_examples' is Double 9.223372036854776E+18"),
        ["examples a list"] = (Fit(RecordValue.List(ScalarKind.Int64, 1, 2)), "has no single number 'num_examples'"),
        ["status of 2^32"] = (Fit(1, code: 1L << 32), "the code of 'fitres.status' is 4294967296"),
        ["status below 0"] = (Fit(1, code: -1), "the code of 'fitres.status' is -1"),
        ["status a text"] = (Fit(1, code: "ok"), "'fitres.status' is no status"),
        ["model missing"] = (new(Fit(1).Where(item => item.Key != "fitres.parameters").Select(item => (item.Key, item.Value))), "there is no ArrayRecord 'fitres.parameters'"),
        ["model a config"] = (new(Fit(1).Select(item => (item.Key, item.Key == "fitres.parameters" ? new ConfigRecord() : item.Value))), "there is no ArrayRecord"),
        ["one array many times"] = (Fit(1, Enumerable.Repeat(NdArray.Zeros([100]), 399)), "with it the message's arrays have"),
        ["an array too large"] = (Fit(1, [NdArray.Zeros([300])]), "with it the message's arrays have 1200 bytes, at most 800 are allowed"),
        ["a text too long"] = (Fit(1, metrics: [("t", new string('a', 1 << 20))]), "at most 1048576 and 10000 are taken"),
        ["too many metrics"] = (Fit(1, metrics: Enumerable.Range(0, 10_001).Select(i => ($"{i}", (RecordValue)true))), "at most 1048576 and 10000 are taken"),
    };

    public static TheoryData<string> Kinds => [.. Refused.Keys];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Reply_ThatIsWrong_DoesNotCountAndTheNodeIsAskedAgain(string kind)
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Task, Token);
        var (metadata, _, _) = await node.Receive();
        node.Send(Deflation.Deflate(node.ReplyTo(metadata), Refused[kind].Content));
        var failure = (await answer.Bounded()).Failure!;
        Assert.Equal(FailureReason.Malformed, failure.Reason);
        Assert.Contains(Refused[kind].Problem, failure.Message, StringComparison.Ordinal);

        answer = server.Client.AskAsync(Task with { Parameters = new(NdArray.Zeros([101])) }, Token);
        (metadata, _, _) = await node.Receive();
        node.Send(Deflation.Deflate(node.ReplyTo(metadata), Fit(100.0)));
        Assert.Equal(100, ((FitResult)(await answer.Bounded()).Reply!).NumExamples);
    }

    [Fact]
    public async Task Reply_OfFloat64ForFloat32_Counts()
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Task, Token);
        var (metadata, _, _) = await node.Receive();
        node.Send(Deflation.Deflate(node.ReplyTo(metadata), Fit(Scalar.FromUInt64(7), [NdArray.Zeros([100], DType.Float64)])));
        var reply = (FitResult)(await answer.Bounded()).Reply!;
        Assert.Equal((7, DType.Float64), (reply.NumExamples, reply.Parameters.Arrays[0].DType));
    }

    /// <summary>A tree of more objects than a model of one array can have.</summary>
    [Fact]
    public async Task Push_TreeOfAMillion_IsRefused()
    {
        var node = server.JoinedNode();
        var answer = server.Client.AskAsync(Task, Token);
        var (metadata, _, _) = await node.Receive();
        var reply = node.Reply(metadata, TestKit.Fit(1, NdArray.Zeros([100])));
        for (var i = 0; i < 100; i++) reply.Tree.Children[0].Children.Add(new Wire.ObjectTree { ObjectId = $"{i:x64}" });
        HandDesk.Refused(FleetFault.Invalid, "the tree has more than 18 objects", () => node.Push(reply));
        Assert.Equal(FailureReason.Malformed, (await answer.Bounded()).Failure!.Reason);
    }

    /// <summary>Two replies beyond what all may take: the second is told to come again, and counts when the first is through.</summary>
    [Fact]
    public async Task PushObject_WhenAllTogetherTakeTooMuch_IsToBePushedAgain()
    {
        var small = Also(new(limits: new() { MaxBytesAtOnce = 700 }, door: door));
        var (one, two) = (small.JoinedNode(), small.JoinedNode());
        var asked = small.Registry.Snapshot().Select(client => client.AskAsync(Task, Token)).ToArray();
        var replies = new List<(HandNode Node, DeflatedMessage Reply, IReadOnlyList<string> Wanted)>();
        foreach (var (node, value) in new[] { (one, 1f), (two, 2f) })
        {
            var (metadata, _, _) = await node.Receive();
            var array = NdArray.From<float>([.. Enumerable.Repeat(value, 100)]);
            var reply = node.Reply(metadata, TestKit.Fit(1, array));
            replies.Add((node, reply, node.Push(reply).ObjectsToPush));
        }
        var refused = 0;
        var (first, second) = (replies[0], replies[1]);
        Assert.True(Put(first, first.Wanted[0]));
        foreach (var id in second.Wanted)
        {
            try
            {
                Put(second, id);
            }
            catch (FleetException exception) when (exception.Fault == FleetFault.Unavailable)
            {
                refused++;
            }
        }
        Assert.True(refused > 0, "everything was taken");
        foreach (var id in first.Wanted) Put(first, id);
        Assert.NotNull((await asked[0].Bounded()).Reply);
        foreach (var id in second.Wanted) Put(second, id);
        Assert.NotNull((await asked[1].Bounded()).Reply);

        static bool Put((HandNode Node, DeflatedMessage Reply, IReadOnlyList<string> Wanted) from, string id)
        {
            Assert.True(from.Reply.TryRead(id, out var content));
            return from.Node.PushObject(id, content);
        }
    }

    /// <summary>What is said of an array beside its data: NumPy's name or Python's, or nothing; anything else is refused.</summary>
    [Theory]
    [InlineData("float32", "[2]", null)]
    [InlineData("<f4", "[2]", null)]
    [InlineData("", "[]", null)]
    [InlineData("float64", "[2]", "declared as 'float64', its data are float32")]
    [InlineData("float32", "[3]", "declared with shape (3), its data have ")]
    [InlineData("float32", "[]", "declared with shape (), its data have ")]
    [InlineData("float32", "[1, 2]", "declared with shape (1, 2)")]
    [InlineData("", "[2, 1]", "declared as ''")]
    [InlineData("float32\n", "[2]", "declared as 'float32 '")]
    public async Task Array_OfAnotherKindThanDeclared_IsRefused(string dtype, string shape, string? problem)
    {
        var objects = new Dictionary<string, byte[]>();
        var npy = ManagedFed.IO.Npy.Write(NdArray.From(1f, 2f));
        var chunk = Add(ObjectType.ArrayChunk, [], npy);
        var array = Add(ObjectType.Array, [chunk], Encoding.UTF8.GetBytes($$"""{"dtype": {{System.Text.Json.JsonSerializer.Serialize(dtype)}}, "shape": {{shape}}, "stype": "numpy.ndarray", "arraychunk_ids": [0]}"""));
        var record = Add(ObjectType.ArrayRecord, [array], Encoding.UTF8.GetBytes($$"""{"w": "{{array}}"}"""));
        var dict = Add(ObjectType.RecordDict, [record], Encoding.UTF8.GetBytes($$"""{"r": "{{record}}"}"""));
        var root = Add(ObjectType.Message, [dict], new Wire.Message { Metadata = new() { RunId = 1 } }.ToByteArray());
        var reading = new Inflation((id, _) => new(objects[id]), ObjectLimits.Default).ReadAsync(root, Token);
        if (problem is null) Assert.Equal((float[])[1, 2], (await reading).Content!.Get<ArrayRecord>("r")["w"].Array.ToArray<float>());
        else Assert.Contains(problem, (await Assert.ThrowsAsync<FormatException>(() => reading)).Message, StringComparison.Ordinal);

        string Add(string type, string[] children, byte[] body)
        {
            var content = FleetObject.Format(type, children, body);
            var id = FleetObject.IdOf(content);
            objects[id] = content;
            return id;
        }
    }

    private static RecordDict Fit(RecordValue examples, IEnumerable<NdArray>? arrays = null, RecordValue? code = null, IEnumerable<(string, RecordValue)>? metrics = null) => new(
        ("fitres.parameters", new ArrayRecord((arrays ?? [NdArray.Zeros([100])]).Select((array, i) => ($"{i}", (RecordArray)array)))),
        ("fitres.num_examples", new MetricRecord(("num_examples", examples))), ("fitres.metrics", new ConfigRecord(metrics ?? [])),
        ("fitres.status", new ConfigRecord(("code", code ?? 0L), ("message", "Success"))));
}

/// <inheritdoc/>
public sealed class FleetReplyTestsInMemory() : FleetReplyTests(Door.Memory);

/// <inheritdoc/>
public sealed class FleetReplyTestsOverGrpc() : FleetReplyTests(Door.Grpc);

/// <inheritdoc/>
public sealed class FleetReplyTestsOverHttp() : FleetReplyTests(Door.Http);
