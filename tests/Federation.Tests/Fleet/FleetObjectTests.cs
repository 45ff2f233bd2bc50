using System.Text;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Objects: their bytes and ids, taken apart and put together, and what a hostile peer may send.</summary>
public sealed class FleetObjectTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> MessageIds => [.. FleetRecording.Messages.Select(item => item.Message.Metadata.MessageId).Distinct()];

    [Fact]
    public void Messages_OfTheRecording_AreAllThere() =>
        // One get_parameters and, for 3 rounds of 2 nodes, fit and evaluate: 1 + 3·2·2 = 13 instructions and as many replies.
        Assert.Equal(26, MessageIds.Count);

    [Theory, MemberData(nameof(MessageIds))]
    public async Task Deflate_OfInflatedRecordedMessage_GivesTheSameObjects(string id)
    {
        var (wire, tree) = FleetRecording.Messages.First(item => item.Message.Metadata.MessageId == id);

        var message = await new Inflation(FleetRecording.Source, ObjectLimits.Default).ReadAsync(id, Cancellation);
        var again = Deflation.Deflate(message.Metadata, message.Content, message.Error);

        Assert.Equal(wire, again.Message);
        Assert.Equal(ObjectTrees.Ids(tree, ObjectLimits.Default).Order(), again.Ids.Order());
        foreach (var part in again.Ids)
        {
            Assert.True(again.TryRead(part, out var content));
            Assert.Equal(FleetRecording.Objects[part], content);
        }
    }

    [Theory, MemberData(nameof(MessageIds))]
    public async Task LegacyRecords_OfRecordedMessage_SurviveOurMessages(string id)
    {
        var message = await new Inflation(FleetRecording.Source, ObjectLimits.Default).ReadAsync(id, Cancellation);
        var type = message.Metadata.MessageType;
        var again = message.Metadata.ReplyToMessageId.Length == 0
            ? LegacyRecords.Encode(LegacyRecords.DecodeInstruction(type, message.Content!)).Content
            : LegacyRecords.Encode(LegacyRecords.DecodeResult(type, message.Content!));
        if (type == LegacyRecords.Evaluate && message.Metadata.ReplyToMessageId.Length > 0)
        {
            // Our loss has 32 bits, as on the bidirectional stream; the recorded one has 64.
            Assert.Equal((float)Loss(message.Content!), (float)Loss(again));
            return;
        }
        Assert.Equal(id, Deflation.Deflate(message.Metadata, again).Id);

        static double Loss(RecordDict records) => records.Get<MetricRecord>("evaluateres.loss")["loss"].Scalar.AsDouble();
    }

    [Fact]
    public void Format_OfConfigWorkedByHand_GivesThoseBytes()
    {
        // Item{key=1 "a"; value=2 {sint64=2: zigzag(-3) = 5}}: 0A len, 0A 01 'a', 12 02 10 05.
        byte[] body = [0x0A, 0x07, 0x0A, 0x01, (byte)'a', 0x12, 0x02, 0x10, 0x05];
        Assert.Equal(body, RecordCodec.Encode(new ConfigRecord(("a", -3))));
        byte[] content = [.. "ConfigRecord  9\0"u8, .. body];
        Assert.Equal(content, FleetObject.Format(ObjectType.ConfigRecord, [], body));
        // SHA-256("abc") of FIPS 180-2, appendix B.1.
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", FleetObject.IdOf("abc"u8));
    }

    [Fact]
    public void RecordJson_EscapesAsPythonDoes()
    {
        // json.dumps({"é\"\n\\\x7f": "x"}) is {"\u00e9\"\n\\<DEL>": "x"} with the escapes as text.
        Assert.Equal("{\"\\u00e9\\\"\\n\\\\\x7f\": \"x\"}", Encoding.ASCII.GetString(RecordJson.Format([("é\"\n\\\x7f", "x")])));
    }

    [Fact]
    public void Deflate_LargeArray_IsCutIn5MiBPiecesOnceEach()
    {
        // 128 bytes of header and 12 MiB of zeros: 5 MiB with the header, 5 MiB of zeros, 2 MiB + 128 bytes of zeros.
        var record = new ArrayRecord(("w", NdArray.Zeros([3 << 20])));
        var array = record.Deflated.Tree.Children.Single();
        Assert.Equal(3, array.Children.Count);
        // 22 MiB: the second, third and fourth piece are the same zeros and one object.
        var larger = new ArrayRecord(("w", NdArray.Zeros([(22 << 20) / 4]))).Deflated;
        Assert.Equal(3, larger.Tree.Children.Single().Children.Count);
        Assert.Contains("\"arraychunk_ids\": [0, 1, 1, 1, 2]", larger.Parts[^2].Content!.ToStringUtf8(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inflate_RepeatedAndSharedPieces_GivesTheArrays()
    {
        // 11 Mi elements, so 44 MiB of zeros: pieces repeat. Two names share one array, a third differs in its last element.
        var zeros = NdArray.Zeros([11 << 20]);
        var other = NdArray.Zeros([11 << 20]);
        other.AsSpan<float>()[^1] = 7;
        var content = new RecordDict(("arrays", new ArrayRecord(("a", zeros), ("b", zeros), ("c", other))));
        var deflated = Deflation.Deflate(new() { MessageType = "train" }, content);
        var pulled = 0;

        var message = await new Inflation(
            (id, _) =>
            {
                pulled++;
                Assert.True(deflated.TryRead(id, out var bytes));
                return new(bytes.Memory);
            },
            ObjectLimits.Default).ReadAsync(deflated.Id, Cancellation);

        var arrays = message.Content!.Get<ArrayRecord>("arrays");
        Assert.Equal(arrays["a"].Array.ToArray<float>(), arrays["b"].Array.ToArray<float>());
        arrays["b"].Array.AsSpan<float>().Fill(3);
        Assert.Equal(0, arrays["a"].Array.ToArray<float>().Max());
        Assert.Equal(7, arrays["c"].Array.ToArray<float>()[^1]);
        // Message, dict, record; for each of two arrays itself, its first piece, the zeros once in a row, and the last piece.
        Assert.Equal(3 + 2 * 4, pulled);
    }

    [Fact]
    public async Task Inflate_KnownRecord_IsNotFetchedAgain()
    {
        var model = new ArrayRecord(("w", NdArray.From(1f, 2f)));
        var deflated = Deflation.Deflate(new() { MessageType = "evaluate" }, new(("arrays", model), ("config", new ConfigRecord())));
        var pulled = new List<string>();

        var message = await new Inflation(
            (id, _) =>
            {
                pulled.Add(id);
                Assert.True(deflated.TryRead(id, out var bytes));
                return new(bytes.Memory);
            },
            ObjectLimits.Default, model).ReadAsync(deflated.Id, Cancellation);

        var copy = message.Content!.Get<ArrayRecord>("arrays");
        Assert.Equal([1, 2], copy["w"].Array.ToArray<float>());
        copy["w"].Array.AsSpan<float>().Clear();
        Assert.Equal([1, 2], model["w"].Array.ToArray<float>());
        Assert.Equal(3, pulled.Count);
    }

    [Fact]
    public void Records_OfEveryKind_SurviveTheirBytes()
    {
        var record = new ConfigRecord(
            ("d", 1.5), ("i", -1L), ("u", Scalar.FromUInt64(ulong.MaxValue)), ("b", false), ("s", "ü"), ("y", new byte[] { 0, 1 }), ("ds", new[] { 0.0, 1 }),
            ("is", new[] { -1L, 2 }), ("us", RecordValue.List(ScalarKind.UInt64, Scalar.FromUInt64(1UL << 63))),
            ("bs", RecordValue.List(ScalarKind.Bool, true, false)), ("ss", new[] { "", "a" }),
            ("ys", RecordValue.List(ScalarKind.Bytes, new byte[] { 9 })), ("none", RecordValue.List(ScalarKind.Double)));
        Assert.Equal(record.Select(item => (item.Key, item.Value)), RecordCodec.Decode(RecordCodec.Encode(record)));
    }
}
