using System.Collections.Concurrent;
using System.Globalization;
using ManagedFed.Federation.Tests.Runs;
using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>A simulation that is cut off at any write, of the run or of a client's state, and goes on ends with the model of one that was not.</summary>
public sealed class PooledResumeTests : IDisposable
{
    private const int Rounds = 3;

    private readonly string folder = Directory.CreateTempSubdirectory("managedfed-states").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("FedAdam")]
    [InlineData("Scaffold, sampled")]
    [InlineData("FedBN, momentum kept")]
    public async Task RunAsync_CutAtEachWrite_EndsAsWithoutTheCut(string name)
    {
        using var whole = new MemoryDisk();
        var (expected, writes) = await RunAsync(name, whole, 0, false);
        for (var at = 1; at <= writes; at++)
        {
            // A write that was lost, and one that was done without anybody hearing of it.
            using var disk = new MemoryDisk();
            Assert.Null((await RunAsync(name, disk, at, at % 2 == 0)).Model);
            // Once more at the next process' first write, if there is any left to make.
            await RunAsync(name, disk, 1, at % 3 == 0);
            Assert.Equal(expected, (await RunAsync(name, disk, 0, false)).Model);
        }
    }

    [Theory]
    [InlineData("Scaffold, sampled")]
    [InlineData("FedBN, momentum kept")]
    public async Task RunAsync_StoppedAndStartedAgainOnAFolder_EndsAsWithoutTheStop(string name)
    {
        var kind = PooledClientKit.Kinds[name];
        async Task<byte[]> RunAsync(string below, Func<History, bool>? stop) => PooledClientKit.Bits((await FederatedSimulation.RunAsync(
            PooledClientKit.Clients, kind.Pooled(new FolderClientStates(Path.Combine(folder, below, "clients"))), new(Rounds), kind.Strategy,
            PooledClientKit.Quiet with { RunStore = RunStore.Folder(Path.Combine(folder, below)), StopWhen = stop }, Token).Bounded()).FinalParameters);

        var expected = await RunAsync("whole", null);
        var stopped = await RunAsync("stopped", history => history.Reports.Any(report => report.Round == 2));
        Assert.NotEqual(expected, stopped);
        Assert.Equal(expected, await RunAsync("stopped", null));
        Assert.Equal(Rounds, RunStore.Inspect(Path.Combine(folder, "stopped"))!.Round);
    }

    /// <summary>While there is no room for a client's state its answer does not count; when there is, the client answers alike.</summary>
    [Theory]
    [InlineData("Scaffold, sampled")]
    [InlineData("FedBN, momentum kept")]
    public async Task RunAsync_WithoutRoomForStates_WaitsForIt(string name)
    {
        var (kind, log) = (PooledClientKit.Kinds[name], new LogRecorder());
        async Task<History> RunAsync(IClientStates states) => await FederatedSimulation.RunAsync(
            PooledClientKit.Clients, kind.Pooled(states), new(Rounds), kind.Strategy,
            PooledClientKit.Quiet with { LoggerFactory = log, WaitingInterval = TimeSpan.FromMilliseconds(1) }, Token).Bounded();
        var expected = await RunAsync(new MemoryClientStates());
        Assert.Empty(log.WithId(509));

        var history = await RunAsync(new FullStates());

        Assert.Empty(history.FitFailures);
        Assert.Equal(PooledClientKit.Bits(expected.FinalParameters), PooledClientKit.Bits(history.FinalParameters));
        Assert.Equal(2 * Rounds * PooledClientKit.Clients / 2, log.WithId(509).Count);
        Assert.All(log.WithId(509), line => Assert.Contains("cannot be kept (no room); its answer does not count before", line, StringComparison.Ordinal));
    }

    private static async Task<(byte[]? Model, int Writes)> RunAsync(string name, MemoryDisk inner, int at, bool isDone)
    {
        var kind = PooledClientKit.Kinds[name];
        using var disk = new PowerCutDisk(inner, at, isDone);
        try
        {
            var history = await FederatedSimulation.RunAsync(
                PooledClientKit.Clients, kind.Pooled(new DiskStates(disk)), new(Rounds), kind.Strategy,
                PooledClientKit.Quiet with { RunStore = new(() => disk, 2), MaxConcurrency = 2 }, Token).Bounded();
            Assert.Empty(history.FitFailures);
            return (PooledClientKit.Bits(history.FinalParameters), disk.Writes);
        }
        catch (PowerCutException)
        {
            return (null, disk.Writes);
        }
    }

    /// <summary>States for which there is room at the third try alone.</summary>
    private sealed class FullStates : IClientStates
    {
        private readonly MemoryClientStates states = new();
        private readonly ConcurrentDictionary<int, int> tries = [];

        public StrategyState? Load(int client) => states.Load(client);

        public void Save(int client, StrategyState state)
        {
            if (tries.AddOrUpdate(client, 1, (_, before) => before + 1) % 3 != 0) throw new IOException("no room");
            states.Save(client, state);
        }
    }

    /// <summary>States on the run's own disk, which dies as one.</summary>
    private sealed class DiskStates(IRunDisk disk) : IClientStates
    {
        public StrategyState? Load(int client)
        {
            using var stream = disk.Read(Name(client));
            return stream is null ? null : RunFile.Read(stream).State;
        }

        public void Save(int client, StrategyState state) => disk.Replace(Name(client), stream => RunFile.Write(stream, Parameters.Empty, state, _ => { }));

        private static string Name(int client) => string.Create(CultureInfo.InvariantCulture, $"clients/{client}");
    }
}
