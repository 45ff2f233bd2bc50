using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ManagedFed.Federation;

/// <summary>
/// Finds out who calls, and holds calls to what their callers signed: the time, and where they or the server will method, path, body and a
/// nonce as well; then a call that comes again is refused.
/// </summary>
/// <param name="required">Whether all of a call must be signed.</param>
/// <param name="clock">The clock.</param>
internal sealed class FleetSignatures(bool required, TimeProvider clock) : IDisposable
{
    /// <summary>The most signed calls that are remembered in a minute: 64 MB.</summary>
    private const int MostCalls = 1 << 20;

    /// <summary>How old a signed content may be: shorter than Flower's five minutes, as each is remembered for so long.</summary>
    private static readonly TimeSpan ContentAge = TimeSpan.FromSeconds(60);

    private readonly KeyRing keys = new();
    private readonly ReplayGuard replays = new(ContentAge + SignedHeaders.Ahead, MostCalls, clock);

    /// <summary>The fingerprint of the key that signed the call's time.</summary>
    /// <exception cref="FleetException">The caller is not who it says.</exception>
    public string Check(SignedHeaders headers) =>
        keys.Check(headers, clock.GetUtcNow(), out var problem) ?? throw FleetRefusal.Unauthenticated(problem!);

    /// <summary>Checks the proof of what a call says, where there is one or must be.</summary>
    /// <param name="headers">The call's headers.</param>
    /// <param name="path">Its path on its wire.</param>
    /// <param name="body">Its message.</param>
    public void CheckContent(SignedHeaders headers, string path, ReadOnlySequence<byte> body)
    {
        if (headers.Content is not { } content)
        {
            CheckContentIsSigned(headers);
            return;
        }
        if (!SignedContent.IsNonce(content.Nonce)) throw FleetRefusal.Unauthenticated($"{SignedContent.NonceName} is not 32 hexadecimal digits");
        if (headers.Age(clock.GetUtcNow()) > ContentAge) throw FleetRefusal.Unauthenticated($"the content was signed more than {ContentAge.TotalSeconds} s ago; do both clocks run right?");
        var text = SignedContent.Text(path, body, headers.Timestamp, content.Nonce);
        if (keys.ContentProblem(headers, content, text) is { } problem) throw FleetRefusal.Unauthenticated(problem);
        // The same call has the same text and key, whatever its signature.
        var hash = SHA256.HashData([.. text, .. headers.PublicKey.Span]);
        var isNew = replays.IsNew(BinaryPrimitives.ReadUInt128BigEndian(hash));
        if (isNew == false) throw FleetRefusal.Unauthenticated("this very call was made before");
        if (isNew is null) throw FleetRefusal.Of(FleetFault.Unavailable, "too many signed calls in a short time; call again");
    }

    public void Dispose() => keys.Dispose();

    /// <summary>Refuses, before its content is read, a call that must be signed as a whole and is not.</summary>
    public void CheckContentIsSigned(SignedHeaders headers)
    {
        if (required && headers.Content is null)
        {
            throw FleetRefusal.Unauthenticated(
                "this server takes only nodes that sign the content of their calls, as ManagedFed's do with FederatedNodeOptions.SignContent; Flower's own cannot join it");
        }
    }
}
