using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ManagedFed.Federation;

/// <summary>The JSON bodies of objects, spaced and escaped as Python's <c>json.dumps</c> does: equal text gives equal ids.</summary>
internal static class RecordJson
{
    /// <summary>What the body of an array's object says.</summary>
    /// <param name="DType">The type of the elements in NumPy's words, or nothing.</param>
    /// <param name="Shape">The sizes, or nothing.</param>
    /// <param name="SType">How the data are written.</param>
    /// <param name="Chunks">The pieces of the data in order, as indices into the object's children.</param>
    public sealed record ArrayBody(string DType, IReadOnlyList<int> Shape, string SType, IReadOnlyList<int> Chunks);

    public static byte[] Format(IEnumerable<(string Name, string Id)> ids) =>
        Encoding.ASCII.GetBytes($"{{{string.Join(", ", ids.Select(item => $"{Quoted(item.Name)}: {Quoted(item.Id)}"))}}}");

    public static byte[] Format(ArrayBody array) => Encoding.ASCII.GetBytes(
        $"{{\"dtype\": {Quoted(array.DType)}, \"shape\": {List(array.Shape)}, "
        + $"\"stype\": {Quoted(array.SType)}, \"arraychunk_ids\": {List(array.Chunks)}}}");

    /// <exception cref="FormatException">The body is no object of names and ids.</exception>
    public static List<(string Name, string Id)> ReadIds(string id, FleetObject source) => Read(id, source, root =>
    {
        var items = new List<(string, string)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var children = source.Children.ToHashSet(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            var child = property.Value.GetString() ?? "";
            if (!children.Contains(child)) throw FleetObject.Malformed(id, $"'{PeerText.Harmless(property.Name)}' is not among its children");
            if (!names.Add(property.Name)) throw FleetObject.Malformed(id, $"the name '{PeerText.Harmless(property.Name)}' is there twice");
            items.Add((property.Name, child));
        }
        if (children.Count != source.Children.Count || items.DistinctBy(item => item.Item2).Count() != children.Count)
        {
            throw FleetObject.Malformed(id, $"it has {source.Children.Count} children, its body names {items.DistinctBy(item => item.Item2).Count()}");
        }
        return items;
    });

    /// <exception cref="FormatException">The body does not describe an array.</exception>
    public static ArrayBody ReadArray(string id, FleetObject source) => Read(id, source, root => new ArrayBody(
        root.GetProperty("dtype").GetString() ?? "", Ints(root.GetProperty("shape")),
        root.GetProperty("stype").GetString() ?? "", Ints(root.GetProperty("arraychunk_ids"))));

    private static T Read<T>(string id, FleetObject source, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(source.Body);
            return read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw FleetObject.Malformed(id, $"its body is not what a {source.Type} says: {exception.Message}");
        }
    }

    private static int[] Ints(JsonElement list)
    {
        var values = new int[list.GetArrayLength()];
        var i = 0;
        foreach (var item in list.EnumerateArray())
        {
            if (!item.TryGetInt32(out values[i++])) throw new JsonException($"{item.GetRawText()} is not a 32-bit integer");
        }
        return values;
    }

    private static string List(IEnumerable<int> values) =>
        $"[{string.Join(", ", values.Select(value => value.ToString(CultureInfo.InvariantCulture)))}]";

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var c in text)
        {
            quoted = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                < ' ' or > '~' and not '\x7f' => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => quoted.Append(c),
            };
        }
        return quoted.Append('"').ToString();
    }
}
