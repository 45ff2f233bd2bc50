using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Our node in the place of a recorded one: the server's recorded answers lead to the recorded requests.</summary>
public sealed class NodeReplayTests
{
    // The node that was asked for the initial parameters.
    private const ulong Node = 8892269700333248113;

    [Fact]
    public async Task Node_GivenTheRecordedAnswers_PushesTheRecordedReplies()
    {
        var time = new FakeTimeProvider(new(2026, 11, 22, 17, 20, 13, TimeSpan.Zero));
        var expected = FleetRecording.All("PushMessages", true, Wire.PushMessagesRequest.Parser)
            .Where(request => request.Node.NodeId == Node).Select(request => (Message: request.MessagesList[0], Tree: request.MessageObjectTrees[0])).ToArray();
        Assert.Equal(7, expected.Length);
        var next = 0;
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var link = new Recorded(leave);
        var initial = await new Inflation(FleetRecording.Source, ObjectLimits.Default).ReadAsync(expected[0].Tree.ObjectId, leave.Token);
        var first = expected.First(reply => reply.Message.Metadata.MessageType == "train").Tree.ObjectId;
        var fit = await new Inflation(FleetRecording.Source, ObjectLimits.Default).ReadAsync(first, leave.Token);
        var trained = (FitResult)LegacyRecords.DecodeResult("train", fit.Content!);
        var client = new LambdaClient
        {
            Parameters = () =>
            {
                Clock();
                return ((GetParametersResult)LegacyRecords.DecodeResult("get_parameters", initial.Content!)).Parameters.Arrays;
            },
            Fit = (parameters, config, _) =>
            {
                Clock();
                Assert.Equal((0.1, "x", true), (config["lr"].AsDouble(), config["s"].AsString(), config["b"].AsBool()));
                NdArray[] smaller = [.. parameters.Select(array => NdArray.From<float>(
                    [.. array.ToArray<float>().Select(value => value * 0.9f)], array.Shape))];
                return Task.FromResult(new FitOutput(smaller, trained.NumExamples, new Dictionary<string, Scalar> { ["train_loss"] = 0.5 }));
            },
            Evaluate = (_, _) =>
            {
                Clock();
                return new(0.25, 100);
            },
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => FederatedNode.RunAsync(
            link, "recorded", new ArrayRecordClient(client), client,
            new() { TimeProvider = time, PollInterval = TimeSpan.Zero, GracePeriod = TimeSpan.Zero }, leave.Token).Bounded());

        Assert.Equal(expected.Length, link.Replies.Count);
        for (var i = 0; i < expected.Length; i++)
        {
            var (wanted, got) = (expected[i].Message.Metadata, link.Replies[i].MessagesList[0].Metadata);
            if (wanted.MessageType == "evaluate")
            {
                // The recorded app's loss is a mean in NumPy's order of additions; everything else must agree.
                (wanted, got) = (wanted.Clone(), got.Clone());
                wanted.MessageId = got.MessageId = "";
                Assert.Equal(wanted, got);
                continue;
            }
            // With equal metadata and content the ids are equal, and with them every object below.
            Assert.Equal(expected[i].Message, link.Replies[i].MessagesList[0]);
            Assert.Equal(expected[i].Tree, link.Replies[i].MessageObjectTrees[0]);
        }

        // The recorded node's clock when it answered.
        void Clock()
        {
            var micros = (long)Math.Round(expected[next++].Message.Metadata.CreatedAt * 1e6);
            time.SetUtcNow(DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond));
        }
    }

    [Fact]
    public void Headers_OfTheRecording_AreSigned()
    {
        var signed = FleetRecording.Session.Where(call => call.IsRequest).ToArray();
        // 2 each of RegisterNode, ActivateNode, GetRun, GetFab, 13 of ConfirmMessageReceived and PushMessages, 33 PullMessages,
        // 147 PullObject, 115 PushObject, 5 SendNodeHeartbeat. One in eight is enough.
        Assert.Equal((4 * 2) + (2 * 13) + 33 + 147 + 115 + 5, signed.Length);
        Assert.All(signed.Where((_, i) => i % 8 == 0), call =>
        {
            var headers = Headers(call);
            var then = DateTimeOffset.Parse(headers.Timestamp, System.Globalization.CultureInfo.InvariantCulture);
            Assert.Null(headers.Problem(then));
            Assert.Contains("is not within", headers.Problem(then.AddSeconds(306)), StringComparison.Ordinal);
            Assert.Contains("is not within", headers.Problem(then.AddSeconds(-6)), StringComparison.Ordinal);
            Assert.Equal(headers.Timestamp, SignedHeaders.Format(then));
        });
        Assert.Contains(
            "not of this timestamp", (Headers(signed[0]) with { Timestamp = Headers(signed[1]).Timestamp })
                .Problem(DateTimeOffset.Parse(Headers(signed[1]).Timestamp, System.Globalization.CultureInfo.InvariantCulture)), StringComparison.Ordinal);
    }

    private static SignedHeaders Headers(RecordedCall call) => new(
        call.Headers[SignedHeaders.Grpc.PublicKey], System.Text.Encoding.ASCII.GetString(call.Headers[SignedHeaders.Grpc.Timestamp]),
        call.Headers[SignedHeaders.Grpc.Signature]);

    /// <summary>Answers as recorded; when the recorded pulls are used up the node is told to leave.</summary>
    private sealed class Recorded(CancellationTokenSource leave) : IFleetTransport
    {
        private readonly Queue<byte[]> pulls = new(Answers());

        public List<Wire.PushMessagesRequest> Replies { get; } = [];

        public (int Pushes, int Pulls) AtOnce => (3, 4);

        public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            switch (method)
            {
                case "RegisterNode": return new Wire.RegisterNodeResponse { NodeId = Node }.ToByteArray();
                case "ActivateNode": return new Wire.ActivateNodeResponse { NodeId = Node }.ToByteArray();
                case "PullObject":
                    var id = Wire.PullObjectRequest.Parser.ParseFrom(request).ObjectId;
                    return FleetRecording.Session.Where(call => call.Method == "PullObject" && !call.IsRequest).Select(call => call.Body)
                        .First(body => FleetObject.IdOf(Wire.PullObjectResponse.Parser.ParseFrom(body).ObjectContent.Span) == id);
                case "PullMessages" when pulls.TryDequeue(out var pulled): return pulled;
                case "PullMessages":
                    await leave.CancelAsync();
                    throw new OperationCanceledException(leave.Token);
                case "PushMessages":
                    Replies.Add(Wire.PushMessagesRequest.Parser.ParseFrom(request));
                    // What is pushed after this is for other tests.
                    return new Wire.PushMessagesResponse().ToByteArray();
                case "GetRun": throw new FleetException(FleetFault.Denied, "not recorded");
                default: return [];
            }
        }

        public void Dispose() => Assert.Empty(pulls);

        private static IEnumerable<byte[]> Answers()
        {
            // The answers of two nodes may cross, but one with a message says whose it is, and one without fits either.
            var waiting = new Queue<ulong>();
            foreach (var call in FleetRecording.Session.Where(call => call.Method == "PullMessages"))
            {
                if (call.IsRequest)
                {
                    waiting.Enqueue(Wire.PullMessagesRequest.Parser.ParseFrom(call.Body).Node.NodeId);
                    continue;
                }
                var asker = waiting.Dequeue();
                var messages = Wire.PullMessagesResponse.Parser.ParseFrom(call.Body).MessagesList;
                if ((messages.Count > 0 ? messages[0].Metadata.DstNodeId : asker) == Node) yield return call.Body;
            }
        }
    }
}
