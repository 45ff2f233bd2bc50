using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Instructions to nodes and their replies, call by call.</summary>
public abstract class FleetDeskTests(Door door) : DeskTests(door)
{
    private readonly Door door = door;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static FitInstructions Train(params float[] model) =>
        new(new(TestKit.Floats(model)), new Dictionary<string, Scalar> { ["lr"] = 0.5 });

    [Fact]
    public void Authenticate_SignatureUsedAgain_CountsForItsTimeAndItsKeyAlone()
    {
        using var key = NodeKey.Create();
        using var other = NodeKey.Create();
        var headers = key.Sign(Server.Clock.GetUtcNow());
        var caller = Server.Desk.Authenticate(headers, "peer");
        Assert.Equal(caller, Server.Desk.Authenticate(headers, "peer"));
        Assert.NotEqual(caller, Server.Desk.Authenticate(other.Sign(Server.Clock.GetUtcNow()), "peer"));
        Refused("not of this timestamp", headers with { Signature = other.Sign(Server.Clock.GetUtcNow()).Signature });
        Refused("not of this timestamp", headers with { PublicKey = other.PublicKey });
        Refused("not of this timestamp", headers with { Timestamp = SignedHeaders.Format(Server.Clock.GetUtcNow().AddSeconds(1)) });
        Server.Clock.Advance(TimeSpan.FromSeconds(306));
        Refused("is not within", headers);

        void Refused(string why, SignedHeaders wrong) =>
            HandDesk.Refused(FleetFault.Unauthenticated, why, () => Server.Desk.Authenticate(wrong, "peer"));
    }

    [Fact]
    public async Task AskAsync_NodeThatTrains_GivesItsResult()
    {
        var node = Server.JoinedNode();
        Assert.Empty(node.Pull().MessagesList);
        var answer = Server.Client.AskAsync(Train(1, 2), Token);

        var (metadata, instruction, _) = await node.Receive();
        var fit = Assert.IsType<FitInstructions>(instruction);
        Assert.Equal([1f, 2f], fit.Parameters.Arrays[0].ToArray<float>());
        Assert.Equal(0.5, fit.Config["lr"].AsDouble());
        Assert.Equal((HandDesk.RunId, 1UL, node.Id, "train"), (metadata.RunId, metadata.SrcNodeId, metadata.DstNodeId, metadata.MessageType));
        Assert.Empty(node.Pull().MessagesList);
        var sent = node.Send(node.Reply(metadata, TestKit.Fit(7, TestKit.Floats(3, 4))));

        var result = Assert.IsType<FitResult>((await answer.Bounded()).Reply);
        Assert.Equal(7, result.NumExamples);
        Assert.Equal([3f, 4f], result.Parameters.Arrays[0].ToArray<float>());
        // Piece, array, record, three small records, dict, message.
        Assert.Equal(8, sent.Count);
    }

    [Fact]
    public async Task AskAsync_ReplyWithTheModelItGot_DoesNotCarryItAgain()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1, 2), Token);
        var (metadata, instruction, content) = await node.Receive();
        var same = ((FitInstructions)instruction).Parameters;

        var sent = node.Send(node.Reply(metadata, new FitResult(ResultStatus.Success, same, 3, TestKit.NoValues)));

        var result = Assert.IsType<FitResult>((await answer.Bounded()).Reply);
        Assert.Equal([1f, 2f], result.Parameters.Arrays[0].ToArray<float>());
        // Of the model nothing; metrics, count, status, dict and message are new.
        var model = Deflation.Deflate(content.Values.OfType<ArrayRecord>().Single());
        Assert.Empty(sent.Intersect(model.Parts.Select(part => part.Id)));
        Assert.Equal(5, sent.Count);
    }

    [Fact]
    public async Task AskAsync_ErrorReply_IsADeclineInWords()
    {
        var legacy = Also(new(new() { Interface = FleetInterface.Legacy }, door: door));
        var node = legacy.JoinedNode();
        var answer = legacy.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();

        node.Send(Deflation.Deflate(node.ReplyTo(metadata), null, new() { Code = 2, Reason = "out of\nmemory" }));

        var failure = (await answer.Bounded()).Failure!;
        Assert.Equal((FailureReason.Declined, "error 2, the client app raised an exception: out of memory"), (failure.Reason, failure.Message));
    }

    [Fact]
    public async Task Pull_UntilItIsConfirmed_GivesTheSameInstruction()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);

        var first = Assert.Single(node.Pull().MessagesList);
        // Another id of the same form.
        node.Confirm((first.Metadata.MessageId[0] == '0' ? "1" : "0") + first.Metadata.MessageId[1..]);
        Assert.Equal(first, Assert.Single(node.Pull().MessagesList));
        node.Confirm(first.Metadata.MessageId);

        Assert.Empty(node.Pull().MessagesList);
        Assert.False(answer.IsCompleted);
    }

    [Fact]
    public async Task Push_Twice_IsAnsweredAlikeAndCountsOnce()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var reply = node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(2)));

        var wanted = node.Push(reply).ObjectsToPush;
        Assert.Equal(wanted, node.Push(reply).ObjectsToPush);
        node.Send(reply);
        await answer.Bounded();

        // The answer to the last push was lost: nothing is wanted, and nobody is troubled.
        Assert.Empty(node.Push(reply).ObjectsToPush);
        Assert.Equal(0u, node.Push(reply).Results[reply.Id]);
    }

    [Fact]
    public async Task PushObject_ObjectsInAnyOrder_MakeTheReply()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var reply = node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(2), TestKit.Floats(3)));

        foreach (var id in node.Push(reply).ObjectsToPush.Reverse())
        {
            Assert.False(answer.IsCompleted);
            reply.TryRead(id, out var content);
            Assert.True(node.PushObject(id, content!));
        }

        Assert.Equal(2, Assert.IsType<FitResult>((await answer.Bounded()).Reply).Parameters.Count);
    }

    [Fact]
    public async Task PushObject_OtherBytesThanTheIds_AreRefusedAndTheRightOnesCount()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var reply = node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(2)));
        var wanted = node.Push(reply).ObjectsToPush;

        foreach (var id in wanted)
        {
            reply.TryRead(id, out var content);
            foreach (var wrong in new[] { ByteString.Empty, ByteString.CopyFromUtf8("ArrayChunk  0\0"), ByteString.CopyFrom(content!.Span[..^1]) })
            {
                HandDesk.Refused(FleetFault.Invalid, "hash to", () => node.PushObject(id, wrong));
            }
        }
        Assert.False(answer.IsCompleted);
        // Out of order, twice, and with the right bytes under a wrong id between.
        foreach (var id in wanted.Reverse())
        {
            reply.TryRead(id, out var content);
            Assert.False(node.PushObject(new string('0', 64), content!));
            Assert.True(node.PushObject(id, content!));
            Assert.True(node.PushObject(id, content!));
        }
        Assert.Equal((float[])[2], ((FitResult)(await answer.Bounded()).Reply!).Parameters.Arrays[0].ToArray<float>());
    }

    [Fact]
    public async Task PushObject_NobodyAskedFor_IsNotStored()
    {
        var node = Server.JoinedNode();
        var content = ByteString.CopyFromUtf8("ArrayChunk  0\0");
        if (door == Door.Memory) Assert.False(node.PushObject(FleetObject.IdOf(content.Span), content));
        // The gate of a wire reads no object that nobody waits for.
        else HandDesk.Refused(FleetFault.Denied, "nobody waits", () => node.PushObject(FleetObject.IdOf(content.Span), content));

        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        node.Push(node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(2))));

        Assert.False(node.PushObject(FleetObject.IdOf(content.Span), content));
        Assert.False(answer.IsCompleted);
    }

    [Fact]
    public async Task PushObject_MoreBytesThanAllowed_FailsTheAnswer()
    {
        var small = Also(new(new() { MaxReplyBytes = 1000 }, door: door));
        var node = small.JoinedNode();
        var answer = small.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();

        // 400 float32 are 1600 bytes and their header.
        HandDesk.Refused(FleetFault.Invalid, "at most 1000 are allowed", () => node.Send(node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(new float[400])))));

        Assert.Equal(FailureReason.Malformed, (await answer.Bounded()).Failure!.Reason);
    }

    [Fact]
    public async Task PullObject_UnknownOrAnotherNodes_IsNotFound()
    {
        var (one, two) = (Server.JoinedNode(), Server.JoinedNode());
        var answer = Server.Registry.Snapshot()[0].AskAsync(Train(1), Token);
        var id = Assert.Single(one.Pull().MessageObjectTrees).ObjectId;

        Assert.True(one.PullObject(id).ObjectFound);
        Assert.False(one.PullObject(new string('0', 64)).ObjectFound);
        Assert.False(two.PullObject(id).ObjectFound);
        Assert.False(answer.IsCompleted);
    }

    private static readonly Dictionary<string, (Action<Wire.Metadata> Break, string Message)> Broken = new()
    {
        ["run"] = (reply => reply.RunId++, "the reply's run is"),
        ["source"] = (reply => reply.SrcNodeId++, "the reply's source node is"),
        ["destination"] = (reply => reply.DstNodeId = 2, "the reply's destination node is '2', expected '1'"),
        ["group"] = (reply => reply.GroupId = "1", "the reply's group is '1', expected ''"),
        ["type"] = (reply => reply.MessageType = "evaluate", "the reply's type is 'evaluate', expected 'train'"),
        ["early"] = (reply => reply.CreatedAt -= 2, "does the node's clock run right?"),
        ["never"] = (reply => reply.CreatedAt = double.NaN, "does the node's clock run right?"),
        ["long"] = (reply => reply.Ttl += 1, "at most 43199 s are left"),
        ["ttl"] = (reply => reply.Ttl = 0, "valid for 0 s"),
    };

    [Theory]
    [InlineData("run")]
    [InlineData("source")]
    [InlineData("destination")]
    [InlineData("group")]
    [InlineData("type")]
    [InlineData("early")]
    [InlineData("never")]
    [InlineData("long")]
    [InlineData("ttl")]
    public async Task Push_ReplyThatBreaksARule_IsRefusedAndFailsTheAnswer(string rule)
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var head = node.ReplyTo(metadata);
        Broken[rule].Break(head);

        HandDesk.Refused(FleetFault.Invalid, Broken[rule].Message, () => node.Push(Deflation.Deflate(head, LegacyRecords.Encode(TestKit.Fit(1, TestKit.Floats(2))))));

        Assert.Equal(FailureReason.Malformed, (await answer.Bounded()).Failure!.Reason);
    }

    /// <summary>The head of the push keeps the rules, the message that the id stands for does not.</summary>
    [Fact]
    public async Task Push_HeadThatDiffersFromItsMessage_FailsTheAnswer()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var inner = node.ReplyTo(metadata);
        inner.SrcNodeId++;
        var reply = Deflation.Deflate(inner, LegacyRecords.Encode(TestKit.Fit(1, TestKit.Floats(2))));
        reply.Message.Metadata.SrcNodeId = node.Id;

        node.Send(reply);

        Assert.Contains("source node", (await answer.Bounded()).Failure!.Message);
    }

    [Fact]
    public async Task Push_TreeThatIsNotAsItsObjects_FailsTheAnswer()
    {
        var node = Server.JoinedNode();
        var answer = Server.Client.AskAsync(Train(1), Token);
        var (metadata, _, _) = await node.Receive();
        var reply = node.Reply(metadata, TestKit.Fit(1, TestKit.Floats(2)));
        reply.Tree.Children.Clear();

        Assert.Equal([reply.Id], node.Send(reply));

        Assert.Contains("is not in the reply's tree", (await answer.Bounded()).Failure!.Message);
    }

    [Fact]
    public void Push_WithoutMessageTreeOrMetadata_IsRefused()
    {
        var node = Server.JoinedNode();
        foreach (var request in new Wire.PushMessagesRequest[]
        {
            new(), new() { MessagesList = { new Wire.Message { Metadata = new() } } },
            new() { MessagesList = { new Wire.Message() }, MessageObjectTrees = { new Wire.ObjectTree() } },
        })
        {
            HandDesk.Refused(FleetFault.Invalid, "expected one of each", () => node.Push(request));
        }
    }

    [Fact]
    public async Task AskAsync_Goodbye_NeedsNoNode()
    {
        Server.JoinedNode();
        Assert.IsType<DisconnectResult>((await Server.Client.AskAsync(new ReconnectInstructions(0), Token)).Reply);
    }
}

/// <inheritdoc/>
public sealed class FleetDeskTestsInMemory() : FleetDeskTests(Door.Memory);

/// <inheritdoc/>
public sealed class FleetDeskTestsOverGrpc() : FleetDeskTests(Door.Grpc);

/// <inheritdoc/>
public sealed class FleetDeskTestsOverHttp() : FleetDeskTests(Door.Http);
