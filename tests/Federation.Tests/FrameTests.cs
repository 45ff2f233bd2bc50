using System.Buffers;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Frames are what Protobuf's own classes write and read, whatever pieces the bytes lie in.</summary>
public sealed class FrameTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Vectors", "flower");

    public static TheoryData<string> Messages => WireVectorTests.Messages;

    [Theory, MemberData(nameof(Messages))]
    public void Frame_OfRecordedMessage_IsReadAndWrittenAsProtobufDoes(string file)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Folder, file));
        foreach (var piece in new[] { 1, 7, int.MaxValue })
        {
            if (WireVectorTests.IsServer(file))
            {
                var frame = StreamMessages.Instructions.Read(Pieces(bytes, piece));
                Assert.Equal((null, (long)bytes.Length), (frame.Problem, frame.Bytes));
                var instruction = frame.Take();
                Assert.Equal(ProtobufCodec.Encode(ProtobufCodec.Decode(Wire.ServerMessage.Parser.ParseFrom(bytes))), ProtobufCodec.Encode(instruction));
                var sink = new Sink();
                Assert.Equal(sink.Bytes(instruction).Length, sink.Announced);
                Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(sink.Bytes(instruction)));
            }
            else
            {
                var frame = StreamMessages.Replies.Read(Pieces(bytes, piece));
                Assert.Equal((null, (long)bytes.Length), (frame.Problem, frame.Bytes));
                var reply = frame.Take();
                Assert.Equal(ProtobufCodec.Encode(ProtobufCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes))), ProtobufCodec.Encode(reply));
                var sink = new Sink();
                Assert.Equal(sink.Bytes(reply).Length, sink.Announced);
                Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(sink.Bytes(reply)));
            }
        }
    }

    // A message that says the same in another form: fields out of order, parameters in two parts, an unknown field.
    [Fact]
    public void ReadReply_UnusualForms_MeanTheSame()
    {
        var fit = new FitResult(ResultStatus.Success, new Parameters(TestKit.Floats(1, 2), TestKit.Floats(3)), 7, TestKit.NoValues);
        var whole = ProtobufCodec.Encode(fit).FitRes;
        var first = new Wire.ClientMessage.Types.FitRes { NumExamples = 7, Parameters = new() { Tensors = { whole.Parameters.Tensors[0] }, TensorType = "numpy.ndarray" } };
        var second = new Wire.ClientMessage.Types.FitRes { Status = whole.Status, Parameters = new() { Tensors = { whole.Parameters.Tensors[1] } } };
        byte[] unknown = [15 << 3, 9];
        byte[] body = [.. first.ToByteArray(), .. unknown, .. second.ToByteArray()];
        byte[] message = [4 << 3 | 2, (byte)(body.Length | 0x80), (byte)(body.Length >> 7), .. body];
        var read = (FitResult)StreamMessages.Replies.Read(Pieces(message, 5)).Take();
        Assert.Equal(ProtobufCodec.Encode(fit), ProtobufCodec.Encode(read));
    }

    [Fact]
    public void ReadReply_OpaqueTensors_StayBytes()
    {
        var fit = new FitResult(ResultStatus.Success, Parameters.Opaque("", new byte[] { 1, 2, 3 }, Array.Empty<byte>()), 7, TestKit.NoValues);
        var read = (FitResult)StreamMessages.Replies.Read(Pieces(new Sink().Bytes(fit), 4)).Take();
        Assert.Equal([[1, 2, 3], []], read.Parameters.Payloads.Select(payload => payload.ToArray()));
    }

    // Every prefix of a message, and every message with one byte changed, is read as Protobuf reads it, or refused.
    [Fact]
    public void ReadReply_DamagedBytes_AgreesWithProtobuf()
    {
        var good = new Sink().Bytes(new FitResult(
            ResultStatus.Success, new Parameters(TestKit.Floats(1, 2)), 7, new Dictionary<string, Scalar> { ["loss"] = 0.5, ["n"] = 3 }));
        var damaged = Enumerable.Range(0, good.Length).Select(length => good[..length]).Concat(
            Enumerable.Range(0, good.Length).SelectMany(at => new byte[] { 0x01, 0x10, 0x80 }.Select(bit =>
            {
                var copy = good.ToArray();
                copy[at] ^= bit;
                return copy;
            })));
        foreach (var bytes in damaged)
        {
            Assert.Equal(Outcome(() => ProtobufCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes))), Outcome(() => StreamMessages.Replies.Read(Pieces(bytes, 16)).Take()));
        }

        static string Outcome(Func<Reply> read)
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
    }

    [Fact]
    public void Take_Twice_Throws()
    {
        var frame = new Frame<Reply>(new DisconnectResult(DisconnectReason.Ack));
        frame.Take();
        Assert.Throws<FormatException>(() => frame.Take());
    }

    private sealed class Sink
    {
        public long Announced { get; private set; }

        public byte[] Bytes(Instruction instruction)
        {
            Announced = MessagePlan.Of(StreamMessages.Instructions, instruction).Length;
            return StreamMessages.Instructions.Write(instruction);
        }

        public byte[] Bytes(Reply reply)
        {
            Announced = MessagePlan.Of(StreamMessages.Replies, reply).Length;
            return StreamMessages.Replies.Write(reply);
        }
    }

    /// <summary>Bytes in pieces of some size.</summary>
    internal static ReadOnlySequence<byte> Pieces(byte[] bytes, int piece)
    {
        if (piece >= bytes.Length) return new(bytes);
        var first = new Segment(bytes.AsMemory(0, piece));
        var last = first;
        for (var start = piece; start < bytes.Length; start += piece) last = last.Append(bytes.AsMemory(start, Math.Min(piece, bytes.Length - start)));
        return new(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory) => Memory = memory;

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory) { RunningIndex = RunningIndex + Memory.Length };
            Next = next;
            return next;
        }
    }
}
