using System.Text.Json;
using Google.Protobuf;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>One recorded request or response.</summary>
internal sealed record RecordedCall(int Number, string Method, bool IsRequest, byte[] Body, IReadOnlyDictionary<string, byte[]> Headers);

/// <summary>The recorded session of two nodes and a SuperLink.</summary>
internal static class FleetRecording
{
    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "Vectors", "fleet");

    public static IReadOnlyList<RecordedCall> Session { get; } = Load("legacy-app");

    public static IReadOnlyList<RecordedCall> Shutdown { get; } = Load("shutdown");

    /// <summary>Every object that was pushed, by id.</summary>
    public static IReadOnlyDictionary<string, ByteString> Objects { get; } = AllObjects();

    /// <summary>Every message that was pulled or pushed, with its tree.</summary>
    public static IReadOnlyList<(Wire.Message Message, Wire.ObjectTree Tree)> Messages { get; } =
    [
        .. All("PullMessages", false, Wire.PullMessagesResponse.Parser)
            .SelectMany(response => response.MessagesList.Zip(response.MessageObjectTrees)),
        .. All("PushMessages", true, Wire.PushMessagesRequest.Parser)
            .SelectMany(request => request.MessagesList.Zip(request.MessageObjectTrees)),
    ];

    public static IEnumerable<T> All<T>(string method, bool request, MessageParser<T> parser) where T : IMessage<T> => Session
        .Where(call => call.Method == method && call.IsRequest == request).Select(call => parser.ParseFrom(call.Body));

    public static ValueTask<ReadOnlyMemory<byte>> Source(string id, CancellationToken cancellation) => new(Objects[id].Memory);

    private static Dictionary<string, ByteString> AllObjects()
    {
        var objects = new Dictionary<string, ByteString>();
        foreach (var push in All("PushObject", true, Wire.PushObjectRequest.Parser)) objects[push.ObjectId] = push.ObjectContent;
        foreach (var pull in All("PullObject", false, Wire.PullObjectResponse.Parser))
        {
            objects[FleetObject.IdOf(pull.ObjectContent.Span)] = pull.ObjectContent;
        }
        return objects;
    }

    private static List<RecordedCall> Load(string folder)
    {
        using var index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, folder, "index.json")));
        var calls = new List<RecordedCall>();
        foreach (var entry in index.RootElement.EnumerateArray())
        {
            var headers = new Dictionary<string, byte[]>();
            if (entry.TryGetProperty("metadata", out var metadata))
            {
                foreach (var pair in metadata.EnumerateArray())
                {
                    var value = pair[1].GetString()!;
                    headers[pair[0].GetString()!] = value.StartsWith("b64:", StringComparison.Ordinal)
                        ? Convert.FromBase64String(value[4..]) : System.Text.Encoding.ASCII.GetBytes(value);
                }
            }
            calls.Add(new(
                entry.GetProperty("n").GetInt32(), entry.GetProperty("method").GetString()!.Split('/')[^1],
                entry.GetProperty("kind").GetString() == "req",
                File.ReadAllBytes(Path.Combine(Folder, folder, entry.GetProperty("file").GetString()!)), headers));
        }
        return calls;
    }
}
