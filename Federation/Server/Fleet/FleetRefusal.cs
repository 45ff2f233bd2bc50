namespace ManagedFed.Federation;

/// <summary>What a node is told when its call is refused; every wire of Fleet has its own codes.</summary>
internal static class FleetRefusal
{
    /// <summary>The caller is not who it says.</summary>
    public static FleetException Unauthenticated(string why) => Of(FleetFault.Unauthenticated, why);

    /// <summary>The request itself is wrong: sent again it is refused again.</summary>
    public static FleetException Invalid(string why) => Of(FleetFault.Invalid, why);

    /// <summary>A node gives up this message and goes on with the next one.</summary>
    public static FleetException Denied(string why) => Of(FleetFault.Denied, why);

    public static FleetException Of(FleetFault fault, string why) => new(fault, $"[fleet] {why}");
}
