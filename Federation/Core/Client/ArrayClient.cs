namespace ManagedFed.Federation;

/// <summary>What training gave.</summary>
/// <param name="Parameters">The arrays after training, in the order they came.</param>
/// <param name="NumExamples">The examples trained on: the model's weight in the mean.</param>
/// <param name="Metrics">Further values for the server.</param>
public sealed record FitOutput(IReadOnlyList<NdArray> Parameters, long NumExamples, IReadOnlyDictionary<string, Scalar>? Metrics = null)
{
    /// <summary>The same with one more metric.</summary>
    internal FitOutput WithMetric(string name, Scalar value) =>
        this with { Metrics = new Dictionary<string, Scalar>(Metrics ?? Federation.Metrics.None) { [name] = value } };
}

/// <summary>What evaluating gave.</summary>
/// <param name="Loss">The loss; sent with 32 bits.</param>
/// <param name="NumExamples">The examples evaluated on: the loss's weight in the mean.</param>
/// <param name="Metrics">Further values for the server.</param>
public sealed record EvaluateOutput(double Loss, long NumExamples, IReadOnlyDictionary<string, Scalar>? Metrics = null);

/// <summary>A client over lists of arrays, Flower's <c>NumPyClient</c>: override what it can do.</summary>
/// <remarks>
/// The server is told of a method that is not overridden. Arrays that come in are the client's own to change, and arrays that were
/// returned may be changed later: nobody else sees it, whatever the transport. Methods are called one at a time.
/// </remarks>
/// <example>
/// <code>
/// sealed class MyClient : ArrayClient
/// {
///     public override ValueTask&lt;FitOutput&gt; FitAsync(
///         IReadOnlyList&lt;NdArray&gt; parameters, IReadOnlyDictionary&lt;string, Scalar&gt; config, CancellationToken cancellation) =>
///         new(new FitOutput(Train(parameters), NumExamples: 100));
/// }
/// </code>
/// </example>
public abstract class ArrayClient
{
    /// <summary>
    /// What the metrics <c>loss</c> and <c>accuracy</c> and the loss of an evaluation are called in apps over records, Flower's Message API, whose
    /// strategies stop a run when clients report different names. Null, the default, leaves the metrics and calls that loss <c>eval_loss</c>.
    /// </summary>
    public virtual MetricNames? RecordNames => null;

    /// <summary>
    /// True when the client writes neither into arrays that come in nor into those it has returned, and hands neither to user code, so that a transport in
    /// memory need not copy them.
    /// </summary>
    internal virtual bool SharesArrays => false;

    /// <summary>Facts about the client.</summary>
    public virtual ValueTask<IReadOnlyDictionary<string, Scalar>> GetPropertiesAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => throw new NotOverriddenException("get_properties");

    /// <summary>The client's model: a server without a model of its own starts from one client's.</summary>
    public virtual ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => throw new NotOverriddenException("get_parameters");

    /// <summary>Trains the model given on the client's data.</summary>
    public virtual ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        throw new NotOverriddenException("fit");

    /// <summary>Evaluates the model given on the client's data.</summary>
    public virtual ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        throw new NotOverriddenException("evaluate");
}

/// <summary>Tells a method that was not overridden from one that failed; never leaves the library.</summary>
internal sealed class NotOverriddenException(string method) : Exception($"Client does not implement `{method}`");
