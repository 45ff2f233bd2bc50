using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>How a <see cref="ModuleClient"/> trains when the server does not say.</summary>
public sealed record ModuleClientOptions
{
    /// <summary>Examples per batch, at least 1; the server's <c>batch_size</c> goes before.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is below 1.</exception>
    public int BatchSize { get; init => field = Interval.Counts.Check("module_client", nameof(BatchSize), value); } = 256;

    /// <summary>Passes over the training data per round, at least 1; the server's <c>local_epochs</c> goes before.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int LocalEpochs { get; init => field = Interval.Counts.Check("module_client", nameof(LocalEpochs), value); } = 1;

    /// <summary>Chooses the order of the examples; give each client its own.</summary>
    public RandomKey Key { get; init; } = RandomKey.FromSeed(0);

    /// <summary>
    /// True to draw each round's chance from <c>Key.Fold(round)</c> alone, layers' random keys included, so that a client need not keep it; false goes on
    /// with one key from call to call.
    /// </summary>
    internal bool KeyByRound { get; init; }

    /// <summary>True to start each round without momentum and at step 0, since the model is another one. Default true.</summary>
    public bool ResetOptimizer { get; init; } = true;

    /// <summary>
    /// The names of the metrics. Default null: <see cref="Federation.MetricNames.Flower"/> for apps over records, which Flower's Message API is, and
    /// <see cref="Federation.MetricNames.Plain"/> otherwise.
    /// </summary>
    public MetricNames? MetricNames { get; init; }

    /// <summary>The parameters that stay on this client. Default: none.</summary>
    public LocalParameters LocalParameters { get; init; } = LocalParameters.None;

    /// <summary>
    /// True to record loss, gradients, terms and the optimizer's update once for each shape of a batch, and replay them: the same numbers, faster.
    /// A model or loss that cannot be recorded, because it reads values, runs operation by operation all the same, which the log says. One that depends
    /// on variables of its own, such as a counter in a field, must set false, or register them as a <see cref="Nn.Module"/>'s buffers. Default true.
    /// </summary>
    public bool Compile { get; init; } = true;

    /// <summary>What own strategies' halves do between gradient and update, in order, after those that the library knows. Default: none.</summary>
    public IReadOnlyList<ClientTerm> Terms
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value;
        }
    } = [];

    /// <summary>What happens to each result of training before it leaves, in order: the first one gets what the last term has completed. Default: nothing.</summary>
    public IReadOnlyList<ResultTransform> ResultTransforms
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            field = value;
        }
    } = [];

    /// <summary>
    /// The file (safetensors) that keeps what must last beyond the process: the client's key, the optimizer's state unless <see cref="ResetOptimizer"/>, local
    /// parameters and buffers, and what terms remember, such as <see cref="Scaffold"/>'s control variate. It is read when the client is made, and
    /// replaced as a whole before each answer of training is given; so a client that is killed at any instant and started again answers
    /// as if it had not been. One client at a time uses a file. Default null: nothing lasts.
    /// </summary>
    public string? StateFile { get; init; }

    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;
}
