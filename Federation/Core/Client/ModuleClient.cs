using ManagedFed.IO;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;

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
public sealed class ModuleClient : ArrayClient, IRoundClient
{
    private readonly Dataset train;
    private readonly Dataset? test;
    private readonly ModuleClientOptions options;
    private readonly ModuleTrainer trainer;
    private readonly RoundCount rounds = new();

    /// <summary>The round whose answer was given last, and the state before it.</summary>
    private (RoundPlace? Place, ClientState? Before) last;

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
        (this.train, this.test, this.options) = (train, test, options ?? new());
        trainer = new("module_client", model, optimizer, loss, this.options);
        if (this.options.StateFile is { } file) GoOnFrom(file);
    }

    /// <summary>The names of <see cref="ModuleClientOptions.MetricNames"/>, or without them those of Flower's quickstarts.</summary>
    public override MetricNames? RecordNames => options.MetricNames ?? MetricNames.Flower;

    /// <inheritdoc/>
    int? IRoundClient.Round
    {
        set => rounds.Told = value;
    }

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        trainer.Properties(config) is { } properties ? new(properties) : base.GetPropertiesAsync(config, cancellation);

    /// <inheritdoc/>
    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(trainer.Shared.ToArrays());

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
        : new(Task.Run(() => trainer.Evaluate(test, parameters, config, cancellation), cancellation));

    private FitOutput Fit(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        RandomKey? chance = options.KeyByRound ? options.Key.Fold((uint)rounds.Next(config)) : null;
        // Nobody could ask for the state before, nor read this one.
        if (RoundPlace.Of(config) is null && options.StateFile is null) return trainer.Fit(chance, train, parameters, config, cancellation);
        return trainer.Fit(new(trainer.State(), last.Place, last.Before), Keep, chance, train, parameters, config, cancellation);
    }

    private void Keep(ClientHistory history)
    {
        if (options.StateFile is { } file) ClientStateFile.Write(file, history.ToState());
        last = (history.Place, history.Before);
    }

    private void GoOnFrom(string file)
    {
        AtomicFile.CheckWritable(file);
        if (ClientStateFile.Read(file, "module_client") is not { } state) return;
        var history = ClientHistory.Read(state, exception => ClientStateFile.Damaged(file, "module_client", exception));
        try
        {
            trainer.GoTo(history.Now);
        }
        catch (ArgumentException exception)
        {
            throw new FormatException($"[module_client] the state file {file} is another model's or optimizer's: {exception.Message}", exception);
        }
        last = (history.Place, history.Before);
    }
}
