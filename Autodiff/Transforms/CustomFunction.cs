using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>A function with derivatives, or a rule for batches, of its own.</summary>
/// <remarks>
/// What is not given is derived from the function itself; without a <see cref="Jvp"/>, tangents follow from <see cref="Vjp"/>
/// where that is given. With a <see cref="Vjp"/> no gradient reaches tensors that the function captures: pass them as
/// arguments. The rules are functions of tensors like any other, may be differentiated and mapped in turn, and are called
/// once for each result that has a cotangent.
/// </remarks>
/// <example>
/// <code>
/// var clipped = new CustomFunction(x => [x[0].Exp()]) { Vjp = (x, g, y) => [g[0] * Tensor.Minimum(y[0], 10)] };
/// var y = clipped.Invoke(x)[0];
/// </code>
/// </example>
/// <param name="forward">The function of any number of tensors.</param>
public sealed class CustomFunction(Func<Tensor[], Tensor[]> forward)
{
    /// <summary>A vector–Jacobian product.</summary>
    /// <param name="arguments">The function's arguments.</param>
    /// <param name="cotangents">One for each result, of its shape.</param>
    /// <param name="results">The function's results.</param>
    /// <returns>One gradient for each argument, of its shape; null for zero.</returns>
    public delegate Tensor?[] VjpRule(Tensor[] arguments, Tensor[] cotangents, Tensor[] results);

    /// <summary>A Jacobian–vector product.</summary>
    /// <param name="arguments">The function's arguments.</param>
    /// <param name="tangents">One for each argument, of its shape.</param>
    /// <returns>One tangent for each result, of its shape.</returns>
    public delegate Tensor[] JvpRule(Tensor[] arguments, Tensor[] tangents);

    /// <summary>The function on batches.</summary>
    /// <param name="arguments">The arguments, the mapped ones with a leading batch axis.</param>
    /// <param name="mapped">Which arguments have that axis.</param>
    /// <returns>The results, each with a leading batch axis.</returns>
    public delegate Tensor[] VmapRule(Tensor[] arguments, bool[] mapped);

    /// <summary>The gradient, or null to derive it.</summary>
    public VjpRule? Vjp { get; init; }

    /// <summary>The tangent, or null to derive it.</summary>
    public JvpRule? Jvp { get; init; }

    /// <summary>The rule for batches, or null to derive it.</summary>
    public VmapRule? Vmap { get; init; }

    /// <summary>Which rules are given.</summary>
    public override string ToString()
    {
        string[] given = [.. new (string Name, object? Rule)[] { (nameof(Vjp), Vjp), (nameof(Jvp), Jvp), (nameof(Vmap), Vmap) }.Where(entry => entry.Rule is not null).Select(entry => entry.Name)];
        return $"{nameof(CustomFunction)} with {(given.Length == 0 ? "no rules of its own" : string.Join(", ", given))}";
    }

    /// <summary>The function's results.</summary>
    public Tensor[] Invoke(params ReadOnlySpan<Tensor> arguments)
    {
        Tensor[] x = [.. arguments];
        using var scope = StateScope.Open();
        Called.Expect("custom_function", x);
        var results = Called.Results("custom_function", forward, x);
        scope.Commit("custom_function");
        return Array.Exists(x, argument => argument.IsTraced) ? Wrap(results, x) : results;
    }

    /// <summary>Each result as a node that depends on all results and arguments.</summary>
    internal Tensor[] Wrap(Tensor[] results, Tensor[] arguments) =>
        [.. results.Select((_, i) => Tensor.Apply(new CustomOp(this, i, results.Length), [results[i], .. results, .. arguments]))];

    /// <summary>The function for batches, whose derivative rules are those of this one, mapped.</summary>
    internal Tensor[] Batch(Tensor[] results, Tensor[] arguments, bool[] mapped, int size)
    {
        if (Vmap is not null)
        {
            var given = Vmap(arguments, mapped);
            Called.Checked("custom_function", given);
            if (given.Length != results.Length) Throw.Invalid("custom_function", $"the rule for batches gave {given.Length} for {results.Length} results");
            for (var i = 0; i < given.Length; i++)
            {
                if (given[i].Shape != results[i].Shape) Throw.Invalid("custom_function", $"result {i} of the rule for batches has shape {given[i].Shape}, expected {results[i].Shape}");
            }
            results = given;
        }
        int?[] axes = [.. mapped.Select(isMapped => isMapped ? 0 : (int?)null)];
        var batch = new CustomFunction(forward)
        {
            Vjp = Vjp is null ? null : (x, cotangents, y) =>
            {
                int?[] all = [.. axes, .. Enumerable.Repeat((int?)0, 2 * results.Length)];
                var (count, n) = (x.Length, results.Length);
                var gradients = Transforms.Vmap(
                    v => [.. Vjp(v[..count], v[count..(count + n)], v[(count + n)..]).Select((g, i) => g ?? v[i].ZerosLike())], all)([.. x, .. cotangents, .. y]);
                return [.. gradients.Select((g, i) => mapped[i] ? g : g.Sum(0))];
            },
            Jvp = Jvp is null ? null : (x, tangents) =>
                Transforms.Vmap(v => Jvp(v[..x.Length], v[x.Length..]), [.. axes, .. axes])([.. x, .. tangents]),
        };
        return batch.Wrap(results, arguments);
    }
}
