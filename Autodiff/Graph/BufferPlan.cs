namespace ManagedFed.Graph;

/// <summary>
/// Gives each node of a graph in units memory: views share their source's, an elementwise result takes over an input
/// that nobody reads afterwards, and other results take the smallest free block that holds them.
/// </summary>
internal sealed class BufferPlan
{
    private readonly Dictionary<Tensor, NdArray> arrays = [];
    private readonly Dictionary<Storage, int> lastUse = [];
    private readonly Dictionary<Storage, List<NdArray>> bound = [];
    private readonly Dictionary<Tensor, int> lastReader = [];
    private readonly Dictionary<Unit, int> position = [];
    private readonly Dictionary<Storage, Tensor> heirs = [];
    private readonly Dictionary<Tensor, List<NdArray>> leaving = [];
    private readonly HashSet<Storage> own = [];
    private readonly List<Storage> free = [];

    public BufferPlan(List<Unit> units, Tensor[] results)
    {
        for (var i = 0; i < units.Count; i++)
        {
            position[units[i]] = i;
            foreach (var input in units[i].Nodes.Values.SelectMany(node => node.Inputs)) lastReader[input] = i;
        }
        foreach (var result in results) lastReader[result] = int.MaxValue;

        // What reads a view reads its source.
        for (var i = units.Count - 1; i >= 0; i--)
        {
            var node = units[i].Last;
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

    /// <summary>Gives a result memory of its own, to be replaced after a run; its arrays are added to <paramref name="views"/>.</summary>
    public void LetGo(Tensor result, List<NdArray> views) => leaving[result] = views;

    /// <summary>Gives a node another layout of its input's memory, where its operation is no more than that.</summary>
    public bool TryView(Unit unit)
    {
        var node = unit.Last;
        if (unit.Nodes.Count > 1 || node.Inputs.Length == 0 || node.Op!.View(arrays[node.Inputs[0]].Layout) is not { } layout) return false;
        arrays[node] = Record(arrays[node.Inputs[0]].View(layout));
        return true;
    }

    /// <summary>An input of a node as its kernel wants it.</summary>
    public NdArray OperandOf(Tensor node, int i)
    {
        var array = arrays[node.Inputs[i]];
        var operand = node.Op!.Operand(i, array, node.Shape);
        return operand == array ? array : Record(operand);
    }

    /// <summary>Gives memory to the nodes of a unit that have no register, and frees what nobody reads after it.</summary>
    public void Assign(Unit unit)
    {
        var now = position[unit];
        var nodes = unit.Nodes.Values;
        for (var i = 0; i < nodes.Count; i++)
        {
            if (unit.RegisterOf(nodes[i]) >= 0) continue;
            if (leaving.TryGetValue(nodes[i], out var views))
            {
                Bind(nodes[i], NdArray.Rent(nodes[i].Shape, nodes[i].DType), views);
                lastUse[arrays[nodes[i]].Storage] = int.MaxValue;
                continue;
            }
            var output = new NdArray(Take(unit, i, now), new Layout(nodes[i].Shape), nodes[i].DType);
            arrays[nodes[i]] = output;
            lastUse[output.Storage] = lastReader.GetValueOrDefault(nodes[i], now);
        }
        foreach (var node in nodes.SelectMany(node => node.Inputs).Concat(nodes))
        {
            if (!arrays.TryGetValue(node, out var array)) continue;
            var storage = array.Storage;
            if (own.Contains(storage) && !bound.ContainsKey(storage) && lastUse[storage] <= now && !free.Contains(storage)) free.Add(storage);
        }
    }

    private Storage Take(Unit unit, int index, int now)
    {
        var node = unit.Nodes.Values[index];
        if (node.Op!.RunsInPlace && !(unit.Nodes.Values[0].Op is Ops.MatMul))
        {
            foreach (var read in unit.Nodes.Values.Take(index + 1).SelectMany(earlier => earlier.Inputs))
            {
                if (arrays.TryGetValue(read, out var array) && CanTakeOver(array.Storage, unit, index, now)) return array.Storage;
            }
        }
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

    /// <summary>
    /// True when a step may write into memory that the unit reads: nobody reads it later, and steps up to this one read it
    /// only place by place.
    /// </summary>
    private bool CanTakeOver(Storage storage, Unit unit, int index, int now)
    {
        var node = unit.Nodes.Values[index];
        var isFree = own.Contains(storage) && !bound.ContainsKey(storage);
        if (!isFree && !ReferenceEquals(heirs.GetValueOrDefault(storage), node) || lastUse[storage] > now) return false;
        for (var step = 0; step < unit.Nodes.Count; step++)
        {
            foreach (var input in unit.Nodes.Values[step].Inputs)
            {
                if (!arrays.TryGetValue(input, out var array) || array.Storage != storage) continue;
                if (step > index || !array.IsContiguous || array.Layout.Offset != 0 || array.Shape != node.Shape || array.DType != node.DType) return false;
            }
        }
        return true;
    }

    /// <summary>Remembers a view of an input, so that it follows when the input is bound to other memory.</summary>
    private NdArray Record(NdArray view)
    {
        if (bound.TryGetValue(view.Storage, out var views)) views.Add(view);
        return view;
    }
}
