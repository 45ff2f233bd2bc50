using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>What a client remembers: a number that each update changes and that goes into the next one.</summary>
/// <param name="Number">Tells a newer record from an older one.</param>
/// <param name="Value">The number after all rounds.</param>
/// <param name="Before">The number before each of the last rounds, by the round's place.</param>
internal sealed record ClientMemory(int Number, double Value, IReadOnlyList<(string Place, double Value)> Before)
{
    public static ClientMemory Empty { get; } = new(0, 0, []);

    /// <summary>The number with which a round begins: the same when it is begun again.</summary>
    public double At(string place) => Before.FirstOrDefault(before => before.Place == place) is { Place: not null } known ? known.Value : Value;

    public ClientMemory After(string place, double value) =>
        new(Number + 1, value, [.. Before.TakeWhile(before => before.Place != place).TakeLast(3), (place, At(place))]);
}

/// <summary>One client: a name, a disk, and one process after the other.</summary>
internal sealed class ClientMachine(Schedule schedule, int number, bool isNode)
{
    private const string Prefix = "part-", Virtual = "memory:";

    // Written in turn, so that one that is torn leaves the other.
    private readonly ClientMemory?[] slots = [ClientMemory.Empty, null];

    public Schedule Schedule => schedule;

    public int Number => number;

    public string Name { get; private set; } = $"{Prefix}{number}";

    /// <summary>True for a node of Fleet, false for a client of the stream.</summary>
    public bool IsNode => isNode;

    /// <summary>The name by which the server knows it again.</summary>
    public string StableName => isNode ? FleetKeys.Fingerprint(number) : ClientName.Stable(Name);

    /// <summary>The number of the client that a server knows by a name.</summary>
    public static int NumberOf(string stableName) =>
        FleetKeys.NumberOf(stableName) is >= 0 and var node ? node
        : stableName.StartsWith(Virtual, StringComparison.Ordinal) ? int.Parse(stableName.AsSpan(Virtual.Length), CultureInfo.InvariantCulture)
        : int.Parse(stableName[ClientName.Stable(Prefix).Length..].Split('-')[0], CultureInfo.InvariantCulture);

    public ClientProcess? Process { get; private set; }

    public int Starts { get; private set; }

    public ClientMemory Memory => slots.OfType<ClientMemory>().MaxBy(memory => memory.Number)!;

    public void Start()
    {
        if (schedule.IsOver) return;
        // Nobody waits for the name it had.
        if (Starts > 0 && schedule.Scenario.Rule == Rule.Partial && schedule.World.Chance.OneIn(4)) Name = $"{Prefix}{number}-{Starts}";
        Process = new(schedule.World, this, ++Starts);
        Process.Start();
    }

    /// <summary>Writes the memory in place of the older one; null tears the write.</summary>
    public void Write(ClientMemory memory, bool isTorn) => slots[memory.Number % 2] = isTorn ? null : memory;

    /// <summary>Starts again some time after its end.</summary>
    public void StartLater() => schedule.World.In(schedule.DownTime(), $"{Name} starts again", Start);
}
