namespace ManagedFed.Federation;

/// <summary>How a client finds its server and how long it tries.</summary>
public sealed record FederatedClientOptions : ConnectionOptions
{
    /// <summary>
    /// A name by which the server knows the client again when it comes back, 1 to 64 letters, digits, '.', '_' and '-'; stock servers pass it over.
    /// Two clients of one name are not let in at the same time. Default null: each connection is another client.
    /// </summary>
    /// <exception cref="ArgumentException">The name has other characters, or another length.</exception>
    public string? Name
    {
        get;
        init => field = value is null || ClientName.IsValid(value) ? value
            : throw new ArgumentException($"[client] {nameof(Name)} is '{PeerText.Harmless(value)}', expected {ClientName.Rule}", nameof(value));
    }
}
