using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>How long the objects of a reply are held, and large models over the wire.</summary>
public sealed class ReplyObjectsTests
{
    private const int Piece = ArrayBytes.ChunkSize;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static readonly Wire.Metadata Head = new() { RunId = 1, SrcNodeId = 1, DstNodeId = 2, MessageType = "train", CreatedAt = 1.8e9, Ttl = 10 };

    private static DeflatedMessage Instruction { get; } = Deflation.Deflate(Head, LegacyRecords.Encode(new FitInstructions(new(TestKit.Floats(1)), TestKit.NoValues)).Content);

    private static DeflatedMessage Reply(params NdArray[] model) => Deflation.Deflate(Head, LegacyRecords.Encode(TestKit.Fit(1, model)));

    /// <summary>Random numbers, so that no two pieces are alike.</summary>
    private static NdArray Noise(int count, int seed)
    {
        var random = new Random(seed);
        var values = new float[count];
        foreach (ref var value in values.AsSpan()) value = random.NextSingle();
        return NdArray.From<float>(values);
    }

    private static ReplyObjects Filled(DeflatedMessage reply)
    {
        var objects = new ReplyObjects(reply.Tree, Instruction, ObjectLimits.Default);
        foreach (var id in objects.ToPush)
        {
            Assert.True(reply.TryRead(id, out var content));
            Assert.True(objects.Put(id, content));
        }
        Assert.True(objects.IsComplete);
        return objects;
    }

    /// <summary>Three arrays of two pieces, two of them alike: while one array is read, the pieces of those before it are gone.</summary>
    [Fact]
    public async Task TakeAsync_NextArray_LetsGoOfThePiecesBefore()
    {
        var (first, second) = (Noise(2_000_000, 1), Noise(2_000_000, 2));
        var objects = Filled(Reply(first, second, first));
        var held = new List<long>();

        var message = await new Inflation(
            async (id, cancellation) =>
            {
                var content = await objects.TakeAsync(id, cancellation);
                if (content.Length > 1_000_000) held.Add(objects.Held);
                return content;
            }, ObjectLimits.Default).ReadAsync(objects.ToPush[^1], Token);

        var model = ((FitResult)LegacyRecords.DecodeResult("train", message.Content!)).Parameters.Arrays;
        Assert.Equal(second.ToArray<float>(), model[1].ToArray<float>());
        Assert.Equal(first.ToArray<float>(), model[2].ToArray<float>());
        // Each array is 8,000,128 bytes in a full piece and a rest; two of them are held at first, one while the second is read.
        Assert.Equal([2, 2, 1, 1], held.Select(bytes => bytes / 8_000_000));
    }

    /// <summary>An array whose pieces are alike is one piece on the wire, used again and again.</summary>
    [Fact]
    public async Task TakeAsync_PieceThatRepeats_IsSentOnce()
    {
        // The first piece holds the header of 128 bytes, 32 elements less; after it zeros, ones, zeros, ones.
        const int elements = Piece / sizeof(float);
        var values = new float[5 * elements - 32];
        foreach (var piece in new[] { 2, 4 }) values.AsSpan(piece * elements - 32, elements).Fill(1);
        var reply = Reply(NdArray.From<float>(values));

        var objects = Filled(reply);
        // Three pieces; array, record, count, status, dict and message. The empty metrics are known: they are the empty config.
        Assert.Equal(9, objects.ToPush.Count);
        var message = await new Inflation(objects.TakeAsync, ObjectLimits.Default).ReadAsync(reply.Id, Token);

        var model = ((FitResult)LegacyRecords.DecodeResult("train", message.Content!)).Parameters.Arrays;
        Assert.Equal(values, model[0].ToArray<float>());
    }

    [Fact]
    public void Put_Twice_CountsOnce()
    {
        var reply = Reply(TestKit.Floats(2));
        var objects = Filled(reply);
        var received = objects.Received;
        reply.TryRead(reply.Id, out var root);

        Assert.True(objects.Put(reply.Id, root!));

        Assert.Equal(received, objects.Received);
        Assert.Equal(received, objects.Held);
    }

    [Fact]
    public async Task Fail_WhileAnObjectIsAwaited_EndsTheWait()
    {
        var reply = Reply(TestKit.Floats(2));
        var objects = new ReplyObjects(reply.Tree, Instruction, ObjectLimits.Default);
        var waiting = objects.TakeAsync(reply.Id, Token).AsTask();

        objects.Fail(new IOException("gone"));

        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => waiting.Bounded())).Message);
    }

    /// <summary>A model of many pieces to a node and back, twice: what the server holds beside its arrays stays small.</summary>
    [Fact]
    public async Task StartAsync_LargeModel_PassesInBothDirections()
    {
        const int elements = 8_000_000;
        var fleet = new TaskCompletionSource<string>();
        var strategy = new FedAvg { InitialParameters = new(Noise(elements, 3)), MinFitClients = 1, MinAvailableClients = 1, FractionEvaluate = 0 };
        await using var server = await RunningServer.Start(
            new(2), strategy, new() { Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var client = new LambdaClient
        {
            Fit = (parameters, _, _) =>
            {
                var values = parameters[0].ToArray<float>();
                foreach (ref var value in values.AsSpan()) value += 1;
                return Task.FromResult(new FitOutput([NdArray.From<float>(values)], 1));
            },
        };
        var node = FederatedNode.StartAsync(
            await fleet.Task.Bounded(), client, new() { PollInterval = TimeSpan.FromMilliseconds(20), GracePeriod = TimeSpan.Zero }, over.Token);

        var history = await server.History.Bounded();
        await over.CancelAsync();
        await Task.WhenAny(node).Bounded();

        var (before, after) = (strategy.InitialParameters.Arrays[0].ToArray<float>(), history.FinalParameters.Arrays[0].ToArray<float>());
        for (var i = 0; i < elements; i++) before[i] = before[i] + 1 + 1;
        Assert.Equal(before, after);
    }
}
