using System.Buffers;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Whatever a peer's bytes are, a decoder answers with a value or a <see cref="FormatException"/>; the seeds are fixed.</summary>
public sealed class DecoderFuzzTests
{
    private const int Times = 4_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly Dictionary<string, Scalar> Values = new()
    {
        ["d"] = 0.5,
        ["i"] = 3,
        ["u"] = Scalar.FromUInt64(ulong.MaxValue),
        ["b"] = true,
        ["s"] = "ä",
        ["y"] = new byte[] { 1, 2 },
    };

    private static readonly Reply[] Replies =
    [
        new GetPropertiesResult(ResultStatus.Success, Values), new GetParametersResult(ResultStatus.Success, new(TestKit.Floats(1, 2), TestKit.Floats(3))),
        new FitResult(ResultStatus.Success, new(TestKit.Floats(1, 2)), 7, Values), new EvaluateResult(ResultStatus.Success, 0.5f, 7, Values),
        new FitResult(ResultStatus.Success, Parameters.Opaque("", new byte[] { 1, 2, 3 }), 7, Values), new DisconnectResult(DisconnectReason.Ack),
    ];

    private static readonly Instruction[] Instructions =
    [
        new GetPropertiesInstructions(Values), new GetParametersInstructions(Values), new FitInstructions(new(TestKit.Floats(1, 2)), Values),
        new EvaluateInstructions(new(TestKit.Floats(1, 2)), Values), new ReconnectInstructions(5),
    ];

    [Fact]
    public void Replies_OnTheStream()
    {
        var allowance = new ReplyAllowance(10, 1 << 20, 1 << 20, 100, true, 10);
        Fuzz(1, [.. Replies.Select(reply => WireCodec.Encode(reply).ToByteArray())], bytes => StreamMessages.Replies.Read(new ReadOnlySequence<byte>(bytes), allowance).Take());
    }

    [Fact]
    public void Messages_OfProtobuf()
    {
        Fuzz(2, [.. Replies.Select(reply => WireCodec.Encode(reply).ToByteArray())], bytes => StreamMessages.Replies.Read(new(bytes)).Take());
        Fuzz(3, [.. Instructions.Select(item => WireCodec.Encode(item).ToByteArray())], bytes => StreamMessages.Instructions.Read(new(bytes)).Take());
    }

    [Fact]
    public void Objects_AndTheirBodies()
    {
        var record = RecordCodec.Encode(new ConfigRecord(Values.Select(item => (item.Key, (RecordValue)item.Value))));
        Fuzz(4, [record, RecordCodec.Encode(new ConfigRecord(("l", new[] { 1.0, 2 }), ("t", new[] { "a", "b" })))], bytes => RecordCodec.Decode(bytes));
        var id = new string('a', 64);
        FleetObject Around(byte[] body) => new(ObjectType.Array, [id], body);
        Fuzz(5, [RecordJson.Format([("w", id)]), """{"\ud800": "x", "b": 5, "c": null, "d": [1]}"""u8.ToArray()], bytes => RecordJson.ReadIds(id, Around(bytes)));
        Fuzz(6, [RecordJson.Format(new RecordJson.ArrayBody("float32", [2, 3], "numpy.ndarray", [0, 1])), """{"dtype":1,"shape":{},"stype":[],"arraychunk_ids":[1e99]}"""u8.ToArray()],
            bytes => RecordJson.ReadArray(id, Around(bytes)));
        byte[] content = [.. Encoding.ASCII.GetBytes($"ArrayRecord {id},{id} 2"), 0, 1, 2];
        Fuzz(7, [content], bytes => FleetObject.Parse(FleetObject.IdOf(bytes), bytes));
        var tree = new Wire.ObjectTree { ObjectId = id, Children = { new Wire.ObjectTree { ObjectId = id, Children = { new Wire.ObjectTree { ObjectId = id } } } } };
        Fuzz(8, [tree.ToByteArray()], bytes => ObjectTrees.Ids(Wire.ObjectTree.Parser.ParseFrom(bytes), new(100, 1)));
    }

    /// <summary>Objects with changed bodies under their right ids: what a peer may do that computes its hashes.</summary>
    [Fact]
    public async Task Messages_OfObjects()
    {
        var (random, answers) = (new Random(9), 0);
        var model = new Parameters(TestKit.Floats(1, 2), TestKit.Floats(3));
        foreach (var (type, result) in new (string, Result)[]
        {
            ("train", new FitResult(ResultStatus.Success, model, 7, Values)), ("evaluate", new EvaluateResult(ResultStatus.Success, 1, 2, Values)),
            ("get_parameters", new GetParametersResult(ResultStatus.Success, model)), ("get_properties", new GetPropertiesResult(ResultStatus.Success, Values)),
        })
        {
            var message = Deflation.Deflate(new() { RunId = 1, MessageType = type }, LegacyRecords.Encode(result));
            for (var i = 0; i < Times / 4; i++)
            {
                var (root, objects) = Changed(message, message.Ids.ElementAt(random.Next(message.Ids.Count)), random);
                try
                {
                    var read = await new Inflation((id, _) => new(objects[id]), new(1000, 1 << 20, 1 << 20, 1000)).ReadAsync(root, Token);
                    if (read.Content is not null) LegacyRecords.DecodeResult(type, read.Content);
                    answers++;
                }
                catch (FormatException)
                {
                    // The one answer.
                }
            }
        }
        Assert.True(answers > 0, "no message was decoded");
    }

    /// <summary>The message with one body changed, and the ids of all objects above it.</summary>
    private static (string Root, Dictionary<string, byte[]> Objects) Changed(DeflatedMessage message, string target, Random random)
    {
        var (objects, renamed) = (new Dictionary<string, byte[]>(), new Dictionary<string, string>());
        foreach (var id in message.Ids)
        {
            Assert.True(message.TryRead(id, out var content));
            var text = renamed.Aggregate(Encoding.Latin1.GetString(content.Span), (old, item) => old.Replace(item.Key, item.Value, StringComparison.Ordinal));
            var bytes = Encoding.Latin1.GetBytes(text);
            if (id == target)
            {
                var zero = Array.IndexOf(bytes, (byte)0);
                var head = text[..zero].Split(' ');
                bytes = FleetObject.Format(head[0], head[1].Length == 0 ? [] : head[1].Split(','), Mutated(bytes[(zero + 1)..], random));
            }
            var now = FleetObject.IdOf(bytes);
            if (now != id) renamed[id] = now;
            objects[now] = bytes;
        }
        return (renamed.GetValueOrDefault(message.Id, message.Id), objects);
    }

    /// <summary>Records of every kind under every name, with every value.</summary>
    [Fact]
    public void Records_OfWrongKindsNamesAndValues()
    {
        var random = new Random(10);
        Scalar[] scalars = [0.0, 100.0, 1.5, double.NaN, double.PositiveInfinity, 1e300, -1, long.MaxValue, Scalar.FromUInt64(ulong.MaxValue), true, "text", new byte[] { 1 }, 1L << 32, long.MinValue];
        string[] names = ["code", "message", "num_examples", "loss", "0", "_empty", "x"];
        foreach (var (type, result) in new (string, Result)[]
        {
            ("train", new FitResult(ResultStatus.Success, new(TestKit.Floats(1)), 7, Values)), ("evaluate", new EvaluateResult(ResultStatus.Success, 1, 2, Values)),
            ("get_parameters", new GetParametersResult(ResultStatus.Success, new(TestKit.Floats(1)))), ("get_properties", new GetPropertiesResult(ResultStatus.Success, Values)),
        })
        {
            var valid = LegacyRecords.Encode(result);
            for (var i = 0; i < Times; i++)
            {
                var target = valid.Keys.ElementAt(random.Next(valid.Count));
                var records = new RecordDict(valid.Where(item => item.Key != target || random.Next(8) > 0).Select(item => (item.Key, item.Key == target ? Any(random, scalars, names) : item.Value)));
                try
                {
                    LegacyRecords.DecodeResult(type, records);
                }
                catch (FormatException)
                {
                    // The one answer.
                }
            }
        }
    }

    [Fact]
    public void Signatures_KeysAndAddresses()
    {
        using var key = NodeKey.Create();
        var now = new DateTimeOffset(2026, 11, 22, 17, 20, 0, TimeSpan.Zero);
        var headers = key.Sign(now);
        Fuzz(11, [headers.PublicKey.ToArray()], bytes => new SignedHeaders(bytes, headers.Timestamp, headers.Signature).Problem(now), 500);
        Fuzz(12, [headers.Signature.ToArray()], bytes => new SignedHeaders(headers.PublicKey, headers.Timestamp, bytes).Problem(now), 500);
        Fuzz(13, [Encoding.ASCII.GetBytes(headers.Timestamp)], bytes => new SignedHeaders(headers.PublicKey, Encoding.Latin1.GetString(bytes), headers.Signature).Problem(now), 500);
        Fuzz(14, [headers.PublicKey.ToArray(), "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBA== me"u8.ToArray()], bytes => KeyList.Fingerprint(Encoding.Latin1.GetString(bytes)), 500);
    }

    private static IRecord Any(Random random, Scalar[] scalars, string[] names)
    {
        var chosen = names.Where(_ => random.Next(3) == 0).ToArray();
        RecordValue Value(bool numeric)
        {
            var scalar = scalars.Where(item => !numeric || item.IsNumber).ElementAt(random.Next(scalars.Count(item => !numeric || item.IsNumber)));
            return random.Next(4) == 0 ? RecordValue.List(scalar.Kind, scalar, scalar) : scalar;
        }
        return random.Next(3) switch
        {
            0 => new ConfigRecord(chosen.Select(name => (name, Value(false)))),
            1 => new MetricRecord(chosen.Select(name => (name, Value(true)))),
            _ => new ArrayRecord(chosen.Select(name => (name, random.Next(2) == 0 ? new RecordArray(TestKit.Floats(1))
                : new RecordArray(ByteString.CopyFrom(1, 2), random.Next(2) == 0 ? "" : Parameters.NumpyType, "", [])))),
        };
    }

    private static void Fuzz(int seed, byte[][] valid, Action<byte[]> decode, int times = Times)
    {
        var (random, answers) = (new Random(seed), 0);
        foreach (var bytes in valid) Try(bytes);
        for (var i = 0; i < times; i++) Try(Mutated(valid[random.Next(valid.Length)], random));
        Assert.True(answers > 0, "no bytes were decoded");

        void Try(byte[] bytes)
        {
            try
            {
                decode(bytes);
                answers++;
            }
            catch (Exception exception) when (exception is FormatException or InvalidProtocolBufferException or BrokenMessageException)
            {
                // Bytes that are no message end a stream; the others are a reply that does not count.
            }
        }
    }

    /// <summary>A few bytes changed, left out, doubled or put in; half of them are bytes that mean much.</summary>
    private static byte[] Mutated(byte[] source, Random random)
    {
        var bytes = source.ToList();
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count + 1);
            var value = random.Next(2) == 0 ? (byte)random.Next(256) : "\0\xFF\x80\x7F\"{}[]-9e "u8[random.Next(14)];
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count: bytes[at] = value; break;
                case 1 when at < bytes.Count: bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 9))); break;
                case 2 when bytes.Count > 0: bytes.InsertRange(at, bytes.GetRange(0, Math.Min(bytes.Count, random.Next(1, 20)))); break;
                default: bytes.Insert(at, value); break;
            }
        }
        return [.. bytes];
    }
}
