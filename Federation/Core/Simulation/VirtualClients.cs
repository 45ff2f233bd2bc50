using System.Collections.Concurrent;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation;

/// <summary>Clients for a simulation of many, which share a few models: one for each that works at the same time.</summary>
public static class VirtualClients
{
    /// <summary>A factory of clients that each train the same model on data of their own, in one compiled step that all of them share.</summary>
    /// <remarks>
    /// They keep to what <see cref="ModuleClient"/> does, with these differences: the order of a client's examples is drawn from
    /// <c>Key.Fold(client).Fold(round)</c>, so that a client gives the same answer whenever it is asked for the same round, and training reports no
    /// accuracy. A wire that does not say the round takes the count of the client's own calls for it. <see cref="FedProx"/> and what
    /// options name as terms and transforms are worked uncompiled and remember nothing; <see cref="Scaffold"/> is refused, since its control variates
    /// would be lost, and there is no state file. What a client keeps (parameters of
    /// <see cref="ModuleClientOptions.LocalParameters"/>, and the optimizer's state without <see cref="ModuleClientOptions.ResetOptimizer"/>)
    /// lies in <paramref name="states"/>.
    /// </remarks>
    /// <param name="model">Makes a model, always the same; called once for each client at work and each time that a client is asked for its initial parameters.</param>
    /// <param name="optimizer">Makes an optimizer, always the same.</param>
    /// <param name="loss">Of predictions and labels: a scalar, or one loss per sample, which is averaged.</param>
    /// <param name="train">A client's examples by its number, at least one; called on several threads at once.</param>
    /// <param name="test">A client's examples to evaluate on; without, or where it gives null, the client does not evaluate.</param>
    /// <param name="options">Batches, epochs, randomness.</param>
    /// <param name="states">What clients keep from round to round. Default: in memory.</param>
    /// <example>
    /// <code>
    /// var clients = VirtualClients.Of(
    ///     () => new Linear(784, 10, RandomKey.FromSeed(0)), () => new Sgd(0.03), (logits, labels) => Losses.CrossEntropy(logits, labels), i => parts[i]);
    /// var history = await FederatedSimulation.RunAsync(1000, clients, new ServerConfig(100), new FedAvg { FractionFit = 0.01, FractionEvaluate = 0 });
    /// </code>
    /// </example>
    public static Func<int, ArrayClient> Of(
        Func<Module> model, Func<Optimizer> optimizer, Func<Tensor, Tensor, Tensor> loss, Func<int, Dataset> train, Func<int, Dataset?>? test = null,
        ModuleClientOptions? options = null, IClientStates? states = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(train);
        var pool = new Pool(model, optimizer, loss, train, test ?? (static _ => null), options ?? new(), states ?? new MemoryClientStates());
        return client => new PooledClient(pool, client);
    }

    /// <summary>What the clients share.</summary>
    private sealed record Pool(
        Func<Module> Model, Func<Optimizer> Optimizer, Func<Tensor, Tensor, Tensor> Loss, Func<int, Dataset> Train, Func<int, Dataset?> Test,
        ModuleClientOptions Options, IClientStates States)
    {
        // As many as were at work at once.
        private readonly ConcurrentBag<ModuleWorker> idle = [];

        /// <summary>Lends a worker to one call.</summary>
        public async Task<T> WithWorkerAsync<T>(Func<ModuleWorker, Task<T>> call)
        {
            if (!idle.TryTake(out var worker)) worker = new(Model(), Optimizer(), Loss, Options, States);
            try
            {
                return await call(worker).ConfigureAwait(false);
            }
            finally
            {
                idle.Add(worker);
            }
        }
    }

    private sealed class PooledClient(Pool pool, int number) : ArrayClient, IRoundClient
    {
        private int? round;
        private int calls;

        public int? Round
        {
            set => round = value;
        }

        public override MetricNames? RecordNames => pool.Options.MetricNames ?? MetricNames.Flower;

        public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(pool.WithWorkerAsync(worker => worker.Client(pool.Train(number), null, default).GetPropertiesAsync(config, cancellation).AsTask()));

        public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(pool.Options.LocalParameters.SharedOf(pool.Model()).ToArrays());

        public override ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            ArgumentNullException.ThrowIfNull(config);
            // A kept run tells it whatever the wire.
            var now = config.TryGetValue(RunKeys.Round, out var told) ? (int)told.AsInt64() : round ?? calls++;
            var data = pool.Train(number);
            return new(pool.WithWorkerAsync(worker => worker.FitAsync(number, now, data, parameters, config, cancellation)));
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => pool.Test(number) is { } data
            ? new(pool.WithWorkerAsync(worker => worker.EvaluateAsync(number, data, parameters, config, cancellation)))
            : base.EvaluateAsync(parameters, config, cancellation);
    }
}
