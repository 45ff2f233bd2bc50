namespace ManagedFed.Federation;

/// <summary>A client in four plain methods, as Flower's quickstarts write them.</summary>
/// <remarks>
/// Before <see cref="Fit"/> and <see cref="Evaluate"/> the server's arrays go to <see cref="SetParameters"/>; after
/// <see cref="Fit"/> the arrays of <see cref="GetParameters"/> go back. Methods are called one at a time, on a thread of
/// their own while they run, so that many such clients work at once in one process.
/// </remarks>
/// <example>
/// <code>
/// sealed class MyClient(Module model, Func&lt;long&gt; train, Func&lt;EvaluateOutput&gt; test) : SyncArrayClient
/// {
///     public override IReadOnlyList&lt;NdArray&gt; GetParameters() => model.Parameters().ToArrays();
///     public override void SetParameters(IReadOnlyList&lt;NdArray&gt; arrays) => model.Update(model.Parameters().WithArrays(arrays));
///     public override FitReport Fit(IReadOnlyDictionary&lt;string, Scalar&gt; config, CancellationToken cancellation) => new(train());
///     public override EvaluateOutput Evaluate(IReadOnlyDictionary&lt;string, Scalar&gt; config, CancellationToken cancellation) => test();
/// }
/// </code>
/// </example>
public abstract class SyncArrayClient : ArrayClient
{
    /// <summary>The model's arrays, in an order that all clients share.</summary>
    public abstract IReadOnlyList<NdArray> GetParameters();

    /// <summary>Takes over arrays in the order of <see cref="GetParameters"/>; they are the client's own to change.</summary>
    public abstract void SetParameters(IReadOnlyList<NdArray> arrays);

    /// <summary>Trains the model on the client's data.</summary>
    public abstract FitReport Fit(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation);

    /// <summary>Evaluates the model on the client's data.</summary>
    public abstract EvaluateOutput Evaluate(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation);

    /// <inheritdoc/>
    public sealed override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => OnThread(GetParameters, cancellation);

    /// <inheritdoc/>
    public sealed override ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => OnThread(
        () =>
        {
            SetParameters(parameters);
            var report = Fit(config, cancellation);
            return new FitOutput(GetParameters(), report.NumExamples, report.Metrics);
        },
        cancellation);

    /// <inheritdoc/>
    public sealed override ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => OnThread(
        () =>
        {
            SetParameters(parameters);
            return Evaluate(config, cancellation);
        },
        cancellation);

    // Training blocks for long; the thread pool would add threads for it far too slowly.
    private static ValueTask<T> OnThread<T>(Func<T> work, CancellationToken cancellation) =>
        new(Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default));
}

/// <summary>What training gave, beside the parameters.</summary>
/// <param name="NumExamples">The examples trained on: the model's weight in the mean.</param>
/// <param name="Metrics">Further values for the server.</param>
public sealed record FitReport(long NumExamples, IReadOnlyDictionary<string, Scalar>? Metrics = null);
