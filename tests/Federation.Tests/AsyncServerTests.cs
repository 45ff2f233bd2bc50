using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Training without rounds over real sockets.</summary>
public sealed class AsyncServerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<AsyncStrategy> Strategies =>
    [
        new FedBuff { BufferSize = 3, MinAvailableClients = 3, InitialParameters = Start, EvaluateFunction = Test, EvaluateEvery = 20 },
        new FedAsync { MinAvailableClients = 3, InitialParameters = Start, EvaluateFunction = Test, EvaluateEvery = 20 },
    ];

    /// <summary>Three clients, one of them a SuperNode, learn to tell the sides of a line.</summary>
    [Theory]
    [MemberData(nameof(Strategies))]
    public async Task StartAsync_OfBothWires_LearnsASmallProblem(AsyncStrategy strategy)
    {
        var fleet = new TaskCompletionSource<string>();
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(60), strategy, new() { LoggerFactory = log, Fleet = new() { Address = "127.0.0.1:0", OnListening = fleet.SetResult } });
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var node = FederatedNode.StartAsync(
            await fleet.Task.Bounded(), Learner(0), new() { PollInterval = TimeSpan.FromMilliseconds(5), GracePeriod = TimeSpan.Zero }, over.Token);
        var clients = Enumerable.Range(1, 2).Select(i => FederatedClient.StartAsync(server.Address, Learner(i), cancellation: Token)).ToArray();

        var history = await server.History.Bounded();
        await Task.WhenAll(clients).Bounded();
        await over.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => node.Bounded());

        Assert.Empty(log.WithId(302));
        Assert.Equal([0, 20, 40, 60], history.MetricsCentralized["accuracy"].Select(value => value.Round));
        Assert.InRange(history.MetricsCentralized["accuracy"][0].Value.AsDouble(), 0.3, 0.7);
        Assert.InRange(history.MetricsCentralized["accuracy"][^1].Value.AsDouble(), 0.95, 1);
        Assert.Equal(60, history.LossesDistributed[^1].Round);
        Assert.Equal(60, history.Staleness.Count);
        Assert.All(history.Staleness, step => Assert.Equal(strategy.UpdatesPerStep, step.Value.Count));
    }

    [Fact]
    public async Task StartAsync_ClientThatDiesAtWork_HoldsNobody()
    {
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(2), new FedBuff { BufferSize = 2, InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0, MinAvailableClients = 2 },
            new() { LoggerFactory = log });
        // All three are at work when one dies, so that none is still to join when the run is over.
        var (missing, working) = (3, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        void Asked()
        {
            if (Interlocked.Decrement(ref missing) == 0) working.SetResult();
        }
        using var death = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var dying = FederatedClient.StartAsync(server.Address, new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                Asked();
                await working.Task.WaitAsync(cancellation);
                await death.CancelAsync();
                await Task.Delay(Timeout.Infinite, cancellation);
                return new(parameters, 1);
            },
        }, cancellation: death.Token);
        var clients = Enumerable.Range(0, 2).Select(_ => FederatedClient.StartAsync(server.Address, AddingOneAfter(working.Task, Asked), cancellation: Token)).ToArray();

        Assert.InRange((await server.History.Bounded()).Value(), 1f, 2f);
        await Task.WhenAll(clients).Bounded();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dying.Bounded());
    }

    [Fact]
    public async Task StartAsync_ClientAtWorkWhenTheRunEnds_StopsAndLeavesInPeace()
    {
        var working = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var log = new LogRecorder();
        await using var server = await RunningServer.Start(
            new(3), new FedAsync { Alpha = 1, InitialParameters = new(TestKit.Floats(0)), FractionEvaluate = 0 }, new() { LoggerFactory = log });
        var slow = FederatedClient.StartAsync(server.Address, new LambdaClient
        {
            Fit = async (parameters, _, cancellation) =>
            {
                working.TrySetResult();
                await Task.Delay(Timeout.Infinite, cancellation);
                return new(parameters, 1);
            },
        }, cancellation: Token);
        var quick = FederatedClient.StartAsync(server.Address, AddingOneAfter(working.Task), cancellation: Token);

        Assert.Equal(3f, (await server.History.Bounded()).Value());
        await Task.WhenAll(slow, quick).Bounded();
        Assert.All(log.WithId(103), line => Assert.Contains("(goodbye)", line));
    }

    private static LambdaClient AddingOneAfter(Task start, Action? asked = null) => new()
    {
        Fit = async (parameters, _, cancellation) =>
        {
            if (!start.IsCompleted) asked?.Invoke();
            await start.WaitAsync(cancellation);
            return new([TestKit.Floats(parameters[0].ToArray<float>()[0] + 1)], 1);
        },
    };

    private static Parameters Start => new(TestKit.Floats(0, 0, 0));

    /// <summary>Points of the square ±1 and the side of the line x − 2y + 0.3 = 0 they are on.</summary>
    private static (float X, float Y, float Side)[] Points(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, 100).Select(_ =>
        {
            var (x, y) = (2 * random.NextSingle() - 1, 2 * random.NextSingle() - 1);
            return (x, y, x - 2 * y + 0.3f > 0 ? 1f : 0f);
        })];
    }

    private static CentralEvaluation Test(int step, IReadOnlyList<NdArray> model)
    {
        var w = model[0].ToArray<float>();
        var points = Points(99);
        var right = points.Count(point => w[0] * point.X + w[1] * point.Y + w[2] > 0 == point.Side > 0);
        return new(1 - right / 100.0, new Dictionary<string, Scalar> { ["accuracy"] = right / 100.0 });
    }

    /// <summary>Logistic regression: ten steps of gradient descent at a time.</summary>
    private static LambdaClient Learner(int seed)
    {
        var points = Points(seed);
        return new()
        {
            Fit = (model, _, _) =>
            {
                var w = model[0].ToArray<float>();
                for (var step = 0; step < 10; step++)
                {
                    var gradient = new float[3];
                    foreach (var (x, y, side) in points)
                    {
                        var error = 1 / (1 + MathF.Exp(-(w[0] * x + w[1] * y + w[2]))) - side;
                        gradient[0] += error * x;
                        gradient[1] += error * y;
                        gradient[2] += error;
                    }
                    for (var i = 0; i < 3; i++) w[i] -= gradient[i] / points.Length;
                }
                return Task.FromResult(new FitOutput([NdArray.From<float>(w)], points.Length));
            },
            Evaluate = (model, _) => new(Test(0, model).Loss, points.Length),
        };
    }
}
