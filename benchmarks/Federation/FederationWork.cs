namespace ManagedFed.Benchmarks.Federation;

/// <summary>One federation to time: a server, clients, all on this machine, each client process with some of the clients.</summary>
/// <param name="Parameters">Elements of the float32 model, in two tensors.</param>
/// <param name="Clients">Clients of a round.</param>
/// <param name="Rounds">Rounds of fit and evaluate.</param>
/// <param name="FitSeconds">How long a client takes to fit.</param>
/// <param name="PerProcess">Clients in one process.</param>
/// <param name="Fleet">True for nodes of Flower's Fleet service, false for clients of the bidirectional stream.</param>
/// <param name="AtOnce">The most clients at work at once; 0 for all.</param>
/// <param name="Http">True for Fleet over HTTP, false for gRPC.</param>
/// <param name="BytesAtOnce">The most bytes of replies that the server holds at once; 0 for its default.</param>
internal sealed record FederationWork(
    int Parameters, int Clients, int Rounds, double FitSeconds, int PerProcess, bool Fleet = false, int AtOnce = 0, bool Http = false, long BytesAtOnce = 0)
{
    /// <summary>What is timed when nothing else is asked for, with what it should take at most.</summary>
    public static (FederationWork Work, string Target)[] Standard { get; } =
    [
        (new(27_232, 2, 3, 0, 1), "at most 0.10 s"),
        (new(10_000_000, 2, 3, 0, 1), "at most 1.5 s, server at most 300 MB"),
        (new(10_000_000, 64, 1, 0, 64, BytesAtOnce: 1), "server at most 2 models of 40 MB and 200 MB"),
        (new(27_232, 1000, 3, 0, 250), "at most 30 s: 10 s a round, server at most 400 MB"),
        (new(27_232, 40, 1, 1, 20), "at most 1.3 s"),
        (new(27_232, 2, 3, 0, 1, Fleet: true), "at most 0.3 s"),
        (new(27_232, 2, 3, 0, 1, Fleet: true, Http: true), "at most 0.3 s"),
        (new(10_000_000, 2, 3, 0, 1, Fleet: true), "at most 3 s, server at most 400 MB"),
        (new(10_000_000, 2, 3, 0, 1, Fleet: true, Http: true), "at most 3 s, server at most 400 MB"),
        (new(27_232, 1000, 3, 0, 250, Fleet: true), "at most 30 s: 10 s a round, server at most 400 MB"),
        (new(27_232, 1000, 3, 0, 250, Fleet: true, Http: true), "at most 30 s: 10 s a round, server at most 400 MB"),
        (new(27_232, 1, 50, 0, 1, Fleet: true), "at most 5 s: 0.050 s for each of 100 messages"),
        (new(256 << 18, 2, 2, 0, 1, Fleet: true), "server at most 4 models of 256 MB"),
        (new(256 << 18, 4, 2, 0, 1, Fleet: true, AtOnce: 2), "server at most 6 models of 256 MB"),
    ];

    public string Name =>
        $"{Clients} {(!Fleet ? "clients" : Http ? "Fleet nodes over HTTP" : "Fleet nodes")}, {Rounds} round(s), {Parameters:N0} parameters{(FitSeconds > 0 ? $", fit {FitSeconds:0.##} s" : "")}{(AtOnce > 0 ? $", {AtOnce} at once" : "")}{(BytesAtOnce > 0 ? $", replies of {BytesAtOnce:N0} bytes at once" : "")}";

    /// <summary>A model of uneven values, so that sums do not come out too easily.</summary>
    public NdArray[] Model(int seed)
    {
        var random = new Random(seed);
        var values = new float[Parameters];
        foreach (ref var value in values.AsSpan()) value = (float)(random.NextDouble() - 0.5) * 0.1f;
        var half = Parameters / 2;
        return [NdArray.From<float>(values.AsSpan(0, half), [half]), NdArray.From<float>(values.AsSpan(half), [Parameters - half])];
    }
}
