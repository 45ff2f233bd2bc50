namespace ManagedFed.Nn;

/// <summary>Modules one after another: each gets the output of the one before it.</summary>
public sealed class Sequential : Module
{
    /// <summary>A chain of the modules, named <c>layers.0</c>, <c>layers.1</c>, ….</summary>
    public Sequential(params IEnumerable<Module> layers) => Layers = Children("layers", layers);

    /// <summary>The modules, first to last.</summary>
    public IReadOnlyList<Module> Layers { get; }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Layers.Aggregate(x, static (input, layer) => layer.Forward(input));
}
