using System.Net.Http;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;

namespace ManagedFed.Federation;

/// <summary>The server's certificate is not one to go on with; the message ends a sentence that begins with the server's address.</summary>
internal sealed class CertificateException(string why) : AuthenticationException(why);

/// <summary>Opens connections to a server, the same for both wires.</summary>
internal static class GrpcChannels
{
    private const int StreamWindow = 8 << 20;

    /// <summary>How long the answer to a ping may take.</summary>
    private static readonly TimeSpan PingTimeout = TimeSpan.FromMinutes(1);

    /// <param name="uri">Where to; https encrypts.</param>
    /// <param name="roots">Certificates to trust instead of the system's.</param>
    /// <param name="keepAlive">How long a connection in use may be silent before it is pinged.</param>
    public static GrpcChannel Open(Uri uri, X509Certificate2Collection? roots, TimeSpan keepAlive) =>
        GrpcChannel.ForAddress(uri, new GrpcChannelOptions
        {
            HttpHandler = Handler(uri, roots, keepAlive),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
            CompressionProviders = [],
        });

    /// <summary>What connects, with the server's certificate checked; for HTTP without gRPC, too.</summary>
    /// <inheritdoc cref="Open"/>
    public static SocketsHttpHandler Handler(Uri uri, X509Certificate2Collection? roots, TimeSpan keepAlive)
    {
        var handler = new SocketsHttpHandler
        {
            // One message may be hundreds of megabytes.
            InitialHttp2StreamWindowSize = StreamWindow,
            ConnectTimeout = TimeSpan.FromSeconds(20),
            KeepAlivePingDelay = keepAlive,
            KeepAlivePingTimeout = PingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            // No proxy forwards HTTP/2 without TLS.
            UseProxy = uri.Scheme == Uri.UriSchemeHttps,
        };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
            errors == SslPolicyErrors.None ? true : throw new CertificateException(Why(uri.Host, certificate, chain, errors));
        if (roots is not null)
        {
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.AddRange(roots);
            handler.SslOptions.CertificateChainPolicy = policy;
        }
        return handler;
    }

    /// <summary>What trying again cannot mend about a call that failed, to follow the server's address; null when nothing is.</summary>
    public static string? Refusal(Status status) => Refusal(status.DebugException);

    /// <summary>What trying again cannot mend about a connection that failed, to follow the server's address; null when nothing is.</summary>
    public static string? Refusal(Exception? cause)
    {
        var causes = Causes(cause).ToArray();
        return causes.OfType<CertificateException>().FirstOrDefault() is { } certificate ? certificate.Message
            : causes.Any(one => one is AuthenticationException)
                ? "speaks no TLS, or none that this client knows; leave out https:// and UseTls, or start the server with a certificate"
                : null;
    }

    /// <summary>A failed call as one line, with what may help.</summary>
    /// <param name="status">How it ended.</param>
    /// <param name="encrypted">Whether TLS was wanted.</param>
    public static string Shown(Status status, bool encrypted) => $"{status.StatusCode}: {Words(status, encrypted)}";

    /// <summary>What a failed call says, with what may help, where its code is told otherwise.</summary>
    /// <param name="status">How it ended.</param>
    /// <param name="encrypted">Whether TLS was wanted.</param>
    public static string Words(Status status, bool encrypted) => Words(status.Detail, status.DebugException, encrypted);

    /// <summary>What is said of a failed call, with what may help.</summary>
    /// <param name="detail">What is said of it.</param>
    /// <param name="cause">What broke underneath.</param>
    /// <param name="encrypted">Whether TLS was wanted.</param>
    public static string Words(string detail, Exception? cause, bool encrypted)
    {
        var errors = Causes(cause).Select(one => one switch
        {
            HttpRequestException request => request.HttpRequestError,
            HttpIOException io => io.HttpRequestError,
            _ => HttpRequestError.Unknown,
        }).ToArray();
        var hint = encrypted && errors.Contains(HttpRequestError.SecureConnectionError)
                ? "; does the server speak TLS? If not, leave out https:// and UseTls"
            : !encrypted && errors.Any(error => error is HttpRequestError.ResponseEnded or HttpRequestError.HttpProtocolError or HttpRequestError.InvalidResponse)
                ? "; if the server wants TLS, begin its address with https:// or give its RootCertificates"
            : "";
        return $"{PeerText.Harmless(detail)}{hint}";
    }

    /// <summary>A failed call as an exception's cause, in words that are harmless.</summary>
    public static RpcException Harmless(Status status) => new(new(status.StatusCode, PeerText.Harmless(status.Detail), status.DebugException));

    /// <summary>True when a call failed because the connection did, whatever code it was given.</summary>
    public static bool IsBroken(Status status) => status.StatusCode == StatusCode.Unavailable
        || status.StatusCode == StatusCode.Internal && Causes(status.DebugException).Any(cause => cause is IOException or HttpRequestException);

    private static string Why(string host, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 given) return "has no certificate";
        var problems = chain?.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status) ?? X509ChainStatusFlags.NoError;
        if (problems.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            return FormattableString.Invariant(
                $"has a certificate that is valid from {given.NotBefore.ToUniversalTime():u} to {given.NotAfter.ToUniversalTime():u}, or one above it is not valid now; does this clock run right?");
        }
        return errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors)
            ? $"has a certificate that is not trusted ({problems}); give the certificate of its authority as RootCertificates"
            : $"has a certificate for other names than '{host}': {PeerText.Harmless(given.Subject)}; give the name that the certificate has";
    }

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception.InnerException) yield return exception;
    }
}
