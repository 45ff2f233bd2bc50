using ManagedFed.Graph;

namespace ManagedFed;

public static partial class Transforms
{
    /// <summary>
    /// A function of batches from one of their members: y[b] = f(x[b]) for each b of an axis, in one pass instead of a loop.
    /// </summary>
    /// <remarks>
    /// The function is called once, with tensors that have no value: reading one is refused. What it captures, and what it
    /// draws from a captured random key, is the same for all members; split the key and map over the parts instead.
    /// </remarks>
    /// <param name="f">A function of one member.</param>
    /// <param name="inAxis">The axis of the members in the argument; negative counts from the end.</param>
    /// <param name="outAxis">Where the axis goes in the result.</param>
    /// <exception cref="ArgumentException">When called: the argument has no such axis.</exception>
    /// <exception cref="InvalidOperationException">When called: an operation has no rule for a batch, or a value is read.</exception>
    public static Func<Tensor, Tensor> Vmap(Func<Tensor, Tensor> f, int inAxis = 0, int outAxis = 0)
    {
        ArgumentNullException.ThrowIfNull(f);
        var mapped = Vmap((Tensor[] v) => [f(v[0])], [inAxis], [outAxis]);
        return x => mapped(x)[0];
    }

    /// <summary>A function of batches from one of their members, of two arguments; an axis of null means the same for all members.</summary>
    public static Func<Tensor, Tensor, Tensor> Vmap(Func<Tensor, Tensor, Tensor> f, int? firstAxis = 0, int? secondAxis = 0, int outAxis = 0)
    {
        ArgumentNullException.ThrowIfNull(f);
        var mapped = Vmap((Tensor[] v) => [f(v[0], v[1])], [firstAxis, secondAxis], [outAxis]);
        return (x, y) => mapped(x, y)[0];
    }

    /// <summary>A function of trees of batches from one of their members; all tensors have the members along one axis.</summary>
    public static Func<Tree, Tree> Vmap(Func<Tree, Tree> f, int inAxis = 0, int outAxis = 0)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            Tree? structure = null;
            var results = Map(v => [.. (structure = Called.CheckedTree("vmap", f(x.WithLeaves(v)))).Leaves], [.. x.Leaves], _ => inAxis, _ => outAxis);
            return structure!.WithLeaves(results);
        };
    }

    /// <summary>A function of batches from one of their members, of any number of arguments and results.</summary>
    /// <param name="f">A function of one member.</param>
    /// <param name="inAxes">The members' axis in each argument, null for one that is the same for all; none given means 0 for all.</param>
    /// <param name="outAxes">Where the axis goes in each result; none given means 0 for all.</param>
    public static VariadicFunction Vmap(Func<Tensor[], Tensor[]> f, IReadOnlyList<int?>? inAxes = null, IReadOnlyList<int>? outAxes = null)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            if (inAxes is not null && inAxes.Count != x.Length) Throw.Argument("vmap", $"{inAxes.Count} axes given for {x.Length} arguments");
            return Map(f, x.ToArray(), i => inAxes is null ? 0 : inAxes[i], i =>
            {
                if (outAxes is not null && i >= outAxes.Count) Throw.Argument("vmap", $"{outAxes.Count} axes given for {i + 1} results or more");
                return outAxes is null ? 0 : outAxes[i];
            }, outAxes?.Count);
        };
    }

    private static Tensor[] Map(Func<Tensor[], Tensor[]> f, Tensor[] arguments, Func<int, int?> inAxis, Func<int, int> outAxis, int? outCount = null)
    {
        Called.Expect("vmap", arguments);
        var axes = new int?[arguments.Length];
        for (var i = 0; i < axes.Length; i++) axes[i] = inAxis(i) is { } axis ? arguments[i].Shape.Axis(axis, "vmap") : null;
        var size = BatchSize(arguments, axes);
        using var scope = StateScope.Open();
        var trace = new Trace();
        try
        {
            var members = (Tensor[])arguments.Clone();
            var (placeholders, batches) = (new List<Tensor>(), new List<Tensor>());
            for (var i = 0; i < arguments.Length; i++)
            {
                if (axes[i] is not { } axis) continue;
                members[i] = Tensor.Argument(arguments[i].Shape.Remove(axis), arguments[i].DType, trace, "vmap");
                placeholders.Add(members[i]);
                batches.Add(arguments[i].MoveAxis(axis, 0));
            }
            var outputs = Called.Results("vmap", f, members);
            if (outCount > outputs.Length) Throw.Argument("vmap", $"{outCount} axes given for {outputs.Length} results");
            KeepStateAlike(scope, [.. placeholders]);
            var results = Batching.Run(outputs, [.. placeholders], [.. batches], size);
            Tensor[] moved = [.. results.Select((result, i) => Moved(result ?? Batching.Repeat(outputs[i], size), outAxis(i)))];
            scope.Commit("vmap");
            return moved;
        }
        finally
        {
            trace.Close();
        }
    }

    private static Tensor Moved(Tensor batch, int axis) => batch.MoveAxis(0, batch.Shape.Axis(axis, "vmap"));

    /// <summary>Refuses a new value of a module's state that differs from member to member.</summary>
    private static void KeepStateAlike(StateScope scope, Tensor[] members)
    {
        var changes = Array.FindAll(scope.Changes, change => change.Value is Tensor);
        if (changes.Length == 0) return;
        Paths.Between(members, Array.ConvertAll(changes, change => (Tensor)change.Value), out var depends);
        var differing = Array.FindAll(changes, change => depends.GetValueOrDefault((Tensor)change.Value));
        if (differing.Length > 0) Throw.Invalid("vmap", $"{string.Join(", ", differing.Select(change => change.Key.Name))} would change with each member; use evaluation mode or another normalisation, such as GroupNorm");
    }

    private static int BatchSize(Tensor[] arguments, int?[] axes)
    {
        var first = Array.FindIndex(axes, axis => axis is not null);
        if (first < 0) Throw.Argument("vmap", "no argument is mapped; give the axis of at least one");
        var size = arguments[first].Shape[axes[first]!.Value];
        for (var i = 0; i < arguments.Length; i++)
        {
            if (axes[i] is not { } axis || arguments[i].Shape[axis] == size) continue;
            Throw.Argument("vmap", $"argument {first} {arguments[first].Shape} has {size} members along axis {axes[first]}, argument {i} {arguments[i].Shape} has {arguments[i].Shape[axis]} along axis {axis}");
        }
        return size;
    }
}

/// <summary>A function of any number of tensors.</summary>
public delegate Tensor[] VariadicFunction(params ReadOnlySpan<Tensor> arguments);
