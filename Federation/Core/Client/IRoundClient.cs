namespace ManagedFed.Federation;

/// <summary>A client that is to know the round of what it is asked, where the transport says it.</summary>
internal interface IRoundClient
{
    /// <summary>The round of the next call; null when it is not known, or when there is none.</summary>
    int? Round { set; }
}

/// <summary>The round of each call of a client: the one that a kept run names, else the transport's, else the count of the calls, from 1.</summary>
internal sealed class RoundCount
{
    private int calls;

    /// <summary>The round of the next call, as the transport says it.</summary>
    public int? Told { get; set; }

    /// <summary>The round of this call.</summary>
    public int Next(IReadOnlyDictionary<string, Scalar> config)
    {
        calls++;
        return config.TryGetValue(RunKeys.Round, out var named) ? (int)named.AsInt64() : Told ?? calls;
    }
}
