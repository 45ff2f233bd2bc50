using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>Which parameters of a model stay on the client: they are never sent, and what the server sends never overwrites them.</summary>
/// <remarks>
/// The others travel in the order of <see cref="Module.Parameters"/>, over either wire. All clients of a federation, and the
/// server's initial parameters, must leave out the same ones. Those that stay live in the model: keep it from round to round;
/// <see cref="ModuleClientOptions.StateFile"/>, or <see cref="TrainingState"/>, keeps them in a file beyond the process.
/// </remarks>
/// <example><c>new ModuleClientOptions { LocalParameters = LocalParameters.Named("layers.4") }</c></example>
public sealed class LocalParameters
{
    private readonly Func<Module, IEnumerable<string>> names;

    private LocalParameters(Func<Module, IEnumerable<string>> names) => this.names = names;

    /// <summary>No parameters: all are shared.</summary>
    public static LocalParameters None { get; } = new(static _ => []);

    /// <summary>Scale, shift and running statistics of all <see cref="BatchNorm"/> layers: FedBN (Li et al. 2021, arXiv:2102.07623).</summary>
    /// <remarks>A model without such a layer is refused.</remarks>
    public static LocalParameters BatchNorm { get; } = new(static model =>
    {
        string[] found =
        [
            .. from layer in model.NamedModules()
               where layer.Value is BatchNorm
               from parameter in layer.Value.NamedParameters()
               select layer.Key.Length == 0 ? parameter.Key : $"{layer.Key}.{parameter.Key}",
        ];
        return found.Length > 0 ? found : throw new ArgumentException("[local_parameters] the model has no BatchNorm layer");
    });

    /// <summary>Parameters by name, such as those of the last layers: FedPer (Arivazhagan et al. 2019, arXiv:1912.00818).</summary>
    /// <param name="names">Each selects every parameter whose dotted name contains it as whole parts, as <see cref="Module.Freeze"/> does.</param>
    /// <remarks>A model without a parameter of one of the names is refused.</remarks>
    public static LocalParameters Named(params IReadOnlyList<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        return new(model => names.SelectMany(name =>
        {
            var all = model.Parameters().Keys;
            string[] selected = [.. all.Where(parameter => $".{parameter}.".Contains($".{name}.", StringComparison.Ordinal))];
            return selected.Length > 0 ? selected
                : throw new ArgumentException($"[local_parameters] no parameter is named {name}; there are {NameList.Few([.. all])}");
        }));
    }

    /// <summary>The parameters whose dotted names a predicate holds of.</summary>
    public static LocalParameters Where(Func<string, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        return new(model => model.Parameters().Keys.Where(predicate));
    }

    /// <summary>The parameters that are not local, in wire order: what a client sends, and a server's initial parameters.</summary>
    /// <exception cref="ArgumentException">The model lacks what is named, or nothing is left to share.</exception>
    public ParameterTree SharedOf(Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var local = names(model).ToHashSet(StringComparer.Ordinal);
        var shared = new ParameterTree(model.Parameters().Where(entry => !local.Contains(entry.Key)));
        return shared.Count > 0 ? shared : throw new ArgumentException($"[local_parameters] all {local.Count} parameters are local; nothing is left to share");
    }
}
