using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>Who calls, when, and the proof; with every call of Fleet.</summary>
/// <param name="PublicKey">The caller's public key, PEM.</param>
/// <param name="Timestamp">The caller's clock, ISO 8601 in UTC with microseconds.</param>
/// <param name="Signature">An ECDSA signature with SHA-256 over the timestamp, DER.</param>
internal sealed record SignedHeaders(ReadOnlyMemory<byte> PublicKey, string Timestamp, ReadOnlyMemory<byte> Signature)
{
    /// <summary>The names over gRPC, whose binary headers have names of their own.</summary>
    public static readonly SignedHeaderNames Grpc = new("flwr-public-key-bin", "flwr-timestamp", "flwr-signature-bin");

    /// <summary>The names over HTTP, where key and signature are base64.</summary>
    public static readonly SignedHeaderNames Http = new("flwr-public-key", "flwr-timestamp", "flwr-signature");

    private const string TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'+00:00'";

    // A captured triple is of use to whoever captured it for so long.
    private static readonly TimeSpan Behind = TimeSpan.FromSeconds(305);

    /// <summary>How far a caller's clock may be ahead.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromSeconds(5);

    /// <summary>The proof of what the call says, where the caller gave one.</summary>
    public SignedContent? Content { get; init; }

    /// <summary>Makes that proof where the call is sent; null makes none.</summary>
    public ContentSigner? ContentSigner { get; init; }

    public static string Format(DateTimeOffset now) => now.UtcDateTime.ToString(TimestampFormat, CultureInfo.InvariantCulture);

    /// <summary>Why the caller is not who it says; null when it is.</summary>
    public string? Problem(DateTimeOffset now) => TimeProblem(now) ?? SignatureProblem();

    /// <summary>How long ago the call was signed.</summary>
    public TimeSpan Age(DateTimeOffset now) => now - DateTimeOffset.Parse(Timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    /// <summary>True when key, timestamp and signature are the same.</summary>
    public bool IsSame(SignedHeaders other) => Timestamp == other.Timestamp
        && Signature.Span.SequenceEqual(other.Signature.Span) && PublicKey.Span.SequenceEqual(other.PublicKey.Span);

    /// <summary>Why the timestamp does not count now; null when it does.</summary>
    public string? TimeProblem(DateTimeOffset now)
    {
        // Python leaves the fraction out when it is zero.
        if (!DateTimeOffset.TryParse(Timestamp, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then))
        {
            return $"the timestamp '{FleetObject.Shown(Timestamp)}' is not ISO 8601";
        }
        if (then - now > Ahead || now - then > Behind)
        {
            return $"the timestamp {Timestamp} is not within {Ahead.TotalSeconds} s ahead of and {Behind.TotalSeconds} s behind {Format(now)}; "
                + "do both clocks run right?";
        }
        return null;
    }

    /// <summary>Why the signature is not this key's; null when it is.</summary>
    public string? SignatureProblem(ECDsa key)
    {
        try
        {
            return key.VerifyData(
                Encoding.ASCII.GetBytes(Timestamp), Signature.Span, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
                ? null : "the signature is not of this timestamp by this key";
        }
        catch (CryptographicException exception)
        {
            return $"the signature cannot be read: {exception.Message}";
        }
    }

    private string? SignatureProblem()
    {
        try
        {
            using var key = ECDsa.Create();
            key.ImportFromPem(Encoding.ASCII.GetString(PublicKey.Span));
            return SignatureProblem(key);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or NotSupportedException)
        {
            return $"the public key cannot be read: {exception.Message}";
        }
    }
}

/// <summary>What the three headers are called on one wire.</summary>
internal sealed record SignedHeaderNames(string PublicKey, string Timestamp, string Signature)
{
    public override string ToString() => $"{PublicKey}, {Timestamp} and {Signature}";
}
