using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Values of configs and metrics that are lists.</summary>
public sealed class ScalarTests
{
    [Fact]
    public void FromList_OfAList_IsThatList()
    {
        var list = Scalar.FromList(new[] { 0.5, 2 });
        Assert.Equal((ScalarKind.List, false, "[0.5, 2]"), (list.Kind, list.IsNumber, list.ToString()));
        Assert.Equal(list, Scalar.FromList(new[] { 0.5, 2 }));
        Assert.NotEqual(list, Scalar.FromList(new[] { 0.5, 3 }));
        Assert.Equal([0.5, 2], list.AsList().Items.Select(item => item.AsDouble()));
    }

    [Fact]
    public void List_WhereItDoesNotFit_IsRefused()
    {
        Refused("[scalar] Double 1 is a single value, expected a list", () => Scalar.FromList(1.0));
        Refused("[record] a list of lists has no form on the wire", () => RecordValue.List(ScalarKind.List, Scalar.FromList(new[] { 1.0 })));
        var config = new Dictionary<string, Scalar> { ["layers"] = Scalar.FromList(new[] { 1L }) };
        Refused("[scalar] 'layers' is a list, which only apps over records (Flower's Message API) send and take", () => WireCodec.Encode(new GetParametersInstructions(config)));
        Refused("[scalar] 'layers' is a list", () => LegacyRecords.Encode(new GetParametersInstructions(config)));
        Assert.Contains("[scalar] value is Double 1, not a list", Assert.Throws<InvalidOperationException>(() => ((Scalar)1.0).AsList()).Message);

        static void Refused(string why, Func<object> act) => Assert.Contains(why, Assert.Throws<ArgumentException>(act).Message);
    }

    [Fact]
    public async Task List_AsAMetricInARound_IsTheClientsFailure()
    {
        var log = new LogRecorder();
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(
                new FitOutput(parameters, 1, new Dictionary<string, Scalar> { ["losses"] = Scalar.FromList(new[] { 1.0 }) })),
        };
        await FederatedSimulation.RunAsync(
            [client, LambdaClient.Adding(1, 1)], new(1), new FedAvg { InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 },
            new() { LoggerFactory = log }, TestContext.Current.CancellationToken).Bounded();
        Assert.Contains("(Declined): FitNotImplemented: Client failed to fit: ArgumentException", Assert.Single(log.WithId(302)));
    }
}
