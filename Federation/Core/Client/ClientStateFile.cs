using System.Text;
using System.Text.Json;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>What a client keeps as one safetensors file, with checksums, that is replaced as a whole.</summary>
/// <remarks>Arrays have their names; values are JSON in the metadata under <c>client</c>.</remarks>
internal static class ClientStateFile
{
    private const string Key = "client";

    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Write(string path, StrategyState state)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text)) ScalarJson.Write(json, state.Values);
        Safetensors.Save(
            path, state.Arrays.Select(entry => (entry.Key, entry.Value)), new Dictionary<string, string> { [Key] = Encoding.UTF8.GetString(text.ToArray()) });
    }

    /// <summary>The state in a file; null when there is no such file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="owner">Who reads it, for the message.</param>
    /// <exception cref="FormatException">The file is damaged, or not such a file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static StrategyState? Read(string path, string owner)
    {
        if (!File.Exists(path)) return null;
        try
        {
            var file = Safetensors.Load(path);
            if (file.Metadata.Count != 1 || !file.Metadata.TryGetValue(Key, out var text)) throw new FormatException($"its metadata are not '{Key}' alone");
            using var document = JsonDocument.Parse(text);
            return StrategyState.Of(file.Arrays, ScalarJson.ReadAll(document.RootElement));
        }
        catch (Exception exception) when (exception is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException)
        {
            throw Damaged(path, owner, exception);
        }
    }

    /// <summary>Says that a file cannot be used.</summary>
    public static FormatException Damaged(string path, string owner, Exception exception) => new(
        $"[{owner}] the state file {path} is damaged or another program's: {exception.Message}; put a copy in its place, or delete it to begin afresh", exception);
}
