using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ManagedFed.Federation.Tests.Runs;

/// <summary>What a run that was kept gives back, after an orderly end and after any other.</summary>
public sealed class StoredRunTests : IDisposable
{
    private readonly MemoryDisk disk = new();

    public void Dispose() => disk.Dispose();

    [Fact]
    public void Open_EmptyDisk_IsNewRun()
    {
        using var run = Open();

        Assert.Null(run.State);
        Assert.Null(run.Clients);
        Assert.Empty(run.Accepted);
    }

    [Fact]
    public void Open_AfterCommits_GivesTheNewestStateWhole()
    {
        var strategy = StrategyState.Empty
            .With("m", [NdArray.From<double>(0.1, double.NaN), NdArray.Zeros([0, 2], DType.Float16)]).With("run", 7L).With("rate", 0.1).With("name", "é\n");
        using (var run = Open())
        {
            run.Commit(State(0), [new(0)]);
            run.Commit(State(1) with { Strategy = strategy }, [new(1)
            {
                Trained = ["a", "b"],
                NumExamples = 12,
                FitFailures = [new(new("c", "memory:2"), FailureReason.NotFinite, "tensor 0 holds NaN")],
                LossDistributed = double.PositiveInfinity,
                LossCentralized = 0.1,
                MetricsDistributed = new Dictionary<string, Scalar> { ["accuracy"] = 0.3, ["n"] = 3, ["bytes"] = new byte[] { 1, 2 }, ["big"] = Scalar.FromUInt64(ulong.MaxValue) },
                Staleness = [0, 2],
                UpdatesClipped = 1,
                Elapsed = TimeSpan.FromTicks(123),
            }]);
        }

        using var again = Open();

        var state = again.State!;
        Assert.Equal((1, "run", new RandomKey(5, 6)), (state.Round, state.RunId, state.Key));
        Assert.Equal([1f, 2f], state.Parameters.Arrays[0].ToArray<float>());
        Assert.Equal(strategy.ToString(), state.Strategy.ToString());
        Assert.Equal(strategy.List("m")![0].ToArray<double>(), state.Strategy.List("m")![0].ToArray<double>());
        var report = state.Reports[1];
        Assert.Equal([0, 1], state.Reports.Select(r => r.Round));
        Assert.Equal(["a", "b"], report.Trained);
        Assert.Equal((12, double.PositiveInfinity, 0.1), (report.NumExamples, report.LossDistributed, report.LossCentralized));
        Assert.Equal(new ClientFailure(new("c", "memory:2"), FailureReason.NotFinite, "tensor 0 holds NaN"), Assert.Single(report.FitFailures));
        Assert.Equal(ulong.MaxValue, report.MetricsDistributed["big"].AsUInt64());
        Assert.Equal(new byte[] { 1, 2 }, report.MetricsDistributed["bytes"].AsBytes().ToArray());
        Assert.Equal([0, 2], report.Staleness);
        Assert.Equal((1, TimeSpan.FromTicks(123)), (report.UpdatesClipped, report.Elapsed));
    }

    [Fact]
    public void Open_OpaqueModel_IsKeptAsItsBytes()
    {
        using (var run = Open()) run.Commit(State(0) with { Parameters = Parameters.Opaque("", [new byte[] { 1, 2, 3 }, Array.Empty<byte>()]) }, [new(0)]);

        using var again = Open();

        Assert.Equal("", again.State!.Parameters.TensorType);
        Assert.Equal([[1, 2, 3], []], again.State.Parameters.Payloads.Select(payload => payload.ToArray()));
    }

    [Fact]
    public void Open_RoundWasOpen_GivesItsClientsAndAcceptedUpdates()
    {
        using (var run = Open())
        {
            run.Commit(State(0), [new(0)]);
            run.Begin(1, ["a", "b", "c"]);
            run.Accept(Update(1, 2, "c", 3));
            run.Accept(Update(1, 0, "a", 4));
        }

        using var again = Open();

        Assert.Equal(["a", "b", "c"], again.Clients);
        Assert.Equal([(0, "a", 4L), (2, "c", 3L)], again.Accepted.Select(update => (update.Place, update.Client, update.Result.NumExamples)));
        Assert.Equal([4f], again.Accepted[0].Result.Parameters.Arrays[0].ToArray<float>());
        Assert.Equal(0.5, again.Accepted[0].Result.Metrics["loss"].AsDouble());
    }

    [Fact]
    public void Open_RoundIsOver_ItsUpdatesAreGone()
    {
        using (var run = Open())
        {
            run.Commit(State(0), [new(0)]);
            for (var round = 1; round <= 5; round++)
            {
                run.Begin(round, ["a"]);
                run.Accept(Update(round, 0, "a", round));
                run.Commit(State(round), [new(round)]);
            }
        }

        Assert.Equal(["journal", "round-000005", "state-000004.safetensors", "state-000005.safetensors"], disk.List(""));
        using var again = Open();
        Assert.Equal((5, 6), (again.State!.Round, again.State.Reports.Count));
        Assert.Empty(again.Accepted);
    }

    /// <summary>A crash may leave any part of the last line: the run is then as if that line had never been begun.</summary>
    [Fact]
    public void Open_JournalTornAnywhereInItsLastLine_IsAsBeforeIt()
    {
        using (var run = Open())
        {
            run.Commit(State(0), [new(0)]);
            run.Begin(1, ["a"]);
        }
        var before = Journal();
        using (var run = Open()) run.Accept(Update(1, 0, "a", 9));
        var after = Journal();

        for (var length = before.Length; length < after.Length; length++)
        {
            disk.Replace("journal", stream => stream.Write(after.AsSpan(0, length)));
            using (var run = Open())
            {
                Assert.Equal(0, run.State!.Round);
                Assert.Empty(run.Accepted);
                run.Accept(Update(1, 0, "a", 8));
            }
            using var again = Open();
            Assert.Equal(8, Assert.Single(again.Accepted).Result.NumExamples);
        }
    }

    [Fact]
    public void Open_AnyByteOfTheNewestStateFlipped_GoesOnFromTheOneBefore()
    {
        using (var run = Open())
        {
            for (var round = 0; round <= 2; round++) run.Commit(State(round), [new(round)]);
        }
        var whole = Bytes("state-000002.safetensors");
        var lost = 0;

        for (var i = 0; i < whole.Length; i++)
        {
            var damaged = whole.ToArray();
            damaged[i] ^= 0x10;
            using var copy = Copy();
            copy.Replace("state-000002.safetensors", stream => stream.Write(damaged));
            using (var run = StoredRun.Open(copy, 2, NullLogger.Instance))
            {
                // What a flip leaves readable, such as the name of an entry that nobody asks for, is the state itself.
                Assert.Equal([1f, 2f], run.State!.Parameters.Arrays[0].ToArray<float>());
                Assert.Equal(run.State.Round + 1, run.State.Reports.Count);
                if (run.State.Round == 1) lost++;
                run.Commit(State(2), [new(2) { NumExamples = 77 }]);
            }
            using var again = StoredRun.Open(copy, 2, NullLogger.Instance);
            Assert.Equal((2, 77L), (again.State!.Round, again.State.Reports[2].NumExamples));
        }
        Assert.True(lost > whole.Length * 9 / 10, $"{lost} of {whole.Length} flips were found");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(-1)]
    public void Open_NoStateCanBeRead_Throws(int length)
    {
        using (var run = Open()) run.Commit(State(0), [new(0)]);
        if (length < 0) disk.Delete("state-000000.safetensors");
        else disk.Replace("state-000000.safetensors", stream => stream.Write(new byte[length]));

        var exception = Assert.Throws<InvalidDataException>(() => Open());

        Assert.Contains("round 0", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_StateLostAfterNewerUpdates_ThoseOfTheLostTimelineDoNotCount()
    {
        using (var run = Open())
        {
            run.Commit(State(0), [new(0)]);
            run.Commit(State(1), [new(1)]);
            run.Begin(2, ["a"]);
            run.Accept(Update(2, 0, "a", 1));
        }
        disk.Delete("state-000001.safetensors");
        using (var run = Open())
        {
            Assert.Equal(0, run.State!.Round);
            run.Begin(1, ["b"]);
            run.Commit(State(1), [new(1)]);
        }

        using var again = Open();

        Assert.Equal(1, again.State!.Round);
        Assert.Null(again.Clients);
        Assert.Empty(again.Accepted);
    }

    [Fact]
    public void FolderDisk_SecondServer_IsRefused()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            using (var run = StoredRun.Open(new FolderDisk(folder.FullName), 2, NullLogger.Instance))
            {
                run.Commit(State(0), [new(0)]);
                var exception = Assert.Throws<IOException>(() => new FolderDisk(folder.FullName));
                Assert.Contains(folder.FullName, exception.Message, StringComparison.Ordinal);
            }
            using var again = StoredRun.Open(new FolderDisk(folder.FullName), 2, NullLogger.Instance);
            Assert.Equal(0, again.State!.Round);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static RunState State(int round) =>
        new("run", round, new(NdArray.From<float>(1, 2)), StrategyState.Empty, new(5, 6));

    private static StoredUpdate Update(int round, int place, string client, long examples) => new(
        round, place, client, round - 1,
        new(ResultStatus.Success, new(NdArray.From<float>(examples)), examples, new Dictionary<string, Scalar> { ["loss"] = 0.5 }));

    private StoredRun Open() => StoredRun.Open(disk, 2, NullLogger.Instance);

    private byte[] Journal() => Bytes("journal");

    private byte[] Bytes(string name)
    {
        using var stream = disk.Read(name)!;
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    private MemoryDisk Copy()
    {
        var copy = new MemoryDisk();
        foreach (var name in disk.List(""))
        {
            foreach (var inner in name.StartsWith("round-", StringComparison.Ordinal) ? disk.List(name).Select(file => $"{name}/{file}") : [name])
            {
                var bytes = Bytes(inner);
                copy.Replace(inner, stream => stream.Write(bytes));
            }
        }
        return copy;
    }
}
