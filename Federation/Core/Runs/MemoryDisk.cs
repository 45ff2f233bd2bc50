namespace ManagedFed.Federation;

/// <summary>A folder in memory: a run lasts as long as the disk that is handed to the next server.</summary>
internal sealed class MemoryDisk : IRunDisk
{
    private readonly SortedDictionary<string, byte[]> files = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    public IReadOnlyList<string> List(string folder)
    {
        var prefix = folder.Length == 0 ? "" : $"{folder}/";
        lock (gate)
        {
            return [.. files.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..].Split('/')[0]).Distinct()];
        }
    }

    public Stream? Read(string name)
    {
        lock (gate) return files.TryGetValue(name, out var bytes) ? new MemoryStream(bytes, writable: false) : null;
    }

    public void Replace(string name, Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        lock (gate) files[name] = stream.ToArray();
    }

    public void Append(string name, ReadOnlySpan<byte> bytes)
    {
        lock (gate) files[name] = [.. files.GetValueOrDefault(name, []), .. bytes];
    }

    public void Truncate(string name, long length)
    {
        lock (gate) files[name] = files[name][..(int)length];
    }

    public void Delete(string name)
    {
        lock (gate)
        {
            foreach (var file in files.Keys.Where(file => file == name || file.StartsWith($"{name}/", StringComparison.Ordinal)).ToArray()) files.Remove(file);
        }
    }

    public void Dispose()
    {
        // The content stays for the next one.
    }
}
