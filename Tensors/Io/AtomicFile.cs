namespace ManagedFed.IO;

/// <summary>Replaces a file as a whole: a reader, or the next start after a crash, sees the old content or the new, never a part.</summary>
/// <remarks>
/// <para>The content goes to a temporary file beside the target, is forced to disk and renamed over it, and on Linux and macOS the folder is
/// forced to disk too. A file that is there keeps its permissions, a new one gets the usual ones, and a symbolic link stays a link to its
/// replaced target. Every file that the library writes goes this way.</para>
/// <para>A process that is killed leaves <c>NAME.(32 hexadecimal digits).tmp</c>; the next write of the same file removes such
/// files unless somebody is writing to them. What lies under <c>/dev</c> and <c>/proc</c> is written to directly.</para>
/// </remarks>
public static class AtomicFile
{
    private const string Ending = ".tmp";
    private const int Attempts = 10;

    /// <summary>Writes a file; it holds its old content until the new one is complete on disk.</summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="write">Writes the content to a seekable stream (devices and pipes cannot seek), which it leaves open.</param>
    /// <exception cref="IOException">
    /// The file cannot be written: its folder is missing or not writable, the path is a folder, the file is read-only, the disk is full. It is unchanged then.
    /// </exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        if (IsDevice(path))
        {
            using var device = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            write(device);
            return;
        }
        var target = Target(path);
        RemoveStale(target);
        var stream = Temporary(path, target);
        try
        {
            using (stream)
            {
                write(stream);
                stream.Flush(flushToDisk: true);
                // While it is open, and so locked, no other writer takes it for a file that was left behind.
                Rename(path, stream.Name, target);
            }
        }
        finally
        {
            // Gone already after the rename; what a failed write left is of no use to anyone.
            File.Delete(stream.Name);
        }
        FolderFlush.Run(Path.GetDirectoryName(target)!);
    }

    /// <summary>Finds out whether <see cref="Write"/> could create or replace a file, for programs that write at the end of long work.</summary>
    /// <param name="path">The file; it is not touched.</param>
    /// <exception cref="IOException">The file cannot be written; the message says why.</exception>
    public static void CheckWritable(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (IsDevice(path)) return;
        var stream = Temporary(path, Target(path));
        stream.Dispose();
        File.Delete(stream.Name);
    }

    private static bool IsDevice(string path) =>
        !OperatingSystem.IsWindows() && Path.GetFullPath(path) is var full
        && (full.StartsWith("/dev/", StringComparison.Ordinal) || full.StartsWith("/proc/", StringComparison.Ordinal)) && !full.StartsWith("/dev/shm/", StringComparison.Ordinal);

    /// <summary>The file itself, behind all links; it need not exist, but its folder does.</summary>
    private static string Target(string path)
    {
        var full = Path.GetFullPath(path);
        if (new FileInfo(full).LinkTarget is not null) full = File.ResolveLinkTarget(full, returnFinalTarget: true)!.FullName;
        if (Path.EndsInDirectorySeparator(full) || Directory.Exists(full)) throw new IOException($"[file] {path} is a folder, expected a file");
        var folder = Path.GetDirectoryName(full)!;
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"[file] {path} cannot be written: there is no folder {folder}");
        if (File.Exists(full) && (File.GetAttributes(full) & FileAttributes.ReadOnly) != 0) throw new IOException($"[file] {path} cannot be written: it is read-only");
        return full;
    }

    /// <summary>A new file beside the target, with its permissions, that is locked while it is open.</summary>
    private static FileStream Temporary(string path, string target)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var stream = Create($"{target}.{Guid.NewGuid():N}{Ending}", target);
                // Between its creation and its lock another writer may have removed it as one left behind.
                if (File.Exists(stream.Name)) return stream;
                stream.Dispose();
            }
            catch (UnauthorizedAccessException e)
            {
                throw new IOException($"[file] {path} cannot be written: its folder {Path.GetDirectoryName(target)} does not allow new files ({e.Message})", e);
            }
            catch (IOException) when (attempt < Attempts)
            {
            }
        }
    }

    private static FileStream Create(string name, string target)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete };
        if (OperatingSystem.IsWindows() || !File.Exists(target)) return new FileStream(name, options);
        var mode = File.GetUnixFileMode(target);
        // Never more open than the target, not even for a moment; what the process' mask took away is put back.
        options.UnixCreateMode = mode;
        var stream = new FileStream(name, options);
        File.SetUnixFileMode(stream.SafeFileHandle, mode);
        return stream;
    }

    private static void Rename(string path, string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: true);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"[file] {path} cannot be replaced: {e.Message}", e);
        }
    }

    /// <summary>Removes what writers of this file left when they were killed: whoever still writes holds a lock.</summary>
    private static void RemoveStale(string target)
    {
        var start = Path.GetFileName(target) + ".";
        foreach (var file in Siblings(Path.GetDirectoryName(target)!))
        {
            var name = Path.GetFileName(file.AsSpan());
            if (name.Length != start.Length + 32 + Ending.Length || !name.StartsWith(start, StringComparison.Ordinal) || !name.EndsWith(Ending, StringComparison.Ordinal)
                || !Guid.TryParseExact(name.Slice(start.Length, 32), "N", out _))
            {
                continue;
            }
            try
            {
                using (new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                    if (!OperatingSystem.IsWindows()) File.Delete(file);
                }
                // Windows deletes no open file; and there a file is locked from its creation on.
                if (OperatingSystem.IsWindows()) File.Delete(file);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody's that is at work, or another user's: not ours to remove.
            }
        }
    }

    private static IEnumerable<string> Siblings(string folder) =>
        Directory.EnumerateFiles(folder, "*" + Ending, new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0, MatchType = MatchType.Simple });
}
