using System.Collections.ObjectModel;
using Google.Protobuf;
using Google.Protobuf.Collections;
using ManagedFed.IO;

namespace ManagedFed.Federation.Tests;

/// <summary>Between Protobuf's own classes and our messages: an independent second reader and writer of the stream.</summary>
/// <remarks>
/// Maps keep their order both ways, so that what was decoded encodes to the same bytes. A scalar's zero is written: its oneof
/// is present. A result whose status is not OK carries its status alone, as Flower writes it.
/// </remarks>
internal static class ProtobufCodec
{
    public static Wire.ServerMessage Encode(Instruction instruction) => instruction switch
    {
        ReconnectInstructions reconnect => new() { ReconnectIns = new() { Seconds = reconnect.Seconds } },
        GetPropertiesInstructions get => new() { GetPropertiesIns = new() { Config = { Encode(get.Config) } } },
        GetParametersInstructions get => new() { GetParametersIns = new() { Config = { Encode(get.Config) } } },
        FitInstructions fit => new() { FitIns = new() { Parameters = Encode(fit.Parameters), Config = { Encode(fit.Config) } } },
        EvaluateInstructions evaluate => new()
        {
            EvaluateIns = new() { Parameters = Encode(evaluate.Parameters), Config = { Encode(evaluate.Config) } },
        },
        _ => throw new ArgumentException($"[wire] {instruction.GetType().Name} has no place in a server message"),
    };

    public static Wire.ClientMessage Encode(Reply reply) => reply switch
    {
        DisconnectResult disconnect => new() { DisconnectRes = new() { Reason = (Wire.Reason)disconnect.Reason } },
        GetPropertiesResult { Status: var status } result => new()
        {
            GetPropertiesRes = IsOk(status)
                ? new() { Status = Encode(status), Properties = { Encode(result.Properties) } }
                : new() { Status = Encode(status) },
        },
        GetParametersResult { Status: var status } result => new()
        {
            GetParametersRes = IsOk(status)
                ? new() { Status = Encode(status), Parameters = Encode(result.Parameters) }
                : new() { Status = Encode(status) },
        },
        FitResult { Status: var status } result => new()
        {
            FitRes = IsOk(status)
                ? new()
                {
                    Status = Encode(status),
                    Parameters = Encode(result.Parameters),
                    NumExamples = result.NumExamples,
                    Metrics = { Encode(result.Metrics) },
                }
                : new() { Status = Encode(status) },
        },
        EvaluateResult { Status: var status } result => new()
        {
            EvaluateRes = IsOk(status)
                ? new() { Status = Encode(status), Loss = result.Loss, NumExamples = result.NumExamples, Metrics = { Encode(result.Metrics) } }
                : new() { Status = Encode(status) },
        },
        _ => throw new ArgumentException($"[wire] {reply.GetType().Name} has no place in a client message"),
    };

    /// <exception cref="FormatException">The message is empty, or a tensor or scalar in it cannot be read.</exception>
    public static Instruction Decode(Wire.ServerMessage message) => message.MsgCase switch
    {
        Wire.ServerMessage.MsgOneofCase.ReconnectIns => new ReconnectInstructions(message.ReconnectIns.Seconds),
        Wire.ServerMessage.MsgOneofCase.GetPropertiesIns => new GetPropertiesInstructions(Decode(message.GetPropertiesIns.Config)),
        Wire.ServerMessage.MsgOneofCase.GetParametersIns => new GetParametersInstructions(Decode(message.GetParametersIns.Config)),
        Wire.ServerMessage.MsgOneofCase.FitIns => new FitInstructions(Decode(message.FitIns.Parameters), Decode(message.FitIns.Config)),
        Wire.ServerMessage.MsgOneofCase.EvaluateIns =>
            new EvaluateInstructions(Decode(message.EvaluateIns.Parameters), Decode(message.EvaluateIns.Config)),
        _ => throw new FormatException("[wire] the server message holds no instruction this version knows"),
    };

    /// <exception cref="FormatException">The message is empty, or a tensor or scalar in it cannot be read.</exception>
    public static Reply Decode(Wire.ClientMessage message)
    {
        switch (message.MsgCase)
        {
            case Wire.ClientMessage.MsgOneofCase.DisconnectRes:
                return new DisconnectResult((DisconnectReason)message.DisconnectRes.Reason);
            case Wire.ClientMessage.MsgOneofCase.GetPropertiesRes:
                var properties = message.GetPropertiesRes;
                return new GetPropertiesResult(Decode(properties.Status), Decode(properties.Properties));
            case Wire.ClientMessage.MsgOneofCase.GetParametersRes:
                var parameters = message.GetParametersRes;
                return new GetParametersResult(Decode(parameters.Status), Decode(parameters.Parameters));
            case Wire.ClientMessage.MsgOneofCase.FitRes:
                var fit = message.FitRes;
                return new FitResult(Decode(fit.Status), Decode(fit.Parameters), fit.NumExamples, Decode(fit.Metrics));
            case Wire.ClientMessage.MsgOneofCase.EvaluateRes:
                var evaluate = message.EvaluateRes;
                return new EvaluateResult(Decode(evaluate.Status), evaluate.Loss, evaluate.NumExamples, Decode(evaluate.Metrics));
            default:
                throw new FormatException("[wire] the client message holds no reply this version knows");
        }
    }

    private static bool IsOk(ResultStatus status) => status.Code == ResultCode.Ok;

    internal static Wire.Status Encode(ResultStatus status) => new() { Code = (Wire.Code)status.Code, Message = status.Message };

    internal static ResultStatus Decode(Wire.Status? status) =>
        status is null ? new(ResultCode.Ok, "") : new((ResultCode)status.Code, status.Message);

    private static Wire.Parameters Encode(Parameters parameters) =>
        new() { Tensors = { parameters.Tensors }, TensorType = parameters.TensorType };

    private static Parameters Decode(Wire.Parameters? parameters)
    {
        if (parameters is null) return Parameters.Empty;
        if (parameters.TensorType != Parameters.NumpyType) return new(parameters.TensorType, [.. parameters.Tensors]);
        return new(parameters.Tensors.Select(tensor => Npy.Read(tensor.Span)).ToArray());
    }

    internal static OrderedDictionary<string, Wire.Scalar> Encode(IReadOnlyDictionary<string, Scalar> values)
    {
        var encoded = new OrderedDictionary<string, Wire.Scalar>(values.Count);
        foreach (var (key, value) in values) encoded.Add(key, Encode(value.Single(key)));
        return encoded;
    }

    internal static ReadOnlyDictionary<string, Scalar> Decode(MapField<string, Wire.Scalar> values)
    {
        var decoded = new OrderedDictionary<string, Scalar>(values.Count);
        foreach (var (key, value) in values) decoded.Add(key, Decode(key, value));
        return new(decoded);
    }

    private static Wire.Scalar Encode(Scalar value) => value.Kind switch
    {
        ScalarKind.Double => new() { Double = value.AsDouble() },
        ScalarKind.Int64 => new() { Sint64 = value.AsInt64() },
        ScalarKind.UInt64 => new() { Uint64 = value.AsUInt64() },
        ScalarKind.Bool => new() { Bool = value.AsBool() },
        ScalarKind.String => new() { String = value.AsString() },
        _ => new() { Bytes = ByteString.CopyFrom(value.AsBytes().Span) },
    };

    private static Scalar Decode(string key, Wire.Scalar value) => value.ScalarCase switch
    {
        Wire.Scalar.ScalarOneofCase.Double => value.Double,
        Wire.Scalar.ScalarOneofCase.Sint64 => value.Sint64,
        Wire.Scalar.ScalarOneofCase.Uint64 => Scalar.FromUInt64(value.Uint64),
        Wire.Scalar.ScalarOneofCase.Bool => value.Bool,
        Wire.Scalar.ScalarOneofCase.String => value.String,
        Wire.Scalar.ScalarOneofCase.Bytes => Scalar.FromBytes(value.Bytes.Span),
        _ => throw new FormatException($"[wire] the scalar '{key}' has no value, or one of a kind this version does not know"),
    };
}
