namespace ManagedFed.Quickstart.Tests;

/// <summary>Who is killed.</summary>
internal enum Victim
{
    Server,
    Client,
    Both,
}

/// <summary>When, once the journal has so many lines.</summary>
internal enum Moment
{
    /// <summary>As soon as the line is seen.</summary>
    AtOnce,

    /// <summary>At the next change of a file in the run's folder: in the middle of a write, or right behind it.</summary>
    InAWrite,

    /// <summary>Some milliseconds later, while clients train, messages travel, or nothing happens.</summary>
    Later,
}

/// <summary>What a power cut does to the server's folder beside ending its process: only what was not yet flushed may be lost.</summary>
internal enum Loss
{
    Nothing,

    /// <summary>A line that was being added to the journal is there in part.</summary>
    TornLine,

    /// <summary>The last line is there in part: it was on its way, and nothing that follows from it had happened.</summary>
    LastLine,

    /// <summary>Files that were not yet renamed are gone or in part there, and of a new file that no line names nothing is left.</summary>
    Files,
}

/// <summary>A federation and how it is killed; all chance in it follows from its number.</summary>
/// <param name="IsFleet">True for nodes of the Fleet service, false for clients of the stream.</param>
/// <param name="Strategy">The sample's name of the strategy.</param>
/// <param name="Victim">Who is killed.</param>
/// <param name="Number">The number of the case.</param>
internal sealed record KillCase(bool IsFleet, string Strategy, Victim Victim, int Number)
{
    public static readonly string[] Strategies = ["fedavg", "scaffold", "fedadam", "fedbuff"];

    /// <summary>So many cases, spread over wires, strategies and victims.</summary>
    public static IEnumerable<KillCase> First(int count)
    {
        var victims = Enum.GetValues<Victim>();
        var cells = 2 * Strategies.Length * victims.Length;
        for (var number = 0; number < count; number++)
        {
            // A step that has no factor in common with the number of cells comes by all of them.
            var cell = number * 11 % cells;
            yield return new(cell % 2 == 1, Strategies[cell / 2 % Strategies.Length], victims[cell / 2 / Strategies.Length], number);
        }
    }

    public string Wire => IsFleet ? "Fleet" : "stream";

    public Moment Moment => (Moment)new Random(Number).Next(3);

    public Loss Loss => Victim == Victim.Client ? Loss.Nothing : (Loss)new Random(Number + 10_000).Next(4);

    /// <summary>Which of the clients, where one is killed.</summary>
    public int Client => new Random(Number + 20_000).Next(2);

    /// <summary>After which line, of a run that has so many.</summary>
    public int Line(int lines) => 1 + new Random(Number + 30_000).Next(lines - 1);

    public int Milliseconds => new Random(Number + 40_000).Next(1, 80);

    public override string ToString() => $"case {Number}: {Wire}, {Strategy}, {Victim} {Moment}, {Loss}";
}
