using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ManagedFed.Federation.Tests.Runs;

/// <summary>A run that goes on although something of it was lost, and that stays as it had ended.</summary>
public sealed class DamagedRunTests : IDisposable
{
    private readonly MemoryDisk disk = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => disk.Dispose();

    [Fact]
    public void Open_AnotherUpdateInTheFileOfOne_IsNotTakenForIt()
    {
        using (var run = Open())
        {
            run.Commit(State(0), []);
            run.Begin(1, ["a", "b"]);
            run.Accept(Update(0, "a"));
            run.Accept(Update(1, "b"));
        }
        // As after a kill between the file of a new update in a lost one's place and its line in the journal.
        var other = Bytes("round-000001/000001.safetensors");
        disk.Replace("round-000001/000000.safetensors", stream => stream.Write(other));

        using var again = Open();

        Assert.Equal("b", Assert.Single(again.Accepted).Client);
        Assert.Equal(2, again.NextPlace);
    }

    [Fact]
    public void Open_LastUpdateIsLost_KeepsItsPlaceAndNumber()
    {
        using (var run = Open())
        {
            run.Commit(State(0), []);
            run.Begin(1, ["a"]);
            run.Accept(Update(0, "a"));
            run.Accept(Update(1, "a") with { Number = 1 });
        }
        disk.Replace("round-000001/000001.safetensors", static _ => { });

        using var again = Open();

        Assert.Equal((1, 2, 1), (again.Accepted.Count, again.NextPlace, again.LastNumbers["a"]));
    }

    [Fact]
    public void Open_ReportOfTheNewestRoundIsDamaged_GoesOnFromTheOneBefore()
    {
        using (var run = Open())
        {
            for (var round = 0; round <= 2; round++) run.Commit(State(round), [new(round)]);
        }
        var journal = Bytes("journal");
        journal[journal.AsSpan().LastIndexOf("\"report\""u8)] ^= 1;
        disk.Replace("journal", stream => stream.Write(journal));

        using var again = Open();

        Assert.Equal(1, again.State!.Round);
        Assert.Equal([0, 1], again.State.Reports.Select(report => report.Round));
    }

    [Fact]
    public void Open_DiskThatCannotRead_ThrowsAndIsNotTakenForDamaged()
    {
        using (var run = Open())
        {
            run.Commit(State(0), []);
            run.Commit(State(1), [new(1)]);
        }
        var exception = Assert.Throws<IOException>(() => StoredRun.Open(new Unreadable(disk, "state-000001.safetensors"), 2, NullLogger.Instance));
        Assert.Equal("input/output error", exception.Message);

        using var again = Open();
        Assert.Equal(1, again.State!.Round);
    }

    [Fact]
    public async Task StopWhen_RunThatGoesOn_StaysStopped()
    {
        var options = new SimulationOptions
        {
            LoggerFactory = NullLoggerFactory.Instance,
            Seed = 1,
            RunStore = RunStore.Memory(),
            StopWhen = history => history.Reports[^1].Round == 2,
        };
        var rounds = new List<int>();
        for (var run = 0; run < 2; run++)
        {
            var history = await FederatedSimulation.RunAsync([LambdaClient.Adding(1, 1), LambdaClient.Adding(3, 1)], new(5), new FedAvg(), options, Token).Bounded();
            Assert.Equal(4f, history.Value());
            rounds.Add(history.Reports[^1].Round);
        }
        Assert.Equal([2, 2], rounds);
    }

    private static RunState State(int round) => new("run", round, new(NdArray.From<float>(1, 2)), StrategyState.Empty, new(5, 6));

    private static StoredUpdate Update(int place, string client) => new(
        1, place, client, 0, new(ResultStatus.Success, new(NdArray.From<float>(place)), 1, new Dictionary<string, Scalar>()));

    private StoredRun Open() => StoredRun.Open(disk, 2, NullLogger.Instance);

    private byte[] Bytes(string name)
    {
        using var stream = disk.Read(name)!;
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    /// <summary>A disk that fails to read one file.</summary>
    private sealed class Unreadable(IRunDisk inner, string file) : IRunDisk
    {
        public IReadOnlyList<string> List(string folder) => inner.List(folder);

        public Stream? Read(string name) => name == file ? throw new IOException("input/output error") : inner.Read(name);

        public void Replace(string name, Action<Stream> write) => inner.Replace(name, write);

        public void Append(string name, ReadOnlySpan<byte> bytes) => inner.Append(name, bytes);

        public void Truncate(string name, long length) => inner.Truncate(name, length);

        public void Delete(string name) => inner.Delete(name);

        public void Dispose()
        {
            // The other one is the test's.
        }
    }
}
