using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation;

/// <summary>A ready client: a model, an optimizer, a loss and data.</summary>
/// <remarks>
/// Arrays travel in the order of <see cref="Module.Parameters"/>, without those of <see cref="ModuleClientOptions.LocalParameters"/>.
/// The server's config may set, for one call, <c>local_epochs</c>, <c>batch_size</c>, <c>learning_rate</c> (or <c>lr</c>) and
/// <c>proximal_mu</c> (see <see cref="FedProx"/>); hyphens serve as well as underscores. Metrics are <c>loss</c> (for training: the
/// mean over the last epoch, while it went), when labels are class indices <c>accuracy</c>, both under the names of
/// <see cref="ModuleClientOptions.MetricNames"/>, and what <see cref="FedNova"/> asks for. For
/// <see cref="Scaffold"/> it keeps control variates from round to round, in memory. Arrays of another floating type than the model's, such as
/// a server's float64, are cast. A server that asks for properties hears which arrays are statistics (<see cref="ParameterSchema"/>).
/// </remarks>
/// <example>
/// <code>
/// var client = new ModuleClient(model, new Sgd(0.1), (predictions, labels) => Losses.CrossEntropy(predictions, labels), train, test);
/// await FederatedClient.StartAsync("127.0.0.1:8080", client);
/// </code>
/// </example>
public sealed class ModuleClient : ArrayClient
{
    private readonly Module model;
    private readonly Optimizer optimizer;
    private readonly Func<Tensor, Tensor, Tensor> loss;
    private readonly Dataset train;
    private readonly Dataset? test;
    private readonly ModuleClientOptions options;
    private readonly Func<Tensor, Tensor, (Tensor Loss, Tensor Predictions, ParameterTree Gradients)> step;
    private readonly LocalParameters local;
    private readonly ControlVariates variates = new();
    private RandomKey key;

    /// <summary>A client that trains and evaluates a model on its own data.</summary>
    /// <param name="model">Used by this client alone.</param>
    /// <param name="optimizer">Used by this client alone.</param>
    /// <param name="loss">Of predictions and labels: a scalar, or one loss per sample, which is averaged.</param>
    /// <param name="train">At least one example.</param>
    /// <param name="test">At least one example; without, the client does not evaluate.</param>
    /// <param name="options">Batches, epochs, randomness.</param>
    /// <exception cref="ArgumentException">A data set is empty, or an option is outside its range or does not fit the model.</exception>
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
        step = ModuleTransforms.ValueAndGrad(model, (x, y) =>
        {
            var predictions = model.Forward(x);
            return (Loss(predictions, y), predictions);
        });
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

    private FitOutput Fit(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var epochs = AtLeastOne("local_epochs", Setting(config, "local_epochs")?.AsInt64() ?? options.LocalEpochs);
        var batchSize = BatchSize(config);
        var run = Setting(config, Scaffold.RunKey);
        var shared = local.SharedOf(model).Count;
        SetParameters(run is null ? parameters : [.. parameters.Take(shared)]);
        model.Train();
        var start = local.SharedOf(model);
        var control = run is null ? null : start.WithArrays([.. parameters.Skip(shared)]);
        var terms = new Terms(
            Setting(config, FedProx.MuKey)?.AsDouble() ?? 0, start, control is null ? null : variates.Begin(run!.Value.AsInt64(), control));
        if (options.ResetOptimizer) optimizer.Restore(new ParameterTree([]), 0);
        var schedule = optimizer.Schedule;
        try
        {
            if ((Setting(config, "learning_rate") ?? Setting(config, "lr")) is { } rate) optimizer.LearningRate = rate.AsDouble();
            if (control is not null && optimizer.LearningRate == 0) throw new ArgumentException("[module_client] learning rate is 0, expected above 0; SCAFFOLD divides by it");
            var (first, tally) = (optimizer.Step, default(Tally));
            for (var epoch = 0L; epoch < epochs; epoch++) tally = Epoch(batchSize, terms, cancellation);
            var (trained, metrics) = (local.SharedOf(model), (options.MetricNames ?? MetricNames.Plain).OfTraining(tally.Metrics));
            var steps = optimizer.EffectiveSteps(first, optimizer.Step - first, terms.Mu);
            if (Setting(config, FedNova.ReportKey) is { } asked && asked.AsBool()) metrics[FedNova.StepsKey] = steps;
            if (control is null) return new(trained.ToArrays(), train.Count, metrics);
            metrics[Scaffold.RunKey] = run!.Value;
            var change = variates.Renew(control, model.TrainableParameters().Keys.ToHashSet(), start, trained, steps * optimizer.Schedule(first));
            return new([.. trained.ToArrays(), .. change], train.Count, metrics);
        }
        finally
        {
            optimizer.Schedule = schedule;
        }
    }

    private Tally Epoch(int batchSize, Terms terms, CancellationToken cancellation)
    {
        (key, var order) = key.Split();
        var tally = default(Tally);
        var (inputs, labels) = ((Tensor)train.Inputs, (Tensor)train.Labels);
        foreach (var indices in Batches.Shuffled(train.Count, batchSize, order))
        {
            cancellation.ThrowIfCancellationRequested();

            // Taken inside the graph, so that the engine reuses the batch's memory at once.
            var rows = Tensor.From<int>(indices);
            var y = labels.Take(rows);
            var (value, predictions, gradients) = step(inputs.Take(rows), y);
            optimizer.Update(model, terms.AddTo(gradients, model));
            tally = tally.With(value, predictions, y, model.Parameters().Values);
        }
        return tally;
    }

    private EvaluateOutput Evaluate(
        Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var batchSize = BatchSize(config);
        SetParameters(parameters);
        model.Eval();
        var tally = default(Tally);
        for (var start = 0; start < data.Count; start += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = data.Slice(start, Math.Min(batchSize, data.Count - start));
            var predictions = model.Forward(batch.Inputs);
            tally = tally.With(Loss(predictions, batch.Labels), predictions, batch.Labels, []);
        }
        return new(tally.Loss, data.Count, (options.MetricNames ?? MetricNames.Plain).OfEvaluation(tally.Metrics));
    }

    private void SetParameters(IReadOnlyList<NdArray> parameters) => model.Update(local.SharedOf(model).WithArrays(parameters), strict: false);

    private Tensor Loss(Tensor predictions, Tensor labels)
    {
        var value = loss(predictions, labels);
        return value.Rank == 0 ? value : value.Mean();
    }

    private int BatchSize(IReadOnlyDictionary<string, Scalar> config) =>
        (int)Math.Min(int.MaxValue, AtLeastOne("batch_size", Setting(config, "batch_size")?.AsInt64() ?? options.BatchSize));

    private static Scalar? Setting(IReadOnlyDictionary<string, Scalar> config, string name) =>
        config.TryGetValue(name, out var value) || config.TryGetValue(name.Replace('_', '-'), out value) ? value : default(Scalar?);

    private static long AtLeastOne(string name, long value) =>
        value >= 1 ? value : throw new ArgumentException($"[module_client] {name} is {value}, expected at least 1");

    /// <summary>What a strategy adds to the gradients of shared parameters, which begin at w₀: FedProx μ·(w − w₀), SCAFFOLD c − cₖ.</summary>
    private sealed record Terms(double Mu, ParameterTree Start, ParameterTree? Drift)
    {
        public ParameterTree AddTo(ParameterTree gradients, Module model)
        {
            if (Mu == 0 && Drift is null) return gradients;
            var now = model.Parameters();
            return gradients.Map((name, gradient) =>
            {
                if (!Start.TryGetValue(name, out var start)) return gradient;
                if (Mu != 0) gradient += Mu * (now[name] - start);
                return Drift is null ? gradient : gradient + Drift[name];
            });
        }
    }
}
