using System.Text;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fleet's methods as a node calls them: signed, timed, and tried again while the server cannot be reached.</summary>
internal sealed class FleetCalls(IFleetTransport transport, INodeSigner signer, string address, FederatedNodeOptions options, ILogger log)
{
    // A piece of 5 MiB may take so long on a slow line; a server that is silent for longer is gone.
    private static readonly TimeSpan CallTime = TimeSpan.FromSeconds(120), HeartbeatTime = TimeSpan.FromSeconds(5);

    /// <summary>A signature is of the time alone, so the calls of a moment share one: to make it takes longer than a small call.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time = options.TimeProvider;
    private readonly Random random = new SharedRandom(options.Random);
    private readonly Lock gate = new();
    private readonly byte[] publicKey = Encoding.ASCII.GetBytes(signer.PublicKeyPem);
    private readonly ContentSigner? content = options.SignContent ? new(signer) : null;
    private (Task<SignedHeaders> Headers, long At)? signed;

    /// <summary>Objects on their way to the server, and from it, at once.</summary>
    public (int Pushes, int Pulls) AtOnce => transport.AtOnce;

    /// <summary>The wait before the next heartbeat: early enough for one to be lost, spread so that nodes do not beat together.</summary>
    public TimeSpan HeartbeatWait => (options.HeartbeatInterval - HeartbeatTime) * (0.7 + 0.2 * random.NextDouble());

    /// <summary>The wait after so many calls that failed in a row.</summary>
    public TimeSpan FailureWait(int failures) => Backoff.Wait(failures, random);

    /// <summary>Registers the key; a server that has it already, from an attempt whose answer was lost, is fine too.</summary>
    public async Task RegisterAsync(CancellationToken cancellation)
    {
        var request = new Wire.RegisterNodeRequest { PublicKey = ByteString.CopyFrom(publicKey) };
        var attempts = 0;
        try
        {
            await RetryAsync("RegisterNode", request, Wire.RegisterNodeResponse.Parser, () => attempts++, cancellation).ConfigureAwait(false);
        }
        catch (FleetException exception) when (attempts > 1 && exception.IsPrecondition)
        {
            // Activation tells whether the server knows the key.
        }
    }

    public async Task<ulong> ActivateAsync(CancellationToken cancellation)
    {
        var request = new Wire.ActivateNodeRequest
        {
            PublicKey = ByteString.CopyFrom(publicKey),
            HeartbeatInterval = options.HeartbeatInterval.TotalSeconds,
        };
        var response = await RetryAsync("ActivateNode", request, Wire.ActivateNodeResponse.Parser, null, cancellation).ConfigureAwait(false);
        return response.NodeId;
    }

    public Task<Wire.DeactivateNodeResponse> DeactivateAsync(ulong node, CancellationToken cancellation) => OnceAsync(
        "DeactivateNode", new Wire.DeactivateNodeRequest { NodeId = node }, Wire.DeactivateNodeResponse.Parser, HeartbeatTime, cancellation);

    public Task<Wire.UnregisterNodeResponse> UnregisterAsync(ulong node, CancellationToken cancellation) => OnceAsync(
        "UnregisterNode", new Wire.UnregisterNodeRequest { NodeId = node }, Wire.UnregisterNodeResponse.Parser, HeartbeatTime, cancellation);

    public async Task<bool> HeartbeatAsync(ulong node, CancellationToken cancellation)
    {
        var request = new Wire.SendNodeHeartbeatRequest { Node = Node(node), HeartbeatInterval = options.HeartbeatInterval.TotalSeconds };
        var response = await OnceAsync("SendNodeHeartbeat", request, Wire.SendNodeHeartbeatResponse.Parser, HeartbeatTime, cancellation)
            .ConfigureAwait(false);
        return response.Success;
    }

    public Task<Wire.PullMessagesResponse> PullMessagesAsync(ulong node, CancellationToken cancellation) => RetryAsync(
        "PullMessages", new Wire.PullMessagesRequest { Node = Node(node) }, Wire.PullMessagesResponse.Parser, null, cancellation);

    public Task<Wire.PushMessagesResponse> PushMessageAsync(ulong node, DeflatedMessage message, TimeSpan worked, CancellationToken cancellation) =>
        RetryAsync(
            "PushMessages",
            new Wire.PushMessagesRequest
            {
                Node = Node(node),
                MessagesList = { message.Message },
                MessageObjectTrees = { message.Tree },
                ClientappRuntimeList = { worked.TotalSeconds },
            },
            Wire.PushMessagesResponse.Parser, null, cancellation);

    public Task<Wire.PullObjectResponse> PullObjectAsync(ulong node, ulong run, string id, CancellationToken cancellation) => RetryAsync(
        "PullObject", new Wire.PullObjectRequest { Node = Node(node), RunId = run, ObjectId = id }, Wire.PullObjectResponse.Parser, null, cancellation);

    public Task<Wire.PushObjectResponse> PushObjectAsync(
        ulong node, ulong run, string session, string id, ByteString content, CancellationToken cancellation) => RetryAsync(
        "PushObject", new Wire.PushObjectRequest { Node = Node(node), RunId = run, SessionId = session, ObjectId = id, ObjectContent = content },
        Wire.PushObjectResponse.Parser, null, cancellation);

    public Task<Wire.ConfirmMessageReceivedResponse> ConfirmAsync(ulong node, ulong run, string id, CancellationToken cancellation) => RetryAsync(
        "ConfirmMessageReceived", new Wire.ConfirmMessageReceivedRequest { Node = Node(node), RunId = run, MessageObjectId = id },
        Wire.ConfirmMessageReceivedResponse.Parser, null, cancellation);

    /// <summary>True when the run is over, or not this node's any more.</summary>
    public async Task<bool> IsOverAsync(ulong node, ulong run, CancellationToken cancellation)
    {
        try
        {
            var request = new Wire.GetRunRequest { Node = Node(node), RunId = run };
            var response = await RetryAsync("GetRun", request, Wire.GetRunResponse.Parser, null, cancellation).ConfigureAwait(false);
            return response.Run?.Status?.Status == "finished";
        }
        catch (FleetException exception) when (exception.IsDenial)
        {
            return true;
        }
    }

    private static Wire.Node Node(ulong node) => new() { NodeId = node };

    private async Task<T> RetryAsync<T>(
        string method, IMessage request, MessageParser<T> parser, Action? attempting, CancellationToken cancellation) where T : IMessage<T>
    {
        var alone = time.GetTimestamp();
        for (var failures = 0; ;)
        {
            attempting?.Invoke();
            try
            {
                return await OnceAsync(method, request, parser, CallTime, cancellation).ConfigureAwait(false);
            }
            catch (FleetException exception) when (exception.Fault == FleetFault.Unavailable)
            {
                if (GrpcChannels.Refusal(exception.InnerException) is not null) throw;
                var shown = $"{method}: {GrpcChannels.Words(exception.Message, exception.InnerException, options.IsEncrypted(address))}";
                var wait = FailureWait(failures++);
                if (options.GivesUp(failures, time.GetElapsedTime(alone) + wait))
                {
                    throw new FederationException(
                        $"[node] {address} cannot be reached after {failures} attempt(s): {shown}; is the SuperLink running?", exception);
                }
                log.Retrying(address, shown, failures + 1, wait.TotalSeconds);
                await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task<T> OnceAsync<T>(
        string method, IMessage request, MessageParser<T> parser, TimeSpan limit, CancellationToken cancellation) where T : IMessage<T>
    {
        using var timer = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            var response = await transport.CallAsync(method, request.ToByteArray(), await SignAsync(cancellation).ConfigureAwait(false), either.Token).ConfigureAwait(false);
            return parser.ParseFrom(response);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new FleetException(FleetFault.Unavailable, $"no answer to {method} within {limit.TotalSeconds} s");
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw new FleetException(FleetFault.Failed, $"the response to {method} cannot be read: {exception.Message}", cause: exception);
        }
    }

    private async Task<SignedHeaders> SignAsync(CancellationToken cancellation)
    {
        Task<SignedHeaders> headers;
        lock (gate)
        {
            if (signed is not { At: var at } || time.GetElapsedTime(at) >= Moment) signed = (SignAsync(time.GetUtcNow()), time.GetTimestamp());
            headers = signed.Value.Headers;
        }
        return await headers.WaitAsync(cancellation).ConfigureAwait(false);
    }

    // Whoever waits for it, it is for all calls of its moment.
    private async Task<SignedHeaders> SignAsync(DateTimeOffset now)
    {
        var timestamp = SignedHeaders.Format(now);
        var signature = await signer.SignAsync(Encoding.ASCII.GetBytes(timestamp), CancellationToken.None).ConfigureAwait(false);
        return new(publicKey, timestamp, signature) { ContentSigner = content };
    }

    // Objects are pushed side by side, and a seeded generator is not made for that.
    private sealed class SharedRandom(Random inner) : Random
    {
        private readonly Lock padlock = new();

        public override double NextDouble()
        {
            lock (padlock) return inner.NextDouble();
        }
    }
}
