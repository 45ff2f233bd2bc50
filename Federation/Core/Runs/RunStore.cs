using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>Where a run is kept, so that it goes on after its process has ended, however it ended.</summary>
/// <remarks>
/// A run that is there is gone on with, from its last round or from within it; else one is begun. Each accepted update and each
/// round's end is on disk before anything follows from it. One server at a time has a run.
/// </remarks>
/// <example><c>new FederatedServerOptions { RunStore = RunStore.Folder("run") }</c></example>
public sealed class RunStore
{
    private readonly Func<IRunDisk> open;
    private readonly int generations;

    internal RunStore(Func<IRunDisk> open, int generations) => (this.open, this.generations) = (open, generations);

    /// <summary>A folder, which is made if need be.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="generations">How many of the last rounds' states are kept, at least 2: a damaged one is passed over for the one before.</param>
    /// <exception cref="ArgumentException">The path is empty, or there are fewer than 2 generations.</exception>
    public static RunStore Folder(string path, int generations = 2)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new(() => new FolderDisk(path), new Interval(2, int.MaxValue).Check("run_store", nameof(generations), generations));
    }

    /// <summary>Memory: the run lasts as long as this object, over any number of servers in this process.</summary>
    public static RunStore Memory()
    {
        var disk = new MemoryDisk();
        return new(() => disk, 2);
    }

    /// <summary>Reads the run of a folder, also while a server works it: its newest whole state with the reports of all rounds.</summary>
    /// <param name="path">The folder.</param>
    /// <returns>The state; null when no run has begun there.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">The run has states, and none of them can be read.</exception>
    public static RunState? Inspect(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var run = StoredRun.Open(new FolderView(path), int.MaxValue, NullLogger.Instance);
        return run.State;
    }

    /// <summary>Takes the run for this process.</summary>
    internal StoredRun Open(ILogger log) => StoredRun.Open(open(), generations, log);
}
