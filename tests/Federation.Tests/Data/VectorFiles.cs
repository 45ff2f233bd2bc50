using System.Text.Json;

namespace ManagedFed.Federation.Tests.Data;

/// <summary>Recorded numbers beside the tests.</summary>
internal static class VectorFiles
{
    public static JsonElement Json(string folder, string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Vectors", folder, name)));
        return json.RootElement.Clone();
    }
}
