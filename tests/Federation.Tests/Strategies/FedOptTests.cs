using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Optimizers on the server: two rounds worked by hand for each, with one client whose model is the mean.</summary>
public sealed class FedOptTests
{
    [Fact]
    public void FedAvgM_TwoRounds_AddsMomentum()
    {
        // Δ = 1, m = 1, w = 0 + 2·1; then Δ = 3 − 2 = 1, m = 0.5·1 + 1 = 1.5, w = 2 + 2·1.5.
        var strategy = new FedAvgM { ServerLearningRate = 2, ServerMomentum = 0.5 };
        Assert.Equal(2f, Round(strategy, 1, 0, 1));
        Assert.Equal(5f, Round(strategy, 2, 2, 3));
    }

    [Fact]
    public void FedAvgM_WithItsDefaults_IsFedAvg() => Assert.Equal(7f, Round(new FedAvgM(), 1, 2, 7));

    [Fact]
    public void FedAdagrad_TwoRounds_DividesByTheRootOfAllSquares()
    {
        // Δ = 2, v = 4, w = 0 + 1·2 / (2 + 0); then Δ = 3, v = 4 + 9, w = 1 + 3 / √13.
        var strategy = new FedAdagrad { ServerLearningRate = 1, Tau = 1e-12 };
        Assert.Equal(1f, Round(strategy, 1, 0, 2));
        Assert.Equal((float)(1 + 3 / Math.Sqrt(13)), Round(strategy, 2, 1, 4));
    }

    [Fact]
    public void FedAdam_TwoRounds_CorrectsItsRate()
    {
        // Δ = 2: m = 0.5·2 = 1, v = 0.25·4 = 1, η₁ = √(1 − 0.75²) / (1 − 0.5²), w = η₁·1 / (1 + 1).
        // Δ = 2: m = 0.5·1 + 0.5·2 = 1.5, v = 0.75·1 + 0.25·4 = 1.75, η₂ = √(1 − 0.75³) / (1 − 0.5³), w = 1 + η₂·1.5 / (√1.75 + 1).
        var strategy = new FedAdam { ServerLearningRate = 1, Beta1 = 0.5, Beta2 = 0.75, Tau = 1 };
        Assert.Equal((float)(Math.Sqrt(0.4375) / 0.75 / 2), Round(strategy, 1, 0, 2));
        Assert.Equal((float)(1 + Math.Sqrt(0.578125) / 0.875 * 1.5 / (Math.Sqrt(1.75) + 1)), Round(strategy, 2, 1, 3));
    }

    [Fact]
    public void FedYogi_TwoRounds_MovesItsSecondMomentByTheSign()
    {
        // Δ = 2: m = 1, v = 0 − 0.25·4·sign(0 − 4) = 1, w = 1 / (1 + 1).
        // Δ = 0.5: m = 0.5·1 + 0.5·0.5 = 0.75, v = 1 − 0.25·0.25·sign(1 − 0.25) = 0.9375, w = 0.75 / (√0.9375 + 1).
        var strategy = new FedYogi { ServerLearningRate = 1, Beta1 = 0.5, Beta2 = 0.75, Tau = 1 };
        Assert.Equal(0.5f, Round(strategy, 1, 0, 2));
        Assert.Equal((float)(0.75 / (Math.Sqrt(0.9375) + 1)), Round(strategy, 2, 0, 0.5f));
    }

    public static TheoryData<FedOpt> Optimizers => [new FedAvgM { ServerMomentum = 0.9 }, new FedAdagrad(), new FedAdam(), new FedYogi()];

    /// <summary>The definition in double precision, over a model of two tensors and ten rounds, gives the same to float32 rounding.</summary>
    [Theory]
    [MemberData(nameof(Optimizers))]
    public void Complete_OverTenRounds_FollowsTheFormulaInDoublePrecision(FedOpt strategy)
    {
        var random = new Random(7);
        var (w, m, v) = (new double[50], new double[50], new double[50]);
        var model = new Parameters(NdArray.Zeros([4, 10]), NdArray.Zeros([10]));
        var memory = StrategyState.Empty;
        for (var round = 1; round <= 10; round++)
        {
            var mean = w.Select(value => (float)(value + random.NextDouble() - 0.5)).ToArray();
            var aggregation = strategy.AggregateFit(new(round, model, [], default) { Strategy = memory });
            aggregation.Add(0, TestKit.Fit(3, NdArray.From<float>(mean.AsSpan(0, 40), [4, 10]), NdArray.From<float>(mean.AsSpan(40), [10])));
            var next = aggregation.Complete([])!;
            (model, memory) = (next.Parameters, next.State!);
            for (var i = 0; i < 50; i++) w[i] += Reference(strategy, round, mean[i] - w[i], ref m[i], ref v[i]);
            float[] actual = [.. model.Arrays[0].ToArray<float>(), .. model.Arrays[1].ToArray<float>()];
            for (var i = 0; i < 50; i++) Assert.Equal(w[i], actual[i], 2e-5 * Math.Max(1, Math.Abs(w[i])));
        }
    }

    [Fact]
    public void Complete_OfAnotherRun_StartsWithoutMoments()
    {
        var strategy = new FedAdam();
        var first = Round(strategy, 1, 0, 2);
        Round(strategy, 2, 0, 5);
        Assert.Equal(first, Round(strategy, 1, 0, 2));
    }

    [Fact]
    public void Complete_IntegerAndFloat64Tensors_AveragesAndSteps()
    {
        // Integers become the mean (3 + 6) / 2 = 4.5 → 4 (half to even); the float64 tensor moves from 1 by 2·(2 − 1).
        var aggregation = new FedAvgM { ServerLearningRate = 2 }.AggregateFit(TestKit.State(NdArray.From(0L), NdArray.From(1.0)));
        aggregation.Add(0, TestKit.Fit(1, NdArray.From(3L), NdArray.From(1.0)));
        aggregation.Add(1, TestKit.Fit(1, NdArray.From(6L), NdArray.From(3.0)));
        var next = aggregation.Complete([])!.Parameters;
        Assert.Equal([4L], next.Arrays[0].ToArray<long>());
        Assert.Equal([3.0], next.Arrays[1].ToArray<double>());
    }

    [Fact]
    public void Complete_WithoutResults_KeepsModelAndMoments() =>
        Assert.Null(new FedAdam().AggregateFit(TestKit.State(TestKit.Floats(1))).Complete([]));

    private static double Reference(FedOpt strategy, int round, double delta, ref double m, ref double v)
    {
        switch (strategy)
        {
            case FedAvgM:
                m = 0.9 * m + delta;
                return m;
            case FedAdagrad:
                v += delta * delta;
                return 0.1 * delta / (Math.Sqrt(v) + 1e-9);
            case FedAdam:
                m = 0.9 * m + 0.1 * delta;
                v = 0.99 * v + 0.01 * delta * delta;
                return 0.1 * Math.Sqrt(1 - Math.Pow(0.99, round + 1)) / (1 - Math.Pow(0.9, round + 1)) * m / (Math.Sqrt(v) + 1e-9);
            default:
                m = 0.9 * m + 0.1 * delta;
                v -= 0.01 * delta * delta * Math.Sign(v - delta * delta);
                return 0.01 * m / (Math.Sqrt(v) + 1e-3);
        }
    }

    /// <summary>What the run's strategy remembers.</summary>
    private StrategyState memory = StrategyState.Empty;

    /// <summary>One round of a run; the first one begins another run.</summary>
    private float Round(FedOpt strategy, int round, float model, float client)
    {
        var state = new RoundState(round, new Parameters(TestKit.Floats(model)), [], default) { Strategy = round == 1 ? StrategyState.Empty : memory };
        var aggregation = strategy.AggregateFit(state);
        aggregation.Add(0, TestKit.Fit(1, TestKit.Floats(client)));
        var next = aggregation.Complete([])!;
        memory = next.State!;
        return next.Parameters.Arrays[0].ToArray<float>()[0];
    }
}
