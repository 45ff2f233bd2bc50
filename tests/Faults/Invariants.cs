using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>How a run ended: all that faults must not change.</summary>
/// <param name="Model">The bits of the final model.</param>
/// <param name="Strategy">What the strategy and the limits of updates remember, to the bit.</param>
/// <param name="Reports">The reports by round, without times.</param>
internal sealed record Outcome(string Model, string Strategy, IReadOnlyDictionary<int, string> Reports)
{
    public static Outcome Of(RunState state, Scenario scenario) => new(
        Bits(state.Parameters.Arrays), string.Join('|', state.Strategy.Arrays.Select(entry => $"{entry.Key} {Bits([entry.Value])}").Concat(state.Strategy.Values.Select(entry => $"{entry.Key} {entry.Value}"))),
        state.Reports.ToDictionary(report => report.Round, report => Shown(report, scenario)));

    /// <param name="other">What is expected.</param>
    /// <param name="mayMiss">True when reports may be missing: those of rounds before the states that are kept are in one place alone.</param>
    public string? Difference(Outcome other, bool mayMiss = false) =>
        Model != other.Model ? $"the model is {Model}, without faults {other.Model}"
        : Strategy != other.Strategy ? $"the strategy's state is {Strategy}, without faults {other.Strategy}"
        : other.Reports.Any(report => !(Reports.TryGetValue(report.Key, out var found) ? found == report.Value : mayMiss)) || Reports.Count > other.Reports.Count
            ? $"the reports are\n{string.Join('\n', Reports.Values)}\nwithout faults\n{string.Join('\n', other.Reports.Values)}"
        : null;

    private static string Bits(IReadOnlyList<NdArray> arrays) => string.Join(
        ' ', arrays.Zip(new Parameters([.. arrays]).Payloads, (array, payload) => Convert.ToHexString(payload.Span[^(int)array.ByteCount..])));

    /// <summary>Without rounds nobody waits for an evaluation, and without an order not for a client that was lost.</summary>
    private static string Shown(RoundReport report, Scenario scenario) => string.Create(
        CultureInfo.InvariantCulture,
        $"round {report.Round}: [{string.Join(' ', report.Trained.Select(ClientMachine.NumberOf))}] {report.NumExamples} {report.Unchanged} {report.UpdatesRefused} {report.UpdatesClipped} {Shown(report.MetricsDistributedFit)} [{string.Join(' ', report.Staleness)}] {(scenario.IsAsync ? "" : $"{report.LossDistributed:R} {Shown(report.MetricsDistributed)} " + string.Join("; ", report.FitFailures.Concat(report.EvaluateFailures).Select(failure => $"{failure.Client.Peer} {failure.Reason}")))}");

    private static string Shown(IReadOnlyDictionary<string, Scalar> metrics) => string.Join(' ', metrics.Select(entry => $"{entry.Key}={entry.Value}"));
}

/// <summary>What holds whatever goes wrong.</summary>
internal static class Invariants
{
    /// <summary>The files of a run beside the states and updates of its last rounds.</summary>
    private const int MoreFiles = 8;

    /// <summary>What was accepted is not asked for again.</summary>
    public static void CheckAsk(ServerProcess server, string stableName, Instruction instruction)
    {
        if (instruction is FitInstructions { Config: var config }) CheckAsk(server, stableName, (int)config[RunKeys.Round].AsInt64());
    }

    /// <summary>The same of a round's training; without rounds a client is asked several times in a step.</summary>
    public static void CheckAsk(ServerProcess server, string stableName, int round)
    {
        if (server.IsAsync || server.Disk.IsRotten || !server.Disk.HasAccepted(round, stableName)) return;
        throw new BrokenException($"client {ClientMachine.NumberOf(stableName)} is asked for round {round}, and its update was accepted already");
    }

    /// <summary>In each round those updates counted that are in the journal, each once, and all are there that a server was told of.</summary>
    public static void CheckAccepted(Disk disk, RunState state)
    {
        if (disk.IsRotten) return;
        var rounds = disk.Journaled();
        foreach (var report in state.Reports.Where(report => report.Round > 0))
        {
            // A server that died as it wrote may have written, and does not know.
            string[] journaled = [.. rounds[report.Round].Updates.Values.Select(update => update.GetProperty("client").GetString()!).Order(StringComparer.Ordinal)];
            var told = new List<string>(disk.AcceptedIn(report.Round));
            foreach (var client in journaled) told.Remove(client);
            if (told.Count > 0 || !journaled.SequenceEqual(report.Trained.Order(StringComparer.Ordinal)))
            {
                throw new BrokenException(
                    $"of round {report.Round} the journal has the updates of [{string.Join(' ', journaled)}] and lost those of [{string.Join(' ', told)}]; those of [{string.Join(' ', report.Trained)}] counted");
            }
        }
    }

    /// <summary>What a run leaves on its disk follows its clients and the rounds kept, not the faults.</summary>
    public static void CheckDisk(Disk disk, Scenario scenario)
    {
        var most = scenario.Generations + (scenario.Generations + 1) * scenario.Clients * Scenario.UpdatesPerStep + MoreFiles;
        if (disk.FileCount > most) throw new BrokenException($"{disk.FileCount} files are on the disk, expected at most {most}");
        var lines = (scenario.Rounds + 2) * (scenario.Clients * Scenario.UpdatesPerStep + 8) * 4;
        if (disk.JournalBytes > lines * 1000L) throw new BrokenException($"the journal has {disk.JournalBytes} bytes, expected at most {lines} lines of 1000");
    }

    /// <summary>Each update that counted is in the model once, and no other one is.</summary>
    public static void CheckCounts(RunState state, Scenario scenario)
    {
        var w = state.Parameters.Arrays[0].ToArray<double>();
        var expected = state.Reports.Where(report => report.Round > 0).SelectMany(report => report.Trained.Select(_ => 1.0 / report.Trained.Count)).Order();
        var found = w.Where(value => value != 0).Order();
        if (!expected.SequenceEqual(found)) throw new BrokenException($"the updates counted as [{string.Join(' ', found)}], expected [{string.Join(' ', expected)}]");
        foreach (var report in state.Reports.Where(report => report.Round > 0))
        {
            if (report.Trained.Count > Scenario.UpdatesPerStep) throw new BrokenException($"step {report.Round} has {report.Trained.Count} updates, expected at most {Scenario.UpdatesPerStep}");
        }
        for (var client = 0; client < scenario.Clients; client++)
        {
            var counted = w[scenario.PlaceOf(client, 0, 0)..scenario.PlaceOf(client + 1, 0, 0)].Count(value => value != 0);
            var told = state.Reports.Sum(report => report.Trained.Count(name => ClientMachine.NumberOf(name) == client));
            if (counted != told) throw new BrokenException($"client {client} counted {counted} times, the history says {told}");
        }
    }
}
