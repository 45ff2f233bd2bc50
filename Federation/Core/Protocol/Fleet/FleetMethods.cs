using System.Text;

namespace ManagedFed.Federation;

/// <summary>The methods of Fleet: their names over gRPC, their paths over HTTP, and how much a request may hold.</summary>
internal static class FleetMethods
{
    /// <summary>The service's name over gRPC, and the folder of its paths over HTTP.</summary>
    public const string Service = "flwr.proto.Fleet", Folder = "/v1/fleet/";

    /// <summary>The most bytes of a request with an object (a piece of 5 MiB, or a record) or a tree of ids, and of any other.</summary>
    public const int MaxObjectBytes = 8 << 20, MaxOtherBytes = 256 << 10;

    /// <summary>Their names over gRPC.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "RegisterNode", "ActivateNode", "DeactivateNode", "UnregisterNode", "SendNodeHeartbeat", "PullMessages", "PushMessages", "GetRun", "GetFab",
        "PushObject", "PullObject", "ConfirmMessageReceived",
    ];

    /// <summary>The last part of a method's path over HTTP: <c>pull-messages</c> for <c>PullMessages</c>.</summary>
    public static string Path(string name)
    {
        var path = new StringBuilder();
        foreach (var c in name) path.Append(char.IsUpper(c) && path.Length > 0 ? "-" : "").Append(char.ToLowerInvariant(c));
        return path.ToString();
    }

    public static int MaxBytes(string name) => name is "PushObject" or "PushMessages" ? MaxObjectBytes : MaxOtherBytes;
}
