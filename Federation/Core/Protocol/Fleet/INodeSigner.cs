namespace ManagedFed.Federation;

/// <summary>Signs a node's calls, where .NET's own keys do not exist or the private key must stay elsewhere; <see cref="NodeKey"/> is the usual one.</summary>
public interface INodeSigner
{
    /// <summary>The public key, on P-384 or another curve of NIST's: SubjectPublicKeyInfo as PEM text with a newline at its end.</summary>
    string PublicKeyPem { get; }

    /// <summary>An ECDSA signature with SHA-256, in the form of DER (RFC 3279, section 2.2.3).</summary>
    /// <param name="data">What is signed.</param>
    /// <param name="cancellation">Gives up.</param>
    ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> data, CancellationToken cancellation);
}
