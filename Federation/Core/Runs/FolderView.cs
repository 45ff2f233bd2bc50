namespace ManagedFed.Federation;

/// <summary>A folder as somebody sees it who only looks: what would be mended there is left as it is.</summary>
internal class FolderView : IRunDisk
{
    /// <summary>The file whose lock says that a server has the folder.</summary>
    protected const string LockName = "lock";

    private readonly string root;

    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    public FolderView(string path)
    {
        root = Path.GetFullPath(path);
        if (!Directory.Exists(root)) throw new DirectoryNotFoundException($"[run] there is no folder {root}");
    }

    public IReadOnlyList<string> List(string folder) => Directory.Exists(At(folder))
        ? [.. Directory.EnumerateFileSystemEntries(At(folder)).Select(entry => Path.GetFileName(entry)).Where(name => folder.Length > 0 || name != LockName).Order(StringComparer.Ordinal)]
        : [];

    public Stream? Read(string name) => File.Exists(At(name)) ? new FileStream(At(name), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete) : null;

    public virtual void Replace(string name, Action<Stream> write)
    {
    }

    public virtual void Append(string name, ReadOnlySpan<byte> bytes)
    {
    }

    public virtual void Truncate(string name, long length)
    {
    }

    public virtual void Delete(string name)
    {
    }

    public virtual void Dispose() => GC.SuppressFinalize(this);

    protected string At(string name) => name.Length == 0 ? root : Path.Combine(root, name.Replace('/', Path.DirectorySeparatorChar));
}
