using System.Security.Cryptography;

namespace ManagedFed.Federation;

/// <summary>A node's key pair on P-384 in C# alone, for platforms without .NET's <see cref="ECDsa"/>, such as a browser; elsewhere <see cref="NodeKey"/> is faster.</summary>
/// <remarks>
/// Signatures are ECDSA with SHA-256, and the same for the same data: the nonce is that of RFC 6979, section 3.2, so that a weak source of chance cannot
/// give the secret away. Nothing branches on the secret, and no place in memory depends on it.
/// </remarks>
/// <example>
/// <code>
/// var options = new FederatedNodeOptions { Wire = FleetWire.Http, Signer = ManagedNodeKey.Create() };
/// await FederatedNode.StartAsync("http://127.0.0.1:8000", client, options);
/// </code>
/// </example>
public sealed class ManagedNodeKey : INodeSigner
{
    /// <summary>SubjectPublicKeyInfo of a point on P-384 that is not compressed, up to its coordinates (RFC 5480).</summary>
    private static ReadOnlySpan<byte> PublicKeyHead =>
        [0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04];

    private readonly Number384 secret;

    private ManagedNodeKey(in Number384 secret)
    {
        this.secret = secret;
        var (x, y) = CurveP384.Multiply(secret);
        PublicKeyPem = PemEncoding.WriteString("PUBLIC KEY", [.. PublicKeyHead, .. x.ToBytes(), .. y.ToBytes()]) + "\n";
    }

    /// <inheritdoc/>
    public string PublicKeyPem { get; }

    /// <summary>A fresh key pair.</summary>
    public static ManagedNodeKey Create()
    {
        Span<byte> bytes = stackalloc byte[Number384.Bytes];
        Number384 secret;
        do
        {
            RandomNumberGenerator.Fill(bytes);
            secret = Number384.Read(bytes);
        }
        while (!IsScalar(secret));
        CryptographicOperations.ZeroMemory(bytes);
        return new(secret);
    }

    /// <summary>The key pair of a secret that <see cref="ExportSecret"/> gave.</summary>
    /// <param name="secret">48 bytes, the highest first: a number from 1 to the order of P-384's group, less 1.</param>
    /// <exception cref="ArgumentException">The bytes are no such number.</exception>
    public static ManagedNodeKey FromSecret(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != Number384.Bytes) throw new ArgumentException($"[fleet] the secret has {secret.Length} bytes, expected {Number384.Bytes}");
        var number = Number384.Read(secret);
        return IsScalar(number) ? new(number) : throw new ArgumentException("[fleet] the secret is 0, or not below the order of P-384's group");
    }

    /// <summary>The secret, 48 bytes, by which the same node comes back; whoever has it can speak for the node.</summary>
    public byte[] ExportSecret() => secret.ToBytes();

    /// <inheritdoc/>
    public ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation) => new(Sign(data.Span));

    private static bool IsScalar(in Number384 number) => !number.IsZero() && CurveP384.Scalars.Holds(number);

    /// <summary>r = the x of k·G and s = (hash + r·secret)/k, both modulo the group's order and not 0.</summary>
    private byte[] Sign(ReadOnlySpan<byte> data)
    {
        var n = CurveP384.Scalars;
        // The hash is of 256 bits: as a number it is below the order.
        Span<byte> hash = stackalloc byte[Number384.Bytes];
        hash.Clear();
        SHA256.HashData(data, hash[^SHA256.HashSizeInBytes..]);
        var nonces = new DeterministicNonces(secret.ToBytes(), hash);
        while (true)
        {
            var nonce = nonces.Next();
            if (!IsScalar(nonce)) continue;
            var r = n.ToElement(CurveP384.Multiply(nonce).X);
            var sum = n.Add(n.ToElement(Number384.Read(hash)), n.Multiply(r, n.ToElement(secret)));
            var s = n.ToNumber(n.Multiply(n.Invert(n.ToElement(nonce)), sum));
            if (!r.IsZero() && !s.IsZero()) return Encode(n.ToNumber(r), s);
        }
    }

    /// <summary>A sequence of two integers, in DER.</summary>
    private static byte[] Encode(in Number384 r, in Number384 s)
    {
        byte[] numbers = [.. Integer(r), .. Integer(s)];
        return [0x30, (byte)numbers.Length, .. numbers];

        static byte[] Integer(in Number384 number)
        {
            ReadOnlySpan<byte> bytes = number.ToBytes();
            bytes = bytes.TrimStart((byte)0);
            // The highest bit is the sign.
            return bytes[0] < 0x80 ? [2, (byte)bytes.Length, .. bytes] : [2, (byte)(bytes.Length + 1), 0, .. bytes];
        }
    }

    /// <summary>The candidates for a signature's nonce, in their order: RFC 6979, section 3.2, with HMAC-SHA-256.</summary>
    private sealed class DeterministicNonces
    {
        private byte[] key = new byte[SHA256.HashSizeInBytes], value = new byte[SHA256.HashSizeInBytes];

        public DeterministicNonces(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> hash)
        {
            value.AsSpan().Fill(1);
            Mix([0, .. secret, .. hash]);
            Mix([1, .. secret, .. hash]);
        }

        public Number384 Next()
        {
            Span<byte> bytes = stackalloc byte[2 * SHA256.HashSizeInBytes];
            for (var i = 0; i < 2; i++)
            {
                value = HMACSHA256.HashData(key, value);
                value.CopyTo(bytes[(i * value.Length)..]);
            }
            // For the case that this one is not taken.
            Mix([0]);
            return Number384.Read(bytes);
        }

        private void Mix(ReadOnlySpan<byte> data)
        {
            byte[] text = [.. value, .. data];
            key = HMACSHA256.HashData(key, text);
            value = HMACSHA256.HashData(key, value);
        }
    }
}
