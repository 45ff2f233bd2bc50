using System.Collections;
using System.Globalization;
using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>What an array of a model is to a server.</summary>
public enum ParameterRole
{
    /// <summary>It has a gradient: an optimizer on the server may move it.</summary>
    Trainable,

    /// <summary>It is measured and not learnt, such as a running mean or a counter: it becomes the clients' mean.</summary>
    Statistic,

    /// <summary>A statistic that is never negative, such as a running variance: an update with a negative one is refused.</summary>
    Variance,
}

/// <summary>One array of a model.</summary>
/// <param name="Name">Its dotted name; null where only arrays are known.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="DType">Its element type.</param>
/// <param name="Role">What it is to a server.</param>
public sealed record ParameterSpec(string? Name, Shape Shape, DType DType, ParameterRole Role)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name ?? "?"} {Shape} {DType.Name()} {Role}";
}

/// <summary>What the arrays of a model are, in wire order: which ones a server's optimizer may move, and which are statistics.</summary>
/// <remarks>
/// A model on the wire is arrays alone, and a step of momentum or Adam makes running variances negative. So strategies that do more than
/// average (<see cref="FedOpt"/>, <see cref="FedBuff"/>, <see cref="FedNova"/>, <see cref="Scaffold"/>, <see cref="QFedAvg"/>,
/// <see cref="FLTrust"/>) give statistics the clients' mean. A run takes the first of these that there is:
/// <list type="number">
/// <item><see cref="Strategy.Schema"/>;</item>
/// <item>the schema of the initial parameters, which <see cref="Parameters.Of"/> gives them;</item>
/// <item>what the client that gave the initial parameters says of them; <see cref="ModuleClient"/> does when such a strategy asks;</item>
/// <item><see cref="Guess"/>.</item>
/// </list>
/// </remarks>
public sealed class ParameterSchema : IReadOnlyList<ParameterSpec>
{
    /// <summary>The config of a question for properties that asks for roles, and the properties that tell them: indices, separated by commas.</summary>
    internal const string ReportKey = "report_parameter_roles", StatisticsKey = "parameter_statistics", VariancesKey = "parameter_variances";

    /// <summary>Ends of names, in Keras, MLX, PyTorch and here.</summary>
    private static readonly string[] Means = ["running_mean", "moving_mean", "num_batches_tracked"], Variances = ["running_var", "moving_variance", "moving_var"];

    private readonly ParameterSpec[] parameters;

    /// <summary>A schema of the given arrays.</summary>
    public ParameterSchema(params IReadOnlyList<ParameterSpec> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        this.parameters = [.. parameters];
    }

    /// <summary>The number of arrays.</summary>
    public int Count => parameters.Length;

    /// <summary>True when some array is not trainable.</summary>
    internal bool HasStatistics => parameters.Any(parameter => parameter.Role != ParameterRole.Trainable);

    /// <summary>One array.</summary>
    public ParameterSpec this[int index] => parameters[index];

    /// <summary>The schema of a module's shared parameters: buffers are statistics, all others are trainable.</summary>
    /// <param name="model">The model.</param>
    /// <param name="local">The parameters that stay with clients. Default: none.</param>
    /// <exception cref="ArgumentException">The model lacks what is named local, or nothing is left to share.</exception>
    public static ParameterSchema Of(Module model, LocalParameters? local = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var cells = model.NamedParameters().ToDictionary(entry => entry.Key, entry => entry.Value);
        return new([.. (local ?? LocalParameters.None).SharedOf(model).Keys.Select(name => new ParameterSpec(
            name, cells[name].Shape, cells[name].DType, !cells[name].IsBuffer ? ParameterRole.Trainable : Named(name) ?? ParameterRole.Statistic))]);
    }

    /// <summary>The schema of arrays of which nothing else is known.</summary>
    /// <remarks>
    /// Integers and bools are statistics. With names, floating arrays are trainable unless a name ends with <c>running_mean</c>,
    /// <c>running_var</c>, <c>moving_mean</c>, <c>moving_variance</c>, <c>moving_var</c> or <c>num_batches_tracked</c>. Without names two patterns
    /// are taken for a batch normalisation's mean and variance, and all other floating arrays are trainable: two one-dimensional arrays
    /// of one length before an integer scalar (PyTorch), and the last two of four one-dimensional arrays of one length, of which the
    /// fourth is positive everywhere. An array that is taken for a statistic without need only misses the optimizer.
    /// </remarks>
    /// <param name="arrays">The arrays.</param>
    /// <param name="names">Their names; null when they are not known.</param>
    /// <exception cref="ArgumentException">There are more or fewer names than arrays.</exception>
    public static ParameterSchema Guess(IReadOnlyList<NdArray> arrays, IReadOnlyList<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        if (names is not null && names.Count != arrays.Count)
        {
            throw new ArgumentException($"[parameter_schema] {names.Count} names given for {arrays.Count} arrays", nameof(names));
        }
        var roles = arrays.Select((array, i) => !array.DType.IsFloating() ? ParameterRole.Statistic
            : names is null ? ParameterRole.Trainable : Named(names[i]) ?? ParameterRole.Trainable).ToArray();
        for (var i = 0; names is null && i < arrays.Count; i++)
        {
            if (i >= 2 && arrays[i].Shape.Rank == 0 && !arrays[i].DType.IsFloating() && AreVectors(arrays, i - 2, 2))
            {
                (roles[i - 2], roles[i - 1]) = (ParameterRole.Statistic, ParameterRole.Variance);
            }
            if (i >= 3 && AreVectors(arrays, i - 3, 4) && IsPositive(arrays[i]))
            {
                // Less sure than the above, so that nobody is refused for a negative value.
                roles[i - 1] = roles[i] = ParameterRole.Statistic;
            }
        }
        return new([.. arrays.Select((array, i) => new ParameterSpec(names?[i], array.Shape, array.DType, roles[i]))]);
    }

    /// <summary>The same with another role for the arrays of the given indices.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such array.</exception>
    public ParameterSchema With(ParameterRole role, params IReadOnlyList<int> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        ParameterSpec[] changed = [.. parameters];
        foreach (var i in indices)
        {
            if (i < 0 || i >= Count) throw new ArgumentOutOfRangeException(nameof(indices), $"[parameter_schema] index is {i}, expected 0 to {Count - 1}");
            changed[i] = changed[i] with { Role = role };
        }
        return new(changed);
    }

    /// <inheritdoc/>
    public IEnumerator<ParameterSpec> GetEnumerator() => ((IEnumerable<ParameterSpec>)parameters).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>All arrays, one a line.</summary>
    public override string ToString() => string.Join('\n', parameters.AsEnumerable());

    /// <summary>True when a server's optimizer may move the array.</summary>
    internal bool IsTrainable(int index) => parameters[index].Role == ParameterRole.Trainable;

    /// <summary>What is wrong with a schema for a model; null when it fits.</summary>
    internal string? Problem(Parameters model)
    {
        if (!model.HasArrays) return $"tensors of type '{model.TensorType}' have no schema";
        if (Count != model.Count) return $"the schema has {Count} arrays, the model {model.Count}";
        for (var i = 0; i < Count; i++)
        {
            if (parameters[i].Shape != model.Arrays[i].Shape || parameters[i].DType != model.Arrays[i].DType)
            {
                return $"array {i} is {parameters[i]} in the schema, {model.Arrays[i].Shape} {model.Arrays[i].DType.Name()} in the model";
            }
        }
        return null;
    }

    /// <summary>The indices with a role as text, as a client tells them.</summary>
    internal string IndicesOf(ParameterRole role) => string.Join(',', Enumerable.Range(0, Count).Where(i => parameters[i].Role == role)
        .Select(i => i.ToString(CultureInfo.InvariantCulture)));

    /// <summary>A guess with the roles that a client tells; null when what it tells is no such text.</summary>
    internal static ParameterSchema? Told(IReadOnlyList<NdArray> arrays, string statistics, string variances)
    {
        if (Indices(statistics, arrays.Count) is not { } plain || Indices(variances, arrays.Count) is not { } positive) return null;
        var schema = new ParameterSchema([.. arrays.Select(array => new ParameterSpec(
            null, array.Shape, array.DType, array.DType.IsFloating() ? ParameterRole.Trainable : ParameterRole.Statistic))]);
        return schema.With(ParameterRole.Statistic, plain).With(ParameterRole.Variance, positive);
    }

    private static int[]? Indices(string text, int count)
    {
        if (text.Length == 0) return [];
        var found = new List<int>();
        foreach (var part in text.AsSpan().Split(','))
        {
            if (!int.TryParse(text.AsSpan(part), NumberStyles.None, CultureInfo.InvariantCulture, out var index) || index >= count) return null;
            found.Add(index);
        }
        return [.. found];
    }

    private static ParameterRole? Named(string name) =>
        Array.Exists(Means, end => name.EndsWith(end, StringComparison.Ordinal)) ? ParameterRole.Statistic
        : Array.Exists(Variances, end => name.EndsWith(end, StringComparison.Ordinal)) ? ParameterRole.Variance
        : null;

    private static bool AreVectors(IReadOnlyList<NdArray> arrays, int first, int count) => Enumerable.Range(first, count).All(i =>
        arrays[i].DType.IsFloating() && arrays[i].Shape.Rank == 1 && arrays[i].Shape == arrays[first].Shape);

    private static bool IsPositive(NdArray array) => array.Count > 0 && array.AsType(DType.Float64).ToArray<double>().All(value => value > 0);
}
