namespace ManagedFed.Graph;

/// <summary>
/// Gives each node of an ordered graph memory: views share their source's, an elementwise result takes over an input
/// that nobody reads afterwards, and other results take the smallest free block that holds them.
/// </summary>
internal sealed class BufferPlan
{
    private readonly Dictionary<Tensor, NdArray> arrays = [];
    private readonly Dictionary<Storage, int> lastUse = [];
    private readonly Dictionary<Storage, List<NdArray>> bound = [];
    private readonly Dictionary<Tensor, int> lastReader = [];
    private readonly Dictionary<Tensor, int> position = [];
    private readonly Dictionary<Storage, Tensor> heirs = [];
    private readonly HashSet<Storage> own = [];
    private readonly List<Storage> free = [];

    public BufferPlan(List<Tensor> order, Tensor[] results)
    {
        for (var i = 0; i < order.Count; i++)
        {
            position[order[i]] = i;
            foreach (var input in order[i].Inputs) lastReader[input] = i;
        }
        foreach (var result in results) lastReader[result] = int.MaxValue;

        // What reads a view reads its source.
        for (var i = order.Count - 1; i >= 0; i--)
        {
            var node = order[i];
            if (node.Inputs.Length == 0 || !node.Op!.MayView) continue;
            lastReader[node.Inputs[0]] = Math.Max(lastReader[node.Inputs[0]], lastReader.GetValueOrDefault(node, i));
        }
    }

    /// <summary>All memory that the plan allocated.</summary>
    public IEnumerable<Storage> Storages => own;

    public NdArray ArrayOf(Tensor node) => arrays[node];

    /// <summary>An array that is never written; the views of it that the plan makes are added to <paramref name="views"/>.</summary>
    public void Bind(Tensor node, NdArray array, List<NdArray>? views)
    {
        arrays[node] = array;
        if (views is null) return;
        views.Add(array);
        bound[array.Storage] = views;
        own.Add(array.Storage);
    }

    /// <summary>An array in memory of the caller's that only its new value may overwrite, once the old one is no longer read.</summary>
    public void Reuse(Tensor node, NdArray array, Tensor? heir)
    {
        arrays[node] = array;
        lastUse[array.Storage] = lastReader.GetValueOrDefault(node, -1);
        if (heir is not null) heirs[array.Storage] = heir;
    }

    /// <summary>Gives a node another layout of its input's memory, where its operation is no more than that.</summary>
    public bool TryView(Tensor node)
    {
        if (node.Inputs.Length == 0 || node.Op!.View(arrays[node.Inputs[0]].Layout) is not { } layout) return false;
        arrays[node] = Record(arrays[node.Inputs[0]].View(layout));
        return true;
    }

    /// <summary>The operands of a node as its kernel wants them, and memory for its output.</summary>
    public (NdArray[] Operands, NdArray Output) Assign(Tensor node)
    {
        var now = position[node];
        var inputs = node.Inputs;
        var output = new NdArray(Take(node, now), new Layout(node.Shape), node.DType);
        var operands = new NdArray[inputs.Length];
        for (var i = 0; i < inputs.Length; i++)
        {
            var array = arrays[inputs[i]];
            operands[i] = node.Op!.Operand(i, array, node.Shape);
            if (operands[i] != array) Record(operands[i]);
        }
        arrays[node] = output;
        lastUse[output.Storage] = lastReader.GetValueOrDefault(node, now);
        foreach (var input in inputs)
        {
            var storage = arrays[input].Storage;
            if (own.Contains(storage) && !bound.ContainsKey(storage) && lastUse[storage] <= now && storage != output.Storage && !free.Contains(storage))
            {
                free.Add(storage);
            }
        }
        return (operands, output);
    }

    private Storage Take(Tensor node, int now)
    {
        if (node.Op!.RunsInPlace && Array.Find(node.Inputs, input => CanTakeOver(input, node, now)) is { } source) return arrays[source].Storage;
        var bytes = node.Count * node.DType.Size();
        var best = free.Where(storage => storage.ByteLength >= bytes).MinBy(storage => storage.ByteLength);
        if (best is not null && best.ByteLength <= 2 * bytes + 4096)
        {
            free.Remove(best);
            return best;
        }
        var fresh = new Storage(bytes);
        own.Add(fresh);
        return fresh;
    }

    /// <summary>True when the node may write where the input lies: as its last reader, and reading it only place by place.</summary>
    private bool CanTakeOver(Tensor input, Tensor node, int now)
    {
        var storage = arrays[input].Storage;
        var isFree = own.Contains(storage) && !bound.ContainsKey(storage);
        if (!isFree && !ReferenceEquals(heirs.GetValueOrDefault(storage), node)) return false;
        return lastUse[storage] <= now && Array.TrueForAll(node.Inputs, other => arrays[other] is var array
            && (array.Storage != storage
                || (array.IsContiguous && array.Layout.Offset == 0 && array.Shape == node.Shape && array.DType == node.DType)));
    }

    /// <summary>Remembers a view of an input, so that it follows when the input is bound to other memory.</summary>
    private NdArray Record(NdArray view)
    {
        if (bound.TryGetValue(view.Storage, out var views)) views.Add(view);
        return view;
    }
}
