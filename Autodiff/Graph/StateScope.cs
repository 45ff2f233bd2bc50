using System.Runtime.InteropServices;

namespace ManagedFed.Graph;

/// <summary>
/// What a running transform's function reads and writes of cells. Only its own flow of control sees it, tasks that it starts
/// included. When the transform ends, what was written goes to the transform around it or to the cells, all at once; when it
/// fails, nothing of it remains.
/// </summary>
internal sealed class StateScope : IDisposable
{
    private static readonly AsyncLocal<StateScope?> Flow = new();

    // So that reading a cell outside of any transform asks nothing more.
    private static int open;

    private readonly StateScope? outer = Current;
    private readonly long newest = StateCell.Newest;
    private readonly Lock gate = new();
    private readonly Dictionary<StateCell, Entry> entries = new(ReferenceEqualityComparer.Instance);
    private volatile bool isClosed;

    private StateScope()
    {
    }

    /// <param name="Content">What this flow sees.</param>
    /// <param name="Seen">The version that the cell had when it was first read; null for one that was written before.</param>
    /// <param name="IsChanged">Whether the function wrote it.</param>
    private readonly record struct Entry(object Content, long? Seen, bool IsChanged);

    /// <summary>The innermost scope that this flow of control is in.</summary>
    public static StateScope? Current
    {
        get
        {
            if (Volatile.Read(ref open) == 0) return null;
            var scope = Flow.Value;
            while (scope is { isClosed: true }) scope = scope.outer;
            return scope;
        }
    }

    /// <summary>Begins one; disposing of it ends it.</summary>
    public static StateScope Open()
    {
        var scope = new StateScope();
        Interlocked.Increment(ref open);
        Flow.Value = scope;
        return scope;
    }

    /// <summary>The cells that this scope wrote, but those made in it, and their contents.</summary>
    public KeyValuePair<StateCell, object>[] Changes
    {
        get
        {
            lock (gate) return [.. entries.Where(entry => entry.Value.IsChanged && entry.Key.Id <= newest).Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Content))];
        }
    }

    /// <summary>The content of a cell if this scope or one around it holds it.</summary>
    public object? Find(StateCell cell)
    {
        for (var scope = this; scope is not null; scope = scope.outer)
        {
            if (scope.isClosed) continue;
            lock (scope.gate)
            {
                if (scope.entries.TryGetValue(cell, out var entry)) return entry.Content;
            }
        }
        return null;
    }

    /// <summary>The content of a cell, the same from now on.</summary>
    public object Read(StateCell cell)
    {
        if (Find(cell) is { } content) return content;
        lock (cell.Gate) return Keep(cell, cell.Load());
    }

    /// <summary>Reads cells at one moment, so that the contents belong together.</summary>
    public void ReadAll(IEnumerable<StateCell> cells)
    {
        StateCell[] missing = [.. cells.Where(cell => Find(cell) is null).DistinctBy(cell => cell.Id).OrderBy(cell => cell.Id)];
        StateCell.EnterAll(missing);
        try
        {
            foreach (var cell in missing) Keep(cell, cell.Load());
        }
        finally
        {
            StateCell.ExitAll(missing);
        }
    }

    /// <summary>Replaces the content of a cell for this flow, to be made true by <see cref="Commit"/>.</summary>
    public void Write(StateCell cell, object content)
    {
        lock (gate)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(entries, cell, out _);
            entry = new(content, entry.Seen ?? Seen(cell), true);
        }
    }

    /// <summary>Shows this flow another tensor in a cell's place; nothing of it goes on.</summary>
    public void Substitute(StateCell cell, object content)
    {
        lock (gate) entries[cell] = new(content, entries.GetValueOrDefault(cell).Seen, false);
    }

    /// <summary>Makes what was written true.</summary>
    /// <exception cref="InvalidOperationException">Another thread changed what this one has read and replaces.</exception>
    public void Commit(string op)
    {
        KeyValuePair<StateCell, Entry>[] changed;
        lock (gate) changed = [.. entries.Where(entry => entry.Value.IsChanged)];
        if (changed.Length == 0) return;
        var around = outer;
        while (around is { isClosed: true }) around = around.outer;
        if (around is not null)
        {
            foreach (var (cell, entry) in changed) around.Inherit(cell, entry);
            return;
        }
        Array.Sort(changed, static (a, b) => a.Key.Id.CompareTo(b.Key.Id));
        var cells = Array.ConvertAll(changed, entry => entry.Key);
        StateCell.EnterAll(cells);
        try
        {
            var stale = Array.FindAll(changed, static entry => entry.Value.Seen is { } seen && seen != entry.Key.Version);
            if (stale.Length > 0)
            {
                Throw.Invalid(op, $"{string.Join(", ", stale.Select(entry => entry.Key.Name))} changed on another thread while this call ran, which would replace the new value; nothing has changed here: let calls that change one module take turns, or give each thread a module of its own");
            }
            foreach (var (cell, entry) in changed) cell.Store(entry.Content);
        }
        finally
        {
            StateCell.ExitAll(cells);
        }
    }

    /// <summary>Ends the scope; what was not committed is forgotten.</summary>
    public void Dispose()
    {
        if (isClosed) return;
        isClosed = true;
        Interlocked.Decrement(ref open);
        if (ReferenceEquals(Flow.Value, this)) Flow.Value = outer;
    }

    private object Keep(StateCell cell, object content)
    {
        lock (gate)
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(entries, cell, out var exists);
            if (!exists) entry = new(content, cell.Version, false);
            return entry.Content;
        }
    }

    private void Inherit(StateCell cell, Entry inner)
    {
        lock (gate) entries[cell] = new(inner.Content, (entries.TryGetValue(cell, out var own) ? own.Seen : null) ?? inner.Seen, true);
    }

    // What a scope around this one has read first, is read here too.
    private long? Seen(StateCell cell)
    {
        for (var scope = outer; scope is not null; scope = scope.outer)
        {
            if (scope.isClosed) continue;
            lock (scope.gate)
            {
                if (scope.entries.TryGetValue(cell, out var entry)) return entry.Seen;
            }
        }
        return null;
    }
}
