using ManagedFed.Federation;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Faults;

/// <summary>A server from its start to its end or death; the next one goes on with what is on the disk.</summary>
internal sealed class ServerProcess : Process
{
    private readonly List<StreamLink> links = [];
    private readonly ServerLoop loop;
    private readonly Action stop;
    private readonly CancellationToken stopping;

    public ServerProcess(World world, Scenario scenario, Disk disk, IReadOnlyList<ClientMachine> clients, int number) : base(world, $"server {number}")
    {
        // Never disposed of: a server that is killed does not clean up.
        var source = new CancellationTokenSource();
        (stop, stopping) = (source.Cancel, source.Token);
        Disk = disk;
        Log = new ProcessLog(this);
        Registry = new(Log);
        IsAsync = scenario.IsAsync;
        Nodes = new(Registry, new(), FleetKeys.All, FleetRunId, Clock, Log);
        Desk = new(Nodes, new(FleetRunId, null, Clock.GetUtcNow()), Clock);
        var options = new FederationOptions
        {
            TimeProvider = Clock,
            LoggerFactory = new ProcessLogs(Log),
            RunStore = new(() => disk.Open(this), scenario.Generations),
            Seed = Scenario.RunSeed,
            ReturnTimeout = scenario.ReturnTimeout,
            MaxConcurrency = scenario.MaxConcurrency,
            UpdateLimits = scenario.CreateLimits(),
            StopWhen = scenario.CreateStopWhen(),
        };
        // Virtual clients are made as they are asked, and die with the server.
        IClientPopulation population = scenario.IsVirtual
            ? new VirtualPopulation(
                clients.Count, k => new Learner(new ClientProcess(world, clients[k], 0, this)), options.MaxConcurrency ?? clients.Count,
                new SimulationOptions { TimeProvider = Clock, LoggerFactory = options.LoggerFactory, ThroughCodec = true }, Log)
            : Registry;
        loop = ServerLoop.Create(scenario.CreateConfig(), scenario.CreateStrategy(), population, options, Log);
    }

    /// <summary>One for all servers, as every node's messages name it.</summary>
    public const ulong FleetRunId = 17972862423711935946;

    public Disk Disk { get; }

    public ILogger Log { get; }

    public ClientRegistry Registry { get; }

    public FleetNodes Nodes { get; }

    public FleetDesk Desk { get; }

    public bool IsAsync { get; }

    public bool IsStopping { get; private set; }

    public Task<History> Run { get; private set; } = Task.FromException<History>(new InvalidOperationException("not started"));

    public void Start() => Run = loop.RunAsync(stopping);

    /// <summary>Asks it to end, as a signal does.</summary>
    public void Stop()
    {
        IsStopping = true;
        stop();
    }

    /// <summary>Takes a client's stream in, as the service of the stream does.</summary>
    /// <returns>Null, or why not.</returns>
    public string? Join(StreamLink link)
    {
        if (Run.IsCompleted) return "the server is about to end";
        if (Registry.Snapshot().Any(client => client.Info.StableName == link.Info.StableName)) return "a client of this name is here";
        if (!Registry.Join(link.Connection)) return "the run is over";
        links.Add(link);
        return null;
    }

    /// <summary>Ends the process in good order: its streams end with it.</summary>
    public void Exit()
    {
        Disk.Release(this);
        Kill();
    }

    /// <summary>What has waited for longer than it should, for people.</summary>
    public IEnumerable<string> Waits()
    {
        yield return $"{Name}: run {Run.Status}, connected [{string.Join(", ", Registry.Clients().Select(client => client.Peer))}]";
        foreach (var link in links.Where(link => !link.IsOver)) yield return $"  {link}";
    }

    public void Forget(StreamLink link) => links.Remove(link);

    protected override void OnDeath()
    {
        Desk.Dispose();
        foreach (var link in links.ToArray()) link.ServerIsGone();
    }
}

/// <summary>The log of a process, in the trace when somebody reads along.</summary>
internal sealed class ProcessLog(Process process) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => process.World.Trace.IsShown;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!process.IsDead && IsEnabled(logLevel)) process.World.Trace.Show(process.World.Now, $"    {process.Name} says: {formatter(state, exception)}");
    }
}

/// <summary>One log for all categories.</summary>
internal sealed class ProcessLogs(ILogger log) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => log;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
