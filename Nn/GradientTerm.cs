using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>Changes the gradients of a step before the optimizer takes them: one link of a chain, as optax has it.</summary>
/// <remarks>
/// What it reads, and may replace from step to step, lies in cells. So a compiled step is recorded once, and takes new values without being
/// recorded anew.
/// </remarks>
internal sealed class GradientTerm
{
    private readonly string name;
    private readonly Func<ParameterTree, ParameterTree, ParameterTree, (ParameterTree Gradients, ParameterTree Values)> update;
    private readonly OrderedDictionary<string, TensorCell> cells = [];

    /// <param name="name">The name in messages.</param>
    /// <param name="values">What it reads; their names, shapes and types stay.</param>
    /// <param name="update">Gives new gradients and values for gradients, parameters and values.</param>
    public GradientTerm(
        string name, ParameterTree values, Func<ParameterTree, ParameterTree, ParameterTree, (ParameterTree Gradients, ParameterTree Values)> update)
    {
        this.name = name;
        this.update = update;
        foreach (var (key, value) in values) cells.Add(key, new($"{name}.{key}", value));
    }

    public IEnumerable<TensorCell> Cells => cells.Values;

    /// <summary>The present values; new ones have the same names, shapes and types.</summary>
    public ParameterTree Values
    {
        get => new(cells.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Value)));
        set
        {
            foreach (var (key, cell) in cells) cell.Value = value[key];
        }
    }

    /// <summary>The changed gradients; the values become those of the next step.</summary>
    /// <exception cref="ArgumentException">A name, shape or type differs from what was given.</exception>
    public ParameterTree Apply(ParameterTree gradients, ParameterTree parameters)
    {
        var before = Values;
        var (changed, after) = update(gradients, parameters, before);
        RefuseOthers("gradients", gradients, changed);
        RefuseOthers("values", before, after);
        Values = after;
        return changed;
    }

    private void RefuseOthers(string what, ParameterTree expected, ParameterTree given) => ParameterTree.Refuse(
        name, [.. expected.Missing(given).Concat(expected.Extra(given)).Concat(expected.Unlike(given)).Select(difference => $"{what} {difference}")]);
}
