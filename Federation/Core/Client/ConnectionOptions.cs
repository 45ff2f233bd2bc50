using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ManagedFed.Federation;

/// <summary>How whoever joins a federation finds its server and how long it tries, whatever the wire.</summary>
public abstract record ConnectionOptions
{
    private protected ConnectionOptions()
    {
    }

    /// <summary>Where the log goes. Default: nowhere.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock of waits, signatures and messages.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>The chance in the waits between attempts, and between heartbeats.</summary>
    public Random Random { get; init; } = Random.Shared;

    /// <summary>The most attempts in a row that may fail to reach the server; null for no limit. Default null. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int? MaxAttempts
    {
        get;
        init => field = value is { } given ? Interval.Counts.Check("client", nameof(MaxAttempts), given) : null;
    }

    /// <summary>The longest time without a server before <c>StartAsync</c> gives up; null for no limit. Default null. Not negative.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan? MaxWait
    {
        get;
        init => field = value is { } given ? Interval.NotNegative.Check("client", nameof(MaxWait), given) : null;
    }

    /// <summary>How often in a row the client's own code may throw before <c>StartAsync</c> throws it on. Default 3. At least 1.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxErrors
    {
        get;
        init => field = Interval.Counts.Check("client", nameof(MaxErrors), value);
    } = 3;

    /// <summary>
    /// True to tell the server what an exception of the client's own code says, as one line of at most 256 characters; false tells its type alone,
    /// as its text may hold private data. Default false.
    /// </summary>
    public bool TellErrorMessages { get; init; }

    /// <summary>Certificates to trust instead of the system's; also makes a plain address encrypted.</summary>
    public X509Certificate2Collection? RootCertificates { get; init; }

    /// <summary>True to encrypt also when the address has no <c>https://</c>. Default: when <see cref="RootCertificates"/> are given.</summary>
    public bool UseTls { get; init; }

    /// <summary>
    /// How long a connection in use may be silent before it is asked whether it lives; a dead one is noticed a minute later. Default
    /// 5 min 10 s: stock servers cut off clients that ask more often than every 5 minutes. From 1 s on.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public TimeSpan KeepAliveInterval
    {
        get;
        init => field = (Interval.Timer with { Low = 1 }).Check("client", nameof(KeepAliveInterval), value);
    } = TimeSpan.FromSeconds(310);

    /// <summary>True when calls to an address are encrypted.</summary>
    internal bool IsEncrypted(string address) => UseTls || RootCertificates is not null || address.TrimStart().StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>Where an address leads.</summary>
    internal Uri ToUri(string address) => ServerAddress.ToUri(address, UseTls || RootCertificates is not null);

    /// <summary>True when, after so many failures in a row and so long, nothing is to be tried any more.</summary>
    internal bool GivesUp(int failures, TimeSpan alone) => failures >= MaxAttempts || alone > MaxWait;
}
