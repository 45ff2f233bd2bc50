using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>Between the bodies of config and metric records and ours; both have one form on the wire.</summary>
internal static class RecordCodec
{
    public static byte[] Encode(NamedDictionary<RecordValue> record)
    {
        var wire = new Wire.ConfigRecord();
        foreach (var (key, value) in record) wire.Items.Add(new Wire.ConfigRecord.Types.Item { Key = key, Value = Encode(value) });
        return wire.ToByteArray();
    }

    /// <exception cref="FormatException">The bytes are no record, a name is there twice, or a value has no kind that is known.</exception>
    public static IReadOnlyList<(string Name, RecordValue Value)> Decode(ReadOnlySpan<byte> body)
    {
        Wire.ConfigRecord wire;
        try
        {
            wire = Wire.ConfigRecord.Parser.ParseFrom(body);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new FormatException($"[fleet] {body.Length} bytes are no record: {exception.Message}", exception);
        }
        var values = new List<(string, RecordValue)>(wire.Items.Count);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var item in wire.Items)
        {
            if (!names.Add(item.Key)) throw new FormatException($"[fleet] the record has the name '{item.Key}' twice");
            values.Add((item.Key, Decode(item.Key, item.Value)));
        }
        return values;
    }

    private static Wire.ConfigRecordValue Encode(RecordValue value) => (value.Kind, value.IsList) switch
    {
        (ScalarKind.Double, false) => new() { Double = value.Scalar.AsDouble() },
        (ScalarKind.Int64, false) => new() { Sint64 = value.Scalar.AsInt64() },
        (ScalarKind.UInt64, false) => new() { Uint64 = value.Scalar.AsUInt64() },
        (ScalarKind.Bool, false) => new() { Bool = value.Scalar.AsBool() },
        (ScalarKind.String, false) => new() { String = value.Scalar.AsString() },
        (_, false) => new() { Bytes = ByteString.CopyFrom(value.Scalar.AsBytes().Span) },
        (ScalarKind.Double, _) => new() { DoubleList = new() { Vals = { value.Items.Select(item => item.AsDouble()) } } },
        (ScalarKind.Int64, _) => new() { SintList = new() { Vals = { value.Items.Select(item => item.AsInt64()) } } },
        (ScalarKind.UInt64, _) => new() { UintList = new() { Vals = { value.Items.Select(item => item.AsUInt64()) } } },
        (ScalarKind.Bool, _) => new() { BoolList = new() { Vals = { value.Items.Select(item => item.AsBool()) } } },
        (ScalarKind.String, _) => new() { StringList = new() { Vals = { value.Items.Select(item => item.AsString()) } } },
        _ => new() { BytesList = new() { Vals = { value.Items.Select(item => ByteString.CopyFrom(item.AsBytes().Span)) } } },
    };

    private static RecordValue Decode(string key, Wire.ConfigRecordValue? value) => value?.ValueCase switch
    {
        Wire.ConfigRecordValue.ValueOneofCase.Double => value.Double,
        Wire.ConfigRecordValue.ValueOneofCase.Sint64 => value.Sint64,
        Wire.ConfigRecordValue.ValueOneofCase.Uint64 => Scalar.FromUInt64(value.Uint64),
        Wire.ConfigRecordValue.ValueOneofCase.Bool => value.Bool,
        Wire.ConfigRecordValue.ValueOneofCase.String => value.String,
        Wire.ConfigRecordValue.ValueOneofCase.Bytes => Scalar.FromBytes(value.Bytes.Span),
        Wire.ConfigRecordValue.ValueOneofCase.DoubleList => List(ScalarKind.Double, value.DoubleList.Vals, item => item),
        Wire.ConfigRecordValue.ValueOneofCase.SintList => List(ScalarKind.Int64, value.SintList.Vals, item => item),
        Wire.ConfigRecordValue.ValueOneofCase.UintList => List(ScalarKind.UInt64, value.UintList.Vals, Scalar.FromUInt64),
        Wire.ConfigRecordValue.ValueOneofCase.BoolList => List(ScalarKind.Bool, value.BoolList.Vals, item => item),
        Wire.ConfigRecordValue.ValueOneofCase.StringList => List(ScalarKind.String, value.StringList.Vals, item => item),
        Wire.ConfigRecordValue.ValueOneofCase.BytesList => List(ScalarKind.Bytes, value.BytesList.Vals, item => Scalar.FromBytes(item.Span)),
        _ => throw new FormatException($"[fleet] the record's value '{key}' is empty, or of a kind this version does not know"),
    };

    private static RecordValue List<T>(ScalarKind kind, IEnumerable<T> items, Func<T, Scalar> convert) =>
        RecordValue.List(kind, items.Select(convert));
}
