using System.Buffers.Binary;
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
    public static string Fingerprint(string key)
    {
        try
        {
            using var parsed = ECDsa.Create();
            if (key.StartsWith("ecdsa-sha2-", StringComparison.Ordinal)) parsed.ImportParameters(ReadOpenSsh(key));
            else parsed.ImportFromPem(key);
            return Convert.ToHexStringLower(SHA256.HashData(parsed.ExportSubjectPublicKeyInfo()));
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException or FormatException)
        {
            throw new FormatException(
                $"[fleet] '{RoundLoop.Harmless(key)}' is no public key: {exception.Message}; give PEM, or a line as ssh-keygen -t ecdsa -b 384 writes", exception);
        }
    }

    public static string Fingerprint(ReadOnlySpan<byte> pem) => Fingerprint(Encoding.UTF8.GetString(pem));

    /// <summary>A line <c>type base64 comment</c>, whose bytes are three strings: type, curve, point (RFC 5656, section 3.1).</summary>
    private static ECParameters ReadOpenSsh(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2) throw new FormatException("the line has no key after its type");
        ReadOnlySpan<byte> rest = Convert.FromBase64String(words[1].Trim());
        Next(ref rest);
        var curve = Encoding.ASCII.GetString(Next(ref rest)) switch
        {
            "nistp256" => ECCurve.NamedCurves.nistP256,
            "nistp384" => ECCurve.NamedCurves.nistP384,
            "nistp521" => ECCurve.NamedCurves.nistP521,
            var other => throw new FormatException($"the curve '{RoundLoop.Harmless(other)}' is unknown"),
        };
        var point = Next(ref rest);
        if (point.Length < 3 || point.Length % 2 == 0 || point[0] != 4) throw new FormatException("the point is not in the uncompressed form");
        var half = point.Length / 2;
        return new() { Curve = curve, Q = new() { X = point[1..(half + 1)].ToArray(), Y = point[(half + 1)..].ToArray() } };
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest)
    {
        if (rest.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > rest.Length - 4) throw new FormatException("the key is cut off");
        var text = rest.Slice(4, (int)length);
        rest = rest[(4 + (int)length)..];
        return text;
    }
}
