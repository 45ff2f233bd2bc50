using System.Globalization;
using System.Text;
using System.Text.Json;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>A model with what belongs to it, as one safetensors file.</summary>
/// <remarks>
/// Tensors are <c>model.0</c>, <c>model.1</c> and so on; those of a strategy's state come behind as <c>state.NAME</c>. All else is JSON
/// in the metadata under <c>run</c>. Opaque tensors are stored as their bytes.
/// </remarks>
internal static class RunFile
{
    private const string Key = "run", ModelPrefix = "model.", StatePrefix = "state.";

    public static void Write(Stream stream, Parameters model, StrategyState state, Action<Utf8JsonWriter> details)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("tensor_type", model.TensorType);
            json.WriteNumber("tensors", model.Count);
            json.WritePropertyName("state");
            ScalarJson.Write(json, state.Values);
            details(json);
            json.WriteEndObject();
        }
        IEnumerable<NdArray> tensors = model.HasArrays ? model.Arrays : model.Payloads.Select(payload => NdArray.From(payload.Span));
        Safetensors.Write(
            stream,
            [
                .. tensors.Select((array, i) => (Name(i), array)),
                .. state.Arrays.Select(entry => (StatePrefix + entry.Key, entry.Value)),
            ],
            new Dictionary<string, string> { [Key] = Encoding.UTF8.GetString(text.ToArray()) });
    }

    /// <exception cref="FormatException">The content is damaged, or not such a file.</exception>
    public static (Parameters Model, StrategyState State, JsonElement Details) Read(Stream stream)
    {
        var file = Safetensors.Read(stream);
        if (!file.Metadata.TryGetValue(Key, out var text)) throw new FormatException($"[run] the file has no '{Key}' in its metadata");
        try
        {
            using var document = JsonDocument.Parse(text);
            var details = document.RootElement.Clone();
            var type = details.GetProperty("tensor_type").GetString()!;
            NdArray[] tensors = [.. Enumerable.Range(0, details.GetProperty("tensors").GetInt32()).Select(i => file.Arrays[Name(i)])];
            var model = type == Parameters.NumpyType
                ? new Parameters(tensors)
                : Parameters.Opaque(type, tensors.Select(tensor => (ReadOnlyMemory<byte>)tensor.ToArray<byte>()));
            var state = StrategyState.Of(
                file.Arrays.Where(entry => entry.Key.StartsWith(StatePrefix, StringComparison.Ordinal))
                    .Select(entry => KeyValuePair.Create(entry.Key[StatePrefix.Length..], entry.Value)),
                ScalarJson.ReadAll(details.GetProperty("state")));
            return (model, state, details);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"[run] the file's metadata is not a run's: {exception.Message}", exception);
        }
    }

    private static string Name(int index) => ModelPrefix + index.ToString(CultureInfo.InvariantCulture);
}
