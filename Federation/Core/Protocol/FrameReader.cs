using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>
/// Reads messages: what <see cref="WireCodec"/> makes of them, but that tensors go from gRPC's buffer to their arrays at once. A
/// message that is not as expected is left to Protobuf's own parser, which knows every form that means the same.
/// </summary>
internal static class FrameReader
{
    /// <exception cref="InvalidProtocolBufferException">The bytes are no message.</exception>
    public static Frame<Instruction> ReadInstruction(DeserializationContext context) => Read(
        context.PayloadAsReadOnlySequence(), field => field is 4 or 5 ? 1 : 0,
        (field, rest, parameters) => field == 4
            ? new FitInstructions(parameters, WireCodec.Decode(Wire.ServerMessage.Types.FitIns.Parser.ParseFrom(rest).Config))
            : new EvaluateInstructions(parameters, WireCodec.Decode(Wire.ServerMessage.Types.EvaluateIns.Parser.ParseFrom(rest).Config)),
        payload => WireCodec.Decode(Wire.ServerMessage.Parser.ParseFrom(payload)));

    /// <exception cref="InvalidProtocolBufferException">The bytes are no message.</exception>
    public static Frame<Reply> ReadReply(DeserializationContext context) => ReadReply(context.PayloadAsReadOnlySequence(), null);

    /// <param name="payload">The message.</param>
    /// <param name="allowance">What it may hold; null for anything.</param>
    /// <exception cref="InvalidProtocolBufferException">The bytes are no message.</exception>
    public static Frame<Reply> ReadReply(in ReadOnlySequence<byte> payload, ReplyAllowance? allowance) =>
        allowance is not null && ReplyCount.Problem(payload, allowance) is { } problem ? new(problem, payload.Length) : Read(
            payload, ParametersIn, MakeReply, bytes => WireCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(bytes)));

    /// <summary>The field that holds the parameters of a reply's field; 0 when none does.</summary>
    internal static int ParametersIn(int field) => field is 3 or 4 ? 2 : 0;

    /// <summary>The reply in field 3 or 4 of a message, of its parameters and its other fields.</summary>
    public static Reply MakeReply(int field, byte[] rest, Parameters parameters)
    {
        if (field == 3) return new GetParametersResult(WireCodec.Decode(Wire.ClientMessage.Types.GetParametersRes.Parser.ParseFrom(rest).Status), parameters);
        var fit = Wire.ClientMessage.Types.FitRes.Parser.ParseFrom(rest);
        return new FitResult(WireCodec.Decode(fit.Status), parameters, fit.NumExamples, WireCodec.Decode(fit.Metrics));
    }

    private static Frame<T> Read<T>(
        in ReadOnlySequence<byte> payload, Func<int, int> parametersIn, Func<int, byte[], Parameters, T> make, Func<ReadOnlySequence<byte>, T> otherwise) where T : class
    {
        try
        {
            return new(ReadDirectly(payload, parametersIn, make) ?? otherwise(payload), payload.Length);
        }
        catch (FormatException problem)
        {
            return new(problem.Message, payload.Length);
        }
    }

    /// <summary>The message, or null when it is not one field with parameters once inside.</summary>
    private static T? ReadDirectly<T>(in ReadOnlySequence<byte> payload, Func<int, int> parametersIn, Func<int, byte[], Parameters, T> make) where T : class
    {
        var outer = new FieldReader(payload);
        if (!outer.TryRead(out var field) || !outer.AtEnd || field.Content is not { } body || parametersIn(field.Number) is var wanted && wanted == 0) return null;
        Parameters? parameters = null;
        var rest = new ArrayBufferWriter<byte>();
        var inner = new FieldReader(body);
        while (inner.TryRead(out var part))
        {
            if (part.Number != wanted)
            {
                foreach (var segment in part.Whole) rest.Write(segment.Span);
                continue;
            }
            if (parameters is not null || part.Content is not { } content || ReadParameters(content) is not { } read) return null;
            parameters = read;
        }
        return inner.AtEnd && parameters is not null ? make(field.Number, rest.WrittenSpan.ToArray(), parameters) : null;
    }

    /// <summary>Parameters that are arrays, the only ones worth the trouble; else null.</summary>
    private static Parameters? ReadParameters(in ReadOnlySequence<byte> content)
    {
        var tensors = new List<ReadOnlySequence<byte>>();
        var areArrays = false;
        var reader = new FieldReader(content);
        while (reader.TryRead(out var field))
        {
            if (field.Content is not { } bytes) return null;
            if (field.Number == 1) tensors.Add(bytes);
            else if (field.Number == 2) areArrays = bytes.ToArray().AsSpan().SequenceEqual("numpy.ndarray"u8);
        }
        return reader.AtEnd && areArrays ? new(tensors.ConvertAll(tensor => Npy.Read(tensor))) : null;
    }
}
