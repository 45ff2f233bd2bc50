using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>
/// The objects of one reply between their arrival and their use: only those that its tree names, no more bytes than allowed, and
/// the pieces of an array no longer than until every array made of them is read.
/// </summary>
internal sealed class ReplyObjects
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Slot> slots = new(StringComparer.Ordinal);
    private readonly DeflatedMessage instruction;
    private readonly long maxBytes;
    private List<string> reading = [];
    private long received;
    private int missing;
    private Exception? fault;

    /// <param name="tree">The tree that came with the reply.</param>
    /// <param name="instruction">What is replied to: its objects need not be sent back.</param>
    /// <param name="limits">How large a reply may be.</param>
    /// <exception cref="FormatException">The tree is too large or too deep, or an id is not one.</exception>
    public ReplyObjects(Wire.ObjectTree tree, DeflatedMessage instruction, ObjectLimits limits)
    {
        (this.instruction, maxBytes) = (instruction, limits.MaxReceived);
        foreach (var id in ObjectTrees.Ids(tree, limits)) slots.Add(id, new());
        Link(tree, []);
        ToPush = [.. slots.Keys.Where(id => !IsKnown(id))];
        missing = ToPush.Count;
    }

    /// <summary>The ids of the objects to be sent, children before parents.</summary>
    public IReadOnlyList<string> ToPush { get; }

    /// <summary>The bytes of objects that came.</summary>
    public long Received
    {
        get
        {
            lock (gate) return received;
        }
    }

    /// <summary>The bytes that are held now.</summary>
    public long Held
    {
        get
        {
            lock (gate) return slots.Values.Sum(slot => (long)(slot.Content?.Length ?? 0));
        }
    }

    /// <summary>True when nothing is to come any more.</summary>
    public bool IsComplete
    {
        get
        {
            lock (gate) return missing == 0;
        }
    }

    /// <summary>Takes an object in; false when this reply has no such object. One that was here before is taken and not kept twice.</summary>
    /// <remarks>Bytes that are not those of the id were damaged on their way: the right ones may follow.</remarks>
    /// <param name="id">The object.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="keep">Called before the bytes are kept; what it throws leaves the object missing.</param>
    /// <exception cref="FormatException">The bytes are not those of the id, or more than allowed; the latter fails the reply.</exception>
    public bool Put(string id, ByteString content, Action? keep = null)
    {
        TaskCompletionSource? waiting;
        lock (gate)
        {
            if (!slots.TryGetValue(id, out var slot)) return false;
            if (slot.Arrived || IsKnown(id)) return true;
        }
        // Outside of the lock: hashing is what takes time here.
        var hash = FleetObject.IdOf(content.Span);
        if (hash != id) throw new FormatException($"[fleet] the {content.Length} bytes sent as object {FleetObject.Shown(id)} hash to {FleetObject.Shown(hash)}; push it again");
        lock (gate)
        {
            var slot = slots[id];
            if (slot.Arrived) return true;
            if (received + content.Length > maxBytes)
            {
                throw Fail($"with object {FleetObject.Shown(id)} the reply has {received + content.Length} bytes, at most {maxBytes} are allowed");
            }
            keep?.Invoke();
            received += content.Length;
            missing--;
            (slot.Arrived, slot.Content) = (true, content);
            waiting = slot.Waiting;
        }
        waiting?.TrySetResult();
        return true;
    }

    /// <summary>An object's bytes, once they are here.</summary>
    /// <exception cref="FormatException">The tree does not name it, or what was sent is wrong.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> TakeAsync(string id, CancellationToken cancellation)
    {
        if (instruction.TryRead(id, out var ours)) return ours.Memory;
        Task arrival;
        lock (gate)
        {
            if (fault is not null) throw fault;
            if (!slots.TryGetValue(id, out var slot)) throw new FormatException($"[fleet] object {FleetObject.Shown(id)} is not in the reply's tree");
            arrival = slot.Arrived ? Task.CompletedTask : (slot.Waiting ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
        await arrival.WaitAsync(cancellation).ConfigureAwait(false);
        lock (gate)
        {
            if (fault is not null) throw fault;
            var slot = slots[id];
            var content = slot.Content ?? throw new FormatException($"[fleet] object {FleetObject.Shown(id)} is used in more places than its tree says");
            if (content.Span.StartsWith("Array "u8))
            {
                Release();
                reading = slot.Children;
            }
            return content.Memory;
        }
    }

    /// <summary>Ends the wait for what has not come.</summary>
    public void Fail(Exception why)
    {
        List<TaskCompletionSource> waiting;
        lock (gate)
        {
            fault ??= why;
            waiting = [.. slots.Values.Select(slot => slot.Waiting).OfType<TaskCompletionSource>()];
        }
        foreach (var source in waiting) source.TrySetResult();
    }

    private bool IsKnown(string id) => instruction.Ids.Contains(id);

    private FormatException Fail(string why)
    {
        var exception = new FormatException($"[fleet] {why}");
        Fail(exception);
        return exception;
    }

    /// <summary>The array that was read has been put together: whoever asks for the next is done with it.</summary>
    private void Release()
    {
        foreach (var id in reading)
        {
            var slot = slots[id];
            if (--slot.Parents == 0) slot.Content = null;
        }
    }

    private void Link(Wire.ObjectTree node, HashSet<string> seen)
    {
        if (!seen.Add(node.ObjectId)) return;
        foreach (var child in node.Children.DistinctBy(child => child.ObjectId))
        {
            Link(child, seen);
            slots[node.ObjectId].Children.Add(child.ObjectId);
            slots[child.ObjectId].Parents++;
        }
    }

    private sealed class Slot
    {
        public List<string> Children { get; } = [];

        public int Parents { get; set; }

        public bool Arrived { get; set; }

        public ByteString? Content { get; set; }

        public TaskCompletionSource? Waiting { get; set; }
    }
}
