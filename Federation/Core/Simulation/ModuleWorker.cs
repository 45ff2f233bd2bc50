using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation;

/// <summary>A model, its optimizer and their compiled step, which one virtual client after the other trains with.</summary>
/// <remarks>Whatever a client leaves behind is replaced before the next one begins: nothing depends on who was here before.</remarks>
internal sealed class ModuleWorker
{
    private const string Model = "model.", Slots = "optimizer.", Steps = "steps";

    private readonly Module model;
    private readonly Optimizer optimizer;
    private readonly Func<Tensor, Tensor, Tensor> loss;
    private readonly ModuleClientOptions options;
    private readonly IClientStates states;
    private readonly CompiledStep step;

    /// <summary>What travels, in wire order.</summary>
    private readonly Parameter[] shared;

    /// <summary>What does not: a client's own parameters, and states such as random keys, as a new model has them.</summary>
    private readonly (string Name, Parameter Parameter, Tensor Initial)[] own;

    public ModuleWorker(Module model, Optimizer optimizer, Func<Tensor, Tensor, Tensor> loss, ModuleClientOptions options, IClientStates states)
    {
        (this.model, this.optimizer, this.loss, this.options, this.states) = (model, optimizer, loss, options, states);
        var travelling = options.LocalParameters.SharedOf(model).Keys.ToHashSet(StringComparer.Ordinal);
        shared = [.. model.NamedState().Where(entry => travelling.Contains(entry.Key)).Select(entry => entry.Value)];
        own = [.. model.NamedState().Where(entry => !travelling.Contains(entry.Key)).Select(entry => (entry.Key, entry.Value, entry.Value.Value))];
        step = ModuleTransforms.CompileStep(model, optimizer, (x, y) =>
        {
            var value = loss(model.Forward(x), y);
            return value.Rank == 0 ? value : value.Mean();
        });
    }

    private bool KeepsState => !options.ResetOptimizer || Array.Exists(own, entry => entry.Parameter.IsPersistent);

    /// <summary>Trains as one client, on the calling thread.</summary>
    public async Task<FitOutput> FitAsync(
        int client, int round, Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        if (config.Setting(Scaffold.RunKey) is not null)
        {
            throw new ArgumentException("[virtual_clients] SCAFFOLD's control variates are not kept for pooled clients; give the simulation a factory of clients that keep them");
        }
        if (data.Count == 0) throw new ArgumentException($"[virtual_clients] client {client} has no examples, expected at least 1");
        var key = options.Key.Fold((uint)client).Fold((uint)round);
        Recall(client, key);
        // What a strategy adds to the gradients is no part of the compiled step.
        var output = options.Terms.Count + options.ResultTransforms.Count > 0 || (config.Setting(FedProx.MuKey) is { } mu && mu.AsDouble() != 0)
            ? await Client(data, null, key).FitAsync(parameters, config, cancellation).ConfigureAwait(false)
            : Fit(data, key, parameters, config, cancellation);
        if (KeepsState) states.Save(client, StateNow());
        return output;
    }

    /// <summary>Evaluates as one client.</summary>
    public async Task<EvaluateOutput> EvaluateAsync(
        int client, Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        Recall(client, options.Key.Fold((uint)client));
        return await Client(data, data, default).EvaluateAsync(parameters, config, cancellation).ConfigureAwait(false);
    }

    /// <summary>A client on this worker's model, for what the compiled step does not do.</summary>
    public ModuleClient Client(Dataset train, Dataset? test, RandomKey key) => new(model, optimizer, loss, train, test, options with { Key = key, Compile = false, StateFile = null });

    private FitOutput Fit(Dataset data, RandomKey key, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var epochs = AtLeastOne("local_epochs", config.Setting("local_epochs")?.AsInt64() ?? options.LocalEpochs);
        var batchSize = (int)Math.Min(data.Count, AtLeastOne("batch_size", config.Setting("batch_size")?.AsInt64() ?? options.BatchSize));
        Load(parameters);
        if (!model.Training) model.Train();
        var schedule = optimizer.Schedule;
        try
        {
            if ((config.Setting("learning_rate") ?? config.Setting("lr")) is { } rate) optimizer.LearningRate = rate.AsDouble();
            var (first, total) = (optimizer.Step, 0.0);
            for (var epoch = 0L; epoch < epochs; epoch++)
            {
                (key, var order) = key.Split();
                // One copy in the order of the epoch, of which batches are views.
                var mixed = data.Subset(Batches.Permutation(order, data.Count));
                total = 0;
                for (var start = 0; start < data.Count; start += batchSize)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var batch = mixed.Slice(start, Math.Min(batchSize, data.Count - start));
                    total += step.Invoke(batch.Inputs, batch.Labels) * batch.Count;
                }
            }
            var metrics = (options.MetricNames ?? MetricNames.Plain).OfTraining(new Dictionary<string, Scalar> { ["loss"] = total / data.Count });
            if (config.Setting(FedNova.ReportKey) is { } asked && asked.AsBool()) metrics[FedNova.StepsKey] = optimizer.EffectiveSteps(first, optimizer.Step - first);
            return new(Array.ConvertAll(shared, parameter => parameter.Value.ToNdArray()), data.Count, metrics);
        }
        finally
        {
            optimizer.Schedule = schedule;
        }
    }

    /// <summary>Takes over the server's arrays.</summary>
    private void Load(IReadOnlyList<NdArray> parameters)
    {
        var fits = parameters.Count == shared.Length;
        for (var i = 0; fits && i < shared.Length; i++) fits = parameters[i].Shape == shared[i].Shape && parameters[i].DType == shared[i].DType;
        // Casts, or says all that is wrong.
        var given = fits ? [.. parameters.Select(array => (Tensor)array)] : options.LocalParameters.SharedOf(model).WithArrays(parameters).Values.ToArray();
        for (var i = 0; i < shared.Length; i++) shared[i].Value = given[i];
    }

    /// <summary>Makes the model and the optimizer those of a client: as it left them, or as they are when they are new.</summary>
    private void Recall(int client, RandomKey key)
    {
        var state = KeepsState ? states.Load(client) : null;
        foreach (var (name, parameter, initial) in own)
        {
            parameter.Value = state?.Arrays.GetValueOrDefault($"{Model}{name}") is { } kept ? kept
                : parameter is { IsPersistent: false, DType: DType.UInt32, Shape: { Rank: 1 } shape } && shape[0] == 2 ? FoldedInto(initial, key) : initial;
        }
        var slots = state?.Arrays.Where(entry => entry.Key.StartsWith(Slots, StringComparison.Ordinal)).Select(entry => KeyValuePair.Create(entry.Key[Slots.Length..], (Tensor)entry.Value));
        optimizer.Restore(new(slots ?? []), state is not null && state.Values.TryGetValue(Steps, out var steps) ? steps.AsInt64() : 0);
    }

    /// <summary>What the client that was here keeps.</summary>
    private StrategyState StateNow()
    {
        var arrays = own.Where(entry => entry.Parameter.IsPersistent).Select(entry => KeyValuePair.Create($"{Model}{entry.Name}", entry.Parameter.Value.ToNdArray()));
        if (options.ResetOptimizer) return StrategyState.Of(arrays, []);
        var slots = optimizer.State;
        return StrategyState.Of(
            arrays.Concat(slots.Keys.Zip(slots.ToArrays(), (name, array) => KeyValuePair.Create($"{Slots}{name}", array))), [KeyValuePair.Create(Steps, (Scalar)optimizer.Step)]);
    }

    /// <summary>A layer's random key for one client and round.</summary>
    private static Tensor FoldedInto(Tensor initial, RandomKey key)
    {
        var words = initial.ToNdArray().ToArray<uint>();
        return new RandomKey(words[0], words[1]).Fold(key.Word0).Fold(key.Word1);
    }

    private static long AtLeastOne(string name, long value) =>
        value >= 1 ? value : throw new ArgumentException($"[virtual_clients] {name} is {value}, expected at least 1");
}
