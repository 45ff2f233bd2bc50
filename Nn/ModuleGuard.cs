namespace ManagedFed.Nn;

/// <summary>What a compiled function takes for granted about a module: which parameters are trained, their types, and the modes.</summary>
internal sealed class ModuleGuard(Module model)
{
    private readonly (Parameter Parameter, bool IsTrainable, DType DType)[] parameters =
        [.. model.NamedState().Select(entry => (entry.Value, entry.Value.IsTrainable, entry.Value.DType))];

    private readonly (Module Module, bool Training)[] modules =
        [.. model.NamedModules().Select(entry => (entry.Value, entry.Value.Training))];

    /// <summary>Refuses a module that has changed since.</summary>
    public void Check()
    {
        foreach (var (parameter, isTrainable, dtype) in parameters)
        {
            if (parameter.DType != dtype) Throw.Invalid("compile", $"parameter {parameter.Name} became {parameter.DType.Name()} since the function was compiled; compile it again");
            if (parameter.IsTrainable != isTrainable) Throw.Invalid("compile", $"parameter {parameter.Name} was frozen or unfrozen since the function was compiled; compile it again");
        }
        foreach (var (module, training) in modules)
        {
            if (module.Training != training) Throw.Invalid("compile", "the module changed between training and evaluation since the function was compiled; compile it again");
        }
    }
}
