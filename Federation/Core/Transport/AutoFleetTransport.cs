namespace ManagedFed.Federation;

/// <summary>Finds out by the first call which wire a server speaks, HTTP or else gRPC, and keeps to it.</summary>
internal sealed class AutoFleetTransport(IFleetTransport http, IFleetTransport grpc) : IFleetTransport
{
    private volatile IFleetTransport? found;

    public (int Pushes, int Pulls) AtOnce => (found ?? http).AtOnce;

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        if (found is { } known) return await known.CallAsync(method, request, headers, cancellation).ConfigureAwait(false);
        FleetException overHttp;
        try
        {
            return await TryAsync(http, method, request, headers, cancellation).ConfigureAwait(false);
        }
        catch (FleetException exception) when (MayBeOfTheOther(exception))
        {
            overHttp = exception;
        }
        try
        {
            return await TryAsync(grpc, method, request, headers, cancellation).ConfigureAwait(false);
        }
        catch (FleetException overGrpc) when (found is null)
        {
            // Somebody who can be reached by neither may be there later; what cannot be mended is told by the first.
            if (overHttp.Fault == FleetFault.Unavailable && overGrpc.Fault == FleetFault.Unavailable) throw overHttp;
            throw new FleetException(
                overGrpc.Fault == FleetFault.Unavailable ? overHttp.Fault : overGrpc.Fault,
                $"over HTTP: {overHttp.Code}, {overHttp.Message}; over gRPC: {overGrpc.Code}, {overGrpc.Message}", "neither HTTP nor gRPC",
                overGrpc.InnerException ?? overHttp.InnerException);
        }
    }

    public void Dispose()
    {
        http.Dispose();
        grpc.Dispose();
    }

    private async Task<byte[]> TryAsync(IFleetTransport wire, string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        try
        {
            var response = await wire.CallAsync(method, request, headers, cancellation).ConfigureAwait(false);
            found = wire;
            return response;
        }
        catch (FleetException exception) when (!MayBeOfTheOther(exception))
        {
            // Even a refusal shows who is there.
            found = wire;
            throw;
        }
    }

    /// <summary>True when nobody answered as Fleet; a server that says that it is not ready did.</summary>
    private static bool MayBeOfTheOther(FleetException exception) =>
        exception.Fault is FleetFault.Unknown or FleetFault.Failed || exception is { Fault: FleetFault.Unavailable, InnerException: not null };
}
