using System.Text;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Training without rounds, over clients in memory that answer when the test says so.</summary>
public sealed class AsyncLoopTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task RunAsync_SlowClients_HoldNobodyAndCountByTheirAge()
    {
        var (quick, slow, slower) = (new Scripted(), new Scripted(), new Scripted());
        var run = Run([quick, slow, slower], new(4), Buffered(2));
        Assert.Equal(0f, await slow.Asked());
        Assert.Equal(0f, await slower.Asked());

        // Three steps of two updates of +1 each while the others work on the first model: w = 3.
        for (var update = 0; update < 6; update++)
        {
            Assert.Equal(update / 2, await quick.Asked());
            quick.Answer(update / 2 + 1);
        }
        Assert.Equal(3f, await quick.Asked());
        // Δ = 8 and 4 from w = 0, both of τ = 3 and so of weight ½: w = 3 + (4 + 2) / 2 = 6.
        slow.Answer(8);
        Assert.Equal(3f, await slow.Asked());
        slower.Answer(4);

        var history = await run.Bounded();
        Assert.Equal(6f, history.Value());
        Assert.Equal([[0, 0], [0, 0], [0, 0], [3, 3]], history.Staleness.Select(step => step.Value));
        Assert.Equal([1, 2, 3, 4], history.Staleness.Select(step => step.Round));
        // Those still at work are told that nobody waits for them.
        await quick.Stopped.Bounded();
        await slow.Stopped.Bounded();
    }

    [Fact]
    public async Task RunAsync_UpdateThatIsTooOld_IsDroppedAndItsClientAskedAnew()
    {
        var log = new LogRecorder();
        var (quick, slow) = (new Scripted(), new Scripted());
        var run = Run([quick, slow], new(3), new FedAsync { Alpha = 1, MaxStaleness = 1, InitialParameters = Zero, FractionEvaluate = 0 }, log);
        Assert.Equal(0f, await slow.Asked());
        foreach (var value in new[] { 1f, 2f })
        {
            await quick.Asked();
            quick.Answer(value);
        }
        Assert.Equal(2f, await quick.Asked());
        slow.Answer(100);
        Assert.Equal(2f, await slow.Asked());
        slow.Answer(5);

        var history = await run.Bounded();
        Assert.Equal(5f, history.Value());
        Assert.Equal([[0], [0], [0]], history.Staleness.Select(step => step.Value));
        Assert.Contains("its model is 2 steps old, at most 1 are allowed", Assert.Single(log.WithId(308)));
    }

    [Fact]
    public async Task RunAsync_ClientsThatFail_AreAskedAtMostOncePerStep()
    {
        var log = new LogRecorder();
        var (good, asked) = (new Scripted(), 0);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var broken = new LambdaClient
        {
            Fit = (_, _, _) =>
            {
                asked++;
                begun.TrySetResult();
                return Task.FromResult(new FitOutput([TestKit.Floats(float.NaN)], 1));
            },
        };
        var run = Run([good, broken], new(3), Buffered(2), log);
        await begun.Task.Bounded();
        for (var update = 0; update < 6; update++)
        {
            await good.Asked();
            good.Answer(update + 1);
        }

        // Δ = 1, 2; then from 1.5: 1.5, 2.5; then from 3.5: 1.5, 2.5.
        Assert.Equal(5.5f, (await run.Bounded()).Value());
        Assert.InRange(asked, 1, 3);
        Assert.All(log.WithId(302), line => Assert.Contains("(NotFinite)", line));
    }

    [Fact]
    public async Task RunAsync_AllClientsFail_EndsWithTheModelAsItWas()
    {
        var log = new LogRecorder();
        var history = await Run([new LambdaClient(), new LambdaClient()], new(3) { AllowUntrained = true }, Buffered(2), log).Bounded();
        Assert.Equal(0f, history.Value());
        Assert.Equal(3, log.WithId(304).Count);
        Assert.Equal(6, log.WithId(302).Count);
    }

    [Fact]
    public async Task RunAsync_ClientThatExceedsTheTimeout_IsAFailureAndGone()
    {
        var log = new LogRecorder();
        var time = new FakeTimeProvider();
        var (good, stuck) = (new Scripted(), new Scripted());
        var run = Run([good, stuck], new(2, TimeSpan.FromSeconds(2)), new FedAsync { Alpha = 1, InitialParameters = Zero, MinAvailableClients = 1, FractionEvaluate = 0 }, log, time);
        await stuck.Asked();
        await good.Asked();
        time.Advance(TimeSpan.FromSeconds(1));
        good.Answer(1);
        // Asked at 1 s, so that its own time is not over at 2 s.
        await good.Asked();
        time.Advance(TimeSpan.FromSeconds(1));
        await log.Next(103);
        good.Answer(2);

        Assert.Equal(2f, (await run.Bounded()).Value());
        await stuck.Stopped.Bounded();
        Assert.Contains("(TimedOut): Timeout of 2.0 sec was exceeded.", Assert.Single(log.WithId(302)));
        Assert.Contains("1 connected", Assert.Single(log.WithId(103)));
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
        });
        var history = await Run(clients, new(20), new FedBuff { BufferSize = 3, MaxConcurrency = 2, InitialParameters = Zero, FractionEvaluate = 0 }).Bounded();
        Assert.Equal(20, history.Staleness.Count);
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public async Task RunAsync_EveryTwoSteps_EvaluatesOnServerAndClient()
    {
        // α = ½ and a client that adds 2: each step adds 1.
        var history = await Run([LambdaClient.Adding(2, 1)], new(5), new FedAsync
        {
            Alpha = 0.5,
            EvaluateEvery = 2,
            InitialParameters = Zero,
            MinAvailableClients = 1,
            FitMetricsAggregation = Metrics.WeightedAverage,
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
            EvaluateFunction = (step, parameters) => new(10 * step + parameters[0].ToArray<float>()[0]),
        }).Bounded();
        Assert.Equal([new(0, 0), new(2, 22), new(4, 44), new(5, 55)], history.LossesCentralized);
        Assert.Equal([new(2, 2), new(4, 4), new(5, 5)], history.LossesDistributed);
        Assert.Equal([new(2, 6.0), new(4, 10.0), new(5, 12.0)], history.MetricsDistributed["accuracy"]);
    }

    [Fact]
    public async Task RunAsync_ClientAtWorkWhenTheNextEvaluationBegins_IsLeftOutAndTheLastWaits()
    {
        var (quick, slow) = (new Scripted { Loss = 1 }, new Scripted { Loss = 3 });
        var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = Run([quick, slow], new(2), new FedAsync
        {
            Alpha = 1,
            InitialParameters = Zero,
            EvaluateFunction = (step, _) =>
            {
                if (step == 2) made.SetResult();
                return null;
            },
        });
        await slow.Asked();
        for (var step = 1; step <= 2; step++)
        {
            await quick.Asked();
            quick.Answer(step);
        }
        await made.Task.Bounded();
        slow.Answer(100);

        var history = await run.Bounded();
        Assert.Equal([new(1, 1), new(2, 2)], history.LossesDistributed);
        Assert.Equal(2f, history.Value());
    }

    [Fact]
    public async Task RunAsync_Cancelled_ThrowsAndStopsTheClients()
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var client = new Scripted();
        var run = FederatedSimulation.RunAsync([client, new Scripted()], new(1), Buffered(1), cancellation: cancel.Token);
        await client.Asked();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.Bounded());
        await client.Stopped.Bounded();
    }

    [Fact]
    public async Task RunAsync_StrategyThatThrowsOnEachUpdate_EndsAtItsEndWithTheException()
    {
        var error = await Assert.ThrowsAsync<FederationException>(() => Run(
            [LambdaClient.Adding(1, 1), LambdaClient.Adding(1, 1)], new(1),
            new FedBuff { InitialParameters = Zero, Staleness = _ => throw new TimeZoneNotFoundException() }).Bounded());
        Assert.IsType<TimeZoneNotFoundException>(error.InnerException);
        Assert.All(error.History!.FitFailures, failure => Assert.Equal(FailureReason.Aggregation, failure.Value.Reason));
    }

    [Fact]
    public async Task RunAsync_StrategyThatThrowsInItsCheck_EndsAtItsEndWithTheException() => Assert.IsType<TimeZoneNotFoundException>(
        (await Assert.ThrowsAsync<FederationException>(() => Run([LambdaClient.Adding(1, 1)], new(1), new Throwing()).Bounded())).InnerException);

    [Fact]
    public async Task RunAsync_TooFewClients_WaitsForMore()
    {
        var (log, time) = (new LogRecorder(), new FakeTimeProvider());
        var registry = new ClientRegistry(log);
        var run = ServerLoop.Create(new(1), Buffered(2), registry, new() { TimeProvider = time }, log).RunAsync(Token);
        await log.Next(104);
        Join("aaaaaaaa1");
        await log.Next(104);
        Join("bbbbbbbb2");
        Assert.Equal(1f, (await run.Bounded()).Value());

        void Join(string id) =>
            registry.Join(new InMemoryConnection(new(id, "test"), new InstructionRunner(LambdaClient.Adding(1, 1), time, log), false));
    }

    [Fact]
    public async Task WriteJson_AfterARunWithoutRounds_ListsTheStaleness()
    {
        var history = await Run([LambdaClient.Adding(1, 1)], new(2), new FedAsync { InitialParameters = Zero, MinAvailableClients = 1, FractionEvaluate = 0 }).Bounded();
        using var stream = new MemoryStream();
        history.WriteJson(stream);
        Assert.Contains("\"staleness\":[[1,[0]],[2,[0]]]", string.Concat(Encoding.UTF8.GetString(stream.ToArray()).Where(letter => !char.IsWhiteSpace(letter))));
        Assert.Equal("History (staleness):\n    round 1: mean 0, most 0\n    round 2: mean 0, most 0", history.ToString());
    }

    private static Parameters Zero => new(TestKit.Floats(0));

    private static FedBuff Buffered(int size) => new() { BufferSize = size, InitialParameters = Zero, FractionEvaluate = 0 };

    private static Task<History> Run(
        IEnumerable<ArrayClient> clients, ServerConfig config, AsyncStrategy strategy, LogRecorder? log = null, TimeProvider? time = null) =>
        FederatedSimulation.RunAsync(
            clients, config, strategy,
            new() { Seed = 1, LoggerFactory = log ?? new LogRecorder(), TimeProvider = time ?? TimeProvider.System }, Token);

    private sealed class Throwing : AsyncStrategy
    {
        public Throwing() => (InitialParameters, MinAvailableClients) = (Zero, 1);

        public override int UpdatesPerStep => 1;

        public override AsyncAggregation AggregateFit(RoundState state) => new FedBuff().AggregateFit(state);

        public override Refusal? Check(RoundState state, FitResult result) => throw new TimeZoneNotFoundException();
    }

    /// <summary>A client of one number that answers when it is told what.</summary>
    private sealed class Scripted : ArrayClient
    {
        private readonly Channel<float> asked = Channel.CreateUnbounded<float>(), answers = Channel.CreateUnbounded<float>();
        private readonly TaskCompletionSource stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public float Loss { get; init; }

        /// <summary>Completes when the client's work is cancelled.</summary>
        public Task Stopped => stopped.Task;

        /// <summary>Waits until the client is asked to train; gives the model it is given.</summary>
        public Task<float> Asked() => asked.Reader.ReadAsync(Token).AsTask().Bounded();

        public void Answer(float value) => answers.Writer.TryWrite(value);

        public override async ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            asked.Writer.TryWrite(parameters[0].ToArray<float>()[0]);
            try
            {
                return new([TestKit.Floats(await answers.Reader.ReadAsync(cancellation))], 1);
            }
            catch (OperationCanceledException)
            {
                stopped.TrySetResult();
                throw;
            }
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(new EvaluateOutput(Loss, 1));
    }
}
