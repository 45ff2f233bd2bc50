using System.IO.Compression;
using System.Security.Cryptography;
using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>A Flower app bundle (a zip file with a <c>pyproject.toml</c>) to hand out; nothing of it is executed.</summary>
/// <param name="Id">The publisher and the app's name: <c>me/app</c>.</param>
/// <param name="Version">The app's version.</param>
/// <param name="Hash">The SHA-256 of the file, in lower-case hexadecimal digits.</param>
/// <param name="Content">The file.</param>
internal sealed record AppBundle(string Id, string Version, string Hash, ByteString Content)
{
    private const int MaxBytes = 10 << 20, MaxProjectBytes = 1 << 20;

    /// <exception cref="FormatException">The file is no app bundle.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static AppBundle Load(string path) => Read(path, File.ReadAllBytes(path));

    public static AppBundle Read(string path, byte[] content)
    {
        if (content.Length > MaxBytes) throw Malformed(path, $"it has {content.Length} bytes, Flower takes at most {MaxBytes}");
        var values = ReadProject(path, content);
        var id = $"{Get("tool.flwr.app.publisher")}/{Get("project.name")}";
        return new(id, Get("project.version"), Convert.ToHexStringLower(SHA256.HashData(content)), UnsafeByteOperations.UnsafeWrap(content));

        string Get(string key) => values.GetValueOrDefault(key) is { Length: > 0 } value ? value : throw Malformed(path, $"its pyproject.toml has no text '{key}'");
    }

    /// <summary>The texts of the project file by <c>table.key</c>: as much of TOML as three names need.</summary>
    private static Dictionary<string, string> ReadProject(string path, byte[] content)
    {
        try
        {
            using var zip = new ZipArchive(new MemoryStream(content, false));
            var entry = zip.GetEntry("pyproject.toml") ?? throw Malformed(path, "it has no pyproject.toml");
            if (entry.Length > MaxProjectBytes) throw Malformed(path, $"its pyproject.toml has {entry.Length} bytes");
            using var reader = new StreamReader(entry.Open());
            var (values, table) = (new Dictionary<string, string>(StringComparer.Ordinal), "");
            while (reader.ReadLine() is { } line)
            {
                line = line.Trim();
                if (line.StartsWith('[') && line.IndexOf(']') is > 0 and var end) table = line[1..end].Trim();
                else if (line.Split('=', 2) is [var key, var value] && value.Trim() is [('"' or '\'') and var quote, .. var rest] && rest.IndexOf(quote) is >= 0 and var close)
                {
                    values[$"{table}.{key.Trim()}"] = rest[..close];
                }
            }
            return values;
        }
        catch (InvalidDataException exception)
        {
            throw Malformed(path, exception.Message);
        }
    }

    private static FormatException Malformed(string path, string what) =>
        new($"[fleet] {path} is no app bundle: {what}; `flwr build` makes one");
}
