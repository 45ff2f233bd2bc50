namespace ManagedFed.Federation;

/// <summary>Reading what a server's config says.</summary>
public static class ConfigSettings
{
    /// <summary>The value of a name, or of the same name with hyphens in place of underscores; null when there is neither.</summary>
    /// <param name="config">The config of one call.</param>
    /// <param name="name">The name with underscores.</param>
    public static Scalar? Setting(this IReadOnlyDictionary<string, Scalar> config, string name)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(name);
        return config.TryGetValue(name, out var value) || config.TryGetValue(name.Replace('_', '-'), out value) ? value : default(Scalar?);
    }
}
