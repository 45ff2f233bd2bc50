using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Floating types are cast to the model's on receipt, by server and client; other kinds are refused.</summary>
public sealed class FloatCastTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<DType, DType, double, FailureReason?> Kinds => new()
    {
        { DType.Float32, DType.Float64, 1.5, null },
        { DType.Float32, DType.Float16, 1.5, null },
        { DType.Float64, DType.Float32, 1.5, null },
        { DType.Float16, DType.Float64, 1.5, null },
        { DType.Float32, DType.Float64, 1e300, FailureReason.NotFinite },
        { DType.Float16, DType.Float32, 1e6, FailureReason.NotFinite },
        { DType.Float32, DType.Float64, double.NaN, FailureReason.NotFinite },
        { DType.Float32, DType.Int64, 1, FailureReason.DType },
        { DType.Float32, DType.Bool, 1, FailureReason.DType },
        { DType.Int64, DType.Float64, 1, FailureReason.DType },
        { DType.Int64, DType.Int32, 1, FailureReason.DType },
    };

    [Theory, MemberData(nameof(Kinds))]
    public async Task Server_OfAReplyInAnotherType_CastsFloatsAndRefusesTheRest(DType model, DType sent, double value, FailureReason? reason)
    {
        var log = new LogRecorder();
        var client = new LambdaClient { Fit = (_, _, _) => Task.FromResult(new FitOutput([NdArray.From<double>(value, value).AsType(sent)], 1)) };
        var strategy = new FedAvg { InitialParameters = new(NdArray.Zeros([2], model)), FractionEvaluate = 0 };
        var history = await FederatedSimulation.RunAsync([client, client], new(2) { AllowUntrained = true }, strategy, new() { LoggerFactory = log }, Token).Bounded();
        var final = history.FinalParameters.Arrays[0];
        Assert.Equal(model, final.DType);
        Assert.Equal(reason is null ? value : 0, final.AsType(DType.Float64).ToArray<double>()[0]);
        Assert.Equal(reason is null ? 0 : 4, history.FitFailures.Count);
        Assert.All(history.FitFailures, failure => Assert.Equal(reason, failure.Value.Reason));
        Assert.Equal(model.IsFloating() && sent.IsFloating() && model != sent ? 1 : 0, log.WithId(312).Count);
    }

    [Theory]
    [InlineData(DType.Float64)]
    [InlineData(DType.Float16)]
    public async Task ModuleClient_OfAServerWithAnotherType_CastsAndSaysSoOnce(DType sent)
    {
        var log = new LogRecorder();
        var runner = new InstructionRunner(Client(), TimeProvider.System, log);
        var given = new Parameters([NdArray.From<float>([1, 0, 0, 1], [2, 2]).AsType(sent), NdArray.Zeros([2], sent)]);
        for (var round = 0; round < 3; round++)
        {
            var fit = Assert.IsType<FitResult>(await runner.RunAsync(new FitInstructions(given, TestKit.NoValues), Token));
            Assert.Equal(ResultCode.Ok, fit.Status.Code);
            Assert.All(fit.Parameters.Arrays, array => Assert.Equal(DType.Float32, array.DType));
            var evaluation = Assert.IsType<EvaluateResult>(await runner.RunAsync(new EvaluateInstructions(given, TestKit.NoValues), Token));
            Assert.Equal(Math.Log(1 + Math.Exp(-2)), evaluation.Loss, 6);
        }
        Assert.Single(log.WithId(416));
    }

    [Fact]
    public async Task ModuleClient_OfValuesBeyondItsType_NamesTheArray()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await Client().FitAsync([NdArray.From<double>([1e300, 0, 0, 1], [2, 2]), NdArray.Zeros([2])], TestKit.NoValues, Token));
        Assert.Equal("[parameters] weight of float64 holds a value beyond the range of float32", error.Message);
    }

    [Fact]
    public async Task Simulation_WithAFloat64Neighbour_Trains()
    {
        // The neighbour is plain NumPy code, whose results are float64.
        var neighbour = new LambdaClient
        {
            Fit = (parameters, _, _) => Task.FromResult(new FitOutput([.. parameters.Select(array => array.AsType(DType.Float64))], 1)),
            Evaluate = (_, _) => new(1, 1),
        };
        var history = await FederatedSimulation.RunAsync(
            [Client(), neighbour], new(2), new FedAdam { InitialParameters = new(NdArray.Zeros([2, 2]), NdArray.Zeros([2])) }, new() { LoggerFactory = new LogRecorder() }, Token).Bounded();
        Assert.Empty(history.FitFailures);
        Assert.NotEqual(0, history.FinalParameters.Arrays[0].ToArray<float>()[0]);
    }

    private static ModuleClient Client()
    {
        var data = new Dataset(NdArray.From<float>([2, 0], [1, 2]), NdArray.From(0));
        return new(new Linear(2, 2, RandomKey.FromSeed(1)), new Sgd(0.1), (p, y) => Losses.CrossEntropy(p, y), data, data);
    }
}
