using System.Globalization;
using System.Text;
using System.Text.Json;
using ManagedFed.IO;
using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>A client's history as one safetensors file, with checksums, that is replaced as a whole.</summary>
/// <remarks>
/// Arrays are named <c>now.</c> or <c>before.</c> with <c>key</c>, <c>local.NAME</c>, <c>optimizer.NAME</c> or <c>memory.NAME</c> behind. All else is
/// JSON in the metadata under <c>client</c>.
/// </remarks>
internal static class ClientStateFile
{
    private const string Key = "client", Now = "now", Before = "before";

    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Write(string path, ClientHistory history)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            if (history.Place is { } place)
            {
                json.WriteString("run", place.Run);
                json.WriteNumber("round", place.Round);
                json.WriteNumber("update", place.Update);
            }
            Describe(json, Now, history.Now);
            if (history.Before is { } before) Describe(json, Before, before);
            json.WriteEndObject();
        }
        Safetensors.Save(
            path,
            [.. Arrays(Now, history.Now), .. history.Before is null ? [] : Arrays(Before, history.Before)],
            new Dictionary<string, string> { [Key] = Encoding.UTF8.GetString(text.ToArray()) });
    }

    /// <summary>The history in a file; null when there is no such file.</summary>
    /// <exception cref="FormatException">The file is damaged, or not such a file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ClientHistory? Read(string path)
    {
        if (!File.Exists(path)) return null;
        try
        {
            var file = Safetensors.Load(path);
            if (file.Metadata.Count != 1 || !file.Metadata.TryGetValue(Key, out var text)) throw new FormatException($"its metadata are not '{Key}' alone");
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            RoundPlace? place = root.TryGetProperty("run", out var run) ? new(run.GetString()!, root.GetProperty("round").GetInt64(), root.GetProperty("update").GetInt64()) : null;
            return new(State(file, root, Now), place, place is null ? null : State(file, root, Before));
        }
        catch (Exception exception) when (exception is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException(
                $"[module_client] the state file {path} is damaged or another program's: {exception.Message}; put a copy in its place, or delete it to begin afresh", exception);
        }
    }

    private static void Describe(Utf8JsonWriter json, string name, ClientState state)
    {
        json.WriteStartObject(name);
        json.WriteNumber("step", state.Step);
        json.WritePropertyName("memory");
        ScalarJson.Write(json, state.Memory.Values);
        json.WriteEndObject();
    }

    private static IEnumerable<(string Name, NdArray Array)> Arrays(string name, ClientState state) =>
    [
        ($"{name}.key", NdArray.From(state.Key.Word0, state.Key.Word1)),
        .. Named($"{name}.local.", state.Local),
        .. Named($"{name}.optimizer.", state.Optimizer),
        .. state.Memory.Arrays.Select(entry => ($"{name}.memory.{entry.Key}", entry.Value)),
    ];

    private static IEnumerable<(string Name, NdArray Array)> Named(string prefix, ParameterTree tree) =>
        tree.Keys.Zip(tree.ToArrays(), (key, array) => (prefix + key, array));

    private static ClientState State(SafetensorsFile file, JsonElement root, string name)
    {
        var described = root.GetProperty(name);
        var words = file.Arrays[$"{name}.key"].ToArray<uint>();
        return new(
            new(words[0], words[1]),
            Tree("local"),
            Tree("optimizer"),
            described.GetProperty("step").GetInt64(),
            StrategyState.Of(Part("memory"), ScalarJson.ReadAll(described.GetProperty("memory"))));

        ParameterTree Tree(string part) => new(Part(part).Select(entry => KeyValuePair.Create(entry.Key, (Tensor)entry.Value)));

        IEnumerable<KeyValuePair<string, NdArray>> Part(string part)
        {
            var prefix = string.Create(CultureInfo.InvariantCulture, $"{name}.{part}.");
            return file.Arrays.Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
                .Select(entry => KeyValuePair.Create(entry.Key[prefix.Length..], entry.Value));
        }
    }
}
