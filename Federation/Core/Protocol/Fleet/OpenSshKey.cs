using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>Reads the private keys that <c>ssh-keygen</c> writes.</summary>
/// <remarks>Format: https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key</remarks>
internal static class OpenSshKey
{
    private const string Label = "OPENSSH PRIVATE KEY";

    private static ReadOnlySpan<byte> Magic => "openssh-key-v1\0"u8;

    /// <summary>The key; null when the text is PEM of another kind.</summary>
    /// <exception cref="CryptographicException">The key is not an elliptic-curve key without a passphrase.</exception>
    public static ECParameters? TryRead(string text)
    {
        if (!PemEncoding.TryFind(text, out var fields) || !text.AsSpan()[fields.Label].SequenceEqual(Label)) return null;
        ReadOnlySpan<byte> rest = Convert.FromBase64String(text[fields.Base64Data]);
        if (!rest.StartsWith(Magic)) throw new CryptographicException("it is not of version openssh-key-v1");
        rest = rest[Magic.Length..];
        var cipher = Text(ref rest);
        if (cipher != "none") throw new CryptographicException($"it is encrypted with {cipher}");
        Bytes(ref rest);
        Bytes(ref rest);
        var count = Number(ref rest);
        if (count != 1) throw new CryptographicException($"the file holds {count} keys, expected 1");
        Bytes(ref rest);
        var secret = Bytes(ref rest);
        if (Number(ref secret) != Number(ref secret)) throw new CryptographicException("its check numbers differ");
        var type = Text(ref secret);
        var curve = type switch
        {
            "ecdsa-sha2-nistp256" => ECCurve.NamedCurves.nistP256,
            "ecdsa-sha2-nistp384" => ECCurve.NamedCurves.nistP384,
            "ecdsa-sha2-nistp521" => ECCurve.NamedCurves.nistP521,
            _ => throw new CryptographicException($"it is of type {type}"),
        };
        Bytes(ref secret);
        var point = Bytes(ref secret);
        var size = (point.Length - 1) / 2;
        if (point.Length != 1 + 2 * size || point[0] != 4) throw new CryptographicException("its public point is not uncompressed");
        // A number with the highest bit set has a zero in front, a small one has fewer bytes.
        var scalar = Bytes(ref secret).TrimStart((byte)0);
        if (scalar.Length > size) throw new CryptographicException($"its secret has {scalar.Length} bytes, at most {size} fit the curve");
        var d = new byte[size];
        scalar.CopyTo(d.AsSpan(size - scalar.Length));
        return new ECParameters { Curve = curve, D = d, Q = new() { X = point[1..(1 + size)].ToArray(), Y = point[(1 + size)..].ToArray() } };
    }

    private static string Text(ref ReadOnlySpan<byte> rest) => Encoding.ASCII.GetString(Bytes(ref rest));

    private static ReadOnlySpan<byte> Bytes(ref ReadOnlySpan<byte> rest)
    {
        var length = Number(ref rest);
        if (length > rest.Length) throw new CryptographicException("it ends inside a field");
        var field = rest[..(int)length];
        rest = rest[(int)length..];
        return field;
    }

    private static uint Number(ref ReadOnlySpan<byte> rest)
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(rest, out var value)) throw new CryptographicException("it ends inside a field");
        rest = rest[sizeof(uint)..];
        return value;
    }
}
