namespace ManagedFed.Nn;

/// <summary>What a compiled function takes for granted about a module: which parameters are trained, their types, and the modes.</summary>
internal sealed class ModuleGuard(Module model)
{
    private readonly (string Path, Parameter Parameter, bool IsTrainable, DType DType)[] parameters =
        [.. model.NamedState().Select(entry => (entry.Key, entry.Value, entry.Value.IsTrainable, entry.Value.DType))];

    private readonly (string Path, Module Module, bool Training)[] modules =
        [.. model.NamedModules().Select(entry => (entry.Key, entry.Value, entry.Value.Training))];

    /// <summary>Refuses a module that has changed since.</summary>
    public void Check()
    {
        foreach (var (path, parameter, isTrainable, dtype) in parameters)
        {
            if (parameter.DType != dtype) Throw.Invalid("compile", $"parameter {path} of {dtype.Name()} became {parameter.DType.Name()} since the function was compiled; compile it again");
            if (parameter.IsTrainable != isTrainable) Throw.Invalid("compile", $"parameter {path} was {(isTrainable ? "frozen" : "unfrozen")} since the function was compiled; compile it again");
        }
        foreach (var (path, module, training) in modules)
        {
            if (module.Training == training) continue;
            var name = path.Length == 0 ? module.GetType().Name : path;
            Throw.Invalid("compile", $"{name} went from {(training ? "training to evaluation" : "evaluation to training")} since the function was compiled; compile it again");
        }
    }
}
