using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>A folder of a real disk, which belongs to one process at a time.</summary>
internal sealed class FolderDisk : FolderView
{
    private readonly FileStream held;

    /// <exception cref="IOException">Another process has the folder, or it cannot be written.</exception>
    public FolderDisk(string path) : base(Directory.CreateDirectory(path).FullName)
    {
        try
        {
            held = new FileStream(At(LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception) when (exception is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new IOException($"[run] the folder {At("")} is in use: one server at a time keeps its run there; stop the other, or name another folder", exception);
        }
    }

    public override void Replace(string name, Action<Stream> write)
    {
        var folder = Path.GetDirectoryName(At(name))!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            // Else a power cut could take the new folder with all that was flushed in it.
            FolderFlush.Run(Path.GetDirectoryName(folder)!);
        }
        AtomicFile.Write(At(name), write);
    }

    public override void Append(string name, ReadOnlySpan<byte> bytes)
    {
        var isNew = !File.Exists(At(name));
        using (var file = new FileStream(At(name), FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }
        // Else a power cut could take the new file with all that is in it.
        if (isNew) FolderFlush.Run(At(""));
    }

    public override void Truncate(string name, long length)
    {
        using var file = new FileStream(At(name), FileMode.Open, FileAccess.Write, FileShare.Read);
        file.SetLength(length);
        file.Flush(flushToDisk: true);
    }

    public override void Delete(string name)
    {
        if (Directory.Exists(At(name))) Directory.Delete(At(name), recursive: true);
        else File.Delete(At(name));
    }

    public override void Dispose()
    {
        held.Dispose();
        base.Dispose();
    }
}
