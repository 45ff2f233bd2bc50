using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>What strategies and clients agree on beyond plain models passes a real stream and a real Fleet service unchanged.</summary>
public sealed class BothWiresTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static MatrixTheoryData<string, FleetWire> Agreements => new(["scaffold", "nova", "batch norm"], [FleetWire.Grpc, FleetWire.Http]);

    /// <summary>One client is a node, one a stream; their models are those of two clients in memory, bit for bit.</summary>
    [Theory]
    [MemberData(nameof(Agreements))]
    public async Task StartAsync_OverBothWires_TrainsAsInMemory(string agreement, FleetWire wire)
    {
        var local = agreement == "batch norm" ? LocalParameters.BatchNorm : LocalParameters.None;
        var expected = await FederatedSimulation.RunAsync([Client(0, local), Client(1, local)], new(3), Strategy(agreement), cancellation: Token).Bounded();
        var actual = await Train(wire, Strategy(agreement), Client(0, local), Client(1, local));
        Assert.Equal(
            expected.FinalParameters.Arrays.Select(array => array.ToArray<float>()), actual.FinalParameters.Arrays.Select(array => array.ToArray<float>()));
    }

    private static async Task<History> Train(FleetWire wire, Strategy strategy, ArrayClient node, ArrayClient client)
    {
        var fleet = new TaskCompletionSource<string>();
        var log = new LogRecorder();
        var offered = wire == FleetWire.Grpc
            ? new FleetOptions { Address = "127.0.0.1:0", OnListening = fleet.SetResult }
            : new FleetOptions { Address = null, HttpAddress = "127.0.0.1:0", OnHttpListening = fleet.SetResult };
        await using var server = await RunningServer.Start(new(3), strategy, new() { LoggerFactory = log, Fleet = offered });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        FederatedNodeOptions quick = new() { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero, Wire = wire };
        var joined = FederatedNode.StartAsync(await fleet.Task.Bounded(), node, quick, over.Token);
        var stream = FederatedClient.StartAsync(server.Address, client, cancellation: Token);

        var history = await server.History.Bounded();
        await stream.Bounded();
        await over.CancelAsync();
        await joined.Bounded().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.Empty(log.WithId(302));
        return history;
    }

    private static Strategy Strategy(string agreement)
    {
        var local = agreement == "batch norm" ? LocalParameters.BatchNorm : LocalParameters.None;
        var start = new Parameters(local.SharedOf(Model()).ToArrays());
        return agreement switch
        {
            "scaffold" => new Scaffold { InitialParameters = start, FractionEvaluate = 0 },
            "nova" => new FedNova { InitialParameters = start, FractionEvaluate = 0 },
            _ => new FedAvg { InitialParameters = start, FractionEvaluate = 0 },
        };
    }

    private static Sequential Model() => new(new Linear(2, 4, RandomKey.FromSeed(1)), new BatchNorm(4), new Linear(4, 2, RandomKey.FromSeed(2)));

    /// <summary>Clients of unlike data and numbers of steps.</summary>
    private static ModuleClient Client(int index, LocalParameters local)
    {
        var random = new Random(index);
        var points = Enumerable.Range(0, 64).Select(_ => (float)(random.NextDouble() * 2 - 0.5 - index)).ToArray();
        var labels = Enumerable.Range(0, 32).Select(i => points[2 * i] > points[2 * i + 1] ? 1 : 0).ToArray();
        return new(
            Model(), new Sgd(0.1, momentum: 0.5), (p, y) => Losses.CrossEntropy(p, y), new Dataset(NdArray.From(points, [32, 2]), NdArray.From(labels)), null,
            new() { BatchSize = 8, LocalEpochs = 1 + 2 * index, LocalParameters = local });
    }
}
