using ManagedFed.Kernels;

namespace ManagedFed.Graph;

/// <summary>An operation that can end a chain of elementwise operations by reducing its rows.</summary>
internal interface IFold
{
    /// <summary>The type that the elements are converted to before they are reduced; null for their own.</summary>
    DType? Through { get; }

    /// <summary>True when the operation reduces whole rows of a row-major input of this shape and type, which it need not convert.</summary>
    bool FoldsRows(Shape shape, DType dtype);

    /// <summary>Writes the output, given the chain that computes the input.</summary>
    void Fold(FusedChain chain, NdArray y);
}

/// <summary>An operation that can be applied to each element of a matrix product before it is stored.</summary>
internal interface IAfterProduct
{
    /// <summary>Writes the output.</summary>
    /// <param name="product">The factors and perhaps a bias.</param>
    /// <param name="other">The second operand, contiguous; null for an operation of one.</param>
    /// <param name="y">Contiguous memory of the output's shape.</param>
    void Run(ReadOnlySpan<NdArray> product, NdArray? other, NdArray y);
}

/// <summary>Nodes that one instruction computes.</summary>
internal sealed class Unit
{
    private readonly HashSet<Unit> needs = [];
    private readonly Dictionary<Tensor, int> registers = [];
    private Unit? mergedInto;

    public Unit(Tensor node, int index, IEnumerable<Unit> needs)
    {
        Nodes.Add(index, node);
        this.needs.UnionWith(needs);
        IsChain = node.Op!.Loop(node.Inputs) is not null;
    }

    /// <summary>The nodes by their place in the graph's order.</summary>
    public SortedList<int, Tensor> Nodes { get; } = [];

    /// <summary>True while elementwise operations of one shape may be added.</summary>
    public bool IsChain { get; private set; }

    /// <summary>The node that computes the unit's result.</summary>
    public Tensor Last => Nodes.Values[^1];

    /// <summary>The units that must run before.</summary>
    public IEnumerable<Unit> Needs => needs.Select(unit => unit.Root).Where(unit => unit != this).Distinct();

    /// <summary>The unit that this one has become part of.</summary>
    public Unit Root
    {
        get
        {
            var root = this;
            while (root.mergedInto is { } next) root = next;
            return root;
        }
    }

    /// <summary>True when this unit or one that it needs is one of two.</summary>
    private bool Reaches(Unit a, Unit b, int first, HashSet<Unit> seen)
    {
        var stack = new Stack<Unit>([this]);
        while (stack.TryPop(out var unit))
        {
            if (unit == a || unit == b) return true;
            if (unit.Nodes.Keys[^1] < first || !seen.Add(unit)) continue;
            foreach (var need in unit.Needs) stack.Push(need);
        }
        return false;
    }

    /// <summary>Takes another unit in, unless a third would then have to run both after it and before it.</summary>
    /// <param name="other">The unit to take in.</param>
    /// <param name="spans">The places between the first and the last nodes of units merged so far; this one is added.</param>
    public bool TryMerge(Unit other, Spans spans)
    {
        var seen = new HashSet<Unit>();
        var first = spans.Floor(Math.Min(Nodes.Keys[0], other.Nodes.Keys[0]));
        if (needs.Concat(other.needs).Select(unit => unit.Root).Any(unit => unit != this && unit != other && unit.Reaches(this, other, first, seen))) return false;
        foreach (var (index, node) in other.Nodes) Nodes.Add(index, node);
        needs.UnionWith(other.needs);
        other.mergedInto = this;
        spans.Add(Nodes.Keys[0], Nodes.Keys[^1]);
        return true;
    }

    /// <summary>Says that no more operations may be added.</summary>
    public void Close() => IsChain = false;

    /// <summary>The register of a node that nothing outside of this unit reads; -1 for one that needs memory.</summary>
    public int RegisterOf(Tensor node) => registers.GetValueOrDefault(node, -1);

    /// <summary>Assigns registers to the nodes of a chain, as far as there are any.</summary>
    /// <param name="isRead">Whether another unit reads a node, or it is a result.</param>
    public void AssignRegisters(Func<Tensor, bool> isRead)
    {
        var lastReader = new Dictionary<Tensor, Tensor>();
        foreach (var node in Nodes.Values)
        {
            foreach (var input in node.Inputs) lastReader[input] = node;
        }
        var free = new Stack<int>(Enumerable.Range(0, FusedChain.MaxRegisters).Reverse());
        foreach (var node in Nodes.Values)
        {
            // A step may write where it reads for the last time, but elements of one size only.
            var ended = node.Inputs.Distinct().Where(input => registers.ContainsKey(input) && ReferenceEquals(lastReader[input], node)).ToLookup(input => input.DType.Size() == node.DType.Size());
            foreach (var input in ended[true]) free.Push(registers[input]);
            if (!isRead(node) && free.TryPop(out var own)) registers[node] = own;
            foreach (var input in ended[false]) free.Push(registers[input]);
        }
    }
}

/// <summary>
/// Where units with several nodes lie in the graph's order, as disjoint ranges. A unit that ends before a place needs only
/// units that end before it, unless one begins before and ends behind it; <see cref="Floor"/> finds a place where none does.
/// </summary>
internal sealed class Spans
{
    private readonly List<(int First, int Last)> ranges = [];

    /// <summary>Adds a range that ends behind all others.</summary>
    public void Add(int first, int last)
    {
        while (ranges.Count > 0 && ranges[^1].Last >= first)
        {
            first = Math.Min(first, ranges[^1].First);
            ranges.RemoveAt(ranges.Count - 1);
        }
        ranges.Add((first, last));
    }

    /// <summary>The last place, not behind this one, that no unit lies across.</summary>
    public int Floor(int place)
    {
        var (low, high) = (0, ranges.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (ranges[middle].Last < place) low = middle + 1;
            else high = middle;
        }
        return low < ranges.Count ? Math.Min(place, ranges[low].First) : place;
    }
}
