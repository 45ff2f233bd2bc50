using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The keys of the callers that proved themselves last: to read a key takes as long as to check its signature.</summary>
/// <param name="most">The most keys; the one that was used the longest ago goes first.</param>
internal sealed class KeyRing(int most = 10_000) : IDisposable
{
    /// <summary>Keys with more text around them than this are refused; one on P-521 has 268 bytes.</summary>
    private const int MaxKeyBytes = 1024;

    private readonly Lock gate = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> entries = new(StringComparer.Ordinal);
    private readonly LinkedList<Entry> order = [];

    /// <summary>The keys that are held.</summary>
    public int Count
    {
        get
        {
            lock (gate) return entries.Count;
        }
    }

    /// <summary>The fingerprint of the key that signed; null, and why, when the caller is not who it says.</summary>
    public string? Check(SignedHeaders headers, DateTimeOffset now, out string? problem)
    {
        problem = headers.PublicKey.Length > MaxKeyBytes ? $"the public key has {headers.PublicKey.Length} bytes, at most {MaxKeyBytes} are taken" : headers.TimeProblem(now);
        if (problem is not null) return null;
        var text = Encoding.Latin1.GetString(headers.PublicKey.Span);
        var entry = Find(text);
        if (entry is not null && entry.Check(headers, out problem)) return problem is null ? entry.Fingerprint : null;
        // Not known, or given up meanwhile.
        entry = Entry.TryRead(text, out problem);
        if (entry is null) return null;
        entry.Check(headers, out problem);
        if (problem is null) Keep(text, entry);
        else entry.Dispose();
        return problem is null ? entry.Fingerprint : null;
    }

    /// <summary>Why the content is not signed by the key, whose time was checked just now; null when it is.</summary>
    public string? ContentProblem(SignedHeaders headers, SignedContent content, byte[] text)
    {
        var known = Encoding.Latin1.GetString(headers.PublicKey.Span);
        if (Find(known) is { } entry && entry.Verify(text, content.Signature.Span) is { } result) return result.Problem;
        using var fresh = Entry.TryRead(known, out var problem);
        return fresh is null ? problem : fresh.Verify(text, content.Signature.Span)!.Value.Problem;
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var entry in order) entry.Dispose();
            entries.Clear();
            order.Clear();
        }
    }

    private Entry? Find(string text)
    {
        lock (gate)
        {
            if (!entries.TryGetValue(text, out var node)) return null;
            order.Remove(node);
            order.AddLast(node);
            return node.Value;
        }
    }

    private void Keep(string text, Entry entry)
    {
        Entry? gone = null;
        lock (gate)
        {
            if (entries.ContainsKey(text)) gone = entry;
            else
            {
                entries[text] = order.AddLast(entry);
                if (entries.Count > most)
                {
                    gone = order.First!.Value;
                    order.RemoveFirst();
                    entries.Remove(gone.Text);
                }
            }
        }
        gone?.Dispose();
    }

    /// <summary>One key, used by one caller at a time, and the last proof by it: nodes sign once for several calls.</summary>
    private sealed class Entry(string text, ECDsa key, string fingerprint) : IDisposable
    {
        private readonly Lock padlock = new();
        private SignedHeaders? last;
        private bool disposed;

        public string Text => text;

        public string Fingerprint => fingerprint;

        public static Entry? TryRead(string text, out string? problem)
        {
            try
            {
                var key = KeyList.Read(text);
                problem = null;
                return new(text, key, KeyList.Fingerprint(key));
            }
            catch (FormatException exception)
            {
                problem = $"the public key cannot be read: {exception.InnerException?.Message}";
                return null;
            }
        }

        /// <summary>False when the key was given up; else what is wrong with the signature, or null.</summary>
        public bool Check(SignedHeaders headers, out string? problem)
        {
            lock (padlock)
            {
                problem = null;
                if (disposed) return false;
                if (last?.IsSame(headers) == true) return true;
                problem = headers.SignatureProblem(key);
                if (problem is null) last = headers;
                return true;
            }
        }

        /// <summary>Null when the key was given up; else what is wrong with the signature, or null.</summary>
        public (string? Problem, bool Checked)? Verify(byte[] data, ReadOnlySpan<byte> signature)
        {
            lock (padlock)
            {
                if (disposed) return null;
                try
                {
                    return (key.VerifyData(data, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)
                        ? null : "the content is not what the key signed: it was changed on its way, or sent to another path", true);
                }
                catch (CryptographicException exception)
                {
                    return ($"the content's signature cannot be read: {exception.Message}", true);
                }
            }
        }

        public void Dispose()
        {
            lock (padlock)
            {
                if (disposed) return;
                disposed = true;
                key.Dispose();
            }
        }
    }
}
