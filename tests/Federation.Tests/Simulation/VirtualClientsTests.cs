using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>Clients that share a model for each core: what one computes does not depend on who used the model before.</summary>
public sealed class VirtualClientsTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(3);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task RunAsync_OfSharedModels_GivesTheBitsOfTheList(int atOnce)
    {
        var options = new SimulationOptions { Seed = 4, LoggerFactory = NullLoggerFactory.Instance };
        static FedAvg Strategy() => new() { FractionFit = 0.4, FractionEvaluate = 0.3, EvaluateMetricsAggregation = Metrics.WeightedAverage, FitMetricsAggregation = Metrics.WeightedAverage };
        var factory = Clients(withDropout: true);
        var listed = await FederatedSimulation.RunAsync(Enumerable.Range(0, 12).Select(factory), new(4), Strategy(), options, Token).Bounded();
        var made = await FederatedSimulation.RunAsync(12, Clients(withDropout: true), new(4), Strategy(), options with { MaxConcurrency = atOnce }, Token).Bounded();

        Assert.Equal(Bits(listed.FinalParameters.Arrays), Bits(made.FinalParameters.Arrays));
        Assert.Equal(listed.LossesDistributed, made.LossesDistributed);
        Assert.Equal(4, made.MetricsDistributed["accuracy"].Count);
        Assert.Equal(4, made.MetricsDistributedFit["loss"].Count);
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    public async Task FitAsync_OfOneClient_IsWhatModuleClientDoes(double mu)
    {
        var (factory, start) = (Clients(), Model(false).Parameters().ToArrays());
        var config = new Dictionary<string, Scalar> { ["proximal_mu"] = mu, ["lr"] = 0.2, ["local_epochs"] = 2 };
        // Another client first: nothing of it is to remain.
        await factory(1).FitAsync(start.Own(), config, Token);
        var actual = await factory(2).FitAsync(start.Own(), config, Token);

        // The first call, where nobody says the round, counts as that of the first round, as rounds do in memory.
        var key = Key.Fold(2).Fold(1);
        var alone = new ModuleClient(Model(false), new Sgd(0.1, momentum: 0.9), Loss, Data(2), null, new() { BatchSize = 4, Key = key });
        var expected = await alone.FitAsync(start.Own(), config, Token);
        Assert.Equal(expected.NumExamples, actual.NumExamples);
        Assert.Equal(expected.Metrics!, actual.Metrics!);
        Assert.Equal(["loss", "accuracy"], actual.Metrics!.Keys);
        Assert.Equal(Bits(expected.Parameters), Bits(actual.Parameters));
    }

    [Fact]
    public async Task FitAsync_AskedForFedNova_ReportsItsSteps()
    {
        var config = new Dictionary<string, Scalar> { [FedNova.ReportKey] = true };
        var output = await Clients()(0).FitAsync(Model(false).Parameters().ToArrays(), config, Token);
        // 10 examples in batches of 4 are 3 steps; with momentum 0.9 the gradients weigh 1 + 1.9 + 2.71.
        Assert.Equal(5.61, output.Metrics![FedNova.StepsKey].AsDouble(), 1e-9);
    }

    [Fact]
    public async Task FitAsync_OfTheSameRound_GivesTheSameAnswerAndOfAnotherOneAnother()
    {
        var (factory, start) = (Clients(withDropout: true), Model(true).Parameters().ToArrays());
        async Task<byte[]> Fit(int client, int round)
        {
            var made = factory(client);
            ((IRoundClient)made).Round = round;
            return Bits((await made.FitAsync(start.Own(), TestKit.NoValues, Token)).Parameters);
        }
        var first = await Fit(5, 1);
        Assert.NotEqual(first, await Fit(5, 2));
        Assert.NotEqual(first, await Fit(6, 1));
        Assert.Equal(first, await Fit(5, 1));
    }

    /// <summary>A term or transform of the user may write into what it is given; the library's own code does not, and is not given copies.</summary>
    [Fact]
    public void SharesArrays_OfAClientWithCodeOfTheUser_IsFalse()
    {
        bool Shares(ModuleClientOptions options) => VirtualClients.Of(() => Model(false), () => new Sgd(0.1), Loss, Data, options: options)(0).SharesArrays;
        Assert.True(Shares(new()));
        Assert.False(Shares(new() { Terms = [new Idle()] }));
        Assert.False(Shares(new() { ResultTransforms = [new Same()] }));
        Assert.False(new LambdaClient().SharesArrays);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task FitAsync_OfAFrozenLayer_GivesArraysOfItsOwn(bool compile)
    {
        var factory = VirtualClients.Of(
            () =>
            {
                var model = Model(false);
                model.Freeze("layers.0");
                return model;
            },
            () => new Sgd(0.1), Loss, Data, options: new() { BatchSize = 4, Compile = compile });
        var start = Model(false).Parameters().ToArrays();
        var before = Bits(start);

        var output = await factory(1).FitAsync(start, TestKit.NoValues, Token);

        Assert.Equal(start[0].ToArray<float>(), output.Parameters[0].ToArray<float>());
        foreach (var array in output.Parameters) array.AsSpan<float>().Clear();
        Assert.Equal(before, Bits(start));
    }

    [Fact]
    public async Task FitAsync_WithLocalParameters_KeepsThemByClient()
    {
        var states = new MemoryClientStates();
        var options = new ModuleClientOptions { BatchSize = 4, Key = Key, LocalParameters = LocalParameters.Named("1") };
        var factory = VirtualClients.Of(() => new Sequential(new Linear(2, 3, Key), new Linear(3, 2, Key)), () => new Sgd(0.1), Loss, Data, options: options, states: states);
        var start = await factory(0).GetParametersAsync(TestKit.NoValues, Token);
        Assert.Equal(2, start.Count);
        foreach (var client in new[] { 0, 1, 0 }) await factory(client).FitAsync(start.Own(), TestKit.NoValues, Token);

        Assert.Equal(2, states.Count);
        Assert.Equal(["model.layers.1.bias", "model.layers.1.weight"], states.Load(0)!.Arrays.Keys);
        // A client alone, with a model of its own, keeps the same.
        var alone = VirtualClients.Of(() => new Sequential(new Linear(2, 3, Key), new Linear(3, 2, Key)), () => new Sgd(0.1), Loss, Data, options: options, states: new MemoryClientStates());
        var client1 = alone(1);
        var expected = (await client1.FitAsync(start.Own(), TestKit.NoValues, Token)).Parameters;
        var again = factory(1);
        ((IRoundClient)again).Round = 1;
        var (other, kept) = (alone(1), states.Load(1)!);
        ((IRoundClient)other).Round = 1;
        Assert.Equal(Bits((await other.FitAsync(expected.Own(), TestKit.NoValues, Token)).Parameters), Bits((await again.FitAsync(expected.Own(), TestKit.NoValues, Token)).Parameters));
        Assert.NotEqual(Bits([.. kept.Arrays.Values]), Bits([.. states.Load(1)!.Arrays.Values]));
    }

    [Fact]
    public async Task FitAsync_WithoutResettingTheOptimizer_KeepsItsStateByClient()
    {
        var states = new MemoryClientStates();
        var options = new ModuleClientOptions { BatchSize = 4, Key = Key, ResetOptimizer = false };
        var factory = VirtualClients.Of(() => Model(false), () => new Sgd(0.1, momentum: 0.9), Loss, Data, options: options, states: states);
        var start = Model(false).Parameters().ToArrays();
        foreach (var client in new[] { 0, 1, 1, 0, 1 }) await factory(client).FitAsync(start.Own(), TestKit.NoValues, Token);

        // 3 steps a call.
        Assert.Equal(6, states.Load(0)!.Values["steps"].AsInt64());
        Assert.Equal(9, states.Load(1)!.Values["steps"].AsInt64());
        Assert.All(states.Load(0)!.Arrays.Keys, name => Assert.StartsWith("optimizer.", name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task FitAsync_WhatCannotBe_IsRefusedWithTheValue()
    {
        var (factory, start) = (Clients(), Model(false).Parameters().ToArrays());
        await Refused("[parameters] 0 arrays given, expected 4", start, Scaffold.RunKey, 1L);
        await Refused("[virtual_clients] batch_size is 0, expected at least 1", start, "batch-size", 0);
        await Refused("[virtual_clients] local_epochs is -1, expected at least 1", start, "local_epochs", -1);
        await Refused("[parameters] 1 arrays given, expected 4", [start[0]], "x", 0);
        Assert.StartsWith("[virtual_clients] StateFile is file, expected none", Assert.Throws<ArgumentException>(() => VirtualClients.Of(
            () => Model(false), () => new Sgd(0.1), Loss, Data, options: new() { StateFile = "file" })).Message, StringComparison.Ordinal);
        var empty = VirtualClients.Of(() => Model(false), () => new Sgd(0.1), Loss, _ => new(NdArray.Zeros([0, 2]), NdArray.From<int>([], [0])))(7);
        Assert.StartsWith("[virtual_clients] client 7 has no examples", (await Assert.ThrowsAsync<ArgumentException>(() => empty.FitAsync(start, TestKit.NoValues, Token).AsTask())).Message, StringComparison.Ordinal);

        async Task Refused(string message, IReadOnlyList<NdArray> parameters, string key, Scalar value) => Assert.StartsWith(
            message, (await Assert.ThrowsAsync<ArgumentException>(() => factory(0).FitAsync(
                parameters.Own(), new Dictionary<string, Scalar> { [key] = value }, Token).AsTask())).Message, StringComparison.Ordinal);
    }

    private static Func<int, ArrayClient> Clients(bool withDropout = false) => VirtualClients.Of(
        () => Model(withDropout), () => new Sgd(0.1, momentum: 0.9), Loss, Data, client => client == 0 ? null : Data(client), new() { BatchSize = 4, Key = Key });

    private static Sequential Model(bool withDropout) => withDropout
        ? new(new Linear(2, 5, Key), new Dropout(0.3, Key), new Linear(5, 2, Key))
        : new(new Linear(2, 5, Key), new Relu(), new Linear(5, 2, Key));

    private static Tensor Loss(Tensor logits, Tensor labels) => Losses.CrossEntropy(logits, labels);

    /// <summary>Ten examples on two sides of a line that each client has elsewhere.</summary>
    private static Dataset Data(int client)
    {
        var inputs = Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + client)), [10, 2]).ToNdArray();
        var values = inputs.ToArray<float>();
        return new(inputs, NdArray.From([.. Enumerable.Range(0, 10).Select(i => values[2 * i] + (0.1f * client) > values[(2 * i) + 1] ? 1 : 0)]));
    }

    private static byte[] Bits(IEnumerable<NdArray> arrays) => [.. arrays.SelectMany(array => array.Bytes.ToArray())];

    private sealed class Idle : ClientTerm
    {
        public override string Name => "idle";

        public override ParameterTree? Begin(FitStart start) => null;
    }

    private sealed class Same : ResultTransform
    {
        public override string Name => "same";

        public override FitOutcome Apply(FitOutput output, FitStart start) => new(output, start.Memory);
    }
}
