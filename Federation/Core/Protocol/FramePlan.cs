using System.Buffers;
using System.Text;
using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>A message ready to be written: some bytes, the tensors in the middle of it, and what follows them.</summary>
/// <remarks>
/// It is what <see cref="WireCodec"/> gives, but that tensors go from their arrays to the writer's buffer without being bytes of
/// their own before.
/// </remarks>
/// <param name="Head">Everything before the tensors.</param>
/// <param name="Tensors">The parameters whose tensors are in the middle.</param>
/// <param name="Tail">Everything after the tensors.</param>
internal sealed record FramePlan(byte[] Head, Parameters Tensors, byte[] Tail)
{
    // Field numbers of the protocol.
    private const int FitIns = 4, EvaluateIns = 5, InsParameters = 1;
    private const int GetParametersRes = 3, FitRes = 4, ResParameters = 2;
    private const int Tensor = 1, TensorType = 2;

    /// <summary>The bytes of the message.</summary>
    public long Bytes => Head.Length + TensorBytes(Tensors) + Tail.Length;

    /// <summary>The bytes of a message that can be sent.</summary>
    /// <exception cref="MessageTooLongException">There are 2 GiB or more.</exception>
    public int Length => Bytes is var bytes && bytes <= int.MaxValue ? (int)bytes : throw new MessageTooLongException(bytes);

    public static FramePlan Of(Instruction instruction) => instruction switch
    {
        FitInstructions fit => Of(
            FitIns, [], InsParameters, fit.Parameters, new Wire.ServerMessage.Types.FitIns { Config = { WireCodec.Encode(fit.Config) } }.ToByteArray()),
        EvaluateInstructions evaluate => Of(
            EvaluateIns, [], InsParameters, evaluate.Parameters,
            new Wire.ServerMessage.Types.EvaluateIns { Config = { WireCodec.Encode(evaluate.Config) } }.ToByteArray()),
        _ => new(WireCodec.Encode(instruction).ToByteArray(), Parameters.Empty, []),
    };

    public static FramePlan Of(Reply reply) => reply switch
    {
        GetParametersResult { Status: { Code: ResultCode.Ok } status } result => Of(
            GetParametersRes, new Wire.ClientMessage.Types.GetParametersRes { Status = WireCodec.Encode(status) }.ToByteArray(), ResParameters,
            result.Parameters, []),
        FitResult { Status: { Code: ResultCode.Ok } status } result => Of(
            FitRes, new Wire.ClientMessage.Types.FitRes { Status = WireCodec.Encode(status) }.ToByteArray(), ResParameters, result.Parameters,
            new Wire.ClientMessage.Types.FitRes { NumExamples = result.NumExamples, Metrics = { WireCodec.Encode(result.Metrics) } }.ToByteArray()),
        _ => new(WireCodec.Encode(reply).ToByteArray(), Parameters.Empty, []),
    };

    /// <summary>Writes the whole message.</summary>
    public void WriteTo(IBufferWriter<byte> buffer)
    {
        buffer.Write(Head);
        for (var i = 0; i < Tensors.Count; i++)
        {
            WriteTensorHead(buffer, i);
            Tensors.WriteTensor(i, buffer);
        }
        buffer.Write(Tail);
    }

    /// <summary>Writes what stands before the bytes of one tensor.</summary>
    public void WriteTensorHead(IBufferWriter<byte> buffer, int index) => WriteHead(buffer, Tensor, Tensors.TensorLength(index));

    /// <summary>A message of one field, which holds the fields before the parameters, the parameters, and those after.</summary>
    private static FramePlan Of(int field, byte[] before, int parametersField, Parameters parameters, byte[] after)
    {
        var tail = new ArrayBufferWriter<byte>();
        if (parameters.TensorType.Length > 0)
        {
            var type = Encoding.UTF8.GetBytes(parameters.TensorType);
            WriteHead(tail, TensorType, type.Length);
            tail.Write(type);
        }
        var length = TensorBytes(parameters) + tail.WrittenCount;
        var head = new ArrayBufferWriter<byte>();
        WriteHead(head, field, before.Length + FieldLength(length) + after.Length);
        head.Write(before);
        WriteHead(head, parametersField, length);
        tail.Write(after);
        return new(head.WrittenSpan.ToArray(), parameters, tail.WrittenSpan.ToArray());
    }

    private static long TensorBytes(Parameters parameters)
    {
        var bytes = 0L;
        for (var i = 0; i < parameters.Count; i++) bytes += FieldLength(parameters.TensorLength(i));
        return bytes;
    }

    /// <summary>The length of a field of so many bytes with its head; field numbers here are below 16, so the tag is one byte.</summary>
    private static long FieldLength(long bytes) => 1 + CodedOutputStream.ComputeUInt64Size((ulong)bytes) + bytes;

    private static void WriteHead(IBufferWriter<byte> buffer, int field, long bytes)
    {
        var head = buffer.GetSpan(11);
        head[0] = (byte)(field << 3 | (int)WireFormat.WireType.LengthDelimited);
        var written = 1;
        for (var rest = (ulong)bytes; ; rest >>= 7)
        {
            head[written++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
            if (rest < 0x80) break;
        }
        buffer.Advance(written);
    }
}

/// <summary>A message that Protobuf, and so the bidirectional stream, cannot carry.</summary>
internal sealed class MessageTooLongException(long bytes) : Exception(
    $"[wire] the message has {bytes} bytes, Protobuf and so the bidirectional stream carry at most {int.MaxValue}; use Fleet (FederatedServerOptions.Fleet, FederatedNode), which sends pieces");
