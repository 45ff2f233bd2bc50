using System.Diagnostics;
using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>What the processes of the benchmark do.</summary>
internal static class FederationProcesses
{
    private static readonly Dictionary<string, Scalar> None = [];

    /// <summary>Prints the address, and in the end the seconds of the rounds and the peak of this process's resident memory in bytes.</summary>
    public static async Task<int> ServeAsync(FederationWork work, CancellationToken cancellation)
    {
        var strategy = new TimedFedAvg
        {
            MinAvailableClients = work.Clients,
            MinFitClients = work.Clients,
            MinEvaluateClients = work.Clients,
            AcceptFailures = false,
        };
        var history = await FederatedServer.StartAsync(
            "127.0.0.1:0", new ServerConfig(work.Rounds), strategy, Options(work), cancellation);
        if (history.LossesDistributed.Count != work.Rounds) throw new InvalidOperationException("A round failed.");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{strategy.Seconds} {PeakBytes()}"));
        return 0;
    }

    private static FederatedServerOptions Options(FederationWork work)
    {
        var options = new FederatedServerOptions { MaxConcurrency = work.AtOnce > 0 ? work.AtOnce : null };
        if (work.BytesAtOnce > 0) options = options with { ReplyLimits = options.ReplyLimits with { MaxBytesAtOnce = work.BytesAtOnce } };
        // All nodes have one address here, and over HTTP/1.1 each call under way has a connection.
        return work.Http ? options with { PeerLimits = new() { MaxConnectionsPerAddress = 4 * Math.Max(work.Clients, 500) }, Fleet = new() { Address = null, HttpAddress = "127.0.0.1:0", OnHttpListening = Console.WriteLine } }
            : work.Fleet ? options with { Fleet = new() { Address = "127.0.0.1:0", OnListening = Console.WriteLine } }
            : options with { OnListening = Console.WriteLine };
    }

    /// <summary>Joins with clients that send back the model they got; prints the peak of this process's resident memory in bytes.</summary>
    public static async Task<int> JoinAsync(string address, FederationWork work, CancellationToken cancellation)
    {
        // So short that what is timed is what a message takes, and not the wait for the next question; very many nodes ask as seldom as theirs do.
        var node = new FederatedNodeOptions { PollInterval = TimeSpan.FromMilliseconds(work.Clients < 100 ? 1 : 2000), Wire = work.Http ? FleetWire.Http : FleetWire.Grpc };
        await Task.WhenAll(Enumerable.Range(0, work.PerProcess).Select(_ => work.Fleet
            ? FederatedNode.StartAsync(address, new Client(work), node, cancellation)
            : FederatedClient.StartAsync(address, new Client(work), cancellation: cancellation)));
        Console.WriteLine(PeakBytes());
        return 0;
    }

    /// <summary>The most memory this process had resident: on Linux the kernel's own mark, elsewhere the runtime's.</summary>
    private static long PeakBytes()
    {
        const string status = "/proc/self/status";
        if (!File.Exists(status))
        {
            using var process = Process.GetCurrentProcess();
            return process.PeakWorkingSet64;
        }
        var mark = File.ReadLines(status).First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
        return 1024 * long.Parse(mark.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Times from the first round's tasks, when all clients are there, to the last result's aggregation.</summary>
    private sealed class TimedFedAvg : FedAvg
    {
        private long start, end;

        public double Seconds => Stopwatch.GetElapsedTime(start, end).TotalSeconds;

        public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
        {
            if (state.Round == 1) start = Stopwatch.GetTimestamp();
            return base.ConfigureFit(state);
        }

        public override double? AggregateEvaluate(RoundState state, IReadOnlyList<ClientEvaluation> evaluations, IReadOnlyList<ClientFailure> failures)
        {
            end = Stopwatch.GetTimestamp();
            return base.AggregateEvaluate(state, evaluations, failures);
        }
    }

    private sealed class Client(FederationWork work) : ArrayClient
    {
        public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(work.Model(1));

        public override async ValueTask<FitOutput> FitAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
        {
            if (work.FitSeconds > 0) await Task.Delay(TimeSpan.FromSeconds(work.FitSeconds), cancellation);
            return new(parameters, 100, None);
        }

        public override ValueTask<EvaluateOutput> EvaluateAsync(
            IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
            new(new EvaluateOutput(parameters[0].AsSpan<float>()[0], 100, None));
    }
}
