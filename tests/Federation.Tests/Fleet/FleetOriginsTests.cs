using System.Net;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Which pages' scripts a browser lets call Fleet over HTTP.</summary>
public sealed class FleetOriginsTests
{
    private const string Page = "http://127.0.0.1:5000",
        Needed = "content-type,flwr-package-version,flwr-public-key,flwr-signature,flwr-timestamp,managedfed-content-signature,managedfed-nonce";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Page, true)]
    [InlineData("https://example.org", true)]
    [InlineData("http://127.0.0.1:5001", false)]
    [InlineData("https://127.0.0.1:5000", false)]
    [InlineData("null", false)]
    public async Task Preflight_OfAPage_IsAllowedWhereItIsListed(string origin, bool allowed)
    {
        using var answer = await SendAsync([Page, "https://example.org/"], Preflight(origin));

        Assert.Equal(allowed ? origin : null, Header(answer, "Access-Control-Allow-Origin"));
        if (!allowed) return;
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal("POST", Header(answer, "Access-Control-Allow-Methods"));
        var headers = Header(answer, "Access-Control-Allow-Headers")!.Split(',', StringSplitOptions.TrimEntries);
        Assert.All(Needed.Split(','), name => Assert.Contains(name, headers, StringComparer.OrdinalIgnoreCase));
        Assert.Null(Header(answer, "Access-Control-Allow-Credentials"));
    }

    [Fact]
    public async Task Preflight_WithoutConfiguration_AllowsNobody()
    {
        using var answer = await SendAsync([], Preflight(Page));

        Assert.Null(Header(answer, "Access-Control-Allow-Origin"));
        Assert.NotEqual(HttpStatusCode.NoContent, answer.StatusCode);
    }

    [Fact]
    public async Task Refusal_ToAPage_CanBeReadByIt()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/fleet/pull-messages") { Content = new ByteArrayContent([]) };
        request.Content.Headers.ContentType = new("application/protobuf");
        request.Headers.Add("Origin", Page);

        using var answer = await SendAsync([Page], request);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(Page, Header(answer, "Access-Control-Allow-Origin"));
        Assert.Equal("flwr-version-incompatibility-message", Header(answer, "Access-Control-Expose-Headers"));
        Assert.Contains("not signed", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preflight_WhereEveryPageMayCall_IsAllowed()
    {
        using var answer = await SendAsync(["*"], Preflight("https://anywhere.example"));

        Assert.Equal("*", Header(answer, "Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData("127.0.0.1:5000")]
    [InlineData("example.org")]
    [InlineData("https://example.org/page")]
    [InlineData("ftp://example.org")]
    [InlineData("")]
    public void AllowedOrigins_WhatIsNone_IsRefused(string origin)
    {
        var refusal = Assert.Throws<ArgumentException>(() => new FleetOptions { AllowedOrigins = [Page, origin] });

        Assert.Contains($"the allowed origin '{origin}' is none", refusal.Message, StringComparison.Ordinal);
    }

    private static HttpRequestMessage Preflight(string origin)
    {
        var request = new HttpRequestMessage(HttpMethod.Options, "/v1/fleet/pull-messages");
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "POST");
        request.Headers.Add("Access-Control-Request-Headers", Needed);
        return request;
    }

    private static async Task<HttpResponseMessage> SendAsync(string[] origins, HttpRequestMessage request)
    {
        var address = new TaskCompletionSource<string>();
        var fleet = new FleetOptions { Address = null, HttpAddress = "127.0.0.1:0", OnHttpListening = address.SetResult, AllowedOrigins = origins };
        await using var server = await RunningServer.Start(new(1), new FedAvg(), new() { Fleet = fleet });
        using var client = new HttpClient { BaseAddress = new($"http://{await address.Task.Bounded()}") };
        var answer = await client.SendAsync(request, Token).Bounded();
        await answer.Content.LoadIntoBufferAsync(Token);
        return answer;
    }

    private static string? Header(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}
