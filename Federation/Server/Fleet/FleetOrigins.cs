using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace ManagedFed.Federation;

/// <summary>Tells browsers which pages' scripts may call Fleet over HTTP, and with which headers. Source: the Fetch standard, section "CORS protocol".</summary>
internal static class FleetOrigins
{
    private const string Any = "*";

    /// <summary>How long a browser need not ask again whether it may call; none remembers it for longer.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromHours(2);

    private static readonly string[] Sent =
    [
        "content-type", "accept", SignedHeaders.Http.PublicKey, SignedHeaders.Http.Timestamp, SignedHeaders.Http.Signature,
        FleetVersion.Header, "flwr-package-name", "flwr-component-name", SignedContent.NonceName, SignedContent.SignatureName,
    ];

    /// <summary>An origin as browsers write it.</summary>
    /// <exception cref="ArgumentException">The text is no origin.</exception>
    public static string Checked(string origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        if (origin == Any) return origin;
        if (Uri.TryCreate(origin, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            && uri.GetLeftPart(UriPartial.Authority) is var written && origin.TrimEnd('/').Equals(written, StringComparison.OrdinalIgnoreCase))
        {
            return written;
        }
        throw new ArgumentException($"[fleet] the allowed origin '{origin}' is none: expected http://host, https://host, either with a port, or {Any}");
    }

    public static void Add(WebApplicationBuilder builder, FleetOptions? fleet)
    {
        if (fleet?.AllowedOrigins.Count > 0) builder.Services.AddCors();
    }

    /// <summary>Before all that answers, so that a page can read refusals, too.</summary>
    public static void Use(WebApplication app, FleetOptions? fleet)
    {
        if (fleet is not { AllowedOrigins: { Count: > 0 } origins }) return;
        app.UseCors(policy => policy.WithOrigins([.. origins]).WithMethods("POST").WithHeaders(Sent).WithExposedHeaders(FleetVersion.WarningHeader)
            .SetPreflightMaxAge(MaxAge));
    }
}
