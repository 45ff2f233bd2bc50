using System.Globalization;
using System.Text.Json;

namespace ManagedFed.Federation;

/// <summary>Scalars as JSON that gives back kind and value to the bit: <c>{"double":"0.1"}</c>.</summary>
internal static class ScalarJson
{
    public static void Write(Utf8JsonWriter json, IReadOnlyDictionary<string, Scalar> values)
    {
        json.WriteStartObject();
        foreach (var (name, value) in values)
        {
            json.WritePropertyName(name);
            Write(json, value);
        }
        json.WriteEndObject();
    }

    /// <exception cref="FormatException">The element is not what <see cref="Write(Utf8JsonWriter, IReadOnlyDictionary{string, Scalar})"/> makes.</exception>
    public static IReadOnlyDictionary<string, Scalar> ReadAll(JsonElement element)
    {
        var values = new Dictionary<string, Scalar>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject()) values[property.Name] = Read(property.Value);
        return values.AsReadOnly();
    }

    private static void Write(Utf8JsonWriter json, Scalar value)
    {
        json.WriteStartObject();
        if (value.Kind == ScalarKind.List)
        {
            var list = value.AsList();
            json.WriteString("list", Name(list.Kind));
            json.WriteStartArray("items");
            foreach (var item in list.Items) json.WriteStringValue(Text(item));
            json.WriteEndArray();
        }
        else
        {
            json.WriteString(Name(value.Kind), Text(value));
        }
        json.WriteEndObject();
    }

    private static Scalar Read(JsonElement element)
    {
        if (element.TryGetProperty("list", out var kind))
        {
            var of = KindOf(kind.GetString());
            return Scalar.FromList(RecordValue.List(of, element.GetProperty("items").EnumerateArray().Select(item => Parse(of, item.GetString()!))));
        }
        var property = element.EnumerateObject().Single();
        return Parse(KindOf(property.Name), property.Value.GetString()!);
    }

    private static string Text(Scalar value) => value.Kind switch
    {
        ScalarKind.Double => value.AsDouble().ToString("R", CultureInfo.InvariantCulture),
        ScalarKind.Bytes => Convert.ToBase64String(value.AsBytes().Span),
        _ => value.ToString(),
    };

    private static Scalar Parse(ScalarKind kind, string text) => kind switch
    {
        ScalarKind.Double => double.Parse(text, CultureInfo.InvariantCulture),
        ScalarKind.Int64 => long.Parse(text, CultureInfo.InvariantCulture),
        ScalarKind.UInt64 => Scalar.FromUInt64(ulong.Parse(text, CultureInfo.InvariantCulture)),
        ScalarKind.Bool => text == "true",
        ScalarKind.String => text,
        _ => Scalar.FromBytes(Convert.FromBase64String(text)),
    };

    private static string Name(ScalarKind kind) => kind switch
    {
        ScalarKind.Double => "double",
        ScalarKind.Int64 => "int64",
        ScalarKind.UInt64 => "uint64",
        ScalarKind.Bool => "bool",
        ScalarKind.String => "string",
        _ => "bytes",
    };

    private static ScalarKind KindOf(string? name) => name switch
    {
        "double" => ScalarKind.Double,
        "int64" => ScalarKind.Int64,
        "uint64" => ScalarKind.UInt64,
        "bool" => ScalarKind.Bool,
        "string" => ScalarKind.String,
        "bytes" => ScalarKind.Bytes,
        _ => throw new FormatException($"[run] a value has the kind '{name}', which is none"),
    };
}
