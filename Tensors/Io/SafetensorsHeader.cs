using System.Text;
using System.Text.Json;

namespace ManagedFed.IO;

/// <summary>One tensor of a header: its type as the format names it, its shape, and its bytes' place behind the header.</summary>
internal sealed record SafetensorsEntry(string Name, string Type, Shape Shape, long Begin, long End);

/// <summary>The JSON header of a .safetensors file.</summary>
/// <remarks>Checked against the format's rules: offsets begin at 0, follow each other without a gap, end with the file, and fit shape and type.</remarks>
/// <param name="Entries">The tensors in the order of their bytes.</param>
/// <param name="Metadata">Texts by name, but for the checksums.</param>
/// <param name="Checksums">The text of <see cref="SafetensorsChecksum"/>; null if the file has none.</param>
internal sealed record SafetensorsHeader(IReadOnlyList<SafetensorsEntry> Entries, IReadOnlyDictionary<string, string> Metadata, string? Checksums)
{
    public const string MetadataName = "__metadata__";

    private const int MaxDepth = 4, MaxRank = Shape.MaxRank;

    /// <summary>Bits of an element by the format's names; those we have no type for are refused by name.</summary>
    public static int? BitsOf(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 8,
        "I16" or "U16" or "F16" or "BF16" => 16,
        "I32" or "U32" or "F32" => 32,
        "I64" or "U64" or "F64" or "C64" => 64,
        "F4" => 4,
        "F6_E2M3" or "F6_E3M2" => 6,
        _ => null,
    };

    /// <summary>The entries in the order of their bytes.</summary>
    /// <param name="json">The header.</param>
    /// <param name="dataLength">The bytes behind it.</param>
    /// <param name="limits">What to accept.</param>
    /// <exception cref="FormatException">The header breaks a rule or a limit.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength, SafetensorsLimits limits)
    {
        if (json.Length == 0 || json[0] != '{') throw Safetensors.Malformed("the header does not begin with '{'");
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            var entries = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
            Dictionary<string, string>? metadata = null;
            Expect(ref reader, JsonTokenType.StartObject);
            while (Next(ref reader) == JsonTokenType.PropertyName)
            {
                var name = reader.GetString()!;
                if (name == MetadataName)
                {
                    if (metadata is not null) throw Safetensors.Malformed($"{MetadataName} occurs twice");
                    metadata = ParseMetadata(ref reader, limits);
                    continue;
                }
                if (entries.Count == limits.MaxTensors) throw Safetensors.Malformed($"more than {limits.MaxTensors:N0} tensors");
                if (!entries.TryAdd(name, ParseEntry(ref reader, name))) throw Safetensors.Malformed($"tensor '{name}' occurs twice");
            }
            if (reader.Read()) throw Safetensors.Malformed("something follows the header's object");
            metadata ??= [];
            metadata.Remove(SafetensorsChecksum.Key, out var checksums);
            return new(Check(entries.Values, dataLength), metadata, checksums);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or DecoderFallbackException)
        {
            throw Safetensors.Malformed($"the header is not the JSON expected: {e.Message}", e);
        }
    }

    private static Dictionary<string, string> ParseMetadata(ref Utf8JsonReader reader, SafetensorsLimits limits)
    {
        var (metadata, bytes) = (new Dictionary<string, string>(StringComparer.Ordinal), 0L);
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String);
            var value = reader.GetString()!;
            bytes += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
            if (bytes > limits.MaxMetadataBytes) throw Safetensors.Malformed($"the metadata have more than {limits.MaxMetadataBytes:N0} bytes");
            if (!metadata.TryAdd(key, value)) throw Safetensors.Malformed($"metadata '{key}' occurs twice");
        }
        return metadata;
    }

    private static SafetensorsEntry ParseEntry(ref Utf8JsonReader reader, string name)
    {
        string? type = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject);
        while (Next(ref reader) == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            switch (field)
            {
                case "dtype" when type is null:
                    Expect(ref reader, JsonTokenType.String);
                    type = reader.GetString()!;
                    break;
                case "shape" when shape is null:
                    shape = ParseNumbers(ref reader, name, MaxRank);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ParseNumbers(ref reader, name, 2);
                    break;
                default:
                    throw Safetensors.Malformed($"tensor '{name}': {field} is unknown or occurs twice");
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end]) throw Safetensors.Malformed($"tensor '{name}' needs dtype, shape and two data_offsets");
        if (BitsOf(type) is not { } bits) throw Safetensors.Malformed($"tensor '{name}' has the unknown dtype {type}");
        UInt128 total = (UInt128)bits;
        foreach (var size in shape)
        {
            if (size > int.MaxValue) throw Safetensors.Malformed($"tensor '{name}' has an axis of {size}, at most {int.MaxValue}");
            total *= (UInt128)size;
            if (total > long.MaxValue) throw Safetensors.Malformed($"tensor '{name}' of shape ({string.Join(", ", shape)}) is more than an array can hold");
        }
        if (begin > end || total != (UInt128)(end - begin) * 8)
        {
            throw Safetensors.Malformed($"tensor '{name}' of shape ({string.Join(", ", shape)}) {type} needs {(long)total / 8} bytes, its offsets {begin} to {end} hold {end - begin}");
        }
        return new(name, type, Shape.Create([.. shape.Select(size => (int)size)]), begin, end);
    }

    private static List<long> ParseNumbers(ref Utf8JsonReader reader, string name, int most)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray);
        while (Next(ref reader) == JsonTokenType.Number)
        {
            if (numbers.Count == most) throw Safetensors.Malformed($"tensor '{name}': more than {most} numbers");
            if (!reader.TryGetInt64(out var number) || number < 0) throw Safetensors.Malformed($"tensor '{name}': {Encoding.UTF8.GetString(reader.ValueSpan)} is no size");
            numbers.Add(number);
        }
        if (reader.TokenType != JsonTokenType.EndArray) throw Safetensors.Malformed($"tensor '{name}': sizes must be numbers");
        return numbers;
    }

    /// <summary>Each byte behind the header belongs to one tensor.</summary>
    private static SafetensorsEntry[] Check(IEnumerable<SafetensorsEntry> entries, long dataLength)
    {
        SafetensorsEntry[] ordered = [.. entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End)];
        long at = 0;
        foreach (var entry in ordered)
        {
            if (entry.Begin != at) throw Safetensors.Malformed($"tensor '{entry.Name}' begins at {entry.Begin}, expected {at}: tensors overlap or leave a gap");
            at = entry.End;
        }
        if (at != dataLength) throw Safetensors.Malformed($"the tensors have {at} bytes, the file {dataLength} behind its header");
        return ordered;
    }

    private static JsonTokenType Next(ref Utf8JsonReader reader) => reader.Read() ? reader.TokenType : throw Safetensors.Malformed("the header ends early");

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType token)
    {
        if (Next(ref reader) != token) throw Safetensors.Malformed($"found {reader.TokenType} at byte {reader.TokenStartIndex} of the header, expected {token}");
    }
}
