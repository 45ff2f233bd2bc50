using System.Text.Json;

namespace ManagedFed.Federation;

/// <summary>What the journal says of one round.</summary>
internal sealed class JournaledRound
{
    public IReadOnlyList<string>? Clients { get; set; }

    public int? ClientCount { get; set; }

    public IReadOnlyList<StoredQuestion> Asked { get; set; } = [];

    public SortedDictionary<int, JsonElement> Updates { get; } = [];

    /// <summary>The places that counted when the round waited no longer; null while it waits, or when it waited for all.</summary>
    public IReadOnlyList<int>? Counted { get; set; }

    public string? State { get; set; }

    /// <summary>The oldest round whose model was still trained from after it.</summary>
    public int Oldest { get; set; } = int.MaxValue;

    public RoundReport? Report { get; set; }

    /// <summary>True when nothing of a round that is over is missing in the journal; before the first there need be no report.</summary>
    public bool IsWhole(int round) => State is not null && (Report is not null || round == 0);

    /// <summary>Adds an event to what is known of the rounds.</summary>
    public static void Replay(SortedDictionary<int, JournaledRound> rounds, JsonElement entry)
    {
        var round = entry.GetProperty("round").GetInt32();
        var kind = entry.GetProperty("event").GetString();
        if (kind == "resume")
        {
            // The states of later rounds were lost. The updates of the next one still stand: it is worked again by the same clients.
            foreach (var later in rounds.Keys.Where(known => known > round + 1).ToArray()) rounds.Remove(later);
            if (rounds.TryGetValue(round + 1, out var next)) (next.State, next.Report) = (null, null);
            return;
        }
        if (!rounds.TryGetValue(round, out var past)) rounds[round] = past = new();
        switch (kind)
        {
            case "begin":
                past.Clients = entry.TryGetProperty("clients", out var clients) ? [.. clients.EnumerateArray().Select(client => client.GetString()!)] : null;
                past.ClientCount = entry.TryGetProperty("count", out var count) ? count.GetInt32() : null;
                past.Updates.Clear();
                past.Counted = null;
                break;
            case "update":
                past.Updates[entry.GetProperty("place").GetInt32()] = entry;
                break;
            case "close":
                past.Counted = [.. entry.GetProperty("counted").EnumerateArray().Select(place => place.GetInt32())];
                break;
            case "state":
                past.State = entry.GetProperty("file").GetString();
                past.Oldest = entry.TryGetProperty("oldest", out var oldest) ? oldest.GetInt32() : int.MaxValue;
                past.Asked = StoredQuestion.Read(entry);
                break;
            case "report":
                past.Report = RoundReportJson.Read(entry.GetProperty("report"));
                break;
        }
    }
}
