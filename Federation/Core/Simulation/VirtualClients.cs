using System.Collections.Concurrent;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation;

/// <summary>Clients for a simulation of many, which share a few models: one for each that works at the same time.</summary>
public static class VirtualClients
{
    /// <summary>A factory of clients that each train the same model on data of their own, in one compiled step that all of them share.</summary>
    /// <remarks>
    /// They do what <see cref="ModuleClient"/> does, by the same code, with one difference: the chance of a call, such as the order of its examples, is
    /// drawn from <c>Key.Fold(client).Fold(round)</c> alone, so that a client need not keep it, and gives the same answer whenever it is asked for the
    /// same round. Behind a wire that does not say the round, a client that <see cref="FederatedClient"/> is given counts its own calls, from 1.
    /// What a client keeps (parameters of <see cref="ModuleClientOptions.LocalParameters"/>, the optimizer's state without
    /// <see cref="ModuleClientOptions.ResetOptimizer"/>, what terms and transforms remember, such as <see cref="Scaffold"/>'s control variate) lies in
    /// <paramref name="states"/>; a client with nothing to keep is not there. <see cref="ModuleClientOptions.StateFile"/> is refused. With
    /// <see cref="FederationOptions.RunStore"/> a killed simulation ends with the same model to the bit if the states last, too: <see cref="FolderClientStates"/>.
    /// </remarks>
    /// <param name="model">Makes a model, always the same; called once for each client at work and each time that a client is asked for its initial parameters.</param>
    /// <param name="optimizer">Makes an optimizer, always the same.</param>
    /// <param name="loss">Of predictions and labels: a scalar, or one loss per sample, which is averaged.</param>
    /// <param name="train">A client's examples by its number, at least one; called on several threads at once.</param>
    /// <param name="test">A client's examples to evaluate on; without, or where it gives null, the client does not evaluate.</param>
    /// <param name="options">Batches, epochs, randomness.</param>
    /// <param name="states">What clients keep from round to round. Default: in memory.</param>
    /// <exception cref="ArgumentException">The options name a state file.</exception>
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
        options ??= new();
        if (options.StateFile is { } file) throw new ArgumentException($"[virtual_clients] StateFile is {file}, expected none: one file cannot be all clients'; give states, such as FolderClientStates", nameof(options));
        var pool = new Pool(model, optimizer, loss, train, test ?? (static _ => null), options with { KeyByRound = true }, states ?? new MemoryClientStates());
        return client => new PooledClient(pool, client);
    }

    /// <summary>What the clients share.</summary>
    private sealed record Pool(
        Func<Module> Model, Func<Optimizer> Optimizer, Func<Tensor, Tensor, Tensor> Loss, Func<int, Dataset> Train, Func<int, Dataset?> Test,
        ModuleClientOptions Options, IClientStates States)
    {
        // As many as were at work at once.
        private readonly ConcurrentBag<Worker> idle = [];

        /// <summary>Lends a worker to one call, on the calling thread.</summary>
        public T With<T>(Func<Worker, T> call)
        {
            if (!idle.TryTake(out var worker)) worker = new(new("virtual_clients", Model(), Optimizer(), Loss, Options));
            try
            {
                return call(worker);
            }
            finally
            {
                idle.Add(worker);
            }
        }

        public FitOutput Fit(
            int client, int round, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            var data = Train(client);
            if (data.Count == 0) throw new ArgumentException($"[virtual_clients] client {client} has no examples, expected at least 1");
            var kept = Kept(client);
            var output = With(worker => worker.Trainer.Fit(
                kept ?? worker.New, Keep, Options.Key.Fold((uint)client).Fold((uint)round), data, parameters, config, cancellation));
            // Uncompiled, a frozen parameter is still the array that came, which others are given, too.
            return output with { Parameters = [.. output.Parameters.Select(array => parameters.Any(given => given.Storage == array.Storage) ? array.Own() : array)] };

            void Keep(ClientHistory history)
            {
                if (kept is null && history.Now.IsEmpty) return;
                try
                {
                    States.Save(client, history.ToState());
                }
                catch (IOException exception)
                {
                    throw new StateNotKeptException(exception);
                }
            }
        }

        public EvaluateOutput Evaluate(
            int client, Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            var kept = Kept(client);
            return With(worker =>
            {
                worker.Trainer.GoTo((kept ?? worker.New).Now);
                return worker.Trainer.Evaluate(data, parameters, config, cancellation);
            });
        }

        private ClientHistory? Kept(int client) => States.Load(client) is { } state
            ? ClientHistory.Read(state, exception => new FormatException($"[virtual_clients] what client {client} has kept is no client's state: {exception.Message}", exception))
            : null;
    }

    /// <summary>A model with all that trains it, and what a client has that has kept nothing yet.</summary>
    private sealed class Worker(ModuleTrainer trainer)
    {
        public ModuleTrainer Trainer => trainer;

        public ClientHistory New { get; } = new(trainer.State());
    }

    private sealed class PooledClient(Pool pool, int number) : ArrayClient, IRoundClient
    {
        private readonly RoundCount rounds = new();

        public int? Round
        {
            set => rounds.Told = value;
        }

        // The models are the pool's; terms and transforms are the user's.
        internal override bool SharesArrays => pool.Options.Terms.Count + pool.Options.ResultTransforms.Count == 0;

        public override MetricNames? RecordNames => pool.Options.MetricNames ?? MetricNames.Flower;

        public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            pool.With(worker => worker.Trainer.Properties(config)) is { } properties ? new(properties) : base.GetPropertiesAsync(config, cancellation);

        public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(pool.Options.LocalParameters.SharedOf(pool.Model()).ToArrays());

        public override ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            ArgumentNullException.ThrowIfNull(config);
            return new(pool.Fit(number, rounds.Next(config), parameters, config, cancellation));
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => pool.Test(number) is { } data
            ? new(pool.Evaluate(number, data, parameters, config, cancellation))
            : base.EvaluateAsync(parameters, config, cancellation);
    }
}
