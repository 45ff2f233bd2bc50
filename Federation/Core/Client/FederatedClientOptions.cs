using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>How a client finds its server and how long it tries.</summary>
public sealed record FederatedClientOptions
{
    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock of waits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The chance in the waits between attempts.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>The most attempts in a row that may fail to reach the server; null for no limit. Default null.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>The longest time without a server before the client gives up; null for no limit. Default null.</summary>
    public TimeSpan? MaxWait { get; init; }

    /// <summary>How often in a row the client's own code may throw before <see cref="FederatedClient.StartAsync"/> throws it on. Default 3.</summary>
    public int MaxErrors { get; init; } = 3;

    /// <summary>Certificates to trust instead of the system's; also makes a plain address encrypted.</summary>
    public X509Certificate2Collection? RootCertificates { get; init; }

    /// <summary>True to encrypt also when the address has no <c>https://</c>. Default: when <see cref="RootCertificates"/> are given.</summary>
    public bool UseTls { get; init; }
}

/// <summary>A federation that cannot go on: the server cannot be reached, or refuses this client.</summary>
public sealed class FederationException : Exception
{
    /// <summary>An exception with a sentence for the user.</summary>
    public FederationException(string message, Exception? inner = null) : base(message, inner)
    {
    }
}
