namespace ManagedFed.Federation;

/// <summary>How a node speaks with its server.</summary>
public enum FleetWire
{
    /// <summary>HTTP where the server answers it, else gRPC; found out by the first call and kept.</summary>
    Auto,

    /// <summary>HTTP, as Flower 1.40 and later speaks it: it passes proxies and needs <see cref="HttpClient"/> alone.</summary>
    Http,

    /// <summary>gRPC, as Flower 1.23 to 1.39 speaks it.</summary>
    Grpc,
}
