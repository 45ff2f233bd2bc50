using System.Collections.Concurrent;
using System.Threading.Channels;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Training without rounds in the order in which updates are asked for: the order in which they come leaves no trace.</summary>
public sealed class OrderedAsyncTests
{
    private const int Clients = 3;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => [.. Strategies.Keys];

    private static readonly Dictionary<string, Func<AsyncStrategy>> Strategies = new()
    {
        ["FedBuff"] = () => new FedBuff { BufferSize = 2, Ordered = true, InitialParameters = Zero, MinAvailableClients = Clients },
        ["FedAsync"] = () => new FedAsync { Alpha = 0.5, Ordered = true, InitialParameters = Zero, MinAvailableClients = Clients },
        ["FedAsync, at most 1 step old"] = () => new FedAsync { Alpha = 0.5, MaxStaleness = 1, Ordered = true, InitialParameters = Zero, MinAvailableClients = Clients },
        ["FedBuff, two at work"] = () => new FedBuff { BufferSize = 2, MaxConcurrency = 2, Ordered = true, InitialParameters = Zero, MinAvailableClients = Clients },
    };

    /// <summary>Who answers next is said by the digits of a number, for all numbers of five digits.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public async Task RunAsync_AnyOrderOfArrival_GivesTheSameBits(string name)
    {
        var expected = await RunAsync(name, 0);
        for (var order = 1; order < 3 * 3 * 3 * 3 * 3; order++) Assert.Equal(expected, await RunAsync(name, order));
    }

    [Fact]
    public async Task RunAsync_SlowFirstClient_HoldsTheOthersAndCountsFirst()
    {
        var (slow, quick) = (new Gated(0), new Gated(1));
        var run = FederatedSimulation.RunAsync(
            [slow, quick], new(1), new FedBuff { BufferSize = 4, Ordered = true, InitialParameters = Zero, FractionEvaluate = 0 },
            new() { Seed = 1, LoggerFactory = new LogRecorder() }, Token);
        await slow.Asked();
        await quick.Asked();
        quick.Answer();
        // The quick one is asked again only once the update before its own has counted.
        slow.Answer();
        await Task.WhenAll(slow.Asked(), quick.Asked());
        Assert.Equal((2, 2), (slow.Count, quick.Count));
        slow.Answer();
        quick.Answer();

        Assert.Equal(["memory:000000000", "memory:000000001", "memory:000000000", "memory:000000001"], (await run.Bounded()).Report(1).Trained);
    }

    [Fact]
    public async Task RunAsync_ClientThatFails_RestsUntilTheNextStep()
    {
        var asked = new ConcurrentQueue<int>();
        var good = new LambdaClient
        {
            Fit = (parameters, _, _) =>
            {
                asked.Enqueue(0);
                return Task.FromResult(new FitOutput([TestKit.Floats([.. parameters[0].ToArray<float>().Select(w => w + 1)])], 1));
            },
        };
        var broken = new LambdaClient
        {
            Fit = (_, _, _) =>
            {
                asked.Enqueue(1);
                return Task.FromResult(new FitOutput([TestKit.Floats(float.NaN, 0, 0)], 1));
            },
        };
        var history = await FederatedSimulation.RunAsync(
            [good, broken], new(2), new FedBuff { BufferSize = 2, Ordered = true, InitialParameters = Zero, FractionEvaluate = 0 },
            new() { Seed = 1, LoggerFactory = new LogRecorder() }, Token).Bounded();

        Assert.Equal([1, 2], history.FitFailures.Select(failure => failure.Round));
        Assert.InRange(asked.Count(client => client == 1), 2, 3);
        Assert.Equal([2f, 2f, 2f], history.FinalParameters.Arrays[0].ToArray<float>());
    }

    [Fact]
    public async Task RunAsync_BoundedConcurrency_IsNeverExceeded()
    {
        var (now, most, gate) = (0, 0, new Lock());
        var clients = Enumerable.Range(0, 6).Select(_ => new LambdaClient
        {
            Fit = async (parameters, _, _) =>
            {
                lock (gate) most = Math.Max(most, ++now);
                await Task.Yield();
                lock (gate) now--;
                return new(parameters, 1);
            },
            Evaluate = (_, _) => new(0, 1),
        });
        var history = await FederatedSimulation.RunAsync(
            clients, new(20), new FedBuff { BufferSize = 3, MaxConcurrency = 2, Ordered = true, InitialParameters = Zero },
            new() { Seed = 1, LoggerFactory = new LogRecorder() }, Token).Bounded();
        Assert.Equal(20, history.Staleness.Count);
        Assert.InRange(most, 1, 2);
    }

    private static Parameters Zero => new(TestKit.Floats(0, 0, 0));

    /// <summary>A run of four steps whose clients answer in the order that a number's digits say; its model, ages, clients and losses as text.</summary>
    private static async Task<string> RunAsync(string name, int order)
    {
        Gated[] clients = [.. Enumerable.Range(0, Clients).Select(k => new Gated(k))];
        var run = FederatedSimulation.RunAsync(clients, new(4), Strategies[name](), new() { Seed = 2, LoggerFactory = new LogRecorder() }, Token);
        for (var turn = 0; !run.IsCompleted; turn++, order /= Clients)
        {
            // Those who have been asked; nobody who has is waited for, and somebody always is until the run is over.
            var asked = Task.WhenAny([run, .. clients.Select(client => client.IsAsked)]);
            await asked.Bounded();
            if (clients.Skip(order % Clients).Concat(clients).FirstOrDefault(client => client.IsAsked.IsCompleted) is { } next) next.Answer();
        }
        var history = await run.Bounded();
        return string.Join(' ', history.FinalParameters.Arrays[0].ToArray<float>().Select(BitConverter.SingleToInt32Bits))
            + string.Join(';', history.Reports.Select(report => $"{string.Join(' ', report.Trained)} {string.Join(' ', report.Staleness)} {report.LossDistributed:R}"));
    }

    /// <summary>A client that goes a part of the way to its own model when it is told to answer.</summary>
    private sealed class Gated(int k) : ArrayClient
    {
        private readonly Channel<bool> answers = Channel.CreateUnbounded<bool>();
        private readonly Lock gate = new();
        private TaskCompletionSource asked = New();

        /// <summary>How often it was asked to train.</summary>
        public int Count { get; private set; }

        /// <summary>Done while a question waits for its answer.</summary>
        public Task IsAsked
        {
            get
            {
                lock (gate) return asked.Task;
            }
        }

        public Task Asked() => IsAsked.Bounded();

        public void Answer()
        {
            lock (gate) asked = New();
            answers.Writer.TryWrite(true);
        }

        public override async ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            Count++;
            lock (gate) asked.TrySetResult();
            await answers.Reader.ReadAsync(cancellation);
            return new([NdArray.From<float>([.. parameters[0].ToArray<float>().Select((w, i) => w + 0.3f * (k + i - w))], [3])], 1);
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(new EvaluateOutput(parameters[0].ToArray<float>().Sum(w => Math.Abs(w - k)), 1));

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
