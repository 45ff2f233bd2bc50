using System.Buffers.Binary;
using System.Text;
using ManagedFed.IO;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace ManagedFed.Federation.Tests.Hostile;

/// <summary>Our client against servers, and what stands in their place, that do not keep to the protocol: each call ends, and the end says why.</summary>
public sealed class HostileServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly byte[] Fit = StreamMessages.Instructions.Write(new FitInstructions(new(TestKit.Floats(1, 2, 3)), TestKit.NoValues));

    public static TheoryData<string> Answers => [.. Cases.Keys];

    private static readonly Dictionary<string, (Func<HttpContext, Task> Answer, string Sentence)> Cases = new()
    {
        ["half a message, then the end"] = (context => Grpc(context, Framed(Fit)[..60]), "the stream ends inside a message"),
        ["half a prefix, then the end"] = (context => Grpc(context, [0, 0]), "the stream ends inside a message"),
        ["half a message, then an error"] = (context => Grpc(context, Framed(Fit)[..60], ("grpc-status", "4"), ("grpc-message", "too%20slow")), "DeadlineExceeded: too slow"),
        ["half a message, then a reset"] = (async context =>
        {
            await Grpc(context, Framed(Fit)[..60]);
            await context.Response.Body.FlushAsync(Token);
            context.Abort();
            // The reset may come before the headers are read, or after.
        }, "The connection was lost.|The call cannot be made."),
        ["a compressed message"] = (context => Grpc(context, [1, .. Framed(Fit)[1..]]), "What the server sends cannot be read: Compressed messages are not understood."),
        ["a message beyond 2 GiB"] = (context => Grpc(context, [0, 0x80, 0, 0, 0]), "cannot be read: A message is longer than 2 GiB."),
        ["no message"] = (context => Grpc(context, Framed([0xFF, 0xFF])), "cannot be read: [wire] the bytes are no message"),
        ["an instruction that nobody knows"] = (context => Grpc(context, Framed([9 << 3 | 2, 0])), "the message holds no instruction that this version knows"),
        ["a tensor that is no array"] = (context => Grpc(context, Framed(Damaged())), "[npy]"),
        ["more tensors than any model has"] = (context => Grpc(context, Framed(Tensors(100_000))), "the instruction has 65537 tensors or more"),
        ["no status at the end"] = (context => Grpc(context, []), "The server ended the call without a status."),
        ["a status that is none"] = (context => Grpc(context, [], ("grpc-status", "x")), "a status that is none"),
        ["an error alone"] = (context => Alone(context, "14", "come%20later"), "Unavailable: come later"),
        ["an error alone that forges lines"] = (context => Alone(context, "14", "one%0Atwo"), "Unavailable: one two"),
        ["success alone"] = (context => Alone(context, "0", ""), "The server ended the call at once."),
        ["another content type"] = (context => Page(context, 200, "text/plain", "hello"), "HTTP status 200, content type 'text/plain'"),
        ["a proxy's page"] = (context => Page(context, 502, "text/html", "<html>Bad Gateway</html>"), "Unavailable: The answer is no gRPC: HTTP status 502, content type 'text/html'; is another server, or a proxy, at this address?"),
        ["a page that is not found"] = (context => Page(context, 404, "text/html", "<html>Not Found</html>"), "is a gRPC server, but not of Flower's bidirectional stream"),
    };

    [Theory, MemberData(nameof(Answers))]
    public async Task Join_OfAServerThatAnswersWith(string what)
    {
        var (answer, sentence) = Cases[what];
        await using var server = await HttpServer.Start(answer);
        var error = await Assert.ThrowsAsync<FederationException>(() => FederatedClient.StartAsync(
            server.Address, LambdaClient.Adding(1, 1), new() { MaxAttempts = 1 }, Token).Bounded());
        Assert.True(sentence.Split('|').Any(error.Message.Contains), error.Message);
        Assert.InRange(error.Message.Length, 1, 600);
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>2 GiB are announced, some come, and then nothing: the stall is noticed, and no more is held than what came.</summary>
    [Fact]
    public async Task Join_OfAServerThatStandsStillInsideAMessage_IsLeft()
    {
        const int announced = 2_000_000_000;
        var header = NpyHeader.Format(Shape.Create([announced / 4]), DType.Float32);
        List<byte> head = [];
        foreach (var (tag, content) in new[] { (1, announced + header.Length), (1, announced + header.Length + 6), (4, announced + header.Length + 12) })
        {
            head.InsertRange(0, [(byte)(tag << 3 | 2), .. Varint(content)]);
        }
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), announced + header.Length + 18);
        await using var server = await HttpServer.Start(async context =>
        {
            await Grpc(context, [.. prefix, .. head, .. header, .. new byte[4 << 20]]);
            await context.Response.Body.FlushAsync(Token);
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });
        var time = new WatchedTime();
        var client = FederatedClient.StartAsync(server.Address, LambdaClient.Adding(1, 1), new() { MaxAttempts = 1, TimeProvider = time }, Token);
        await time.NextTimer();
        // A look may still find bytes that came since the one before.
        while (!client.IsCompleted)
        {
            Token.ThrowIfCancellationRequested();
            time.Advance(JoinCall.StallTime);
            await Task.Yield();
        }
        var error = await Assert.ThrowsAsync<FederationException>(() => client.Bounded());
        Assert.Contains("The server began a message and stands still.", error.Message, StringComparison.Ordinal);
    }

    private static byte[] Damaged()
    {
        var bytes = Fit.ToArray();
        bytes[bytes.AsSpan().IndexOf("NUMPY"u8)] = (byte)'X';
        return bytes;
    }

    private static byte[] Tensors(int count)
    {
        byte[] tensors = [.. Enumerable.Range(0, count).SelectMany(_ => new byte[] { 1 << 3 | 2, 0 })];
        byte[] parameters = [1 << 3 | 2, .. Varint(tensors.Length), .. tensors];
        return [4 << 3 | 2, .. Varint(parameters.Length), .. parameters];
    }

    private static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7) bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    private static byte[] Framed(byte[] message)
    {
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        return [.. prefix, .. message];
    }

    private static async Task Grpc(HttpContext context, byte[] body, params (string Name, string Value)[] trailers)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.StartAsync(Token);
        await context.Response.Body.WriteAsync(body, Token);
        foreach (var (name, value) in trailers) context.Response.AppendTrailer(name, value);
    }

    private static Task Alone(HttpContext context, string status, string message)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = status;
        context.Response.Headers["grpc-message"] = message;
        return Task.CompletedTask;
    }

    private static Task Page(HttpContext context, int status, string type, string text)
    {
        (context.Response.StatusCode, context.Response.ContentType) = (status, type);
        return context.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(text), Token).AsTask();
    }

    /// <summary>A server of HTTP/2 that answers every request the same way.</summary>
    private sealed class HttpServer(WebApplication app) : IAsyncDisposable
    {
        public string Address => new Uri(((IApplicationBuilder)app).ServerFeatures.Get<IServerAddressesFeature>()!.Addresses.First()).Authority;

        public static async Task<HttpServer> Start(Func<HttpContext, Task> answer)
        {
            var builder = WebApplication.CreateEmptyBuilder(new());
            builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
                kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            var app = builder.Build();
            app.Run(context => answer(context));
            await app.StartAsync(Token);
            return new(app);
        }

        public async ValueTask DisposeAsync()
        {
            using var now = new CancellationTokenSource(TimeSpan.Zero);
            await app.StopAsync(now.Token);
            await app.DisposeAsync();
        }
    }
}
