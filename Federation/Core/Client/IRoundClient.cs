namespace ManagedFed.Federation;

/// <summary>A client that is to know the round of what it is asked, where the transport says it.</summary>
internal interface IRoundClient
{
    /// <summary>The round of the next call; null when it is not known, or when there is none.</summary>
    int? Round { set; }
}
