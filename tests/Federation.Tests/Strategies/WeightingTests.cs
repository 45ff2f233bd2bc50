using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Strategies that weigh clients by more than their examples: numbers by hand, and what they refuse.</summary>
public sealed class WeightingTests
{
    [Fact]
    public void GeometricMedian_OfThreeOnALine_GoesToTheMiddleOne()
    {
        // In one dimension the geometric median is the median: with 100 steps from the mean 34 towards 2.
        var next = Next(new GeometricMedian { Iterations = 100 }, [0], Result(1, "", 0, 0), Result(1, "", 0, 2), Result(1, "", 0, 100));
        Assert.Equal(2, next[0], 1e-3);
    }

    [Fact]
    public void GeometricMedian_OneStep_IsWeiszfelds()
    {
        // Mean of 0 (3 examples) and 4 (1): 1; β = 0.75/1 and 0.25/3, so v = 4·(0.25/3) / (0.75 + 0.25/3) = 0.4.
        Assert.Equal([0.4f], Next(new GeometricMedian { Iterations = 1 }, [7], Result(3, "", 0, 0), Result(1, "", 0, 4)));
    }

    [Fact]
    public void GeometricMedian_WithAttackers_StaysNearTheHonest()
    {
        foreach (var attack in new[] { 1e6f, -1e6f, -1f })
        {
            var results = Enumerable.Range(0, 10).Select(k => Result(1, "", 0, k < 3 ? attack : 1 + k / 100f, k < 3 ? attack : 2 - k / 100f)).ToArray();
            var next = Next(new GeometricMedian { Iterations = 50 }, [0, 0], results);
            Assert.InRange(next[0], 0.9, 1.2);
            Assert.InRange(next[1], 1.8, 2.1);
        }
    }

    [Fact]
    public void FedNova_NormalisesByTheClientsSteps()
    {
        // w = 1, p = (0.25, 0.75), τ = (2, 4), τ_eff = 3.5: w − 3.5·(0.25·(1 − 3)/2 + 0.75·(1 − 5)/4) = 1 + 3.5.
        Assert.Equal([4.5f], Next(new FedNova(), [1], Result(1, "num_steps", 2, 3), Result(3, "num_steps", 4, 5)));
    }

    [Fact]
    public void FedNova_OfEqualSteps_IsTheMean() =>
        Assert.Equal([4.5f], Next(new FedNova(), [1], Result(1, "num_steps", 7, 3), Result(3, "num_steps", 7, 5)));

    [Theory]
    [InlineData("steps", 1)]
    [InlineData("num_steps", 0)]
    [InlineData("num_steps", double.NaN)]
    public void FedNova_WithoutACountOfSteps_RefusesTheClient(string name, double value)
    {
        var refusal = new FedNova().Check(TestKit.State(TestKit.Floats(0)), Result(1, name, value, 1));
        Assert.Equal(FailureReason.Metric, refusal!.Reason);
        Assert.Contains("metric num_steps is", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void QFedAvg_LeansToTheClientWithTheHighestLoss()
    {
        // q = 1, η = 1, w = 0: g = (−1, −2), F = (2, 1), Δ = (−2, −2), h = 1·1 + 2 = 3 and 1·4 + 1 = 5; w = 4/8.
        Assert.Equal([0.5f], Next(new QFedAvg { Q = 1, LearningRate = 1 }, [0], Result(1, "loss", 2, 1), Result(1, "loss", 1, 2)));
    }

    [Fact]
    public void QFedAvg_WithoutLosses_TakesTheGlobalOneOrSaysWhatIsMissing()
    {
        // F = 1 for both: Δ = (−1, −2), h = 1 + 1 and 4 + 1; w = 3/7.
        var strategy = new QFedAvg { Q = 1, LearningRate = 1, EvaluateFunction = (_, _) => new(1) };
        Assert.Equal([(float)(3 / 7.0)], Next(strategy, [0], Result(1, "", 0, 1), Result(1, "", 0, 2)));
        var error = Assert.Throws<InvalidOperationException>(() => Next(new QFedAvg(), [0], Result(1, "", 0, 1)));
        Assert.Contains("set EvaluateFunction or report 'loss'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FLTrust_WeighsByTheCosineAndLevelsTheLengths()
    {
        // w = (1, 1), g₀ = (2, 0). Clients: g = (4, 0) with TS 1 becomes (2, 0); g = (3, 4) with TS 0.6 becomes (1.2, 1.6);
        // g = (−5, 0) has TS 0. Step: ((2, 0) + 0.6·(1.2, 1.6)) / 1.6 = (1.7, 0.6).
        var strategy = new FLTrust { TrainOnServer = (_, model) => [TestKit.Floats(3, 1)] };
        var next = Next(strategy, [1, 1], Result(1, "", 0, 5, 1), Result(9, "", 0, 4, 5), Result(9, "", 0, -4, 1));
        Assert.Equal(2.7, next[0], 1e-6);
        Assert.Equal(1.6, next[1], 1e-6);
    }

    [Fact]
    public void FLTrust_WhenNobodyIsTrusted_KeepsTheModel()
    {
        var strategy = new FLTrust { TrainOnServer = (_, _) => [TestKit.Floats(1)] };
        Assert.Same(Unchanged, Next(strategy, [0], Result(1, "", 0, -1), Result(1, "", 0, 0)));
    }

    [Fact]
    public void FLTrust_OfAServerModelWithAnotherShape_SaysSo()
    {
        var strategy = new FLTrust { TrainOnServer = (_, _) => [TestKit.Floats(1, 2)] };
        var error = Assert.Throws<InvalidOperationException>(() => Next(strategy, [0], Result(1, "", 0, 1)));
        Assert.Contains("[FLTrust] TrainOnServer gave another model: tensor 0 has shape", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FedXgbBagging_OfTwoClients_AppendsTheirTrees()
    {
        var strategy = new FedXgbBagging();
        var start = new RoundState(1, strategy.InitialParameters!, [], default);
        var aggregation = strategy.AggregateFit(start);
        aggregation.Add(1, Xgb(Trees("b")));
        aggregation.Add(0, Xgb(Trees("a")));
        var second = strategy.AggregateFit(start with { Round = 2, Parameters = aggregation.Complete([])!.Parameters });
        second.Add(0, Xgb(Trees("c", "d")));
        var next = second.Complete([])!.Parameters;

        Assert.Equal("", next.TensorType);
        var model = JsonNode.Parse(next.Payloads[0].Span)!["learner"]!["gradient_booster"]!["model"]!;
        Assert.Equal(["a", "b", "c", "d"], model["trees"]!.AsArray().Select(tree => tree!["name"]!.GetValue<string>()));
        Assert.Equal([0, 1, 2, 3], model["trees"]!.AsArray().Select(tree => tree!["id"]!.GetValue<int>()));
        Assert.Equal([0, 1, 2, 3, 4], model["iteration_indptr"]!.AsArray().Select(bound => bound!.GetValue<int>()));
        Assert.Equal("4", model["gbtree_model_param"]!["num_trees"]!.GetValue<string>());
        Assert.Equal(4, model["tree_info"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"learner":{"gradient_booster":{"model":{"gbtree_model_param":{"num_trees":"2"},"trees":[],"tree_info":[]}}}}""")]
    public void FedXgbBagging_OfAnotherModel_RefusesIt(string text) =>
        Assert.Equal(FailureReason.Malformed, new FedXgbBagging().Check(Opaque(), Xgb(text))!.Reason);

    [Fact]
    public void FedXgb_OfArrays_RefusesThem()
    {
        Assert.Equal(FailureReason.TensorCount, new FedXgbBagging().Check(Opaque(), Result(1, "", 0, 1))!.Reason);
        Assert.Equal(FailureReason.TensorCount, new FedXgbCyclic().Check(Opaque(), Result(1, "", 0, 1))!.Reason);
    }

    [Fact]
    public void FedXgbCyclic_RoundByRound_AsksTheClientsInTurnAndTakesTheirModel()
    {
        var strategy = new FedXgbCyclic();
        ClientInfo[] clients = [.. Enumerable.Range(0, 3).Select(i => new ClientInfo($"{i}", "peer"))];
        var asked = Enumerable.Range(1, 4).Select(round => Assert.Single(strategy.ConfigureFit(new(round, strategy.InitialParameters!, clients, default))).Client.Id);
        Assert.Equal(["0", "1", "2", "0"], asked);
        Assert.Equal("1", Assert.Single(strategy.ConfigureEvaluate(new(2, strategy.InitialParameters!, clients, default))).Client.Id);

        var aggregation = strategy.AggregateFit(Opaque());
        var result = Xgb("any bytes");
        Assert.Null(strategy.Check(Opaque(), result));
        aggregation.Add(0, result);
        Assert.Same(result.Parameters, aggregation.Complete([])!.Parameters);
    }

    /// <summary>Stands for a round that keeps the model.</summary>
    private static readonly float[] Unchanged = [];

    private static RoundState Opaque() => new(1, Parameters.Opaque(""), [], default);

    private static FitResult Xgb(string text) =>
        new(ResultStatus.Success, Parameters.Opaque("", Encoding.UTF8.GetBytes(text)), 1, TestKit.NoValues);

    /// <summary>What one client grew: a tree for each name, one to a round of boosting.</summary>
    private static string Trees(params string[] names)
    {
        var trees = names.Select((name, i) => $$"""{"id":{{i}},"name":"{{name}}"}""");
        var (bounds, info) = (string.Join(',', Enumerable.Range(0, names.Length + 1)), string.Join(',', names.Select(_ => 0)));
        var model = $$"""
            "gbtree_model_param":{"num_trees":"{{names.Length}}"},"iteration_indptr":[{{bounds}}],"tree_info":[{{info}}],"trees":[{{string.Join(',', trees)}}]
            """;
        return """{"learner":{"gradient_booster":{"model":{""" + model + "}}}}";
    }

    private static FitResult Result(long examples, string metric, double value, params float[] model) => new(
        ResultStatus.Success, new Parameters(NdArray.From<float>(model)), examples,
        metric.Length == 0 ? TestKit.NoValues : new Dictionary<string, Scalar> { [metric] = value });

    private static float[] Next(Strategy strategy, float[] model, params FitResult[] results)
    {
        var aggregation = strategy.AggregateFit(TestKit.State(NdArray.From<float>(model)));
        for (var i = 0; i < results.Length; i++) aggregation.Add(i, results[i]);
        return aggregation.Complete([])?.Parameters.Arrays[0].ToArray<float>() ?? Unchanged;
    }
}
