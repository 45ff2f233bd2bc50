using System.Net.WebSockets;
using System.Text.Json;

namespace ManagedFed.Tests.Browser;

/// <summary>As much of the DevTools protocol as it takes to open a page and read its console.</summary>
internal sealed class DevTools : IDisposable
{
    private readonly ClientWebSocket socket = new();
    private int calls;

    public static async Task<DevTools> ConnectAsync(Uri address, CancellationToken cancellation)
    {
        var tools = new DevTools();
        await tools.socket.ConnectAsync(address, cancellation);
        return tools;
    }

    /// <summary>Calls a method; its answer is not waited for.</summary>
    public Task SendAsync(string method, object parameters, CancellationToken cancellation) => socket.SendAsync(
        JsonSerializer.SerializeToUtf8Bytes(new { id = ++calls, method, @params = parameters }), WebSocketMessageType.Text, true, cancellation);

    /// <summary>The next line that the page writes to its console.</summary>
    /// <exception cref="InvalidOperationException">A script failed, or a call was refused.</exception>
    public async Task<string> LogLineAsync(CancellationToken cancellation)
    {
        while (true)
        {
            using var message = await ReceiveAsync(cancellation);
            var root = message.RootElement;
            if (root.TryGetProperty("error", out var error)) throw new InvalidOperationException($"Chromium refuses: {error}");
            switch (root.TryGetProperty("method", out var method) ? method.GetString() : null)
            {
                case "Runtime.consoleAPICalled":
                    var words = root.GetProperty("params").GetProperty("args").EnumerateArray().Select(Text);
                    return string.Join(' ', words);
                case "Runtime.exceptionThrown":
                    throw new InvalidOperationException($"the page's script failed: {root.GetProperty("params").GetProperty("exceptionDetails")}");
            }
        }

        static string Text(JsonElement argument) =>
            (argument.TryGetProperty("value", out var value) || argument.TryGetProperty("description", out value) ? value : argument).ToString();
    }

    public void Dispose() => socket.Dispose();

    private async Task<JsonDocument> ReceiveAsync(CancellationToken cancellation)
    {
        var text = new MemoryStream();
        var buffer = new byte[1 << 14];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), cancellation);
            if (part.MessageType == WebSocketMessageType.Close) throw new InvalidOperationException("Chromium closed the tab");
            text.Write(buffer, 0, part.Count);
            if (part.EndOfMessage) return JsonDocument.Parse(text.GetBuffer().AsMemory(0, (int)text.Length));
        }
    }
}
