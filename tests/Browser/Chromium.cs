using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace ManagedFed.Tests.Browser;

/// <summary>A headless Chromium of its own, with a profile that goes with it.</summary>
internal sealed class Chromium : IAsyncDisposable
{
    private const string Announcement = "DevTools listening on ";

    private readonly Process process;
    private readonly string profile;
    private readonly TaskCompletionSource<Uri> listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Chromium(Process process, string profile) => (this.process, this.profile) = (process, profile);

    /// <summary>The browser that CHROMIUM names, or one on the path; null where there is none.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable("CHROMIUM") is { Length: > 0 } named) return named;
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string[] names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
        return names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }

    public static async Task<Chromium> StartAsync(string path, CancellationToken cancellation)
    {
        var profile = Directory.CreateTempSubdirectory("managedfed-browser-").FullName;
        // Its sandbox does not work for root, and this page is our own.
        string[] arguments =
        [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-extensions", $"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
        ];
        var process = new Process { StartInfo = new(path, arguments) { RedirectStandardError = true, RedirectStandardOutput = true } };
        var chromium = new Chromium(process, profile);
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => chromium.listening.TrySetException(new InvalidOperationException($"{path} ended before it listened"));
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data?.StartsWith(Announcement, StringComparison.Ordinal) == true) chromium.listening.TrySetResult(new(line.Data[Announcement.Length..]));
        };
        process.Start();
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        try
        {
            await chromium.listening.Task.WaitAsync(cancellation);
            return chromium;
        }
        catch
        {
            await chromium.DisposeAsync();
            throw;
        }
    }

    /// <summary>Opens a page and writes what it logs, until it is cancelled.</summary>
    /// <exception cref="InvalidOperationException">The page's script failed, or a line begins with <c>Failed: </c>.</exception>
    public async Task WatchAsync(string address, CancellationToken cancellation)
    {
        using var http = new HttpClient { BaseAddress = new($"http://{(await listening.Task).Authority}") };
        using var made = await http.PutAsync("/json/new?about:blank", null, cancellation);
        var tab = await made.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(cancellation);
        using var tools = await DevTools.ConnectAsync(new(tab.GetProperty("webSocketDebuggerUrl").GetString()!), cancellation);
        await tools.SendAsync("Runtime.enable", new { }, cancellation);
        await tools.SendAsync("Page.navigate", new { url = address }, cancellation);
        while (true)
        {
            var line = await tools.LogLineAsync(cancellation);
            Console.WriteLine($"  tab: {line}");
            if (line.StartsWith("Failed: ", StringComparison.Ordinal)) throw new InvalidOperationException(line);
        }
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        try
        {
            Directory.Delete(profile, recursive: true);
        }
        catch (IOException)
        {
            // A process of its own that still goes down may write there; the system empties its folder of temporary files.
        }
    }
}
