using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The strategies that average as FedAvg does and differ in what goes before or after.</summary>
public sealed class FedAvgVariantTests
{
    [Fact]
    public void FedProx_ConfiguresTheClients_WithMuBesideTheUsersConfig()
    {
        var strategy = new FedProx { ProximalMu = 0.25, OnFitConfig = round => new Dictionary<string, Scalar> { ["round"] = round } };
        var client = new ClientInfo("1", "peer");
        var task = Assert.Single(strategy.ConfigureFit(new(3, new Parameters(TestKit.Floats(1)), [client], default)));
        Assert.Equal(0.25, task.Instructions.Config["proximal_mu"].AsDouble());
        Assert.Equal(3, task.Instructions.Config["round"].AsDouble());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void FedProx_WithAnImpossibleMu_SaysWhatIsExpected(double mu)
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new FedProx { ProximalMu = mu });
        Assert.Contains($"[FedProx] ProximalMu is {mu}, expected a finite number of at least 0", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(1, 1, true)] // 1 of 2 is just enough
    [InlineData(1, 2, false)]
    [InlineData(2, 3, false)]
    public void FaultTolerantFedAvg_ByTheRateOfCompletion_CountsTheRoundOrNot(int results, int failures, bool counts)
    {
        var strategy = new FaultTolerantFedAvg();
        var client = new ClientInfo("1", "peer");
        var failed = Enumerable.Range(0, failures).Select(_ => new ClientFailure(client, FailureReason.TimedOut, "late")).ToArray();
        var aggregation = strategy.AggregateFit(TestKit.State(TestKit.Floats(0)));
        for (var i = 0; i < results; i++) aggregation.Add(i, TestKit.Fit(1, TestKit.Floats(4)));
        Assert.Equal(counts ? 4f : null, aggregation.Complete(failed)?.Parameters.Arrays[0].ToArray<float>()[0]);

        var evaluations = Enumerable.Range(0, results).Select(_ => new ClientEvaluation(client, 0.5, 10, TestKit.NoValues)).ToArray();
        Assert.Equal(counts ? 0.5 : null, strategy.AggregateEvaluate(TestKit.State(TestKit.Floats(0)), evaluations, failed));
    }
}
