using System.Net.Http;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace ManagedFed.Federation;

/// <summary>Opens connections to a server, the same for both wires.</summary>
internal static class GrpcChannels
{
    private const int StreamWindow = 8 << 20;

    /// <param name="uri">Where to; https encrypts.</param>
    /// <param name="roots">Certificates to trust instead of the system's.</param>
    public static GrpcChannel Open(Uri uri, X509Certificate2Collection? roots)
    {
        var handler = new SocketsHttpHandler
        {
            // One message may be hundreds of megabytes. Pings stay off: C-core servers cut clients that ping within 5 minutes.
            InitialHttp2StreamWindowSize = StreamWindow,
            ConnectTimeout = TimeSpan.FromSeconds(20),
            // No proxy forwards HTTP/2 without TLS.
            UseProxy = uri.Scheme == Uri.UriSchemeHttps,
        };
        if (roots is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }
        return GrpcChannel.ForAddress(uri, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
            CompressionProviders = [],
        });
    }

    /// <summary>True when a call failed because the server's certificate is not trusted.</summary>
    public static bool IsUntrusted(Status status) => Causes(status.DebugException).Any(cause => cause is AuthenticationException);

    /// <summary>True when a call failed because the connection did, whatever code it was given.</summary>
    public static bool IsBroken(Status status) => status.StatusCode == StatusCode.Unavailable
        || status.StatusCode == StatusCode.Internal && Causes(status.DebugException).Any(cause => cause is IOException or HttpRequestException);

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException) yield return exception;
    }
}
