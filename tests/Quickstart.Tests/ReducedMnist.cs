using System.Buffers.Binary;
using System.IO.Compression;

namespace ManagedFed.Quickstart.Tests;

/// <summary>A folder with the first few images of the bundled files, and room for what a run writes.</summary>
public sealed class ReducedMnist : IDisposable
{
    public const int TrainCount = 1500, TestCount = 300;

    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("managedfed-");

    public ReducedMnist() : this("data")
    {
    }

    /// <param name="folder">Where below the new folder the images are put.</param>
    internal ReducedMnist(string folder)
    {
        Folder = root.CreateSubdirectory(folder).FullName;
        Cut("train", TrainCount);
        Cut("t10k", TestCount);
    }

    public string Root => root.FullName;

    public string Folder { get; }

    /// <summary>A path that no other test uses.</summary>
    public string NewFile(string ending) => Path.Combine(Root, Guid.NewGuid().ToString("N") + ending);

    public void Dispose() => root.Delete(recursive: true);

    private void Cut(string name, int count)
    {
        Cut($"{name}-images-idx3-ubyte", headerSize: 16, itemSize: 28 * 28, count);
        Cut($"{name}-labels-idx1-ubyte", headerSize: 8, itemSize: 1, count);
    }

    private void Cut(string name, int headerSize, int itemSize, int count)
    {
        using var packed = new GZipStream(
            File.OpenRead(Path.Combine(AppContext.BaseDirectory, "data", name + ".gz")), CompressionMode.Decompress);
        var content = new byte[headerSize + count * itemSize];
        packed.ReadExactly(content);
        BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(4), count);
        File.WriteAllBytes(Path.Combine(Folder, name), content);
    }
}
