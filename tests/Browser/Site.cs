using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Tests.Browser;

/// <summary>Serves the published page on loopback, compressed as it was published, and MNIST's files under <c>/data/</c>.</summary>
internal sealed class Site : IAsyncDisposable
{
    private const string DataFolder = "/data/";

    private static readonly (string Coding, string Ending)[] Packed = [("br", ".br"), ("gzip", ".gz")];

    private readonly WebApplication app;
    private readonly string page, data;
    private long pageBytes;

    private Site(WebApplication app, string page, string data) => (this.app, this.page, this.data) = (app, page, data);

    /// <summary>The bytes of bodies that were sent so far, without MNIST's.</summary>
    public long PageBytes => Interlocked.Read(ref pageBytes);

    public string Origin => app.Urls.Single();

    public static async Task<Site> StartAsync(string page, string data, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var site = new Site(builder.Build(), Path.GetFullPath(page), Path.GetFullPath(data));
        site.app.Run(site.AnswerAsync);
        await site.app.StartAsync(cancellation);
        return site;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        var isData = path.StartsWith(DataFolder, StringComparison.Ordinal);
        var folder = isData ? data : page;
        var file = Path.GetFullPath(Path.Combine(folder, isData ? path[DataFolder.Length..] : path == "/" ? "index.html" : path[1..]));
        if (!file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal) || !File.Exists(file))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        context.Response.ContentType = Path.GetExtension(file) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".js" => "text/javascript",
            ".json" => "application/json",
            ".wasm" => "application/wasm",
            _ => "application/octet-stream",
        };
        var accepted = context.Request.Headers.AcceptEncoding.ToString();
        var (coding, ending) = isData ? default : Packed.FirstOrDefault(kind => accepted.Contains(kind.Coding, StringComparison.Ordinal) && File.Exists(file + kind.Ending));
        if (coding is not null) context.Response.Headers.ContentEncoding = coding;
        var sent = new FileInfo(file + ending);
        if (!isData) Interlocked.Add(ref pageBytes, sent.Length);
        context.Response.ContentLength = sent.Length;
        await context.Response.SendFileAsync(sent.FullName, context.RequestAborted);
    }
}
