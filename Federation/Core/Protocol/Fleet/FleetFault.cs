namespace ManagedFed.Federation;

/// <summary>Why a call of Fleet has no answer, whatever wire carried it; each wire has its own codes for these.</summary>
internal enum FleetFault
{
    /// <summary>The request itself is wrong: sent again it is refused again.</summary>
    Invalid,

    /// <summary>The heartbeat interval is out of range.</summary>
    Interval,

    /// <summary>The caller is not who it says.</summary>
    Unauthenticated,

    /// <summary>The run is over, or not this node's: it gives up the message and goes on with the next one.</summary>
    Denied,

    /// <summary>The run may not be told of.</summary>
    RunDenied,

    /// <summary>There is no such app bundle to fetch.</summary>
    BundleDenied,

    /// <summary>Nodes do not register themselves here, or the key is in use.</summary>
    RegistrationClosed,

    /// <summary>The node must be activated first.</summary>
    Inactive,

    /// <summary>The request has more bytes than are taken.</summary>
    TooLarge,

    /// <summary>There is no such method here, or no Fleet at all.</summary>
    Unknown,

    /// <summary>The request's form (its type, or its compression) is not understood.</summary>
    Unsupported,

    /// <summary>The request's bytes came too slowly.</summary>
    TooSlow,

    /// <summary>The server cannot be reached, or cannot answer now: the same call may succeed later.</summary>
    Unavailable,

    /// <summary>The server failed, or what it answered cannot be read.</summary>
    Failed,
}

/// <summary>A call of Fleet that failed or was refused.</summary>
/// <param name="fault">The kind of failure.</param>
/// <param name="message">Why; a peer's words where a peer said it.</param>
/// <param name="code">How the wire called it; null where there was no wire.</param>
/// <param name="cause">What broke underneath.</param>
internal sealed class FleetException(FleetFault fault, string message, string? code = null, Exception? cause = null) : Exception(message, cause)
{
    public FleetFault Fault => fault;

    /// <summary>The failure in one word, as the wire called it.</summary>
    public string Code => code ?? fault.ToString();

    /// <summary>True when a message is to be dropped: its run is over, or not this node's any more.</summary>
    public bool IsDenial => fault is FleetFault.Denied or FleetFault.RunDenied or FleetFault.BundleDenied;

    /// <summary>True when something has to be done first that another call, or a person, does.</summary>
    public bool IsPrecondition => fault is FleetFault.RegistrationClosed or FleetFault.Inactive;

    /// <summary>The same in words that are harmless, as another exception's cause.</summary>
    public FleetException Harmless() => new(fault, PeerText.Harmless(Message), code, InnerException);
}
