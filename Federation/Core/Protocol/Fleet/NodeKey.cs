using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The elliptic-curve key pair by which a SuperLink knows a node: it signs every call.</summary>
public sealed class NodeKey : INodeSigner, IDisposable
{
    private readonly Lock padlock = new();
    private readonly ECDsa key;
    private readonly byte[] publicKey;

    private NodeKey(ECDsa key)
    {
        this.key = key;
        publicKey = Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem() + "\n");
    }

    /// <summary>The public key as PEM text with a newline at its end, as <c>flwr supernode register</c> takes it.</summary>
    public string PublicKeyPem => Encoding.ASCII.GetString(publicKey);

    /// <summary>The public key as it goes over the wire.</summary>
    internal ReadOnlyMemory<byte> PublicKey => publicKey;

    /// <summary>A fresh key pair on P-384.</summary>
    public static NodeKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP384));

    /// <summary>A private key as text: PEM (PKCS#8 or SEC1), or what <c>ssh-keygen -t ecdsa -b 384</c> writes. Without a passphrase.</summary>
    /// <exception cref="FormatException">The text is no such key.</exception>
    public static NodeKey FromPem(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ECDsa? key = null;
        try
        {
            if (OpenSshKey.TryRead(text) is { } parameters) key = ECDsa.Create(parameters);
            else
            {
                key = ECDsa.Create();
                key.ImportFromPem(text);
            }
            key.ExportParameters(includePrivateParameters: true);
            var made = new NodeKey(key);
            key = null;
            return made;
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new FormatException(
                $"[fleet] the text is no private elliptic-curve key without a passphrase ({exception.Message}); "
                + "`ssh-keygen -t ecdsa -b 384 -N \"\"` makes one",
                exception);
        }
        finally
        {
            key?.Dispose();
        }
    }

    /// <summary>A private key in a file; see <see cref="FromPem"/>.</summary>
    /// <exception cref="FormatException">The file holds no such key.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static NodeKey Load(string path) => FromPem(File.ReadAllText(path));

    /// <inheritdoc/>
    public ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation) => new(Sign(data.Span));

    /// <summary>The headers of one call.</summary>
    internal SignedHeaders Sign(DateTimeOffset now)
    {
        var timestamp = SignedHeaders.Format(now);
        return new(publicKey, timestamp, Sign(Encoding.ASCII.GetBytes(timestamp)));
    }

    private byte[] Sign(ReadOnlySpan<byte> data)
    {
        lock (padlock) return key.SignData(data, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    /// <inheritdoc/>
    public void Dispose() => key.Dispose();
}
