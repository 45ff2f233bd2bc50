using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>An accepted update, kept until its round is over.</summary>
/// <param name="Round">The round it counts in.</param>
/// <param name="Place">Its place among the round's tasks, or its number among a step's updates.</param>
/// <param name="Client">The client's stable name.</param>
/// <param name="Given">The round whose model it was trained from.</param>
/// <param name="Result">The update as it was accepted.</param>
/// <param name="Number">Its number among the client's updates of a step, without rounds; else 0.</param>
internal sealed record StoredUpdate(int Round, int Place, string Client, int Given, FitResult Result, int Number = 0);

/// <summary>A run on a disk: its newest state, the updates of the round that was open, and what is to be added to them.</summary>
/// <remarks>
/// A state is a file of its own, named in the journal once it is whole on disk; so is each update. What the journal does not name
/// did not happen. A file that is damaged is passed over for the generation before it, and the journal says from which round the run
/// went on.
/// </remarks>
internal sealed class StoredRun : IDisposable
{
    private readonly IRunDisk disk;
    private readonly RunJournal journal;
    private readonly ILogger log;
    private readonly int generations;
    private readonly Lock gate = new();

    /// <summary>The oldest round whose model is still trained from, after each of the last rounds.</summary>
    private readonly SortedDictionary<int, int> needed = [];

    private StoredRun(IRunDisk disk, int generations, ILogger log)
    {
        this.disk = disk;
        this.generations = generations;
        this.log = log;
        journal = new(disk);
    }

    /// <summary>The newest whole state; null for a run that is yet to begin.</summary>
    public RunState? State { get; private set; }

    /// <summary>The updates accepted in the round after <see cref="State"/>, by place.</summary>
    public IReadOnlyList<StoredUpdate> Accepted { get; private set; } = [];

    /// <summary>The last number of each client's updates of its model that were accepted in it, also of those whose files were damaged.</summary>
    public IReadOnlyDictionary<string, int> LastNumbers { get; private set; } = new Dictionary<string, int>();

    /// <summary>The place behind all updates accepted in it, also behind those.</summary>
    public int NextPlace { get; private set; }

    /// <summary>The clients that were there when that round began; null when it did not, or when they were only counted.</summary>
    public IReadOnlyList<string>? Clients { get; private set; }

    /// <summary>What clients had been asked by the time of <see cref="State"/> and had not yet counted, the first first.</summary>
    public IReadOnlyList<StoredQuestion> Asked { get; private set; } = [];

    /// <summary>How many clients were there when that round began, where they were only counted; else null.</summary>
    public int? ClientCount { get; private set; }

    /// <summary>True when that round had stopped waiting for its clients, and all that counted in it is in <see cref="Accepted"/>.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Takes the run of a disk, or begins one.</summary>
    /// <param name="disk">The disk, which is closed with the run.</param>
    /// <param name="generations">How many states are kept, at least 1.</param>
    /// <param name="log">Is told what is damaged.</param>
    /// <exception cref="InvalidDataException">The run has states, and all of them are damaged.</exception>
    /// <exception cref="IOException">The disk fails.</exception>
    public static StoredRun Open(IRunDisk disk, int generations, ILogger log)
    {
        var run = new StoredRun(disk, generations, log);
        try
        {
            run.Restore();
        }
        catch
        {
            run.Dispose();
            throw;
        }
        return run;
    }

    /// <summary>Notes who is there as a round begins.</summary>
    public void Begin(int round, IEnumerable<string> clients) => Begin(round, json =>
    {
        json.WriteStartArray("clients");
        foreach (var client in clients) json.WriteStringValue(client);
        json.WriteEndArray();
    });

    /// <summary>Notes how many clients there are as a round begins, where they are too many to be named.</summary>
    public void Begin(int round, int clients) => Begin(round, json => json.WriteNumber("count", clients));

    private void Begin(int round, Action<Utf8JsonWriter> who)
    {
        lock (gate)
        {
            journal.Append(json =>
            {
                json.WriteString("event", "begin");
                json.WriteNumber("round", round);
                who(json);
            });
        }
    }

    /// <summary>Keeps an accepted update; on disk when this returns.</summary>
    /// <exception cref="IOException">There is no room; the update is not kept.</exception>
    public void Accept(StoredUpdate update)
    {
        var file = UpdateName(update.Round, update.Place);
        disk.Replace(file, stream => RunFile.Write(stream, update.Result.Parameters, StrategyState.Empty, json =>
        {
            json.WriteString("client", update.Client);
            json.WriteNumber("given", update.Given);
            json.WriteNumber("examples", update.Result.NumExamples);
            json.WritePropertyName("metrics");
            ScalarJson.Write(json, update.Result.Metrics);
        }));
        lock (gate)
        {
            journal.Append(json =>
            {
                json.WriteString("event", "update");
                json.WriteNumber("round", update.Round);
                json.WriteNumber("place", update.Place);
                json.WriteString("client", update.Client);
                json.WriteNumber("given", update.Given);
                json.WriteNumber("number", update.Number);
                json.WriteString("file", file);
            });
        }
    }

    /// <summary>Notes that a round waits for its clients no longer, and whose updates count in it, by place.</summary>
    public void Close(int round, IReadOnlyList<int> counted)
    {
        lock (gate)
        {
            journal.Append(json =>
            {
                json.WriteString("event", "close");
                json.WriteNumber("round", round);
                json.WriteStartArray("counted");
                foreach (var place in counted) json.WriteNumberValue(place);
                json.WriteEndArray();
            });
        }
    }

    /// <summary>Ends a round: its state is on disk when this returns, and what only older ones needed is gone.</summary>
    /// <param name="state">The state after it; its reports are not looked at.</param>
    /// <param name="reports">The reports that are new or changed.</param>
    /// <param name="oldest">The oldest round whose model is still trained from, and so is kept.</param>
    /// <param name="asked">What is still trained, the first first, where updates count in order.</param>
    /// <exception cref="IOException">There is no room; the state before stays the newest.</exception>
    public void Commit(RunState state, IReadOnlyList<RoundReport> reports, int oldest = int.MaxValue, IReadOnlyList<StoredQuestion>? asked = null)
    {
        var file = StateName(state.Round);
        disk.Replace(file, stream => RunFile.Write(stream, state.Parameters, state.Strategy, json =>
        {
            json.WriteString("run_id", state.RunId);
            json.WriteNumber("round", state.Round);
            json.WriteNumber("key", (ulong)state.Key.Word0 << 32 | state.Key.Word1);
            if (state.Schema is not { } schema) return;
            json.WriteString(ParameterSchema.StatisticsKey, schema.IndicesOf(ParameterRole.Statistic));
            json.WriteString(ParameterSchema.VariancesKey, schema.IndicesOf(ParameterRole.Variance));
        }));
        lock (gate)
        {
            journal.Append([.. reports.Select(Written), json =>
            {
                json.WriteString("event", "state");
                json.WriteNumber("round", state.Round);
                json.WriteString("run_id", state.RunId);
                json.WriteString("file", file);
                if (oldest < state.Round) json.WriteNumber("oldest", oldest);
                if (asked is not null) StoredQuestion.Write(json, asked);
            }]);
        }
        State = state;
        needed[state.Round] = oldest;
        Prune(state.Round);
    }

    /// <summary>The state after a round, without its reports; null when it is not kept any more.</summary>
    public RunState? StateOf(int round) => Load(StateName(round), round, []);

    /// <summary>Keeps what was measured after the last state.</summary>
    /// <exception cref="IOException">There is no room.</exception>
    public void Report(IReadOnlyList<RoundReport> reports)
    {
        lock (gate) journal.Append([.. reports.Select(Written)]);
    }

    private static Action<Utf8JsonWriter> Written(RoundReport report) => json =>
    {
        json.WriteString("event", "report");
        json.WriteNumber("round", report.Round);
        json.WritePropertyName("report");
        RoundReportJson.Write(json, report);
    };

    public void Dispose() => disk.Dispose();

    private void Restore()
    {
        var (events, damaged, cut) = journal.Open();
        if (damaged > 0) log.JournalDamaged(damaged);
        if (cut > 0) log.JournalCut(cut);
        var rounds = new SortedDictionary<int, JournaledRound>();
        foreach (var entry in events) JournaledRound.Replay(rounds, entry);

        var newest = rounds.LastOrDefault(round => round.Value.State is not null, KeyValuePair.Create(-1, new JournaledRound())).Key;
        // A round whose report is lost is worked again from its updates, where there is a state before it.
        foreach (var (round, past) in rounds.Reverse().OrderByDescending(round => round.Value.IsWhole(round.Key)))
        {
            if (past.State is null || Load(past.State, round, [.. rounds.Values.Select(p => p.Report).OfType<RoundReport>().Where(r => r.Round <= round)]) is not { } state) continue;
            (State, Asked) = (state, past.Asked);
            break;
        }
        foreach (var (round, past) in rounds.Where(round => round.Key <= State?.Round && round.Value.State is not null)) needed[round] = past.Oldest;
        if (State is null && newest >= 0)
        {
            throw new InvalidDataException(
                $"[run] the journal has states up to round {newest}, and no file of one can be read; restore the folder from a copy, or begin a new run in another");
        }
        if (State is not null && State.Round != newest)
        {
            log.GenerationBefore(newest, State.Round);
            journal.Append(json =>
            {
                json.WriteString("event", "resume");
                json.WriteNumber("round", State.Round);
            });
        }
        if (!rounds.TryGetValue((State?.Round ?? -1) + 1, out var open)) return;
        (Clients, ClientCount) = (open.Clients, open.ClientCount);
        Accepted = [.. open.Updates.Values.Select(LoadUpdate).OfType<StoredUpdate>()];
        LastNumbers = open.Updates.Values.Where(entry => Number(entry, "given") == (State?.Round ?? 0))
            .GroupBy(entry => Text(entry, "client")).ToDictionary(entries => entries.Key, entries => entries.Max(NumberOf));
        NextPlace = open.Updates.Keys.LastOrDefault(-1) + 1;
        IsClosed = open.Counted is { } counted && counted.All(place => Accepted.Any(update => update.Place == place));
    }

    private RunState? Load(string file, int round, IReadOnlyList<RoundReport> reports) => Read(file, (model, strategy, details) =>
    {
        if (Number(details, "round") is var found && found != round) throw new FormatException($"[run] the file is of round {found}, not {round}");
        return new RunState(
            Text(details, "run_id"), round, model, strategy, RandomKey.FromSeed(details.GetProperty("key").GetUInt64()))
        {
            Reports = reports,
            Schema = details.TryGetProperty(ParameterSchema.StatisticsKey, out var statistics)
                ? ParameterSchema.Told(model.Arrays, statistics.GetString()!, Text(details, ParameterSchema.VariancesKey)) : null,
        };
    });

    private StoredUpdate? LoadUpdate(JsonElement entry) => Read(Text(entry, "file"), (model, _, details) =>
    {
        var (client, given) = (Text(entry, "client"), Number(entry, "given"));
        // After one was lost another may have been written in its place, and not yet have been accepted.
        if (Text(details, "client") != client || Number(details, "given") != given)
        {
            throw new FormatException($"[run] the update is {Text(details, "client")}'s of round {Number(details, "given")}, not {client}'s of round {given}");
        }
        return new StoredUpdate(
            Number(entry, "round"), Number(entry, "place"), client, given,
            new FitResult(ResultStatus.Success, model, details.GetProperty("examples").GetInt64(), ScalarJson.ReadAll(details.GetProperty("metrics"))), NumberOf(entry));
    });

    private static int NumberOf(JsonElement update) => update.TryGetProperty("number", out var number) ? number.GetInt32() : 0;

    /// <summary>What a file holds; null, and a word in the log, when it cannot be used.</summary>
    private T? Read<T>(string file, Func<Parameters, StrategyState, JsonElement, T> read) where T : class
    {
        string why;
        try
        {
            using var stream = disk.Read(file);
            if (stream is not null)
            {
                var (model, state, details) = RunFile.Read(stream);
                return read(model, state, details);
            }
            why = "it is not there";
        }
        // What the disk cannot read now is not damaged: it may be read the next time, and is not to be worked around until then.
        catch (Exception exception) when (exception is FormatException or EndOfStreamException or KeyNotFoundException or InvalidOperationException)
        {
            why = exception.Message;
        }
        log.RunFileLost(file, why);
        return null;
    }

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;

    /// <summary>Removes states older than the last few, and the updates of rounds that are over and could not be worked again.</summary>
    private void Prune(int round)
    {
        foreach (var passed in needed.Keys.Where(known => known <= round - generations).ToArray()) needed.Remove(passed);
        var oldest = needed.Values.Min();
        foreach (var name in disk.List(""))
        {
            if (NumberIn(name, "state-") is { } state && state <= round - generations && state < oldest) disk.Delete(name);
            if (NumberIn(name, "round-") is { } updates && updates <= round - generations + 1 && updates <= round) disk.Delete(name);
        }
    }

    private static int? NumberIn(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(prefix.Length, Math.Min(6, name.Length - prefix.Length)), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string StateName(int round) => string.Create(CultureInfo.InvariantCulture, $"state-{round:d6}.safetensors");

    private static string UpdateName(int round, int place) => string.Create(CultureInfo.InvariantCulture, $"round-{round:d6}/{place:d6}.safetensors");
}
