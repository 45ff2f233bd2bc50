using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace ManagedFed.Federation;

/// <summary>Fleet's calls over gRPC.</summary>
/// <remarks>A channel that failed to connect refuses calls by a schedule of its own: after a failure the next call opens a new one.</remarks>
internal sealed class GrpcFleetTransport(Uri uri, X509Certificate2Collection? roots, TimeSpan keepAlive) : IFleetTransport
{
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create<byte[]>(bytes => bytes, bytes => bytes);

    private readonly Lock padlock = new();
    private Connection? current;

    public (int Pushes, int Pulls) AtOnce => (3, 4);

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        var metadata = new Metadata
        {
            { SignedHeaders.Grpc.PublicKey, headers.PublicKey.ToArray() },
            { SignedHeaders.Grpc.Timestamp, headers.Timestamp },
            { SignedHeaders.Grpc.Signature, headers.Signature.ToArray() },
        };
        if (headers.ContentSigner is { } signer)
        {
            var (nonce, signature) = await signer.SignAsync($"/{FleetMethods.Service}/{method}", request, headers.Timestamp, cancellation).ConfigureAwait(false);
            metadata.Add(SignedContent.NonceName, nonce);
            metadata.Add(SignedContent.SignatureName, signature);
        }
        var definition = new Method<byte[], byte[]>(MethodType.Unary, FleetMethods.Service, method, Bytes, Bytes);
        var connection = Enter();
        try
        {
            using var call = connection.Channel.CreateCallInvoker()
                .AsyncUnaryCall(definition, null, new(metadata, cancellationToken: cancellation), request);
            return await call.ResponseAsync.ConfigureAwait(false);
        }
        catch (RpcException exception) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(exception.Status.Detail, exception, cancellation);
        }
        catch (RpcException exception) when (GrpcChannels.IsBroken(exception.Status))
        {
            Replace(connection);
            throw Failure(FleetFault.Unavailable, exception);
        }
        catch (RpcException exception)
        {
            throw Failure(FaultOf(exception.StatusCode, method), exception);
        }
        finally
        {
            Leave(connection);
        }
    }

    public void Dispose()
    {
        if (current is { } connection) Replace(connection);
    }

    private static FleetException Failure(FleetFault fault, RpcException exception) =>
        new(fault, exception.Status.Detail, $"{exception.StatusCode}", exception.Status.DebugException);

    /// <summary>What a code of gRPC says of a call.</summary>
    private static FleetFault FaultOf(StatusCode code, string method) => code switch
    {
        StatusCode.InvalidArgument => FleetFault.Invalid,
        StatusCode.Unauthenticated => FleetFault.Unauthenticated,
        StatusCode.PermissionDenied or StatusCode.NotFound => FleetFault.Denied,
        StatusCode.FailedPrecondition or StatusCode.AlreadyExists => method == "RegisterNode" ? FleetFault.RegistrationClosed : FleetFault.Inactive,
        StatusCode.ResourceExhausted => FleetFault.TooLarge,
        StatusCode.Unimplemented => FleetFault.Unknown,
        _ => FleetFault.Failed,
    };

    private Connection Enter()
    {
        lock (padlock)
        {
            current ??= new(GrpcChannels.Open(uri, roots, keepAlive));
            current.Calls++;
            return current;
        }
    }

    private void Leave(Connection connection)
    {
        lock (padlock)
        {
            connection.Calls--;
            Close(connection);
        }
    }

    private void Replace(Connection connection)
    {
        lock (padlock)
        {
            if (current == connection) current = null;
            Close(connection);
        }
    }

    // The other calls of a channel that failed end by themselves, each with its own failure.
    private void Close(Connection connection)
    {
        if (connection != current && connection.Calls == 0) connection.Channel.Dispose();
    }

    private sealed class Connection(GrpcChannel channel)
    {
        public GrpcChannel Channel { get; } = channel;

        public int Calls { get; set; }
    }
}
