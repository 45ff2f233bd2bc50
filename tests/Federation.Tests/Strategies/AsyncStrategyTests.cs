using CsCheck;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>FedBuff, FedAsync and the weights of old updates: numbers by hand and what they refuse.</summary>
public sealed class AsyncStrategyTests
{
    [Fact]
    public void StalenessWeight_OfEachKind_GivesTheNumbersByHand()
    {
        int[] ages = [0, 1, 3, 4, 5, 8];
        Assert.Equal([1, 1, 1, 1, 1, 1], ages.Select(StalenessWeight.Constant));
        // (1 + τ)^−1 and 1 / √(1 + τ).
        Assert.Equal([1, 1 / 2.0, 1 / 4.0, 1 / 5.0, 1 / 6.0, 1 / 9.0], ages.Select(StalenessWeight.Polynomial(1)), Close);
        Assert.Equal([1, 1 / Math.Sqrt(2), 1 / 2.0, 1 / Math.Sqrt(5), 1 / Math.Sqrt(6), 1 / 3.0], ages.Select(StalenessWeight.Polynomial()), Close);
        // 1 up to τ = 4, then 1 / (10·(τ − 4) + 1): 1/11 at 5, 1/41 at 8.
        Assert.Equal([1, 1, 1, 1, 1 / 11.0, 1 / 41.0], ages.Select(StalenessWeight.Hinge(10, 4)), Close);
    }

    [Fact]
    public void FedBuff_TwoSteps_AreTheNumbersByHand()
    {
        // From w = 10: Δ = 12 − 10 = 2 with τ = 0, and 16 − 8 = 8 with τ = 3, whose weight is ½: w = 10 + (2 + 4) / 2 = 13.
        var strategy = new FedBuff { BufferSize = 2 };
        var first = Step(strategy, [10], (12, 10, 0), (16, 8, 3));
        Assert.Equal([13f], first);
        // From there with η = ½: Δ = −3 and 13 − 10 = 3 with weight 1/√(1 + 8) = ⅓: w = 13 + ½·(−3 + 1) / 2 = 12.5.
        Assert.Equal([12.5f], Step(new FedBuff { BufferSize = 2, ServerLearningRate = 0.5 }, first, (10, 13, 0), (13, 10, 8)));
    }

    [Fact]
    public void FedBuff_OfFewerUpdates_DividesByTheirNumber() => Assert.Equal([3f], Step(new FedBuff { BufferSize = 10 }, [1], (3, 1, 0)));

    [Fact]
    public void FedBuff_WithAWeightOfOnesOwn_UsesIt() =>
        Assert.Equal([1 + 8 / 4f], Step(new FedBuff { Staleness = age => 1.0 / age }, [1], (8, 0, 4)));

    [Fact]
    public void FedBuff_WithoutUpdates_KeepsTheModel() => Assert.Null(new FedBuff().AggregateFit(TestKit.State(TestKit.Floats(1))).Complete([]));

    [Fact]
    public void FedBuff_OfTensorsThatAreNoFloats_TakesTheirMean()
    {
        // Float64: 1 + (½·2) / 2 + 4/2 = 3.5. Integers: (3 + 6) / 2 = 4.5, half to even 4. Bools: 1 of 2 is no majority.
        var aggregation = new FedBuff().AggregateFit(State(1.0, 100, false));
        aggregation.Add(Result(2.0, 3, true), State(0.0, 0, false).Parameters, 3);
        aggregation.Add(Result(5.0, 6, false), State(1.0, 0, false).Parameters, 0);
        var next = aggregation.Complete([])!.Parameters.Arrays;
        Assert.Equal([3.5], next[0].ToArray<double>());
        Assert.Equal([4L], next[1].ToArray<long>());
        Assert.Equal([false], next[2].ToArray<bool>());

        static RoundState State(double real, long whole, bool flag) => TestKit.State(NdArray.From(real), NdArray.From(whole), NdArray.From(flag));
        static FitResult Result(double real, long whole, bool flag) => TestKit.Fit(7, NdArray.From(real), NdArray.From(whole), NdArray.From(flag));
    }

    /// <summary>The order of arrival in a buffer leaves no trace, bit for bit.</summary>
    [Fact]
    public void FedBuff_AnyOrderWithinABuffer_GivesTheSameBits() => Gen.Select(
        Gen.Select(Gen.Float[-1e6f, 1e6f], Gen.Float[-1e6f, 1e6f], Gen.Int[0, 9]).Array[2, 8], Gen.Int, Gen.Float[-10, 10]).Sample((updates, seed, model) =>
    {
        var strategy = new FedBuff { ServerLearningRate = 0.3 };
        var straight = Step(strategy, [model], updates);
        new Random(seed).Shuffle(updates);
        Assert.Equal(BitConverter.SingleToInt32Bits(straight[0]), BitConverter.SingleToInt32Bits(Step(strategy, [model], updates)[0]));
    });

    [Fact]
    public void FedBuff_OfUnchangedModels_ChangesNoBit() => Gen.Float[-1e30f, 1e30f].Sample(model =>
        Assert.Equal(model, Step(new FedBuff { ServerLearningRate = 0.7 }, [model], (5.5f, 5.5f, 1), (0.1f, 0.1f, 2), (3, 3, 0))[0]));

    [Fact]
    public void FedAsync_TwoUpdates_AreMixedByTheirAge()
    {
        // α = ½: fresh ½·10 + ½·20 = 15; then τ = 3 with s = ½: ¾·15 + ¼·23 = 17. The model given plays no part.
        var strategy = new FedAsync { Alpha = 0.5 };
        var first = Step(strategy, [10], (20, 99, 0));
        Assert.Equal([15f], first);
        Assert.Equal([17f], Step(strategy, first, (23, -99, 3)));
        Assert.Equal([19f], Step(new FedAsync { Alpha = 0.5, Staleness = StalenessWeight.Constant }, first, (23, -99, 3)));
    }

    [Fact]
    public void Options_OutOfRange_AreRefusedWithTheirNames()
    {
        Refused("[FedBuff] BufferSize is 0, expected at least 1", () => new FedBuff { BufferSize = 0 });
        Refused("[FedBuff] MaxConcurrency is 0, expected at least 1", () => new FedBuff { MaxConcurrency = 0 });
        Refused("[FedAsync] MaxStaleness is -1, expected at least 0", () => new FedAsync { MaxStaleness = -1 });
        Refused("[FedAsync] EvaluateEvery is 0, expected at least 1", () => new FedAsync { EvaluateEvery = 0 });
        Refused("[FedBuff] ServerLearningRate is 0, expected a finite number above 0", () => new FedBuff { ServerLearningRate = 0 });
        Refused("[FedAsync] Alpha is 1.5, expected above 0 and at most 1", () => new FedAsync { Alpha = 1.5 });
        Refused("[staleness] a is -1, expected a finite number of at least 0", () => StalenessWeight.Polynomial(-1));
        Refused("[staleness] b is NaN, expected a finite number of at least 0", () => StalenessWeight.Hinge(1, double.NaN));

        static void Refused(string why, Func<object> make) =>
            Assert.Contains(why, Assert.Throws<ArgumentOutOfRangeException>(make).Message, StringComparison.Ordinal);
    }

    private static readonly IEqualityComparer<double> Close = EqualityComparer<double>.Create((a, b) => Math.Abs(a - b) <= 1e-15, _ => 0);

    private static float[] Step(AsyncStrategy strategy, float[] model, params (float Trained, float Given, int Staleness)[] updates)
    {
        var aggregation = strategy.AggregateFit(TestKit.State(NdArray.From<float>(model)));
        foreach (var (trained, given, staleness) in updates)
        {
            aggregation.Add(TestKit.Fit(1, TestKit.Floats(trained)), new Parameters(TestKit.Floats(given)), staleness);
        }
        return aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>();
    }
}
