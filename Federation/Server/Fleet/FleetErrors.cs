namespace ManagedFed.Federation;

/// <summary>The errors that nodes reply with.</summary>
internal static class FleetErrors
{
    private static readonly string[] Names =
    [
        "unknown error", "the client app cannot be loaded", "the client app raised an exception", "the message is not available",
        "the reply is not available", "the node is not available", "a precondition of a mod does not hold", "the app bundle is invalid",
        "the client app crashed",
    ];

    /// <summary>An error as a failure of the client.</summary>
    public static Refusal ToRefusal(Wire.Error error)
    {
        var name = error.Code >= 0 && error.Code < Names.Length ? Names[error.Code] : Names[0];
        var reason = error.Reason.Length == 0 ? "" : $": {PeerText.Harmless(error.Reason)}";
        return new(FailureReason.Declined, $"error {error.Code}, {name}{reason}");
    }
}
