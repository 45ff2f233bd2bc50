using System.Runtime.InteropServices;

namespace ManagedFed.IO;

/// <summary>Forces the entries of a folder to disk, without which a renamed file may be found under its old name after a power cut.</summary>
internal static partial class FolderFlush
{
    private const int ReadOnly = 0;

    // EIO: the disk failed. File systems that cannot flush a folder answer otherwise.
    private const int InputOutputError = 5;

    /// <summary>Does so on Linux and macOS; elsewhere the system offers no way, or needs none.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Run(string folder)
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) return;
        var handle = Open(folder, ReadOnly);
        // A folder may be writable without being readable.
        if (handle < 0) return;
        var failed = Flush(handle) != 0 && Marshal.GetLastPInvokeError() == InputOutputError;
        _ = Close(handle);
        if (failed) throw new IOException($"[file] folder {folder} cannot be forced to disk: input/output error");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
