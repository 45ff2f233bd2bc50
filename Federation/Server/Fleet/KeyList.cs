using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The public keys that may join, known by their fingerprints: the SHA-256 of the SubjectPublicKeyInfo.</summary>
internal sealed class KeyList(IEnumerable<string> keys)
{
    private readonly HashSet<string> fingerprints = [.. keys.Select(Fingerprint)];

    public bool Contains(string fingerprint) => fingerprints.Contains(fingerprint);

    /// <summary>The fingerprint of a key given as PEM or as the line of an OpenSSH <c>.pub</c> file.</summary>
    /// <exception cref="FormatException">The text is no public key on an elliptic curve.</exception>
    public static string Fingerprint(string text)
    {
        using var key = Read(text);
        return Fingerprint(key);
    }

    public static string Fingerprint(ECDsa key) => Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo()));

    public static string Fingerprint(ReadOnlySpan<byte> pem) => Fingerprint(Encoding.UTF8.GetString(pem));

    /// <summary>A key given as PEM or as the line of an OpenSSH <c>.pub</c> file.</summary>
    /// <exception cref="FormatException">The text is no public key on an elliptic curve.</exception>
    public static ECDsa Read(string text)
    {
        var key = ECDsa.Create();
        try
        {
            if (text.StartsWith("ecdsa-sha2-", StringComparison.Ordinal)) key.ImportParameters(ReadOpenSsh(text));
            else key.ImportFromPem(text);
            // A key of another kind, or half a key, is noticed here.
            key.ExportSubjectPublicKeyInfo();
            return key;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or FormatException or NotSupportedException)
        {
            key.Dispose();
            throw new FormatException(
                $"[fleet] '{PeerText.Harmless(text)}' is no public key: {exception.Message}; give PEM, or a line as ssh-keygen -t ecdsa -b 384 writes", exception);
        }
    }

    /// <summary>A line <c>type base64 comment</c>, whose bytes are three strings: type, curve, point (RFC 5656, section 3.1).</summary>
    private static ECParameters ReadOpenSsh(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2) throw new FormatException("the line has no key after its type");
        var reader = new SshReader(Convert.FromBase64String(words[1].Trim()));
        reader.Bytes();
        return reader.PublicKey();
    }
}
