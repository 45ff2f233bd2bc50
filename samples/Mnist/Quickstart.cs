using System.Globalization;

namespace ManagedFed.Samples.Mnist;

/// <summary>The whole run on one machine: the server in this process, each client in its own.</summary>
internal static class Quickstart
{
    /// <summary>How long a client looks for the server before it gives up: here it runs already.</summary>
    private const int MaxWaitSeconds = 15;

    public static async Task RunAsync(Settings settings, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var listening = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var server = Server.RunAsync(settings, listening.SetResult, stop.Token);
        var clients = new List<ClientProcess>();
        try
        {
            if (await Task.WhenAny(listening.Task, server) == server) await server;
            var address = await listening.Task;
            Console.WriteLine($"Server on {address}; starting {settings.Clients} clients");
            for (var node = 0; node < settings.Clients; node++)
            {
                clients.Add(ClientProcess.Start($"client {node}", Arguments(settings, address, node)));
            }
            await WatchAsync(server, clients, cancellation);
            // Their exit is only awaited so that their last words are seen.
            await Task.WhenAny(Task.WhenAll(clients.Select(client => client.Exit)), Task.Delay(TimeSpan.FromSeconds(5), cancellation));
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
            await stop.CancelAsync();
            await Task.WhenAny(server);
        }
    }

    /// <summary>Waits for the server; a client that fails before it is done ends the run.</summary>
    private static async Task WatchAsync(Task server, List<ClientProcess> clients, CancellationToken cancellation)
    {
        var running = clients.ToDictionary(client => client.Exit);
        while (!server.IsCompleted)
        {
            var ended = await Task.WhenAny([server, .. running.Keys]).WaitAsync(cancellation);
            if (!running.Remove(ended, out var client) || client.ExitCode == 0) continue;
            throw new UserException($"{client.Name} ended with exit code {client.ExitCode} before the run was over");
        }
        await server;
    }

    private static IEnumerable<string> Arguments(Settings settings, string address, int node)
    {
        // Clients share the machine: with more threads than cores, they would take turns at waiting for each other.
        var threads = settings.Threads ?? Math.Max(1, Environment.ProcessorCount / settings.Clients);
        yield return "client";
        yield return "--quiet";
        foreach (var (name, value) in new (string, object?)[]
        {
            ("--node-id", node), ("--address", address), ("--partitions", settings.Partitions), ("--batch-size", settings.BatchSize),
            ("--local-epochs", settings.LocalEpochs), ("--learning-rate", settings.LearningRate), ("--num-layers", settings.NumLayers),
            ("--hidden-dim", settings.HiddenDim), ("--seed", settings.Seed), ("--threads", threads), ("--max-wait", MaxWaitSeconds),
            ("--dataset", settings.Dataset),
        })
        {
            if (value is null) continue;
            yield return name;
            yield return Convert.ToString(value, CultureInfo.InvariantCulture)!;
        }
    }
}
