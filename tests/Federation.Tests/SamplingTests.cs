using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>A seed decides who is chosen, whatever the order of joining and whatever happened before.</summary>
public sealed class SamplingTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Run_InAnyOrderOfJoining_ChoosesTheSameClientsAndGivesTheSameModel()
    {
        var (first, firstChoices) = await RunJoined(Enumerable.Range(0, 10), fails: false);
        foreach (var order in new[] { Enumerable.Range(0, 10).Reverse(), [3, 1, 4, 0, 5, 9, 2, 6, 8, 7] })
        {
            var (model, choices) = await RunJoined(order, fails: false);
            Assert.Equal(first, model);
            Assert.Equal(firstChoices, choices);
        }
        Assert.True(firstChoices.Distinct().Count() > 3);
    }

    [Fact]
    public async Task Run_AfterFailures_ChoosesAsWithout()
    {
        var (_, without) = await RunJoined(Enumerable.Range(0, 10), fails: false);
        var (_, with) = await RunJoined(Enumerable.Range(0, 10), fails: true);
        Assert.Equal(without, with);
    }

    [Fact]
    public async Task Simulation_WithTheSameSeed_IsTheSameRun()
    {
        Assert.Equal(await Model(7), await Model(7));
        Assert.NotEqual(await Model(7), await Model(8));

        async Task<float> Model(int seed) => (await FederatedSimulation.RunAsync(
            [.. Enumerable.Range(0, 12).Select(i => LambdaClient.Adding(1 << i, 1))], new(2), new FedAvg { FractionFit = 0.25, FractionEvaluate = 0 },
            new() { Seed = seed, LoggerFactory = new LogRecorder() }, Token).Bounded()).Value();
    }

    [Fact]
    public async Task InitialParameters_WithASeed_AreTheSameClientsInAnyOrder()
    {
        float? expected = null;
        foreach (var order in new[] { Enumerable.Range(0, 5), Enumerable.Range(0, 5).Reverse() })
        {
            var registry = new ClientRegistry(new LogRecorder());
            foreach (var i in order)
            {
                registry.Join(new AnsweringConnection($"node {i}", instruction => instruction is GetParametersInstructions
                    ? new GetParametersResult(ResultStatus.Success, new(TestKit.Floats(i)))
                    : new FitResult(ResultStatus.Success, ((FitInstructions)instruction).Parameters, 1, TestKit.NoValues)));
            }
            var history = await new RoundLoop(new(1), new FedAvg { FractionEvaluate = 0 }, registry, new() { Seed = 3 }, new LogRecorder()).RunAsync(Token).Bounded();
            expected ??= history.Value();
            Assert.Equal(expected, history.Value());
        }
    }

    [Fact]
    public void Sample_OfClientsWithNames_IsUniformOverPairs()
    {
        // 3000 draws of 2 of 4: each of the 6 pairs is expected 500 times with σ = √(3000·(1/6)·(5/6)) ≈ 20.4.
        ClientInfo[] clients = [.. Enumerable.Range(0, 4).Select(i => new ClientInfo($"{i}", "test"))];
        var pairs = Enumerable.Range(0, 3000).Select(seed => string.Concat(
            new RoundState(1, Parameters.Empty, clients, RandomKey.FromSeed((ulong)seed)).Sample(2).Select(client => client.Id))).CountBy(pair => pair).ToArray();
        Assert.Equal(6, pairs.Length);
        Assert.All(pairs, pair => Assert.InRange(pair.Value, 400, 600));
    }

    private static async Task<(float Model, IReadOnlyList<string> Choices)> RunJoined(IEnumerable<int> order, bool fails)
    {
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        var (gate, chosen) = (new Lock(), new List<(int Round, int Client)>());
        foreach (var i in order)
        {
            registry.Join(new AnsweringConnection($"node {i}", instruction =>
            {
                if (instruction is not FitInstructions fit) return new EvaluateResult(ResultStatus.Success, 1, 1, TestKit.NoValues);
                lock (gate) chosen.Add((instruction.Round!.Value, i));
                if (fails && i % 3 == 0) return new FitResult(new(ResultCode.FitNotImplemented, "no"), Parameters.Empty, 0, TestKit.NoValues);
                return new FitResult(ResultStatus.Success, new(TestKit.Floats(fit.Parameters.Arrays[0].ToArray<float>()[0] + i)), 1 + i, TestKit.NoValues);
            }));
        }
        var strategy = new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionFit = 0.4, FractionEvaluate = 0.5 };
        var history = await new RoundLoop(new(6), strategy, registry, new() { Seed = 11 }, log).RunAsync(Token).Bounded();
        return (history.Value(), [.. chosen.GroupBy(item => item.Round).OrderBy(round => round.Key).Select(round => string.Join(',', round.Select(item => item.Client).Order()))]);
    }
}
