using System.Security.Cryptography.X509Certificates;

namespace ManagedFed.Federation;

/// <summary>What a server needs from around it.</summary>
public sealed record FederatedServerOptions : FederationOptions
{
    /// <summary>The certificate, with its private key, that makes the server speak TLS.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>True to listen beyond this machine without a certificate: whoever reaches the port can join and read the model.</summary>
    public bool AllowInsecure { get; init; }

    /// <summary>What clients' replies may take of the server's memory.</summary>
    public ReplyLimits ReplyLimits { get; init; } = new();

    /// <summary>How much of the server peers may take up, and how slow they may be.</summary>
    public PeerLimits PeerLimits { get; init; } = new();

    /// <summary>Called with the address, <c>ip:port</c>, when the server listens: the way to learn a port that was given as 0.</summary>
    public Action<string>? OnListening { get; init; }

    /// <summary>Set to offer Flower's Fleet service, too: nodes that join there take part in the same rounds. Default: not offered.</summary>
    public FleetOptions? Fleet { get; init; }
}
