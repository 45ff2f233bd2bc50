namespace ManagedFed.Federation;

/// <summary>Remembers the calls of a while by their hashes, so that none counts twice.</summary>
/// <param name="keep">How long a call is remembered at least.</param>
/// <param name="most">The most calls in so long.</param>
/// <param name="clock">The clock.</param>
internal sealed class ReplayGuard(TimeSpan keep, int most, TimeProvider clock)
{
    private readonly Lock gate = new();
    private HashSet<UInt128> recent = [], before = [];
    private long since = clock.GetTimestamp();

    /// <summary>False when the call was seen before; null when so many were that this one cannot be remembered.</summary>
    public bool? IsNew(UInt128 call)
    {
        lock (gate)
        {
            // Two sets, of which the older is forgotten as a whole: what is in it has been there for as long as the newer.
            if (clock.GetElapsedTime(since) is var past && past >= keep)
            {
                before = past < 2 * keep ? recent : [];
                recent = [];
                since = clock.GetTimestamp();
            }
            return before.Contains(call) ? false : recent.Count >= most ? recent.Contains(call) ? false : null : recent.Add(call);
        }
    }
}
