using Xunit;

namespace ManagedFed.Federation.Tests;

public sealed class SyncArrayClientTests
{
    [Fact]
    public async Task RunAsync_OfPlainMethods_GivesTheNumbersByHand()
    {
        var history = await FederatedSimulation.RunAsync(
            [new Adder(1, 1), new Adder(3, 3)], new(2), new FedAvg { EvaluateMetricsAggregation = Metrics.WeightedAverage }, cancellation: TestContext.Current.CancellationToken).Bounded();

        // Each round adds (1·1 + 3·3) / 4 = 2.5.
        Assert.Equal(5f, history.Value());
        Assert.Equal([new(1, 2.5), new(2, 5)], history.LossesDistributed);
        Assert.Equal([new(1, 0.25), new(2, 0.25)], history.MetricsDistributed["accuracy"]);
    }

    [Fact]
    public async Task RunAsync_FortyBlockingClients_AllWorkAtOnce()
    {
        using var barrier = new Barrier(40);
        var log = new LogRecorder();

        await FederatedSimulation.RunAsync(
            Enumerable.Range(0, 40).Select(_ => new Adder(1, 1) { Barrier = barrier }), new(1),
            new FedAvg { FractionEvaluate = 0 }, new() { LoggerFactory = log }, TestContext.Current.CancellationToken).Bounded();

        Assert.Equal(40, log.WithId(301).Count);
    }

    private sealed class Adder(float step, long examples) : SyncArrayClient
    {
        private float value;

        public Barrier? Barrier { get; init; }

        public override IReadOnlyList<NdArray> GetParameters() => [TestKit.Floats(value)];

        public override void SetParameters(IReadOnlyList<NdArray> arrays) => value = arrays[0].ToArray<float>()[0];

        public override FitReport Fit(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            if (Barrier is not null) Assert.True(Barrier.SignalAndWait(TestKit.Bound, cancellation));
            value += step;
            return new(examples);
        }

        public override EvaluateOutput Evaluate(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(value, examples, new Dictionary<string, Scalar> { ["accuracy"] = 0.25 });
    }
}
