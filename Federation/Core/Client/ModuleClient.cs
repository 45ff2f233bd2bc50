using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A ready client: a model, an optimizer, a loss and data.</summary>
/// <remarks>
/// Arrays travel in the order of <see cref="Module.Parameters"/>, without those of <see cref="ModuleClientOptions.LocalParameters"/>.
/// The server's config may set, for one call, <c>local_epochs</c>, <c>batch_size</c> and <c>learning_rate</c> (or <c>lr</c>); hyphens serve as
/// well as underscores. What strategies ask of a client beside that are <see cref="ClientTerm"/>s, chosen by keys in the config: those of
/// <see cref="FedProx"/>, <see cref="FedNova"/> and <see cref="Scaffold"/> are known, others come with <see cref="ModuleClientOptions.Terms"/>.
/// Metrics are <c>loss</c> (for training: the mean over the last epoch, while it went), when labels are class indices <c>accuracy</c>, both under
/// the names of <see cref="ModuleClientOptions.MetricNames"/>, and what terms add. Training steps are compiled, see
/// <see cref="ModuleClientOptions.Compile"/>. A server whose run is kept names the round; asked again for the same one, the client goes back to what it was
/// before and gives the same answer to the bit, across its own restarts too with <see cref="ModuleClientOptions.StateFile"/>. A call that fails
/// then leaves everything as it was. Arrays of another floating type than the model's, such as
/// a server's float64, are cast. A server that asks for properties hears which arrays are statistics (<see cref="ParameterSchema"/>).
/// </remarks>
/// <example>
/// <code>
/// var client = new ModuleClient(model, new Sgd(0.1), (predictions, labels) => Losses.CrossEntropy(predictions, labels), train, test);
/// await FederatedClient.StartAsync("127.0.0.1:8080", client);
/// </code>
/// </example>
public sealed partial class ModuleClient : ArrayClient
{
    private readonly Module model;
    private readonly Optimizer optimizer;
    private readonly Func<Tensor, Tensor, Tensor> loss;
    private readonly Dataset train;
    private readonly Dataset? test;
    private readonly ModuleClientOptions options;
    private readonly LocalParameters local;
    private readonly ClientTerm[] terms;
    private readonly TrainSteps steps;
    private RandomKey key;
    private StrategyState memory = StrategyState.Empty;

    /// <summary>A client that trains and evaluates a model on its own data.</summary>
    /// <param name="model">Used by this client alone.</param>
    /// <param name="optimizer">Used by this client alone.</param>
    /// <param name="loss">Of predictions and labels: a scalar, or one loss per sample, which is averaged.</param>
    /// <param name="train">At least one example.</param>
    /// <param name="test">At least one example; without, the client does not evaluate.</param>
    /// <param name="options">Batches, epochs, randomness.</param>
    /// <exception cref="ArgumentException">A data set is empty, or an option is outside its range or does not fit the model.</exception>
    /// <exception cref="FormatException">The state file is damaged, or another model's.</exception>
    /// <exception cref="IOException">The state file cannot be read or written.</exception>
    public ModuleClient(
        Module model, Optimizer optimizer, Func<Tensor, Tensor, Tensor> loss, Dataset train, Dataset? test, ModuleClientOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(train);
        if (train.Count == 0 || test?.Count == 0) throw new ArgumentException("[module_client] a data set has no examples");
        this.model = model;
        this.optimizer = optimizer;
        this.loss = loss;
        this.train = train;
        this.test = test;
        this.options = options ?? new();
        key = this.options.Key;
        local = this.options.LocalParameters;
        _ = local.SharedOf(model);
        terms = [.. ClientTerm.Known, .. this.options.Terms];
        CheckNames([.. terms.Select(term => term.Name), .. this.options.ResultTransforms.Select(transform => transform.Name)]);
        steps = new(
            model, optimizer, (x, y) =>
            {
                var predictions = model.Forward(x);
                return (Loss(predictions, y), predictions);
            },
            this.options.Compile, this.options.LoggerFactory.CreateLogger<ModuleClient>());
        if (this.options.StateFile is { } file) GoOnFrom(file);
    }

    /// <summary>The names of <see cref="ModuleClientOptions.MetricNames"/>, or without them those of Flower's quickstarts.</summary>
    public override MetricNames? RecordNames => options.MetricNames ?? MetricNames.Flower;

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (!config.ContainsKey(ParameterSchema.ReportKey)) return base.GetPropertiesAsync(config, cancellation);
        var schema = ParameterSchema.Of(model, local);
        return new(new Dictionary<string, Scalar>
        {
            [ParameterSchema.StatisticsKey] = schema.IndicesOf(ParameterRole.Statistic),
            [ParameterSchema.VariancesKey] = schema.IndicesOf(ParameterRole.Variance),
        });
    }

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(local.SharedOf(model).ToArrays());

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The arrays are not those of the model, or a config value is outside its range.</exception>
    public override ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        new(Task.Run(() => Fit(parameters, config, cancellation), cancellation));

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The arrays are not those of the model, or a config value is outside its range.</exception>
    public override ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => test is null
        ? base.EvaluateAsync(parameters, config, cancellation)
        : new(Task.Run(() => Evaluate(test, parameters, config, cancellation), cancellation));

    private FitOutput Train(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var epochs = AtLeastOne("local_epochs", config.Setting("local_epochs")?.AsInt64() ?? options.LocalEpochs);
        var batchSize = BatchSize(config);
        var (start, behind) = Received(parameters, config);
        model.Update(start, strict: false);
        model.Train();
        if (options.ResetOptimizer) optimizer.Restore(new ParameterTree([]), 0);
        var schedule = optimizer.Schedule;
        try
        {
            if ((config.Setting("learning_rate") ?? config.Setting("lr")) is { } rate) optimizer.LearningRate = rate.AsDouble();
            var first = optimizer.Step;
            var fit = new FitStart(
                config, start, model.NamedParameters().Where(entry => entry.Value.IsTrainable).Select(entry => entry.Key).ToHashSet(), optimizer.LearningRate, DrawKey);
            var active = new List<(ClientTerm Term, FitStart Start, ParameterTree Values)>();
            foreach (var term in terms)
            {
                var own = fit with { Memory = memory.Part(term.Name), Behind = behind.GetValueOrDefault(term) };
                if (term.Begin(own) is { } values) active.Add((term, own, values));
            }
            steps.Begin([.. active.Select(entry => (entry.Term, entry.Values))]);
            var tally = default(Tally);
            for (var epoch = 0L; epoch < epochs; epoch++) tally = Epoch(batchSize, cancellation);

            var trained = local.SharedOf(model);
            var effective = optimizer.EffectiveSteps(first, optimizer.Step - first, active.Sum(entry => entry.Term.Pull(entry.Values)));
            var output = new FitOutput(trained.ToArrays(), train.Count, (options.MetricNames ?? MetricNames.Plain).OfTraining(tally.Metrics));
            foreach (var ((term, own, _), values) in active.Zip(steps.Values))
            {
                output = Keep(term.Name, term.Complete(new(own, values, trained, effective), output));
            }
            foreach (var transform in options.ResultTransforms)
            {
                output = Keep(transform.Name, transform.Apply(output, fit with { Memory = memory.Part(transform.Name) }));
            }
            return output;
        }
        finally
        {
            optimizer.Schedule = schedule;
        }
    }

    /// <summary>The arrays for the model, and for each term those behind it.</summary>
    private (ParameterTree Start, Dictionary<ClientTerm, ParameterTree> Behind) Received(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config)
    {
        var shared = local.SharedOf(model);
        ClientTerm[] takers = [.. terms.Where(term => term.TakesArrays(config))];
        ParameterTree[] parts =
        [
            .. Enumerable.Range(0, takers.Length + 1).Select(i => shared.WithArrays(
                [.. i < takers.Length ? parameters.Skip(i * shared.Count).Take(shared.Count) : parameters.Skip(i * shared.Count)])),
        ];
        return (parts[0], takers.Zip(parts.Skip(1)).ToDictionary());
    }

    private Tally Epoch(int batchSize, CancellationToken cancellation)
    {
        var order = DrawKey();
        var tally = default(Tally);
        var (inputs, labels) = ((Tensor)train.Inputs, (Tensor)train.Labels);
        foreach (var indices in Batches.Shuffled(train.Count, batchSize, order))
        {
            cancellation.ThrowIfCancellationRequested();

            // Lazy, so that the engine reuses the batch's memory at once.
            var rows = Tensor.From<int>(indices);
            var y = labels.Take(rows);
            var (value, right) = steps.Run(inputs.Take(rows), y);
            tally = tally.With(value, right, y);
        }
        return tally;
    }

    private RandomKey DrawKey()
    {
        (key, var drawn) = key.Split();
        return drawn;
    }

    private FitOutput Keep(string name, FitOutcome outcome)
    {
        memory = memory.Nest(name, outcome.Memory);
        return outcome.Output;
    }

    private EvaluateOutput Evaluate(
        Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var batchSize = BatchSize(config);
        model.Update(local.SharedOf(model).WithArrays(parameters), strict: false);
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

    private static long AtLeastOne(string name, long value) =>
        value >= 1 ? value : throw new ArgumentException($"[module_client] {name} is {value}, expected at least 1");

    private static void CheckNames(string[] names)
    {
        foreach (var name in names)
        {
            if (string.IsNullOrEmpty(name) || name.Contains('.', StringComparison.Ordinal)) throw new ArgumentException($"[module_client] a term or transform is named '{name}', expected a name without a dot");
        }
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new ArgumentException($"[module_client] two terms or transforms are named '{twice.Key}'");
    }
}
