namespace ManagedFed.Federation;

/// <summary>Carries Fleet's calls to one server: the seam between the protocol and gRPC, HTTP, or a test's memory.</summary>
internal interface IFleetTransport : IDisposable
{
    /// <summary>Objects on their way to the server, and from it, at once.</summary>
    (int Pushes, int Pulls) AtOnce { get; }

    /// <summary>One call.</summary>
    /// <param name="method">The method's name in the service, for example <c>PullMessages</c>.</param>
    /// <param name="request">The request message.</param>
    /// <param name="headers">Who calls.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The response message.</returns>
    /// <exception cref="FleetException">The call failed; <see cref="FleetFault.Unavailable"/> says that it may be tried again.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation);
}
