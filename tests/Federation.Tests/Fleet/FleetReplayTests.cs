using System.Text;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>What real nodes sent to a real SuperLink, sent to ours: same clock, same numbers, so the same bytes come back.</summary>
public sealed class FleetReplayTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IReadOnlyList<RecordedCall> Session => FleetRecording.Session;

    /// <summary>From registration to the initial model: the message's id covers its metadata and content, so equal ids are equal messages.</summary>
    [Fact]
    public async Task Session_UpToTheInitialModel_IsAnsweredWithTheRecordedBytes()
    {
        var ids = new Queue<ulong>(FleetRecording.All("RegisterNode", false, Wire.RegisterNodeResponse.Parser).Select(response => response.NodeId));
        var fab = FleetRecording.All("GetFab", false, Wire.GetFabResponse.Parser).First().Fab;
        var bundle = AppBundle.Read("recorded.fab", fab.Content.ToByteArray());
        var server = new HandDesk(bundle: bundle, ids: ids.Dequeue);
        var last = Session.First(call => call.Method == "ConfirmMessageReceived" && !call.IsRequest).Number;
        server.Clock.SetUtcNow(TimeOf(Session[0]));
        var replay = new Replay(server, Session);

        // The instruction goes out before the pull that finds it.
        var found = Session.First(call => call.Method == "PullMessages" && !call.IsRequest && call.Body.Length > 0);
        var metadata = Wire.PullMessagesResponse.Parser.ParseFrom(found.Body).MessagesList[0].Metadata;
        var pull = replay.RequestOf(found);
        replay.Run(0, pull.Number - 1);
        var answer = replay.Ask(metadata, new GetParametersInstructions(TestKit.NoValues));
        replay.Run(pull.Number, last);

        var push = Session.First(call => call.Method == "PushMessages" && call.IsRequest);
        var end = Session.First(call => call.Method == "PullMessages" && call.IsRequest && call.Number > push.Number);
        Assert.False(answer.IsCompleted);
        replay.Run(push.Number, end.Number - 1);

        var model = Assert.IsType<GetParametersResult>((await answer.Bounded()).Reply).Parameters;
        Assert.Equal(["(784, 32)", "(32,)", "(32, 64)", "(64,)"], model.Arrays.Select(array => array.Shape.ToString()));
        Assert.Empty(ids);
    }

    /// <summary>Every round's training and evaluation as recorded, asked for with the round's number: every answer is the recorded one.</summary>
    [Fact]
    public async Task Session_OfThreeRounds_IsAnsweredWithTheRecordedBytes()
    {
        var ids = new Queue<ulong>(FleetRecording.All("RegisterNode", false, Wire.RegisterNodeResponse.Parser).Select(response => response.NodeId));
        var fab = FleetRecording.All("GetFab", false, Wire.GetFabResponse.Parser).First().Fab;
        var server = new HandDesk(bundle: AppBundle.Read("recorded.fab", fab.Content.ToByteArray()), ids: ids.Dequeue);
        server.Clock.SetUtcNow(TimeOf(Session[0]));
        var replay = new Replay(server, Session);
        var instructions = new List<(Wire.Metadata Metadata, Instruction Instruction)>();
        foreach (var (message, _) in FleetRecording.Messages.Where(item => item.Message.Metadata.ReplyToMessageId.Length == 0))
        {
            var content = (await new Inflation(FleetRecording.Source, ObjectLimits.Default).ReadAsync(message.Metadata.MessageId, Token)).Content!;
            var instruction = LegacyRecords.DecodeInstruction(message.Metadata.MessageType, content);
            var group = message.Metadata.GroupId;
            instructions.Add((message.Metadata, instruction with { Round = group.Length == 0 ? null : int.Parse(group, System.Globalization.CultureInfo.InvariantCulture) }));
        }
        // Training and evaluation by two nodes in three rounds, and the initial model.
        Assert.Equal(1 + 2 * 2 * 3, instructions.Count);

        var answers = new List<Task<Answer>>();
        await replay.RunAllAsync(async found =>
        {
            // Those of one phase are made at the same time, and before the first pull that finds one.
            var phase = instructions.Where(item => (item.Metadata.MessageType, item.Metadata.GroupId) == (found.MessageType, found.GroupId)).ToArray();
            if (phase.Length == 0) return;
            instructions.RemoveAll(phase.Contains);
            // The server asks again when it has read the answers of the phase before.
            await Task.WhenAll(answers).Bounded();
            answers.AddRange(phase.OrderBy(item => item.Metadata.CreatedAt).Select(item => replay.Ask(item.Metadata, item.Instruction)));
        });

        Assert.Equal(13, answers.Count);
        Assert.All(await Task.WhenAll(answers).Bounded(), answer => Assert.Equal(ResultStatus.Success, Assert.IsAssignableFrom<Result>(answer.Reply).Status));
    }

    [Fact]
    public void Shutdown_OfKnownNodes_IsAnsweredAsRecorded()
    {
        var goodbyes = FleetRecording.Shutdown.Where(call => call.Method == "DeactivateNode" && call.IsRequest).ToArray();
        var ids = new Queue<ulong>(goodbyes.Select(call => Wire.DeactivateNodeRequest.Parser.ParseFrom(call.Body).NodeId));
        var server = new HandDesk(ids: ids.Dequeue);
        server.Clock.SetUtcNow(TimeOf(goodbyes[0]));
        foreach (var call in goodbyes)
        {
            var key = ByteString.CopyFrom(call.Headers[SignedHeaders.Grpc.PublicKey]);
            var caller = Replay.Caller(server, call);
            server.Desk.Register(caller, new() { PublicKey = key });
            server.Desk.Activate(caller, new() { PublicKey = key, HeartbeatInterval = 30 });
        }
        Assert.Equal(2, server.Registry.Snapshot().Count);

        new Replay(server, FleetRecording.Shutdown).Run(goodbyes[0].Number, int.MaxValue);

        Assert.Empty(server.Registry.Snapshot());
    }

    [Fact]
    public void AppBundle_Recorded_IsReadAsItsMakerDid()
    {
        var (run, fab) = (FleetRecording.All("GetRun", false, Wire.GetRunResponse.Parser).First().Run, FleetRecording.All("GetFab", false, Wire.GetFabResponse.Parser).First().Fab);
        var bundle = AppBundle.Read("recorded.fab", fab.Content.ToByteArray());

        Assert.Equal((run.FabId, run.FabVersion, run.FabHash), (bundle.Id, bundle.Version, bundle.Hash));
        Assert.Equal(fab.HashStr, bundle.Hash);
    }

    [Fact]
    public void AppBundle_OtherFile_IsRefused() =>
        Assert.Contains("is no app bundle", Assert.Throws<FormatException>(() => AppBundle.Read("x.fab", Encoding.ASCII.GetBytes("PK no zip"))).Message);

    private static DateTimeOffset TimeOf(RecordedCall call) => DateTimeOffset.Parse(
        Encoding.ASCII.GetString(call.Headers[SignedHeaders.Grpc.Timestamp]), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Sends recorded requests to a desk and compares each answer with the recorded one.</summary>
    private sealed class Replay(HandDesk server, IReadOnlyList<RecordedCall> calls)
    {
        /// <summary>The request that a response answers: calls of two nodes overlap, and those of one key do not.</summary>
        public RecordedCall RequestOf(RecordedCall response) => Pairs().Single(pair => pair.Response == response).Request;

        /// <summary>Replays the requests with numbers in this range.</summary>
        public void Run(int first, int last)
        {
            foreach (var (request, response) in Pairs().Where(pair => pair.Request.Number >= first && pair.Request.Number <= last))
            {
                Compare(request.Method, Send(request), response.Body);
            }
        }

        /// <summary>Replays all requests; the metadata of each message that one finds are told before.</summary>
        public async Task RunAllAsync(Func<Wire.Metadata, Task> finding)
        {
            foreach (var (request, response) in Pairs())
            {
                if (request.Method == "PullMessages" && Wire.PullMessagesResponse.Parser.ParseFrom(response.Body).MessagesList is [var message])
                {
                    await finding(message.Metadata);
                }
                var got = Send(request);
                if (got is Wire.PushMessagesResponse push) PushAgain(request, push, Wire.PushMessagesResponse.Parser.ParseFrom(response.Body));
                Compare(request.Method, got, response.Body);
            }
        }

        /// <summary>The recorded server has the objects of other nodes' replies; ours asks for them again.</summary>
        private void PushAgain(RecordedCall request, Wire.PushMessagesResponse ours, Wire.PushMessagesResponse theirs)
        {
            foreach (var id in ours.ObjectsToPush.Except(theirs.ObjectsToPush).ToArray())
            {
                var node = Wire.PushMessagesRequest.Parser.ParseFrom(request.Body).Node;
                var push = new Wire.PushObjectRequest { Node = node, RunId = HandDesk.RunId, ObjectId = id, ObjectContent = FleetRecording.Objects[id] };
                Assert.True(server.Desk.PushObject(Caller(server, request), push).Stored);
                ours.ObjectsToPush.Remove(id);
            }
        }

        /// <summary>Asks a node at the recorded instant.</summary>
        public Task<Answer> Ask(Wire.Metadata metadata, Instruction instruction)
        {
            var seconds = Math.Floor(metadata.CreatedAt);
            server.Clock.SetUtcNow(DateTimeOffset.UnixEpoch.AddSeconds(seconds).AddMicroseconds(Math.Round((metadata.CreatedAt - seconds) * 1e6)));
            return server.Registry.Snapshot().Single(client => client.Info.Peer.EndsWith($"node {metadata.DstNodeId}", StringComparison.Ordinal))
                .AskAsync(instruction, Token);
        }

        public static FleetCaller Caller(HandDesk server, RecordedCall call) => server.Desk.Authenticate(
            new(call.Headers[SignedHeaders.Grpc.PublicKey], Encoding.ASCII.GetString(call.Headers[SignedHeaders.Grpc.Timestamp]), call.Headers[SignedHeaders.Grpc.Signature]),
            "ipv4:127.0.0.1:1");

        private IMessage Send(RecordedCall call)
        {
            // A signature counts from 5 s before its time on: the clock follows behind, so that the instruction has its recorded time.
            if (TimeOf(call).AddSeconds(-4) is var due && due > server.Clock.GetUtcNow()) server.Clock.SetUtcNow(due);
            return server.Desk.Call(call.Method, Caller(server, call), new(call.Body));
        }

        /// <summary>Byte for byte, but for the order of a set and the run's times and counters.</summary>
        private static void Compare(string method, IMessage got, byte[] wanted)
        {
            if (method == "PushMessages")
            {
                var (ours, theirs) = ((Wire.PushMessagesResponse)got, Wire.PushMessagesResponse.Parser.ParseFrom(wanted));
                Assert.Equal(theirs.ObjectsToPush.Order(), ours.ObjectsToPush.Order());
                Assert.Equal((theirs.Results, theirs.Reconnect), (ours.Results, ours.Reconnect));
            }
            else if (method == "GetRun")
            {
                var (ours, theirs) = (((Wire.GetRunResponse)got).Run, Wire.GetRunResponse.Parser.ParseFrom(wanted).Run);
                Assert.Equal((theirs.RunId, theirs.FabId, theirs.FabVersion, theirs.FabHash), (ours.RunId, ours.FabId, ours.FabVersion, ours.FabHash));
                Assert.Equal((theirs.Status, theirs.Federation, theirs.RunType), (ours.Status, ours.Federation, ours.RunType));
            }
            else if (method == "GetFab")
            {
                Assert.Equal(Wire.GetFabResponse.Parser.ParseFrom(wanted), got);
            }
            else
            {
                Assert.Equal(wanted, got.ToByteArray());
            }
        }

        private IEnumerable<(RecordedCall Request, RecordedCall Response)> Pairs()
        {
            var open = new List<RecordedCall>();
            var pairs = new List<(RecordedCall, RecordedCall)>();
            foreach (var call in calls)
            {
                if (call.IsRequest) open.Add(call);
                else if (open.FindIndex(request => request.Method == call.Method && Fits(request, call)) is >= 0 and var at)
                {
                    pairs.Add((open[at], call));
                    open.RemoveAt(at);
                }
            }
            return pairs.OrderBy(pair => pair.Item1.Number);
        }

        /// <summary>Where two calls of a method overlap, the content tells which one is answered.</summary>
        private static bool Fits(RecordedCall request, RecordedCall response)
        {
            if (request.Method != "PullObject") return true;
            var content = Wire.PullObjectResponse.Parser.ParseFrom(response.Body).ObjectContent;
            return FleetObject.IdOf(content.Span) == Wire.PullObjectRequest.Parser.ParseFrom(request.Body).ObjectId;
        }
    }
}
