using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>One run under faults that a seed draws, from its first server to its end.</summary>
internal sealed class Schedule
{
    /// <summary>How long a run may go on when nothing goes wrong any more.</summary>
    private static readonly TimeSpan Enough = TimeSpan.FromHours(6);

    private int servers;
    private Task<History>? second;
    private ServerProcess? secondServer;
    private TimeSpan skew;

    public Schedule(Scenario scenario, ulong seed, Trace trace, TimeSpan? usual, Func<int, int, bool>? declines = null, bool forgetsFlushed = false)
    {
        Scenario = scenario;
        Declines = declines;
        World = new(seed, trace);
        Disk = new(World) { ForgetsFlushed = forgetsFlushed };
        Clients = [.. Enumerable.Range(0, scenario.Clients).Select(number => new ClientMachine(this, number, number < scenario.Nodes))];
        Faults = new(this, World.Chance);
        if (usual is { } time) Faults.Draw(time);
        HasFaults = usual is not null;
    }

    public Scenario Scenario { get; }

    public World World { get; }

    public Disk Disk { get; }

    public FaultPlan Faults { get; }

    public bool HasFaults { get; }

    /// <summary>Says which client does not train in which round; null for all do.</summary>
    public Func<int, int, bool>? Declines { get; }

    public IReadOnlyList<ClientMachine> Clients { get; }

    public ServerProcess? Server { get; private set; }

    public bool IsOver { get; private set; }

    /// <summary>True to damage a file before the next start.</summary>
    public bool RotsAtRestart { get; set; }

    /// <summary>How far the server's wall clock is off.</summary>
    public TimeSpan Skew
    {
        get => skew;
        set
        {
            skew = value;
            if (Server is { } server) server.Clock.Skew = value;
        }
    }

    /// <summary>How long a client works, mostly short, so that orders change.</summary>
    public TimeSpan WorkTime() => Scenario.Rule == Rule.Partial && HasFaults && World.Chance.OneIn(12) ? World.Chance.Seconds(60) : World.Chance.Seconds(4);

    /// <summary>How long a killed client is away.</summary>
    public TimeSpan DownTime() => World.Chance.Seconds(Scenario.Rule == Rule.Partial && World.Chance.OneIn(2) ? 300 : 15);

    /// <summary>Works the run to its end.</summary>
    /// <returns>What is kept of it, and how long it took.</returns>
    /// <exception cref="BrokenException">Something is not as it must be.</exception>
    public async Task<(RunState State, History History, TimeSpan Time)> RunAsync()
    {
        World.In(TimeSpan.Zero, "the server starts", StartServer);
        foreach (var client in Scenario.IsVirtual ? [] : Clients) World.In(World.Chance.Seconds(3), $"{client.Name} starts", client.Start);
        if (!await World.RunAsync(IsDone, () => Faults.Last + Enough.Ticks)) throw new BrokenException($"nothing goes on any more:\n{string.Join('\n', Waits())}");
        IsOver = true;
        var time = TimeSpan.FromTicks(World.Now);
        var history = await Server!.Run;
        Server.Exit();
        var state = Disk.Inspect() ?? throw new BrokenException("the run is over, and nothing is kept of it");
        return (state, history, time);
    }

    public void StartSecond()
    {
        if (Server is not { IsDead: false, Run.IsCompleted: false } || Disk.Holder != Server || second is not null) return;
        secondServer = new(World, Scenario, Disk, Clients, 99);
        secondServer.Start();
        second = secondServer.Run;
    }

    private void StartServer()
    {
        if (Server is { IsDead: false } || IsOver) return;
        if (World.Chance.OneIn(2)) Disk.CutPower();
        if (RotsAtRestart && servers > 0)
        {
            RotsAtRestart = false;
            Disk.Rot();
        }
        Server = new(World, Scenario, Disk, Clients, ++servers);
        Server.Clock.Skew = skew;
        Server.Start();
    }

    private bool IsDone()
    {
        if (second is { IsCompleted: true } refused)
        {
            second = null;
            secondServer!.Kill();
            if (refused.Exception?.InnerException is not IOException) throw new BrokenException("a second server was not refused");
        }
        if (Server is null) return false;
        if (Server.IsDead)
        {
            Restart();
            return false;
        }
        if (!Server.Run.IsCompleted) return false;
        if (Server.Run.IsCompletedSuccessfully) return true;
        var exception = Server.Run.Exception?.InnerException;
        var mayEnd = Server.IsStopping ? Server.Run.IsCanceled || exception is RunCanceledException : HasFaults && (exception is IOException || exception is InvalidDataException && Disk.IsRotten);
        if (!mayEnd) throw exception as BrokenException ?? new BrokenException($"the run failed: {exception}");
        World.Trace.Add(World.Now, $"{Server.Name} ends");
        Server.Exit();
        return false;
    }

    private ServerProcess? awaited;

    private void Restart()
    {
        if (awaited == Server) return;
        awaited = Server;
        World.In(World.Chance.Seconds(15), "the server starts again", StartServer);
    }

    private IEnumerable<string> Waits() =>
    [
        .. Server?.Waits() ?? [], .. Clients.Select(client => $"{client.Name}: {client.Process?.State}, starts {client.Starts}, dead {client.Process?.IsDead}"),
    ];
}
