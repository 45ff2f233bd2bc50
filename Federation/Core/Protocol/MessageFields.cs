using System.Buffers;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The fields that every kind of message is made of but tensors: each written and read once.</summary>
/// <remarks>A scalar's zero is written, its kind is present; maps keep their order both ways.</remarks>
internal static class MessageFields
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private const int Code = 1, Sentence = 2, Key = 1, Value = 2;
    private const int Double = 1, UInt64 = 6, Int64 = 8, Bool = 13, String = 14, Bytes = 15;

    public static void WriteStatus(IBufferWriter<byte> message, int number, ResultStatus status)
    {
        var body = new ArrayBufferWriter<byte>();
        if (status.Code != 0) body.WriteNumber(Code, (ulong)status.Code);
        if (status.Message.Length > 0) body.WriteText(Sentence, status.Message);
        message.WriteBytes(number, body.WrittenSpan);
    }

    /// <summary>A status, of fields that may be there again and then replace the earlier ones.</summary>
    public static ResultStatus ReadStatus(in ReadOnlySequence<byte> body, ResultStatus? before)
    {
        var status = before ?? new(ResultCode.Ok, "");
        var reader = new FieldReader(body);
        while (Next(ref reader, out var field))
        {
            if ((field.Number, field.Type) is (Code, WireType.Varint)) status = status with { Code = (ResultCode)(int)field.Value };
            else if ((field.Number, field.Type) is (Sentence, WireType.Bytes)) status = status with { Message = Text(field.Content) };
        }
        return status;
    }

    /// <exception cref="ArgumentException">A value is a list.</exception>
    public static void WriteValues(IBufferWriter<byte> message, int number, IReadOnlyDictionary<string, Scalar> values)
    {
        var (entry, scalar) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        foreach (var (key, value) in values)
        {
            entry.ResetWrittenCount();
            scalar.ResetWrittenCount();
            WriteScalar(scalar, value.Single(key));
            if (key.Length > 0) entry.WriteText(Key, key);
            entry.WriteBytes(Value, scalar.WrittenSpan);
            message.WriteBytes(number, entry.WrittenSpan);
        }
    }

    /// <summary>One entry of a map.</summary>
    /// <returns>Why its value cannot be used; null when it can.</returns>
    public static string? ReadValue(in ReadOnlySequence<byte> entry, OrderedDictionary<string, Scalar> values)
    {
        var key = "";
        Scalar? value = null;
        var reader = new FieldReader(entry, anyType: true);
        while (Next(ref reader, out var field))
        {
            if (field.Type != WireType.Bytes) continue;
            if (field.Number == Key) key = Text(field.Content);
            else if (field.Number == Value) value = ReadScalar(field.Content);
        }
        if (value is null) return $"[wire] the scalar '{PeerText.Harmless(key)}' has no value, or one of a kind this version does not know";
        values[key] = value.Value;
        return null;
    }

    private static void WriteScalar(IBufferWriter<byte> body, Scalar value)
    {
        switch (value.Kind)
        {
            case ScalarKind.Double: body.WriteFixed(Double, BitConverter.DoubleToUInt64Bits(value.AsDouble())); break;
            case ScalarKind.Int64: body.WriteNumber(Int64, (ulong)(value.AsInt64() << 1 ^ value.AsInt64() >> 63)); break;
            case ScalarKind.UInt64: body.WriteNumber(UInt64, value.AsUInt64()); break;
            case ScalarKind.Bool: body.WriteNumber(Bool, value.AsBool() ? 1UL : 0); break;
            case ScalarKind.String: body.WriteText(String, value.AsString()); break;
            default: body.WriteBytes(Bytes, value.AsBytes().Span); break;
        }
    }

    private static Scalar? ReadScalar(in ReadOnlySequence<byte> body)
    {
        Scalar? value = null;
        var reader = new FieldReader(body);
        while (Next(ref reader, out var field))
        {
            value = (field.Number, field.Type) switch
            {
                (Double, WireType.Fixed64) => BitConverter.UInt64BitsToDouble(field.Value),
                (UInt64, WireType.Varint) => Scalar.FromUInt64(field.Value),
                (Int64, WireType.Varint) => (long)(field.Value >> 1) ^ -(long)(field.Value & 1),
                (Bool, WireType.Varint) => field.Value != 0,
                (String, WireType.Bytes) => Text(field.Content),
                (Bytes, WireType.Bytes) => Scalar.FromBytes(field.Content.ToArray()),
                _ => value,
            };
        }
        return value;
    }

    /// <exception cref="BrokenMessageException">The bytes are no text.</exception>
    public static string Text(in ReadOnlySequence<byte> content)
    {
        try
        {
            return Strict.GetString(content);
        }
        catch (DecoderFallbackException)
        {
            throw new BrokenMessageException("a text is not UTF-8");
        }
    }

    /// <summary>The next field of a message that has come whole; false at its end.</summary>
    /// <exception cref="BrokenMessageException">The bytes are no message.</exception>
    private static bool Next(ref FieldReader reader, out Field field)
    {
        if (reader.TryRead(out field)) return true;
        return reader.AtEnd && reader.Problem is null ? false : throw new BrokenMessageException(reader.Problem ?? "it ends inside a field");
    }
}
