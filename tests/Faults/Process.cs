namespace ManagedFed.Faults;

/// <summary>A process that has ended did something: what it does has no effect any more.</summary>
internal sealed class EndedException : Exception;

/// <summary>Something that can be killed: from then on nothing of what its code still does reaches anybody.</summary>
/// <remarks>
/// What a process does between two effects is seen by nobody, so to kill it at its next effect, before, within or behind it, is to kill it at
/// any of its awaits.
/// </remarks>
internal abstract class Process
{
    private readonly Process? host;
    private int fuse = int.MaxValue;
    private bool isDead;

    /// <param name="world">Where it is.</param>
    /// <param name="name">Its name, for people.</param>
    /// <param name="host">The process whose part it is; null for one of its own.</param>
    protected Process(World world, string name, Process? host = null)
    {
        this.host = host;
        World = world;
        Name = name;
        TimerText = $"timer of {name}";
        Clock = new(world, this);
    }

    public World World { get; }

    public string Name { get; }

    public string TimerText { get; }

    public Clock Clock { get; }

    public bool IsDead => isDead || host?.IsDead == true;

    /// <summary>Kills the process at an effect to come: the n-th from now.</summary>
    public void Light(int effects) => fuse = Math.Min(fuse, effects);

    /// <summary>Counts an effect; true when the process dies within it.</summary>
    /// <exception cref="EndedException">It is dead already.</exception>
    public bool DiesAt(string effect)
    {
        if (IsDead) throw new EndedException();
        if (fuse == int.MaxValue || --fuse > 0) return false;
        World.Trace.Add(World.Now, $"{Name} dies: {effect}");
        Kill();
        return true;
    }

    public void Kill()
    {
        if (isDead) return;
        isDead = true;
        World.In(TimeSpan.Zero, $"{Name} is gone", OnDeath);
    }

    /// <summary>What the others notice of its end.</summary>
    protected abstract void OnDeath();
}
