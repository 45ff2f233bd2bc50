using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A model, its optimizer and their compiled steps: all that trains and evaluates for one client, or for one after the other.</summary>
/// <remarks>
/// What the next answer depends on is a <see cref="ClientState"/>, which <see cref="State"/> reads and <see cref="GoTo"/> puts in place; so whoever
/// was here before leaves no trace. One call at a time.
/// </remarks>
internal sealed partial class ModuleTrainer
{
    private readonly string owner;
    private readonly Module model;
    private readonly Optimizer optimizer;
    private readonly Func<Tensor, Tensor, Tensor> loss;
    private readonly ModuleClientOptions options;
    private readonly ClientTerm[] terms;
    private readonly TrainSteps steps;

    /// <summary>What travels, in wire order.</summary>
    private readonly (string Name, Parameter Parameter)[] shared;

    /// <summary>What does not: a client's own parameters, and states such as random keys.</summary>
    private readonly (string Name, Parameter Parameter)[] own;

    /// <summary>Of these what belongs to the run alone, as a new model has it.</summary>
    private readonly (Parameter Parameter, Tensor Initial)[] passing;

    private RandomKey key;
    private StrategyState memory = StrategyState.Empty;

    /// <summary>The state that is in place; null when it has moved on since.</summary>
    private ClientState? present;

    /// <param name="owner">Who it belongs to, as errors begin.</param>
    /// <param name="model">The model.</param>
    /// <param name="optimizer">Its optimizer.</param>
    /// <param name="loss">Of predictions and labels: a scalar, or one loss per sample, which is averaged.</param>
    /// <param name="options">Batches, epochs, terms.</param>
    /// <exception cref="ArgumentException">A term's name will not do, or the local parameters do not fit the model.</exception>
    public ModuleTrainer(string owner, Module model, Optimizer optimizer, Func<Tensor, Tensor, Tensor> loss, ModuleClientOptions options)
    {
        this.owner = owner;
        (this.model, this.optimizer, this.loss, this.options) = (model, optimizer, loss, options);
        var travelling = options.LocalParameters.SharedOf(model).Keys.ToHashSet(StringComparer.Ordinal);
        var all = model.NamedState().Select(entry => (Name: entry.Key, Parameter: entry.Value)).ToArray();
        shared = Array.FindAll(all, entry => travelling.Contains(entry.Name));
        own = Array.FindAll(all, entry => !travelling.Contains(entry.Name) && (entry.Parameter.IsPersistent || !options.KeyByRound));
        passing = [.. all.Where(entry => options.KeyByRound && !entry.Parameter.IsPersistent).Select(entry => (entry.Parameter, entry.Parameter.Value))];
        terms = [.. ClientTerm.Known, .. options.Terms];
        CheckNames([.. terms.Select(term => term.Name), .. options.ResultTransforms.Select(transform => transform.Name)]);
        key = options.Key;
        var counts = (options.MetricNames ?? MetricNames.Plain).TrainAccuracy is not null;
        steps = new(
            model, optimizer, (x, y) =>
            {
                var predictions = model.Forward(x);
                return (Loss(predictions, y), counts ? Tally.Right(predictions, y) : null);
            },
            options.Compile, options.LoggerFactory.CreateLogger<ModuleClient>());
    }

    /// <summary>The shared parameters.</summary>
    public ParameterTree Shared => new(shared.Select(entry => KeyValuePair.Create(entry.Name, entry.Parameter.Value)));

    /// <summary>What a server that asks hears about the arrays; null when it asks for something else.</summary>
    public IReadOnlyDictionary<string, Scalar>? Properties(IReadOnlyDictionary<string, Scalar> config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (!config.ContainsKey(ParameterSchema.ReportKey)) return null;
        var schema = ParameterSchema.Of(model, options.LocalParameters);
        return new Dictionary<string, Scalar>
        {
            [ParameterSchema.StatisticsKey] = schema.IndicesOf(ParameterRole.Statistic),
            [ParameterSchema.VariancesKey] = schema.IndicesOf(ParameterRole.Variance),
        };
    }

    /// <summary>What the next answer depends on.</summary>
    public ClientState State()
    {
        present = new(
            options.KeyByRound ? null : key,
            new(own.Select(entry => KeyValuePair.Create(entry.Name, entry.Parameter.Value))),
            options.ResetOptimizer ? new([]) : optimizer.State,
            options.ResetOptimizer ? 0 : optimizer.Step,
            memory);
        Tensor.Eval([.. present.Local.Values, .. present.Optimizer.Values]);
        return present;
    }

    /// <summary>Makes the model and the optimizer those of a state.</summary>
    /// <exception cref="ArgumentException">The state is another model's or optimizer's.</exception>
    public void GoTo(ClientState state)
    {
        if (ReferenceEquals(state, present)) return;
        ParameterTree.Refuse(owner, [
            .. own.Where(entry => !state.Local.ContainsKey(entry.Name)).Select(entry => $"missing: {entry.Name} {entry.Parameter.Shape} {entry.Parameter.DType.Name()}"),
            .. state.Local.Where(value => !Array.Exists(own, entry => entry.Name == value.Key)).Select(value => $"unknown: {value.Key} {value.Value.Shape} {value.Value.DType.Name()}"),
        ]);
        foreach (var (name, parameter) in own) parameter.Value = state.Local[name];
        optimizer.Restore(state.Optimizer, state.Step);
        (key, memory) = (state.Key ?? key, state.Memory);
        present = state;
    }

    /// <summary>Trains; a round that was answered before from the state before it. What fails leaves the state as it was.</summary>
    /// <param name="history">What the client has kept.</param>
    /// <param name="keep">Keeps what it has then, before the answer is given.</param>
    /// <param name="chance">The round's chance; null goes on with the state's.</param>
    /// <param name="data">The client's examples.</param>
    /// <param name="parameters">What the server sent.</param>
    /// <param name="config">What the server asks for.</param>
    /// <param name="cancellation">Stops it between two batches.</param>
    public FitOutput Fit(
        ClientHistory history, Action<ClientHistory> keep, RandomKey? chance, Dataset data,
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var place = RoundPlace.Of(config);
        var before = history.StateFor(place);
        try
        {
            GoTo(before);
            var output = Fit(chance, data, parameters, config, cancellation);
            keep(new(State(), place, place is null ? null : before));
            return output;
        }
        catch
        {
            GoTo(history.Now);
            throw;
        }
    }

    /// <summary>Evaluates the shared parameters given with the client's own.</summary>
    public EvaluateOutput Evaluate(
        Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var batchSize = BatchSize(config);
        Place(Fitting(parameters));
        model.Eval();
        var tally = default(Tally);
        for (var start = 0; start < data.Count; start += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = data.Slice(start, Math.Min(batchSize, data.Count - start));
            var predictions = model.Forward(batch.Inputs);
            var (value, right) = (Loss(predictions, batch.Labels), Tally.Right(predictions, batch.Labels));
            Tensor.Eval([value, right ?? value]);
            tally = tally.With(value.AsType(DType.Float64).Item<double>(), right?.Item<double>() ?? double.NaN, batch.Labels);
        }
        return new(tally.Loss, data.Count, (options.MetricNames ?? MetricNames.Plain).OfEvaluation(tally.Metrics));
    }

    private Tensor Loss(Tensor predictions, Tensor labels)
    {
        var value = loss(predictions, labels);
        return value.Rank == 0 ? value : value.Mean();
    }

    private int BatchSize(IReadOnlyDictionary<string, Scalar> config) =>
        (int)Math.Min(int.MaxValue, AtLeastOne("batch_size", config.Setting("batch_size")?.AsInt64() ?? options.BatchSize));

    private long AtLeastOne(string name, long value) =>
        value >= 1 ? value : throw new ArgumentException($"[{owner}] {name} is {value}, expected at least 1");

    private void CheckNames(string[] names)
    {
        foreach (var name in names)
        {
            if (string.IsNullOrEmpty(name) || name.Contains('.', StringComparison.Ordinal)) throw new ArgumentException($"[{owner}] a term or transform is named '{name}', expected a name without a dot");
        }
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new ArgumentException($"[{owner}] two terms or transforms are named '{twice.Key}'");
    }
}
