using System.Buffers;
using System.Text;
using Google.Protobuf;
using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>
/// Writes messages: what <see cref="WireCodec"/> gives, but that parameters go from their arrays to gRPC's buffer at once, without
/// being bytes of their own before.
/// </summary>
internal static class FrameWriter
{
    // Field numbers of the protocol.
    private const int FitIns = 4, EvaluateIns = 5, InsParameters = 1;
    private const int GetParametersRes = 3, FitRes = 4, ResParameters = 2;
    private const int Tensor = 1, TensorType = 2;

    /// <summary>Writes an instruction and says how long it was.</summary>
    /// <exception cref="OverflowException">The message would be longer than 2 GiB.</exception>
    public static int Write(Instruction instruction, SerializationContext context) => instruction switch
    {
        FitInstructions fit => Write(
            context, FitIns, [], InsParameters, fit.Parameters, new Wire.ServerMessage.Types.FitIns { Config = { WireCodec.Encode(fit.Config) } }.ToByteArray()),
        EvaluateInstructions evaluate => Write(
            context, EvaluateIns, [], InsParameters, evaluate.Parameters,
            new Wire.ServerMessage.Types.EvaluateIns { Config = { WireCodec.Encode(evaluate.Config) } }.ToByteArray()),
        _ => Write(context, WireCodec.Encode(instruction)),
    };

    /// <summary>Writes a reply and says how long it was.</summary>
    /// <exception cref="OverflowException">The message would be longer than 2 GiB.</exception>
    public static int Write(Reply reply, SerializationContext context) => reply switch
    {
        GetParametersResult { Status: { Code: ResultCode.Ok } status } result => Write(
            context, GetParametersRes, new Wire.ClientMessage.Types.GetParametersRes { Status = WireCodec.Encode(status) }.ToByteArray(), ResParameters,
            result.Parameters, []),
        FitResult { Status: { Code: ResultCode.Ok } status } result => Write(
            context, FitRes, new Wire.ClientMessage.Types.FitRes { Status = WireCodec.Encode(status) }.ToByteArray(), ResParameters, result.Parameters,
            new Wire.ClientMessage.Types.FitRes { NumExamples = result.NumExamples, Metrics = { WireCodec.Encode(result.Metrics) } }.ToByteArray()),
        _ => Write(context, WireCodec.Encode(reply)),
    };

    private static int Write(SerializationContext context, IMessage message)
    {
        var length = message.CalculateSize();
        context.SetPayloadLength(length);
        message.WriteTo(context.GetBufferWriter());
        context.Complete();
        return length;
    }

    /// <summary>A message of one field, which holds the fields before the parameters, the parameters, and those after.</summary>
    private static int Write(SerializationContext context, int field, byte[] before, int parametersField, Parameters parameters, byte[] after)
    {
        var type = Encoding.UTF8.GetBytes(parameters.TensorType);
        var tensors = 0L;
        for (var i = 0; i < parameters.Count; i++) tensors += Length(parameters.TensorLength(i));
        var length = tensors + (type.Length > 0 ? Length(type.Length) : 0);
        var body = before.Length + Length(length) + after.Length;
        var total = checked((int)Length(body));
        context.SetPayloadLength(total);
        var buffer = context.GetBufferWriter();
        WriteHead(buffer, field, body);
        buffer.Write(before);
        WriteHead(buffer, parametersField, length);
        for (var i = 0; i < parameters.Count; i++)
        {
            WriteHead(buffer, Tensor, parameters.TensorLength(i));
            parameters.WriteTensor(i, buffer);
        }
        if (type.Length > 0)
        {
            WriteHead(buffer, TensorType, type.Length);
            buffer.Write(type);
        }
        buffer.Write(after);
        context.Complete();
        return total;
    }

    /// <summary>The length of a field of so many bytes with its head; field numbers here are below 16, so the tag is one byte.</summary>
    private static long Length(long bytes) => 1 + CodedOutputStream.ComputeUInt64Size((ulong)bytes) + bytes;

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
