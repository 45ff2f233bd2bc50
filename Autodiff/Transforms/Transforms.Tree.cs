using System.Collections.Concurrent;
using ManagedFed.Graph;

namespace ManagedFed;

// The transforms of functions whose arguments and results are trees.
public static partial class Transforms
{
    /// <summary>A function's output, and its vector–Jacobian product c·∂y/∂x, of trees.</summary>
    /// <param name="f">Any function.</param>
    /// <param name="primal">Where to evaluate it.</param>
    /// <param name="cotangent">Of the output's structure and shapes.</param>
    /// <exception cref="ArgumentException">The cotangent does not match the output.</exception>
    public static (Tree Output, Tree Gradient) Vjp(Func<Tree, Tree> f, Tree primal, Tree cotangent)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(primal);
        ArgumentNullException.ThrowIfNull(cotangent);
        var output = primal;
        var (outputs, gradients) = Vjp(
            v =>
            {
                output = Called.CheckedTree("vjp", f(primal.WithLeaves(v)));
                if (output.Structure != cotangent.Structure) Throw.Argument("vjp", $"the cotangent is {cotangent}, the output {output}; expected one structure");
                return output.Leaves;
            },
            primal.Leaves, cotangent.Leaves);
        return (output.WithLeaves(outputs), primal.WithLeaves(gradients));
    }

    /// <summary>A function's output, and its Jacobian–vector product ∂y/∂x·ẋ, of trees.</summary>
    /// <param name="f">Any function.</param>
    /// <param name="primal">Where to evaluate it.</param>
    /// <param name="tangent">Of the argument's structure, shapes and types.</param>
    /// <exception cref="ArgumentException">The tangent does not match the argument, or that has a tensor that is not floating.</exception>
    public static (Tree Output, Tree Tangent) Jvp(Func<Tree, Tree> f, Tree primal, Tree tangent)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(primal);
        ArgumentNullException.ThrowIfNull(tangent);
        var output = primal;
        if (primal.Structure != tangent.Structure) Throw.Argument("jvp", $"the tangent is {tangent}, the argument {primal}; expected one structure");
        var (outputs, tangents) = Jvp(v => (output = Called.CheckedTree("jvp", f(primal.WithLeaves(v)))).Leaves, primal.Leaves, tangent.Leaves);
        return (output.WithLeaves(outputs), output.WithLeaves(tangents));
    }

    /// <summary>The same function, computed once more for its gradient; see <see cref="Checkpoint(Func{Tensor, Tensor})"/>.</summary>
    public static Func<Tree, Tree> Checkpoint(Func<Tree, Tree> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var output = x;
            var results = Checkpoint((Tensor[] v) => [.. (output = Called.CheckedTree("checkpoint", f(x.WithLeaves(v)))).Leaves])([.. x.Leaves]);
            return output.WithLeaves(results);
        };
    }

    /// <summary>
    /// Records a function of a tree once for each structure, shapes and types, and replays it; see <see cref="CompiledFunction"/>.
    /// </summary>
    public static Func<Tree, Tree> Compile(Func<Tree, Tree> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var known = new ConcurrentDictionary<string, (CompiledFunction Function, ConcurrentDictionary<string, Tree> Outputs)>();
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            Tensor[] leaves = [.. x.Leaves];
            var (function, structures) = known.GetOrAdd(x.Structure, _ =>
            {
                // The function may give another structure for other shapes.
                var outputs = new ConcurrentDictionary<string, Tree>();
                return (new(v => [.. (outputs[Key(v)] = Called.CheckedTree("compile", f(x.WithLeaves(v)))).Leaves], []), outputs);
            });
            var results = function.Invoke(leaves);
            return structures[Key(leaves)].WithLeaves(results);
        };

        static string Key(Tensor[] leaves) => string.Join(' ', leaves.Select(leaf => $"{leaf.DType.Name()}{leaf.Shape}"));
    }

    /// <summary>A function of trees of batches from one of their members, with an axis for each child.</summary>
    /// <param name="f">A function of one member.</param>
    /// <param name="inAxes">The members' axis in all tensors of each child of the argument, null for a child that is the same for all members.</param>
    /// <param name="outAxes">Where the axis goes in the tensors of each child of the result; none given means 0 for all.</param>
    /// <exception cref="ArgumentException">When called: there are more or fewer children than axes.</exception>
    public static Func<Tree, Tree> Vmap(Func<Tree, Tree> f, IReadOnlyList<int?> inAxes, IReadOnlyList<int>? outAxes = null)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(inAxes);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var output = x;
            int?[] axes = [.. Spread(inAxes, x, "children of the argument")];
            int[]? places = null;
            var results = Map(
                v =>
                {
                    output = Called.CheckedTree("vmap", f(x.WithLeaves(v)));
                    if (outAxes is not null) places = [.. Spread(outAxes, output, "children of the result")];
                    return [.. output.Leaves];
                },
                [.. x.Leaves], i => axes[i], i => places is null ? 0 : places[i]);
            return output.WithLeaves(results);
        };

        static IEnumerable<T> Spread<T>(IReadOnlyList<T> axes, Tree tree, string of)
        {
            if (axes.Count != tree.Count) Throw.Argument("vmap", $"{axes.Count} axes given for {tree.Count} {of}");
            return axes.SelectMany((axis, i) => Enumerable.Repeat(axis, tree[i].Leaves.Count));
        }
    }
}
