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
        if (Change() is { } change) Throw.Invalid("compile", $"{change} since the function was compiled; compile it again");
    }

    /// <summary>What has changed since; null when nothing has.</summary>
    public string? Change()
    {
        foreach (var (path, parameter, isTrainable, dtype) in parameters)
        {
            if (parameter.DType != dtype) return $"parameter {path} of {dtype.Name()} became {parameter.DType.Name()}";
            if (parameter.IsTrainable != isTrainable) return $"parameter {path} was {(isTrainable ? "frozen" : "unfrozen")}";
        }
        foreach (var (path, module, training) in modules)
        {
            if (module.Training == training) continue;
            var name = path.Length == 0 ? module.GetType().Name : path;
            return $"{name} went from {(training ? "training to evaluation" : "evaluation to training")}";
        }
        return null;
    }
}
