using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>The versions of Flower whose Fleet this is, and what the others are told.</summary>
internal static class FleetVersion
{
    public const string Header = "flwr-package-version", WarningHeader = "flwr-version-incompatibility-message";

    private const int Oldest = 23, Newest = 39;

    /// <summary>A sentence for a node of another version; null when the version is fine, or not told.</summary>
    public static string? Warning(string? version)
    {
        if (version is null) return null;
        var parts = version.Split('.');
        return parts.Length >= 2 && parts[0] == "1" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            && minor is >= Oldest and <= Newest
            ? null : $"This server speaks Fleet of Flower 1.{Oldest} to 1.{Newest}; the node is of version '{FleetObject.Shown(Ascii(version))}'.";
    }

    /// <summary>True for the methods of this service.</summary>
    public static bool Knows(string method) => method is "RegisterNode" or "ActivateNode" or "DeactivateNode" or "UnregisterNode" or "SendNodeHeartbeat"
        or "PullMessages" or "PushMessages" or "GetRun" or "GetFab" or "PushObject" or "PullObject" or "ConfirmMessageReceived";

    /// <summary>A sentence for a call that this port does not know.</summary>
    public static string Unknown(string path) =>
        $"This port speaks Fleet of Flower 1.{Oldest} to 1.{Newest} and has no {Ascii(path)}: nodes before 1.{Oldest} must be updated, "
        + "clients of the bidirectional stream join at the server's other address.";

    /// <summary>A peer's word where only ASCII may stand.</summary>
    private static string Ascii(string text) => string.Concat(text.Take(100).Select(c => c is > ' ' and <= '~' ? c : '?'));
}
