using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
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
                var frame = FrameReader.ReadInstruction(new Payload(bytes, piece));
                Assert.Equal((null, (long)bytes.Length), (frame.Problem, frame.Bytes));
                var instruction = frame.Take();
                Assert.Equal(WireCodec.Encode(WireCodec.Decode(Wire.ServerMessage.Parser.ParseFrom(bytes))), WireCodec.Encode(instruction));
                var sink = new Sink();
                Assert.Equal(sink.Bytes(instruction).Length, sink.Announced);
                Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(sink.Bytes(instruction)));
            }
            else
            {
                var frame = FrameReader.ReadReply(new Payload(bytes, piece));
                Assert.Equal((null, (long)bytes.Length), (frame.Problem, frame.Bytes));
                var reply = frame.Take();
                Assert.Equal(WireCodec.Encode(WireCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes))), WireCodec.Encode(reply));
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
        var whole = WireCodec.Encode(fit).FitRes;
        var first = new Wire.ClientMessage.Types.FitRes { NumExamples = 7, Parameters = new() { Tensors = { whole.Parameters.Tensors[0] }, TensorType = "numpy.ndarray" } };
        var second = new Wire.ClientMessage.Types.FitRes { Status = whole.Status, Parameters = new() { Tensors = { whole.Parameters.Tensors[1] } } };
        byte[] unknown = [15 << 3, 9];
        byte[] body = [.. first.ToByteArray(), .. unknown, .. second.ToByteArray()];
        byte[] message = [4 << 3 | 2, (byte)(body.Length | 0x80), (byte)(body.Length >> 7), .. body];
        var read = (FitResult)FrameReader.ReadReply(new Payload(message, 5)).Take();
        Assert.Equal(WireCodec.Encode(fit), WireCodec.Encode(read));
    }

    [Fact]
    public void ReadReply_OpaqueTensors_StayBytes()
    {
        var fit = new FitResult(ResultStatus.Success, Parameters.Opaque("", new byte[] { 1, 2, 3 }, Array.Empty<byte>()), 7, TestKit.NoValues);
        var read = (FitResult)FrameReader.ReadReply(new Payload(new Sink().Bytes(fit), 4)).Take();
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
            Assert.Equal(Outcome(() => WireCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes))), Outcome(() => FrameReader.ReadReply(new Payload(bytes, 16)).Take()));
        }

        static string Outcome(Func<Reply> read)
        {
            try
            {
                return WireCodec.Encode(read()).ToString();
            }
            catch (Exception exception) when (exception is FormatException or InvalidProtocolBufferException)
            {
                return exception.GetType().Name;
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

    private sealed class Sink : SerializationContext
    {
        private readonly ArrayBufferWriter<byte> buffer = new();

        public int Announced { get; private set; }

        public byte[] Bytes(Instruction instruction)
        {
            var frame = new Frame<Instruction>(instruction);
            JoinMethod.Definition.ResponseMarshaller.ContextualSerializer(frame, this);
            return Written(frame.Bytes);
        }

        public byte[] Bytes(Reply reply)
        {
            var frame = new Frame<Reply>(reply);
            JoinMethod.Definition.RequestMarshaller.ContextualSerializer(frame, this);
            return Written(frame.Bytes);
        }

        public override void SetPayloadLength(int payloadLength) => Announced = payloadLength;

        public override IBufferWriter<byte> GetBufferWriter() => buffer;

        public override void Complete() => Assert.Equal(Announced, buffer.WrittenCount);

        private byte[] Written(long length)
        {
            Assert.Equal(length, buffer.WrittenCount);
            var bytes = buffer.WrittenSpan.ToArray();
            buffer.Clear();
            return bytes;
        }
    }

    /// <summary>Bytes in pieces of some size.</summary>
    private sealed class Payload(byte[] bytes, int piece) : DeserializationContext
    {
        public override int PayloadLength => bytes.Length;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence()
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
}
