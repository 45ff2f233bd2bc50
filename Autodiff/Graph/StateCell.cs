namespace ManagedFed.Graph;

/// <summary>A named place whose content changes over time: a parameter, an optimizer's step, a mode.</summary>
/// <remarks>
/// While a transform runs, what its function writes lies in a <see cref="StateScope"/> that its own flow of control alone sees.
/// </remarks>
internal abstract class StateCell(string name)
{
    private static long count;

    /// <summary>Who needs several gates takes them in this order, so that none waits for another in a circle.</summary>
    public long Id { get; } = Interlocked.Increment(ref count);

    /// <summary>The place of the newest cell.</summary>
    public static long Newest => Volatile.Read(ref count);

    /// <summary>The name in messages.</summary>
    public string Name { get; } = name;

    /// <summary>Held while the content that all see is read or replaced.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Changes of the content that all see; read and raised under the gate.</summary>
    public long Version { get; protected set; }

    /// <summary>The content that all see; the gate is held.</summary>
    public abstract object Load();

    /// <summary>Replaces the content that all see; the gate is held.</summary>
    public abstract void Store(object content);

    /// <summary>Takes the gates of cells in the order of their places.</summary>
    public static void EnterAll(ReadOnlySpan<StateCell> sorted)
    {
        foreach (var cell in sorted) cell.Gate.Enter();
    }

    /// <summary>Leaves the gates of cells.</summary>
    public static void ExitAll(ReadOnlySpan<StateCell> sorted)
    {
        foreach (var cell in sorted) cell.Gate.Exit();
    }
}

/// <summary>A place for a small value, such as a count or a mode.</summary>
internal sealed class ValueCell<T>(string name, T initial) : StateCell(name) where T : struct
{
    private T content = initial;

    public T Value
    {
        get
        {
            if (StateScope.Current is { } scope) return (T)scope.Read(this);
            lock (Gate) return content;
        }
        set
        {
            if (StateScope.Current is { } scope)
            {
                if (!scope.Read(this).Equals(value)) scope.Write(this, value);
                return;
            }
            lock (Gate) Store(value);
        }
    }

    public override object Load() => content;

    public override void Store(object content) => Store((T)content);

    private void Store(T value)
    {
        content = value;
        Version++;
    }
}
