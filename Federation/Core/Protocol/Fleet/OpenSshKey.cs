using System.Security.Cryptography;

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
        ReadOnlySpan<byte> content = Convert.FromBase64String(text[fields.Base64Data]);
        if (!content.StartsWith(Magic)) throw new CryptographicException("it is not of version openssh-key-v1");
        var file = new SshReader(content[Magic.Length..]);
        var cipher = file.Text();
        if (cipher != "none") throw new CryptographicException($"it is encrypted with {cipher}");
        file.Bytes();
        file.Bytes();
        var count = file.Number();
        if (count != 1) throw new CryptographicException($"the file holds {count} keys, expected 1");
        file.Bytes();
        var secret = new SshReader(file.Bytes());
        if (secret.Number() != secret.Number()) throw new CryptographicException("its check numbers differ");
        var type = secret.Text();
        if (!type.StartsWith("ecdsa-sha2-", StringComparison.Ordinal)) throw new CryptographicException($"it is of type {type}");
        var key = secret.PublicKey();
        // A number with the highest bit set has a zero in front, a small one has fewer bytes.
        var size = key.Q.X!.Length;
        var scalar = secret.Bytes().TrimStart((byte)0);
        if (scalar.Length > size) throw new CryptographicException($"its secret has {scalar.Length} bytes, at most {size} fit the curve");
        key.D = new byte[size];
        scalar.CopyTo(key.D.AsSpan(size - scalar.Length));
        return key;
    }
}
