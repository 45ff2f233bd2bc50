using System.IO.Compression;

namespace ManagedFed.Nn.Tests.Data;

/// <summary>The repository's data, and small IDX files made by hand.</summary>
internal static class DataFiles
{
    private static readonly Lazy<string> Root = new(() =>
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ManagedFed.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    });

    public static string Mnist => Path.Combine(Root.Value, "samples", "Mnist", "data");

    /// <summary>An IDX file of sizes below 256.</summary>
    public static byte[] Idx(byte[] sizes, params byte[] data) =>
        [0, 0, 8, (byte)sizes.Length, .. sizes.SelectMany(s => new byte[] { 0, 0, 0, s }), .. data];

    public static byte[] Gzip(byte[] content)
    {
        var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
        return stream.ToArray();
    }
}
