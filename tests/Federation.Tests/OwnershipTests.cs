using ManagedFed.Federation.Tests.Fleet;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>What a user's code receives is its own to change, and what it returned may be changed by it later, on every transport.</summary>
public sealed class OwnershipTests
{
    private const int Rounds = 4;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly string[] Transports = ["memory", "codec", "stream", "fleet", "records"];

    public static TheoryData<string, int> Cases()
    {
        var cases = new TheoryData<string, int>();
        foreach (var transport in Transports)
        {
            for (var seed = 0; seed < 3; seed++) cases.Add(transport, seed);
        }
        return cases;
    }

    /// <summary>Two clients add k + 1 in place to array k; arrays are equal at first, one of them is there twice, and some are large.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public async Task InPlaceChanges_ReachNobodyElse(string transport, int seed)
    {
        var random = new Random(seed);
        var sizes = Enumerable.Range(0, 5).Select(_ => random.Next(2) == 0 ? random.Next(1, 5) : 20_000 + random.Next(2)).ToList();
        sizes.Add(sizes[0]);
        var repeated = NdArray.Zeros([sizes[0]]);
        NdArray[] initial = [repeated, .. sizes.Skip(1).SkipLast(1).Select(size => NdArray.Zeros([size])), repeated];
        var seen = new List<float[]>();
        var strategy = new FedAvg
        {
            InitialParameters = new(initial),
            OnFitConfig = _ => new Dictionary<string, Scalar> { ["steps"] = 1 },
            EvaluateFunction = (_, arrays) =>
            {
                seen.Add([.. arrays.Select(array => array.ToArray<float>()[^1])]);
                foreach (var array in arrays) array.AsSpan<float>().Fill(-1000);
                return null;
            },
        };

        var final = await Train(transport, Rounds, strategy, () => new Changing());

        Assert.Equal(Rounds + 1, seen.Count);
        for (var round = 0; round <= Rounds; round++) Assert.Equal(initial.Select((_, k) => (float)(round * (k + 1))), seen[round]);
        for (var k = 0; k < initial.Length; k++) Assert.All(final[k].ToArray<float>(), value => Assert.Equal(Rounds * (k + 1), value));
        Assert.All(initial, array => Assert.All(array.ToArray<float>(), value => Assert.Equal(0, value)));
    }

    /// <summary>The updates do not count, so that the next round's model is the first one again.</summary>
    [Theory]
    [InlineData("memory")]
    [InlineData("codec")]
    [InlineData("stream")]
    [InlineData("fleet")]
    [InlineData("records")]
    public async Task InPlaceChanges_OfAnUpdateThatDoesNotCount_AreGoneInTheNextRound(string transport)
    {
        var starts = new System.Collections.Concurrent.ConcurrentQueue<float>();
        var strategy = new FedAvg { InitialParameters = new(TestKit.Floats(7), TestKit.Floats(7)), FractionEvaluate = 0, MaxExamplesPerClient = 1 };
        var final = await Train(transport, 3, strategy, () => new LambdaClient
        {
            Fit = (arrays, _, _) =>
            {
                foreach (var array in arrays)
                {
                    starts.Enqueue(array.AsSpan<float>()[0]);
                    array.AsSpan<float>()[0] = 99;
                }
                return Task.FromResult(new FitOutput(arrays, 2));
            },
        });
        Assert.Equal(Enumerable.Repeat(7f, 3 * 2 * 2), starts);
        Assert.All(final, array => Assert.Equal([7], array.ToArray<float>()));
    }

    /// <summary>A record that its client keeps, changes and returns again is sent as it is then.</summary>
    [Fact]
    public async Task KeptRecord_ChangedAndReturnedAgain_IsSentAsItIs()
    {
        var array = TestKit.Floats(0);
        var kept = new ArrayRecord(("w", array));
        var work = new NodeWork(new Keeping(kept), null, TimeProvider.System, new LogRecorder());
        for (var i = 1; i <= 3; i++)
        {
            array.AsSpan<float>()[0] = i;
            var answer = await work.RunAsync(new() { MessageType = "train" }, new RecordDict(), Token);
            var message = Deflation.Deflate(new(), answer.Content);
            array.AsSpan<float>()[0] = -1;
            var read = await new Inflation((id, _) => new(message.TryRead(id, out var content) ? content.Memory : throw new FormatException(id)), ObjectLimits.Default)
                .ReadAsync(message.Id, Token);
            Assert.Equal([i], read.Content!.Get<ArrayRecord>("arrays")["w"].Array.ToArray<float>());
        }
    }

    /// <summary>A strategy of one's own changes all it gets and all it gave, in place; rounds that fail begin from the model as it was.</summary>
    [Theory]
    [InlineData("memory")]
    [InlineData("stream")]
    [InlineData("fleet")]
    public async Task Strategy_ThatWritesIntoWhatItReceives_ChangesOnlyItsOwn(string transport)
    {
        var given = new System.Collections.Concurrent.ConcurrentQueue<float>();
        var strategy = new Writing { InitialParameters = new(TestKit.Floats(1), TestKit.Floats(1)), FractionEvaluate = 0 };
        var final = await Train(transport, 3, strategy, () => new LambdaClient
        {
            Fit = (arrays, _, _) =>
            {
                given.Enqueue(arrays[0].ToArray<float>()[0]);
                return Task.FromResult(new FitOutput(arrays, 1));
            },
        });
        // Each round adds 0.5 for its clients; round 2 makes no model.
        Assert.Equal([1.5f, 1.5f, 2, 2, 2, 2], given);
        Assert.Equal([2f], final[0].ToArray<float>());
    }

    private static async Task<IReadOnlyList<NdArray>> Train(string transport, int rounds, Strategy strategy, Func<ArrayClient> client)
    {
        ArrayClient[] clients = [client(), client()];
        if (transport is "memory" or "codec")
        {
            var simulated = await FederatedSimulation.RunAsync(clients, new(rounds) { AllowUntrained = true }, strategy, new() { ThroughCodec = transport == "codec" }, Token).Bounded();
            return simulated.FinalParameters.Arrays;
        }
        var fleet = new TaskCompletionSource<string>();
        await using var server = await RunningServer.Start(
            new(rounds) { AllowUntrained = true }, strategy, new() { Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var address = await fleet.Task.Bounded();
        var quick = new FederatedNodeOptions { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero };
        Task[] joined = [.. clients.Select(one => transport switch
        {
            "stream" => FederatedClient.StartAsync(server.Address, one, cancellation: over.Token),
            "fleet" => FederatedNode.StartAsync(address, one, quick, over.Token),
            _ => FederatedNode.StartAsync(address, new LegacyOverRecords(one), quick, over.Token),
        })];
        var history = await server.History.Bounded();
        await over.CancelAsync();
        await Task.WhenAll(joined).Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return history.FinalParameters.Arrays;
    }

    /// <summary>Adds k + 1 to array k in place, and spoils when called again whatever it received or returned before.</summary>
    private sealed class Changing : ArrayClient
    {
        private readonly List<IReadOnlyList<NdArray>> kept = [];
        private readonly Dictionary<string, Scalar> metrics = [];

        public override ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            Spoil();
            for (var k = 0; k < parameters.Count; k++)
            {
                foreach (ref var value in parameters[k].AsSpan<float>()) value += k + 1;
            }
            if (config.TryGetValue("steps", out var steps)) Assert.Equal(1, steps.AsInt64());
            if (config is IDictionary<string, Scalar> { IsReadOnly: false } open) open["steps"] = 1000;
            kept.Add(parameters);
            return new(new FitOutput(parameters, 1, metrics));
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            Spoil();
            foreach (var array in parameters) array.AsSpan<float>().Fill(-5);
            return new(new EvaluateOutput(0, 1, metrics));
        }

        private void Spoil()
        {
            foreach (var array in kept.SelectMany(arrays => arrays)) array.AsSpan<float>().Fill(float.NaN);
            metrics["spoilt"] = double.NaN;
        }
    }

    private sealed class Keeping(ArrayRecord record) : IRecordClient
    {
        public ValueTask<RecordDict> TrainAsync(RecordRequest request, CancellationToken cancellation) => new(new RecordDict(("arrays", record)));
    }

    /// <summary>Serves the older interface's messages as records, in place.</summary>
    private sealed class LegacyOverRecords(ArrayClient client) : IRecordClient
    {
        public async ValueTask<RecordDict> TrainAsync(RecordRequest request, CancellationToken cancellation)
        {
            var arrays = request.Content.Get<ArrayRecord>("fitins.parameters");
            var fit = await client.FitAsync([.. arrays.Values.Select(array => array.Array)], new Dictionary<string, Scalar>(), cancellation);
            return new(
                ("fitres.parameters", arrays), ("fitres.num_examples", new MetricRecord(("num_examples", fit.NumExamples))),
                ("fitres.metrics", new ConfigRecord()), ("fitres.status", new ConfigRecord(("code", 0), ("message", "Success"))));
        }

        public async ValueTask<RecordDict> EvaluateAsync(RecordRequest request, CancellationToken cancellation)
        {
            var arrays = request.Content.Get<ArrayRecord>("evaluateins.parameters");
            await client.EvaluateAsync([.. arrays.Values.Select(array => array.Array)], new Dictionary<string, Scalar>(), cancellation);
            return new(
                ("evaluateres.loss", new MetricRecord(("loss", 0.0))), ("evaluateres.num_examples", new MetricRecord(("num_examples", 1))),
                ("evaluateres.metrics", new ConfigRecord()), ("evaluateres.status", new ConfigRecord(("code", 0), ("message", "Success"))));
        }
    }

    private sealed class Writing : FedAvg
    {
        public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
        {
            state.Parameters.Arrays[0].AsSpan<float>()[0] += 0.5f;
            return base.ConfigureFit(state);
        }

        public override FitAggregation AggregateFit(RoundState state) => new Sum(state);

        private sealed class Sum(RoundState state) : FitAggregation
        {
            private NdArray? last;

            public override void Add(int place, FitResult result)
            {
                state.Parameters.Arrays[1].AsSpan<float>()[0] = 1e6f;
                last = result.Parameters.Arrays[0];
            }

            public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures)
            {
                if (state.Round == 2) return null;
                var next = new Parameters(TestKit.Floats(last!.ToArray<float>()), TestKit.Floats(1));
                return state.Round == 1 ? next : new(TestKit.Floats(2), TestKit.Floats(1));
            }
        }
    }
}
