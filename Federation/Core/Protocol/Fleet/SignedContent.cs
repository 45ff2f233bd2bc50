using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The proof that a call says what its caller wrote: Flower's own headers sign the time alone.</summary>
/// <param name="Nonce">32 hexadecimal digits that no other call of the key has.</param>
/// <param name="Signature">An ECDSA signature with SHA-256 over <see cref="Text"/>, DER.</param>
internal sealed record SignedContent(string Nonce, ReadOnlyMemory<byte> Signature)
{
    public const string NonceName = "managedfed-nonce", SignatureName = "managedfed-content-signature";

    private const int NonceBytes = 16;

    /// <summary>What is signed: a line each for the form, the HTTP method, the path, the SHA-256 of the body, the time and the nonce.</summary>
    public static byte[] Text(string path, ReadOnlySequence<byte> body, string timestamp, string nonce)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in body) hash.AppendData(part.Span);
        return Encoding.ASCII.GetBytes($"managedfed-content-1\nPOST\n{path}\n{Convert.ToHexStringLower(hash.GetHashAndReset())}\n{timestamp}\n{nonce}");
    }

    public static string NewNonce() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(NonceBytes));

    public static bool IsNonce(string text) => text.Length == 2 * NonceBytes && text.All(char.IsAsciiHexDigitLower);
}

/// <summary>Signs what a node's calls say.</summary>
internal sealed class ContentSigner(INodeSigner signer)
{
    /// <summary>The two headers of one call.</summary>
    /// <param name="path">The path of the request on its wire.</param>
    /// <param name="body">The message.</param>
    /// <param name="timestamp">The time that Flower's header gives.</param>
    /// <param name="cancellation">Gives up.</param>
    public async ValueTask<(string Nonce, string Signature)> SignAsync(string path, byte[] body, string timestamp, CancellationToken cancellation)
    {
        var nonce = SignedContent.NewNonce();
        var signature = await signer.SignAsync(SignedContent.Text(path, new(body), timestamp, nonce), cancellation).ConfigureAwait(false);
        return (nonce, Convert.ToBase64String(signature));
    }
}
