using System.Text;
using System.Text.Json;
using ManagedFed.Federation;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Faults;

/// <summary>The server's disk: what is on it outlives processes; it may be full, fail, and forget what was not flushed when the power fails.</summary>
internal sealed class Disk(World world)
{
    private const string Journal = "journal";

    private readonly SortedDictionary<string, byte[]> files = new(StringComparer.Ordinal);

    /// <summary>Files that were removed, while the folder was not flushed since: they may be back after a power cut.</summary>
    private readonly Dictionary<string, byte[]> removed = new(StringComparer.Ordinal);

    /// <summary>The updates of which a server was told that they are on disk, by round and place.</summary>
    private readonly SortedDictionary<(int Round, int Place), string> accepted = [];

    public ServerProcess? Holder { get; private set; }

    public bool IsFull { get; set; }

    /// <summary>How many of the next calls fail.</summary>
    public int Failures { get; set; }

    /// <summary>True once bytes that had been flushed were damaged, or could not be read.</summary>
    public bool IsRotten { get; private set; }

    /// <summary>True for a disk that lies: the end of what was flushed is gone after a power cut. Schedules that see nothing of that are blind.</summary>
    public bool ForgetsFlushed { get; init; }

    public int FileCount => files.Count;

    public long Bytes => files.Values.Sum(content => (long)content.Length);

    public long JournalBytes => files.GetValueOrDefault(Journal)?.Length ?? 0;

    /// <exception cref="IOException">Another process has it.</exception>
    public IRunDisk Open(ServerProcess process)
    {
        if (Holder is { IsDead: false } && Holder != process) throw new IOException($"[run] the folder is in use by {Holder.Name}");
        Holder = process;
        return new Handle(this, process);
    }

    public void Release(ServerProcess process)
    {
        if (Holder == process) Holder = null;
    }

    /// <summary>The run as it is kept, without a look at what would be mended.</summary>
    public RunState? Inspect()
    {
        using var run = StoredRun.Open(new Handle(this, null), int.MaxValue, NullLogger.Instance);
        return run.State;
    }

    /// <summary>True when a server was told that this client's update of the round is on disk.</summary>
    public bool HasAccepted(int round, string client) => AcceptedIn(round).Contains(client);

    /// <summary>Whose updates were accepted in a round, in their order.</summary>
    public IEnumerable<string> AcceptedIn(int round) => accepted.Where(update => update.Key.Round == round).Select(update => update.Value);

    /// <summary>What the journal says of each round.</summary>
    public SortedDictionary<int, JournaledRound> Journaled()
    {
        var rounds = new SortedDictionary<int, JournaledRound>();
        foreach (var entry in new RunJournal(new Handle(this, null)).Open().Events) JournaledRound.Replay(rounds, entry);
        return rounds;
    }

    /// <summary>Notes what a server now relies on. A round that begins anew asks anew.</summary>
    private void Accept(ReadOnlySpan<byte> lines)
    {
        foreach (var line in Encoding.UTF8.GetString(lines).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var entry = JsonDocument.Parse(line.AsMemory(line.IndexOf(' ', StringComparison.Ordinal) + 1));
            var (json, round) = (entry.RootElement, entry.RootElement.GetProperty("round").GetInt32());
            switch (json.GetProperty("event").GetString())
            {
                case "begin":
                    foreach (var update in accepted.Keys.Where(update => update.Round == round).ToArray()) accepted.Remove(update);
                    break;
                case "update":
                    accepted[(round, json.GetProperty("place").GetInt32())] = json.GetProperty("client").GetString()!;
                    break;
            }
        }
    }

    /// <summary>The power fails: what was not flushed may be as it was before.</summary>
    public void CutPower()
    {
        foreach (var (name, content) in removed) if (world.Chance.OneIn(2)) files.TryAdd(name, content);
        removed.Clear();
        if (ForgetsFlushed && files.GetValueOrDefault(Journal) is { Length: > 0 } bytes) files[Journal] = bytes[..world.Chance.Below(bytes.Length)];
    }

    /// <summary>Damages a file that is whole.</summary>
    public void Rot()
    {
        string[] states = [.. files.Keys.Where(name => name.StartsWith("state-", StringComparison.Ordinal) && name.EndsWith(".safetensors", StringComparison.Ordinal))];
        string[] updates = [.. files.Keys.Where(name => name.StartsWith("round-", StringComparison.Ordinal))];
        var name = world.Chance.Below(3) switch
        {
            // The one before is needed then.
            0 when states.Length > 1 => states[^1],
            1 when updates.Length > 0 => updates[world.Chance.Below(updates.Length)],
            _ => Journal,
        };
        if (!files.TryGetValue(name, out var content) || content.Length < 2) return;
        IsRotten = true;
        byte[] damaged = [.. content];
        // Of the journal one line at most, so that a state is left to go on from.
        switch (name == Journal ? 0 : world.Chance.Below(3))
        {
            case 0: damaged[NotFirstLine(name, content)] ^= (byte)(1 << world.Chance.Below(8)); break;
            case 1: damaged = damaged[..world.Chance.Below(damaged.Length)]; break;
            default: damaged = []; break;
        }
        files[name] = damaged;
        world.Trace.Add(world.Now, $"{name} is damaged");
    }

    private int NotFirstLine(string name, byte[] content)
    {
        var first = name == Journal ? content.AsSpan().IndexOf((byte)'\n') + 1 : 0;
        return first >= content.Length ? content.Length - 1 : first + world.Chance.Below(content.Length - first);
    }

    /// <summary>The disk as one process has it; as nobody's it can be read alone.</summary>
    private sealed class Handle(Disk disk, ServerProcess? process) : IRunDisk
    {
        public IReadOnlyList<string> List(string folder)
        {
            var prefix = folder.Length == 0 ? "" : $"{folder}/";
            return [.. disk.files.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..].Split('/')[0]).Distinct()];
        }

        public Stream? Read(string name)
        {
            if (process is not null && disk.Failures > 0 && disk.Chance.OneIn(2))
            {
                // What cannot be read is as good as damaged.
                disk.IsRotten = true;
                disk.Fail();
            }
            return disk.files.TryGetValue(name, out var bytes) ? new MemoryStream(bytes, writable: false) : null;
        }

        public void Replace(string name, Action<Stream> write)
        {
            if (process is null) return;
            using var stream = new MemoryStream();
            write(stream);
            var content = stream.ToArray();
            // A writer that was killed has left its temporary file; the next one of the same name removes it.
            foreach (var stale in disk.files.Keys.Where(file => file.StartsWith($"{name}.", StringComparison.Ordinal)).ToArray()) disk.files.Remove(stale);
            if (process.DiesAt($"replaces {name}"))
            {
                if (disk.Chance.OneIn(2)) disk.files[name] = content;
                else disk.files[$"{name}.{new string('0', 32)}.tmp"] = content[..disk.Chance.Below(content.Length + 1)];
                throw new EndedException();
            }
            disk.Fail();
            disk.files[name] = content;
            disk.Flushed(name);
        }

        public void Append(string name, ReadOnlySpan<byte> bytes)
        {
            if (process is null) return;
            var old = disk.files.GetValueOrDefault(name, []);
            if (process.DiesAt($"appends to {name}"))
            {
                var part = disk.Chance.Below(bytes.Length + 1);
                disk.files[name] = [.. old, .. bytes[..part]];
                // The length may be on disk before the content is.
                if (disk.Chance.OneIn(4)) disk.files[name] = [.. disk.files[name], .. new byte[bytes.Length - part]];
                throw new EndedException();
            }
            try
            {
                disk.Fail();
            }
            catch (IOException)
            {
                disk.files[name] = [.. old, .. bytes[..disk.Chance.Below(bytes.Length + 1)]];
                throw;
            }
            disk.files[name] = [.. old, .. bytes];
            if (name == Journal) disk.Accept(bytes);
        }

        public void Truncate(string name, long length)
        {
            if (process is null) return;
            var dies = process.DiesAt($"cuts {name} off");
            if (!dies || disk.Chance.OneIn(2)) disk.files[name] = disk.files[name][..(int)length];
            if (dies) throw new EndedException();
        }

        public void Delete(string name)
        {
            if (process is null) return;
            var dies = process.DiesAt($"deletes {name}");
            foreach (var file in disk.Below(name))
            {
                if (dies && disk.Chance.OneIn(2)) continue;
                disk.removed[file] = disk.files[file];
                disk.files.Remove(file);
            }
            if (dies) throw new EndedException();
        }

        public void Dispose()
        {
            if (process is not null) disk.Release(process);
        }
    }

    private string[] Below(string name) => [.. files.Keys.Where(file => file == name || file.StartsWith($"{name}/", StringComparison.Ordinal))];

    private Chance Chance => world.Chance;

    private void Fail()
    {
        if (IsFull) throw new IOException("no space left on device");
        if (Failures <= 0) return;
        Failures--;
        throw new IOException("input/output error");
    }

    /// <summary>With a file its folder is flushed, and so what was removed from it.</summary>
    private void Flushed(string name)
    {
        var folder = FolderOf(name);
        foreach (var gone in removed.Keys.Where(file => FolderOf(file) == folder).ToArray()) removed.Remove(gone);
    }

    private static string FolderOf(string name) => name.LastIndexOf('/') is >= 0 and var end ? name[..end] : "";
}
