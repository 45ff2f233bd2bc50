using System.Buffers;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Our reader and writer against Protobuf's own classes, over random messages and random damage; the seeds are fixed.</summary>
public sealed class WireAgreementTests
{
    private static readonly string[] Texts = ["", "a", "lr", "é", "\u4e2d", "\ud800", "a\0b", new('x', 200), "Success"];

    private static readonly Scalar[] Scalars =
    [
        0.0, -0.0, double.NaN, 0.1, double.MaxValue, 0, 1, -1, long.MaxValue, long.MinValue, Scalar.FromUInt64(0), Scalar.FromUInt64(ulong.MaxValue), true, false, "", "text",
        Array.Empty<byte>(), new byte[] { 0, 0xFF }, new byte[300],
    ];

    [Fact]
    public void Write_OfRandomMessages_GivesProtobufsBytesAndReadsThemBack()
    {
        var random = new Random(1);
        for (var i = 0; i < 3_000; i++)
        {
            var instruction = AnInstruction(random);
            var bytes = StreamMessages.Instructions.Write(instruction);
            Assert.Equal(Convert.ToHexString(ProtobufCodec.Encode(instruction).ToByteArray()), Convert.ToHexString(bytes));
            var read = StreamMessages.Instructions.Read(FrameTests.Pieces(bytes, 1 + random.Next(40)));
            Assert.Equal((null, (long)bytes.Length), (read.Problem, read.Bytes));
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(StreamMessages.Instructions.Write(read.Take())));

            var reply = AReply(random);
            bytes = StreamMessages.Replies.Write(reply);
            Assert.Equal(Convert.ToHexString(ProtobufCodec.Encode(reply).ToByteArray()), Convert.ToHexString(bytes));
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(StreamMessages.Replies.Write(StreamMessages.Replies.Read(new(bytes)).Take())));
        }
    }

    /// <summary>Whatever pieces a message arrives in, and wherever they end, it is the same message.</summary>
    [Fact]
    public void Read_InPieces_IsTheSameMessage()
    {
        var random = new Random(2);
        for (var i = 0; i < 500; i++)
        {
            var bytes = StreamMessages.Replies.Write(AReply(random));
            var reader = new MessageReader<Reply>(StreamMessages.Replies, bytes.Length, ReplyAllowance.Instruction);
            for (int start = 0, end = 0; !reader.IsDone;)
            {
                end = Math.Min(bytes.Length, end + random.Next(1, 60));
                start += (int)reader.Read(new ReadOnlySequence<byte>(bytes, start, end - start));
                Assert.Equal(start, reader.Taken);
            }
            Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(StreamMessages.Replies.Write(reader.Finish().Take())));
        }
    }

    /// <summary>Fields doubled, lost, moved and changed: both take the same bytes, and read the same of them.</summary>
    [Fact]
    public void Read_OfDamagedMessages_AgreesWithProtobuf()
    {
        var random = new Random(3);
        var taken = 0;
        for (var i = 0; i < 30_000; i++)
        {
            var bytes = Damaged(StreamMessages.Replies.Write(AReply(random, small: true)), random);
            var theirs = Outcome(() => ProtobufCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes)));
            var ours = Outcome(() => StreamMessages.Replies.Read(FrameTests.Pieces(bytes, 16)).Take());
            Assert.True(theirs == ours, $"message {i}, {Convert.ToHexString(bytes)}: Protobuf says {theirs}, we say {ours}");
            if (theirs.StartsWith('{')) taken++;
        }
        Assert.InRange(taken, 1_000, 29_000);
    }

    /// <summary>Of two kinds in one message the last counts, and what was wrong with the first does not.</summary>
    [Fact]
    public void Read_OfTwoKinds_IsTheLast()
    {
        byte[] valueless = [4 << 3 | 2, 5, 4 << 3 | 2, 3, 1 << 3 | 2, 1, (byte)'k'], last = [1 << 3 | 2, 2, 1 << 3, 4];
        Assert.NotNull(StreamMessages.Replies.Read(new(valueless)).Problem);
        Assert.Equal(new DisconnectResult(DisconnectReason.Ack), StreamMessages.Replies.Read(new([.. valueless, .. last])).Take());
    }

    private static string Outcome(Func<Reply> read)
    {
        try
        {
            return ProtobufCodec.Encode(read()).ToString();
        }
        catch (Exception exception) when (exception is FormatException or InvalidProtocolBufferException or BrokenMessageException)
        {
            return exception is FormatException ? "no value" : "no message";
        }
    }

    private static byte[] Damaged(byte[] message, Random random)
    {
        var bytes = message.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(bytes.Count + 1);
            var value = random.Next(2) == 0 ? (byte)random.Next(256) : (byte)(random.Next(1, 16) << 3 | random.Next(8));
            switch (random.Next(4))
            {
                case 0 when at < bytes.Count: bytes[at] = value; break;
                case 1 when at < bytes.Count: bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 9))); break;
                case 2: bytes.InsertRange(at, bytes.GetRange(0, Math.Min(bytes.Count, random.Next(1, 20)))); break;
                default: bytes.Insert(at, value); break;
            }
        }
        return [.. bytes];
    }

    private static Instruction AnInstruction(Random random) => random.Next(5) switch
    {
        0 => new ReconnectInstructions(Numbers(random)),
        1 => new GetPropertiesInstructions(Values(random)),
        2 => new GetParametersInstructions(Values(random)),
        3 => new FitInstructions(Model(random), Values(random)),
        _ => new EvaluateInstructions(Model(random), Values(random)),
    };

    private static Reply AReply(Random random, bool small = false)
    {
        var status = random.Next(4) == 0 ? new ResultStatus((ResultCode)random.Next(5), Texts[random.Next(Texts.Length)]) : ResultStatus.Success;
        var values = small ? new Dictionary<string, Scalar> { ["k"] = Scalars[random.Next(18)] } : Values(random);
        var model = small ? new(TestKit.Floats(1)) : Model(random);
        return random.Next(5) switch
        {
            0 => new DisconnectResult((DisconnectReason)random.Next(-1, 6)),
            1 => new GetPropertiesResult(status, values),
            2 => new GetParametersResult(status, model),
            3 => new FitResult(status, model, Numbers(random), values),
            _ => new EvaluateResult(status, (float)Scalars[random.Next(5)].AsDouble(), Numbers(random), values),
        };
    }

    private static long Numbers(Random random) => random.Next(4) switch { 0 => 0, 1 => random.Next(300), 2 => random.NextInt64(), _ => -random.NextInt64() };

    private static Dictionary<string, Scalar> Values(Random random)
    {
        var values = new Dictionary<string, Scalar>();
        for (var count = random.Next(6); count > 0; count--) values[Texts[random.Next(Texts.Length)] + random.Next(3)] = Scalars[random.Next(Scalars.Length)];
        if (random.Next(5) == 0) values[""] = 1;
        return values;
    }

    private static Parameters Model(Random random) => random.Next(4) switch
    {
        0 => Parameters.Empty,
        1 => Parameters.Opaque(random.Next(2) == 0 ? "" : "numpy.nda", new byte[random.Next(300)], Array.Empty<byte>(), "\u0093NUMPY"u8.ToArray()),
        // Bytes that are an array's, under another name.
        2 => Parameters.Opaque("x", IO.Npy.Write(TestKit.Floats(1, 2)), new byte[] { 1 }),
        _ => new([.. Enumerable.Range(0, random.Next(5)).Select(i => NdArray.Zeros([random.Next(3), i], i == 0 ? DType.Float64 : DType.Int16)), TestKit.Floats(1.5f)]),
    };
}
