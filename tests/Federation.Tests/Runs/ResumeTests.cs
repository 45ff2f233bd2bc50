using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests.Runs;

/// <summary>A run that is cut off at any of its writes and goes on ends as if nothing had been: the model to the bit, the history, the work done.</summary>
public sealed class ResumeTests
{
    private const int Rounds = 3;

    public static TheoryData<string> Names => [.. Strategies.Keys];

    private static readonly Dictionary<string, Func<Strategy>> Strategies = new()
    {
        ["FedAvg"] = () => new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage, FitMetricsAggregation = Metrics.WeightedAverage },
        ["FedAvg, sampled"] = () => new FedAvg { FractionFit = 0.5, FractionEvaluate = 0.5, MinAvailableClients = Clients },
        ["FedAvgM"] = () => new FedAvgM { ServerMomentum = 0.9 },
        ["FedAdam"] = () => new FedAdam(),
        ["FedYogi"] = () => new FedYogi(),
        ["FedAdagrad"] = () => new FedAdagrad(),
        ["Scaffold"] = () => new Scaffold(),
        ["FedNova"] = () => new FedNova(),
        ["QFedAvg"] = () => new QFedAvg(),
        ["FedMedian"] = () => new FedMedian(),
        ["Krum"] = () => new Krum(),
        ["FedBuff"] = () => new FedBuff { BufferSize = 3, MinAvailableClients = 1 },
        ["FedAsync"] = () => new FedAsync { MinAvailableClients = 1 },
        ["FedBuff, in order"] = () => new FedBuff { BufferSize = 3, Ordered = true, MinAvailableClients = Clients },
        ["FedBuff, in order, two at work"] = () => new FedBuff { BufferSize = 3, Ordered = true, MaxConcurrency = 2, MinAvailableClients = Clients },
        ["FedAsync, in order"] = () => new FedAsync { Ordered = true, MaxStaleness = 2, MinAvailableClients = Clients },
    };

    private const int Clients = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task RunAsync_CutAtEachWrite_EndsAsWithoutTheCut(string name)
    {
        using var whole = new MemoryDisk();
        var (expected, work, writes) = await RunAsync(name, whole, 0, false);
        Assert.True(writes > Rounds, $"{writes} writes");

        for (var at = 1; at <= writes; at++)
        {
            foreach (var isDone in new[] { false, true })
            {
                using var disk = new MemoryDisk();
                // The initial model is the clients' to give again when nothing was kept of it; the chance of a run is kept with it.
                var (cut, before, _) = await RunAsync(name, disk, at, isDone);
                Assert.Null(cut);
                var (history, after, _) = await RunAsync(name, disk, 0, false);
                Assert.Equal(Bits(expected!.FinalParameters), Bits(history!.FinalParameters));
                // Whoever was at work when the power failed works again, nobody else.
                if (Strategies[name]() is AsyncStrategy { Ordered: true })
                {
                    // Without rounds they are at work at the end, too; and when they evaluate depends on who is there.
                    Assert.Equal(expected.Staleness.Select(step => step.Value), history.Staleness.Select(step => step.Value));
                    Assert.InRange(before + after, work - Clients, work + 2 * Clients);
                    continue;
                }
                Assert.Equal(Shown(expected), Shown(history));
                Assert.InRange(before + after, work, work + Clients);
            }
        }
    }

    [Theory]
    [InlineData("FedAdam")]
    [InlineData("Scaffold")]
    [InlineData("FedBuff")]
    [InlineData("FedBuff, in order")]
    public async Task RunAsync_CutAgainAsItGoesOn_EndsAsWithoutTheCuts(string name)
    {
        using var whole = new MemoryDisk();
        var (expected, work, writes) = await RunAsync(name, whole, 0, false);

        for (var at = 1; at <= writes; at += 2)
        {
            using var disk = new MemoryDisk();
            var all = (await RunAsync(name, disk, at, true)).Work;
            for (var again = 1; again <= 2; again++) all += (await RunAsync(name, disk, again, false)).Work;
            var (history, after, _) = await RunAsync(name, disk, 0, false);
            Assert.Equal(Bits(expected!.FinalParameters), Bits(history!.FinalParameters));
            // In order, those at work at the end are counted, too.
            var idle = Strategies[name]() is AsyncStrategy { Ordered: true } ? Clients : 0;
            Assert.InRange(all + after, work - idle, work + 3 * Clients + idle);
        }
    }

    /// <summary>A client is asked several times in one step, and each time for another update.</summary>
    [Fact]
    public async Task RunAsync_WithoutRounds_TellsEachUpdateOfAStepApart()
    {
        var asked = new ConcurrentQueue<(long Round, long Update)>();
        LambdaClient client = new()
        {
            Parameters = () => [NdArray.From<float>(0)],
            Fit = (parameters, config, _) =>
            {
                asked.Enqueue((config[RunKeys.Round].AsInt64(), config[RunKeys.Update].AsInt64()));
                return Task.FromResult(new FitOutput(parameters, 1));
            },
        };
        await FederatedSimulation.RunAsync(
            [client], new(2), new FedBuff { BufferSize = 3, MinAvailableClients = 1, FractionEvaluate = 0 },
            new() { RunStore = RunStore.Memory(), LoggerFactory = NullLoggerFactory.Instance }, Token).Bounded();

        Assert.Equal([(1L, 0L), (1L, 1L), (1L, 2L), (2L, 0L), (2L, 1L), (2L, 2L)], asked.Take(6));
    }

    [Fact]
    public async Task RunAsync_OverAndOver_GoesOnToMoreRounds()
    {
        using var disk = new MemoryDisk();
        using var whole = new MemoryDisk();
        for (var rounds = 0; rounds <= 4; rounds++) await RunAsync("FedAdam", disk, 0, false, rounds);
        var (history, work, _) = await RunAsync("FedAdam", disk, 0, false, 4);

        Assert.Equal(0, work);
        Assert.Equal(Bits((await RunAsync("FedAdam", whole, 0, false, 4)).History!.FinalParameters), Bits(history!.FinalParameters));
        Assert.Equal([1, 2, 3, 4], history.Reports.Select(report => report.Round));
    }

    [Fact]
    public async Task RunAsync_NoRoomOnTheDisk_SaysSoAndGoesOnWhenThereIs()
    {
        using var inner = new MemoryDisk();
        using var disk = new FullDisk(inner, fullFrom: 6);
        var (log, time) = (new LogRecorder(), new WatchedTime());
        var run = FederatedSimulation.RunAsync(
            [Client(0, [])], new(Rounds), new FedAdam { MinAvailableClients = 1, MinFitClients = 1, MinEvaluateClients = 1 },
            new() { RunStore = new(() => disk, 2), LoggerFactory = log, TimeProvider = time, Seed = 1 }, Token);
        await log.Next(506);
        Assert.False(run.IsCompleted);
        disk.Empty();
        await time.NextTimer(TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(5));
        var history = await run.Bounded();

        Assert.Contains("no space left", log.WithId(506)[0], StringComparison.Ordinal);
        Assert.Single(log.WithId(507));
        using var kept = StoredRun.Open(inner, 2, NullLogger.Instance);
        Assert.Equal(Rounds, kept.State!.Round);
        Assert.Equal(Bits(history.FinalParameters), Bits(kept.State.Parameters));
    }

    /// <summary>Runs until the end or the cut; gives how often clients trained and how much was written.</summary>
    private static async Task<(History? History, int Work, int Writes)> RunAsync(string name, IRunDisk disk, int at, bool isDone, int rounds = Rounds)
    {
        var strategy = Strategies[name]();
        var work = new ConcurrentBag<int>();
        using var cutting = new PowerCutDisk(disk, at, isDone);
        var options = new SimulationOptions { RunStore = new(() => cutting, 2), LoggerFactory = NullLoggerFactory.Instance, Seed = 3 };
        // As updates come, the order of arrival decides: one client answers in one order alone.
        var clients = Enumerable.Range(0, strategy is AsyncStrategy { Ordered: false } ? 1 : Clients).Select(k => Client(k, work));
        try
        {
            return (await FederatedSimulation.RunAsync(clients, new(rounds), strategy, options, Token).Bounded(), work.Count, cutting.Writes);
        }
        catch (PowerCutException)
        {
            return (null, work.Count, cutting.Writes);
        }
    }

    /// <summary>A client that goes a part of the way to its own model, the same way whenever it is asked.</summary>
    private static LambdaClient Client(int k, ConcurrentBag<int> work) => new()
    {
        Parameters = () => [NdArray.From<float>([0.5f, -1, 2], [3]), NdArray.From<double>(1), NdArray.From(7L)],
        Fit = (parameters, config, _) =>
        {
            work.Add(k);
            var w = parameters[0].ToArray<float>();
            NdArray[] trained =
            [
                NdArray.From<float>([.. w.Select((value, i) => value + 0.3f * (k + i - value))], [3]),
                NdArray.From(parameters[1].ToArray<double>()[0] * 0.9 + k), NdArray.From(parameters[2].ToArray<long>()[0] + k),
            ];
            var metrics = new Dictionary<string, Scalar> { ["loss"] = 0.1 * (k + 1), ["num_steps"] = 2 + k };
            if (config.TryGetValue(Scaffold.RunKey, out var run))
            {
                metrics[Scaffold.RunKey] = run;
                var c = parameters[3].ToArray<float>();
                trained = [.. trained, NdArray.From<float>([.. c.Select(value => 0.25f * (k - value))], [3]), NdArray.From(0.125 * k), NdArray.From(0L)];
            }
            return Task.FromResult(new FitOutput(trained, 10 + k, metrics));
        },
        Evaluate = (parameters, _) => new(parameters[0].ToArray<float>().Sum(value => Math.Abs(value - k)), 5 + k, new Dictionary<string, Scalar> { ["accuracy"] = 0.5 + 0.1 * k }),
    };

    private static string Bits(Parameters model) => string.Join('|', model.Payloads.Select(payload => Convert.ToHexString(payload.Span)));

    /// <summary>What was measured; who failed is another connection each time, and time passes as it likes.</summary>
    private static string Shown(History history) => history.ToString();

    /// <summary>A disk that is full from one of its writes on, until somebody makes room.</summary>
    private sealed class FullDisk(IRunDisk inner, int fullFrom) : IRunDisk
    {
        private volatile bool isEmptied;
        private int writes;

        public void Empty() => isEmptied = true;

        public IReadOnlyList<string> List(string folder) => inner.List(folder);

        public Stream? Read(string name) => inner.Read(name);

        public void Replace(string name, Action<Stream> write)
        {
            Room();
            inner.Replace(name, write);
        }

        public void Append(string name, ReadOnlySpan<byte> bytes)
        {
            // A part of it fits.
            if (IsFull) inner.Append(name, bytes[..(bytes.Length / 3)]);
            Room();
            inner.Append(name, bytes);
        }

        public void Truncate(string name, long length) => inner.Truncate(name, length);

        public void Delete(string name) => inner.Delete(name);

        public void Dispose()
        {
        }

        private bool IsFull => !isEmptied && writes + 1 >= fullFrom;

        private void Room()
        {
            if (IsFull) throw new IOException("no space left");
            writes++;
        }
    }
}
