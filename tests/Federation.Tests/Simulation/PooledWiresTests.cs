using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>Clients that share a model for each core give the numbers of clients with models of their own, in memory and over the stream.</summary>
public sealed class PooledWiresTests
{
    private const int Rounds = 4;

    public static TheoryData<string> Names => [.. PooledClientKit.Kinds.Keys];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task RunAsync_OfPooledClients_GivesTheBitsOfModuleClients(string name)
    {
        var kind = PooledClientKit.Kinds[name];
        var expected = await FederatedSimulation.RunAsync(
            Enumerable.Range(0, PooledClientKit.Clients).Select(kind.Alone), new(Rounds), kind.Strategy, PooledClientKit.Quiet, Token).Bounded();
        foreach (var (atOnce, throughCodec) in new[] { (1, false), (3, true) })
        {
            var pooled = await FederatedSimulation.RunAsync(
                PooledClientKit.Clients, kind.Pooled(), new(Rounds), kind.Strategy,
                PooledClientKit.Quiet with { MaxConcurrency = atOnce, ThroughCodec = throughCodec }, Token).Bounded();
            Same(expected, pooled);
        }
    }

    /// <summary>Without a kept run the stream does not say the round: a client that is asked in each counts them itself.</summary>
    [Theory]
    [InlineData("FedAvg", true)]
    [InlineData("FedProx", true)]
    [InlineData("FedNova", true)]
    [InlineData("Scaffold", true)]
    [InlineData("FedAdam", true)]
    [InlineData("FedAdam", false)]
    [InlineData("Scaffold", false)]
    [InlineData("Scaffold, sampled", true)]
    [InlineData("FedBN, momentum kept", true)]
    public async Task RunAsync_OfPooledClients_GivesTheBitsOfTheStream(string name, bool kept)
    {
        var kind = PooledClientKit.Kinds[name];
        var expected = await FederatedSimulation.RunAsync(PooledClientKit.Clients, kind.Pooled(), new(Rounds), kind.Strategy, PooledClientKit.Quiet, Token).Bounded();
        foreach (var pooled in new[] { false, true })
        {
            var factory = kind.Pooled();
            await using var server = await RunningServer.Start(
                new(Rounds), kind.Strategy, new() { Seed = PooledClientKit.Quiet.Seed, RunStore = kept ? RunStore.Memory() : null });
            var clients = Enumerable.Range(0, PooledClientKit.Clients).Select(i => FederatedClient.StartAsync(
                server.Address, pooled ? factory(i) : kind.Alone(i), new() { Name = $"part-{i}" }, Token)).ToArray();
            Same(expected, await server.History.Bounded());
            await Task.WhenAll(clients).Bounded();
        }
    }

    private static void Same(History expected, History actual)
    {
        Assert.Empty(actual.FitFailures);
        Assert.Empty(actual.EvaluateFailures);
        Assert.Equal(PooledClientKit.Bits(expected.FinalParameters), PooledClientKit.Bits(actual.FinalParameters));
        Assert.Equal(Rounds, actual.LossesDistributed.Count);
        Assert.Equal(expected.LossesDistributed, actual.LossesDistributed);
        foreach (var (metric, values) in expected.MetricsDistributedFit) Assert.Equal(values, actual.MetricsDistributedFit[metric]);
        foreach (var (metric, values) in expected.MetricsDistributed) Assert.Equal(values, actual.MetricsDistributed[metric]);
    }
}
