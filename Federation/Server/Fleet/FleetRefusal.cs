using Grpc.Core;

namespace ManagedFed.Federation;

/// <summary>What a node is told when its call is refused; every transport of Fleet has its own form for the codes.</summary>
internal static class FleetRefusal
{
    /// <summary>The caller is not who it says.</summary>
    public static RpcException Unauthenticated(string why) => Of(StatusCode.Unauthenticated, why);

    /// <summary>The request itself is wrong: sent again it is refused again.</summary>
    public static RpcException Invalid(string why) => Of(StatusCode.InvalidArgument, why);

    /// <summary>A node gives up this message and goes on with the next one.</summary>
    public static RpcException Denied(string why) => Of(StatusCode.PermissionDenied, why);

    public static RpcException Of(StatusCode code, string why) => new(new(code, $"[fleet] {why}"));
}
