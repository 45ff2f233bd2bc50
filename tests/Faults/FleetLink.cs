using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;
using ManagedFed.Federation;
using Microsoft.Extensions.Logging;
using Wire = ManagedFed.Federation.Wire;

namespace ManagedFed.Faults;

/// <summary>The keys of nodes, in the order of their names, so that all chance falls alike whatever the keys are.</summary>
internal static class FleetKeys
{
    public const int Count = 4;

    private static readonly (NodeKey Key, string Fingerprint)[] Keys =
    [
        .. Enumerable.Range(0, Count).Select(_ => Create()).Select(key => (Key: key, Print: KeyList.Fingerprint(key.PublicKey.Span)))
            .OrderBy(entry => entry.Print, StringComparer.Ordinal),
    ];

    /// <summary>Of a curve whose signatures take a tenth of the time.</summary>
    private static NodeKey Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return NodeKey.FromPem(key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>All of them, who may join.</summary>
    public static KeyList All { get; } = new([.. Keys.Select(entry => entry.Key.PublicKeyPem)]);

    public static NodeKey Key(int number) => Keys[number].Key;

    public static string Fingerprint(int number) => Keys[number].Fingerprint;

    /// <summary>Whose key it is; −1 for nobody's.</summary>
    public static int NumberOf(string fingerprint) => Array.FindIndex(Keys, entry => entry.Fingerprint == fingerprint);
}

/// <summary>A node's calls: each request and each response may be lost, late, or there twice.</summary>
/// <remarks>What a call carries is checked by its signature elsewhere; here the caller is believed.</remarks>
internal sealed class FleetLink(ClientProcess client) : IFleetTransport
{
    private readonly World world = client.World;

    public (int Pushes, int Pulls) AtOnce => (3, 4);

    private FleetCaller Caller => new(client.Machine.StableName, $"ipv4:10.0.0.{client.Machine.Number + 1}:4711");

    /// <summary>Runs the node until it dies.</summary>
    public static async Task RunAsync(ClientProcess client, ILogger log)
    {
        using var link = new FleetLink(client);
        var options = new FederatedNodeOptions
        {
            Key = FleetKeys.Key(client.Machine.Number),
            TimeProvider = client.Clock,
            LoggerFactory = new ProcessLogs(log),
            Random = new ChanceRandom(client.World.Chance),
        };
        try
        {
            await FederatedNode.RunAsync(link, "superlink", new ArrayRecordClient(client.Learner), client.Learner, options, CancellationToken.None);
        }
        catch (EndedException)
        {
            // It was killed.
        }
        catch (FederationException exception) when (!client.IsDead)
        {
            throw new BrokenException($"{client.Name} gives up: {exception.Message}");
        }
        catch (FederationException)
        {
            // It was killed, and does not know.
        }
    }

    public async ValueTask<byte[]> CallAsync(string method, byte[] request, SignedHeaders headers, CancellationToken cancellation)
    {
        var dies = client.DiesAt($"calls {method}");
        var response = new TaskCompletionSource<byte[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var faults = client.Machine.Schedule.Faults;
        if (!faults.LosesMessage() && (!dies || world.Chance.OneIn(2))) Send();
        if (!dies && faults.RepeatsMessage()) Send();
        return await response.Task.WaitAsync(cancellation);

        void Send() => world.In(StreamLink.Latency(world.Chance), $"{method} of {client.Name} arrives", () =>
        {
            var (answer, refusal) = Serve(method, request);
            if (faults.LosesMessage()) return;
            world.In(StreamLink.Latency(world.Chance), $"{method} of {client.Name} is answered", () =>
            {
                if (client.IsDead) return;
                if (refusal is not null) response.TrySetException(refusal);
                else response.TrySetResult(answer!);
            });
        });
    }

    public void Dispose()
    {
    }

    private (byte[]? Answer, FleetException? Refusal) Serve(string method, byte[] request)
    {
        if (client.Machine.Schedule.Server is not { IsDead: false, Run.IsCompleted: false } server) return (null, new(FleetFault.Unavailable, "no server is there"));
        try
        {
            // An effect of the server's, as it may die within it.
            var dies = server.DiesAt($"answers {method} of {client.Name}");
            var answer = Handle(server, method, request).ToByteArray();
            return dies && world.Chance.OneIn(2) ? (null, new FleetException(FleetFault.Unavailable, "the server is gone")) : (answer, null);
        }
        catch (FleetException exception)
        {
            return (null, exception);
        }
    }

    private IMessage Handle(ServerProcess server, string method, byte[] request)
    {
        var answer = server.Desk.Call(method, Caller, new(request));
        foreach (var message in answer is Wire.PullMessagesResponse pulled ? pulled.MessagesList : [])
        {
            if (message.Metadata.MessageType == LegacyRecords.Train) Invariants.CheckAsk(server, Caller.Key, int.Parse(message.Metadata.GroupId, CultureInfo.InvariantCulture));
        }
        return answer;
    }
}
