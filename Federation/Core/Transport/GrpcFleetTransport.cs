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

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        var metadata = new Metadata
        {
            { SignedHeaders.PublicKeyName, headers.PublicKey.ToArray() },
            { SignedHeaders.TimestampName, headers.Timestamp },
            { SignedHeaders.SignatureName, headers.Signature.ToArray() },
        };
        var definition = new Method<byte[], byte[]>(MethodType.Unary, "flwr.proto.Fleet", method, Bytes, Bytes);
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
            if (exception.StatusCode == StatusCode.Unavailable) throw;
            throw new RpcException(new(StatusCode.Unavailable, exception.Status.Detail, exception.Status.DebugException));
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
