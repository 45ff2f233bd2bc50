using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>The versions of Flower that speak Fleet over one wire, and what the others are told.</summary>
/// <param name="Oldest">The first minor version.</param>
/// <param name="Newest">The last one; null while it goes on.</param>
internal sealed record FleetVersion(int Oldest, int? Newest)
{
    public const string Header = "flwr-package-version", WarningHeader = "flwr-version-incompatibility-message";

    public static readonly FleetVersion Grpc = new(23, 39), Http = new(40, null);

    /// <summary>A sentence for a node of another version; null when the version is fine, or not told.</summary>
    public string? Warning(string? version)
    {
        if (version is null) return null;
        var parts = version.Split('.');
        return parts.Length >= 2 && parts[0] == "1" && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            && minor >= Oldest && !(minor > Newest)
            ? null : $"This server speaks Fleet of Flower {this}; the node is of version '{FleetObject.Shown(Ascii(version))}'.";
    }

    public override string ToString() => Newest is { } newest ? $"1.{Oldest} to 1.{newest}" : $"1.{Oldest} and later";

    /// <summary>A sentence for a call that this port does not know.</summary>
    public static string Unknown(string path) =>
        $"This port speaks Fleet of Flower {Grpc} over gRPC, and of {Http} over HTTP, and has no {Ascii(path)}: nodes before 1.{Grpc.Oldest} must be updated, "
        + "clients of the bidirectional stream join at the server's other address.";

    /// <summary>A peer's word where only ASCII may stand.</summary>
    private static string Ascii(string text) => string.Concat(text.Take(100).Select(c => c is > ' ' and <= '~' ? c : '?'));
}
