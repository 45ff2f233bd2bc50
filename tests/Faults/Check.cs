using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>Works schedules and holds them to what must be.</summary>
internal sealed class Check(bool forgetsFlushed = false)
{
    /// <summary>How many runs without faults are remembered.</summary>
    private const int Remembered = 1000;

    private readonly Dictionary<Scenario, (Outcome Outcome, TimeSpan Time)> faultless = [];

    /// <summary>Works the schedule of a seed.</summary>
    /// <returns>What happened in it, as a number.</returns>
    /// <exception cref="BrokenException">Something is not as it must be.</exception>
    public async Task<ulong> RunAsync(ulong seed, TextWriter? output = null)
    {
        var chance = new Chance(seed);
        var scenario = Scenario.Draw(chance);
        output?.WriteLine(scenario);
        var (expected, usual) = await FaultlessAsync(scenario.Essence());
        var trace = new Trace(output);
        var schedule = new Schedule(scenario, chance.Next(), trace, usual, forgetsFlushed: forgetsFlushed);
        var (state, history, _) = await schedule.RunAsync();
        Invariants.CheckDisk(schedule.Disk, scenario);
        Invariants.CheckAccepted(schedule.Disk, state);
        var outcome = Outcome.Of(state, scenario);
        var missesReports = schedule.Disk.IsRotten && state.Reports.Count(report => report.Round > 0) < state.Round;
        if (scenario.Rule == Rule.Same && !scenario.Counts) Hold(outcome.Difference(expected, missesReports));
        // Who took part is known from the reports alone.
        else if (missesReports) return trace.Hash;
        else if (scenario.Counts) Invariants.CheckCounts(state, scenario);
        else if (Outcome.Of(await PartialAsync(scenario, state), scenario) is var same && same.Model != outcome.Model) Hold($"the model is {outcome.Model}, that of those who took part {same.Model}");
        // What the server returned is what is kept.
        Hold(Outcome.Of(state with { Parameters = history.FinalParameters, Reports = history.Reports }, scenario).Difference(outcome));
        return trace.Hash;
    }

    /// <summary>The same run without faults, worked once for all schedules of it.</summary>
    private async Task<(Outcome Outcome, TimeSpan Time)> FaultlessAsync(Scenario scenario)
    {
        if (faultless.TryGetValue(scenario, out var known)) return known;
        if (faultless.Count == Remembered) faultless.Clear();
        var (state, _, time) = await new Schedule(scenario, 1, new(null), null).RunAsync();
        return faultless[scenario] = (Outcome.Of(state, scenario), time);
    }

    /// <summary>Forgets the runs without faults, so that what they take is not taken for what schedules leave behind.</summary>
    public void Forget() => faultless.Clear();

    /// <summary>The run without faults of those alone who took part in each round.</summary>
    private static async Task<RunState> PartialAsync(Scenario scenario, RunState state)
    {
        var trained = state.Reports.ToDictionary(report => report.Round, report => report.Trained.Select(ClientMachine.NumberOf).ToHashSet());
        var schedule = new Schedule(
            scenario.Essence(), 1, new(null), null, (client, round) => !trained[round].Contains(client));
        return (await schedule.RunAsync()).State;
    }

    private static void Hold(string? problem)
    {
        if (problem is not null) throw new BrokenException(problem);
    }
}
