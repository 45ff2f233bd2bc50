namespace ManagedFed.IO;

/// <summary>Replaces a file as a whole: a reader, or the next start after a crash, sees the old content or the new, never a part.</summary>
internal static class AtomicFile
{
    /// <summary>Writes a sibling temporary file, forces it to disk, and renames it over <paramref name="path"/>.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        path = Path.GetFullPath(path);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            // Gone already after the rename; what a failed write left is of no use to anyone.
            File.Delete(temporary);
        }
    }
}
