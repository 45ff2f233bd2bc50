using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>Small clients that share models, the same as clients of their own, and strategies that ask them for all there is.</summary>
internal static class PooledClientKit
{
    public const int Clients = 6;

    public static readonly RandomKey Key = RandomKey.FromSeed(3);

    /// <summary>Each kind: a strategy, what stays with clients, and whether the optimizer's state does.</summary>
    public static readonly Dictionary<string, Kind> Kinds = new()
    {
        ["FedAvg"] = new(new FedAvg
        {
            MinAvailableClients = Clients,
            InitialParameters = Start(),
            FitMetricsAggregation = Metrics.WeightedAverage,
            EvaluateMetricsAggregation = Metrics.WeightedAverage,
        }),
        ["FedProx"] = new(new FedProx { ProximalMu = 0.4, MinAvailableClients = Clients, InitialParameters = Start() }),
        ["FedNova"] = new(new FedNova { MinAvailableClients = Clients, InitialParameters = Start() }),
        ["Scaffold"] = new(new Scaffold { MinAvailableClients = Clients, InitialParameters = Start() }),
        ["FedAdam"] = new(new FedAdam { MinAvailableClients = Clients, InitialParameters = Start() }),
        ["Scaffold, sampled"] = new(new Scaffold { MinAvailableClients = Clients, InitialParameters = Start(), FractionFit = 0.5, FractionEvaluate = 0.5 }),
        ["FedBN, momentum kept"] = new(
            new FedAvg { MinAvailableClients = Clients, InitialParameters = Start(LocalParameters.BatchNorm), FractionFit = 0.5 }, LocalParameters.BatchNorm, KeepsOptimizer: true),
        ["Scaffold, FedBN"] = new(new Scaffold { MinAvailableClients = Clients, InitialParameters = Start(LocalParameters.BatchNorm) }, LocalParameters.BatchNorm),
    };

    public static SimulationOptions Quiet => new() { Seed = 4, LoggerFactory = NullLoggerFactory.Instance };

    public static Sequential Model() => new(new Linear(2, 5, Key), new BatchNorm(5), new Dropout(0.3, Key), new Linear(5, 2, Key.Fold(1)));

    public static Tensor Loss(Tensor logits, Tensor labels) => Losses.CrossEntropy(logits, labels);

    /// <summary>10 to 20 examples on two sides of a line that each client has elsewhere.</summary>
    public static Dataset Data(int client)
    {
        var count = 10 + 2 * client;
        var inputs = Tensor.RandomUniform(RandomKey.FromSeed((ulong)(100 + client)), [count, 2]).ToNdArray();
        var values = inputs.ToArray<float>();
        return new(inputs, NdArray.From([.. Enumerable.Range(0, count).Select(i => values[2 * i] + (0.1f * client) > values[(2 * i) + 1] ? 1 : 0)]));
    }

    public static byte[] Bits(Parameters model) => [.. model.Arrays.SelectMany(array => array.Bytes.ToArray())];

    private static Parameters Start(LocalParameters? local = null) => Parameters.Of(Model(), local);

    public sealed record Kind(Strategy Strategy, LocalParameters? Local = null, bool KeepsOptimizer = false)
    {
        private ModuleClientOptions Options => new()
        {
            BatchSize = 4,
            LocalEpochs = 2,
            Key = Key,
            LocalParameters = Local ?? LocalParameters.None,
            ResetOptimizer = !KeepsOptimizer,
        };

        private static Sgd Optimizer() => new(0.1, momentum: 0.9);

        public Func<int, ArrayClient> Pooled(IClientStates? states = null) => VirtualClients.Of(Model, Optimizer, Loss, Data, Data, Options, states);

        /// <summary>The same client with a model of its own.</summary>
        public ArrayClient Alone(int client) => new ModuleClient(
            Model(), Optimizer(), Loss, Data(client), Data(client), Options with { Key = Key.Fold((uint)client), KeyByRound = true });
    }
}
