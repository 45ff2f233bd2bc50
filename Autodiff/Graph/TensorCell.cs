namespace ManagedFed.Graph;

/// <summary>Where a compiled function keeps tensors that it updates in place.</summary>
internal interface ICellOwner
{
    /// <summary>A copy of the present value of one of the owner's cells, whose gate is held.</summary>
    Tensor Snapshot(int slot);
}

/// <summary>A named place whose tensor changes over time: a parameter, or an optimizer's state.</summary>
/// <remarks>
/// A compiled function takes the value over and updates it in its own memory. Reading the cell then gives a copy, made
/// once for each change; setting it makes the compiled function load the new value before its next run. So tensors
/// handed out never change, and a run whose cells nobody reads copies nothing.
/// </remarks>
internal sealed class TensorCell : StateCell
{
    private Tensor? value;
    private ICellOwner? owner;
    private int slot;
    private DType dtype;

    public TensorCell(string name, Tensor value) : base(name) => Store(Mark(value));

    /// <summary>The tensor, as this flow of control sees it.</summary>
    public Tensor Value
    {
        get
        {
            if (StateScope.Current is { } scope) return (Tensor)scope.Read(this);
            lock (Gate) return Present();
        }
        set
        {
            Mark(value);
            if (StateScope.Current is not { } scope)
            {
                lock (Gate) Store(value);
            }
            else if (!ReferenceEquals(scope.Find(this), value))
            {
                scope.Write(this, value);
            }
        }
    }

    /// <summary>The tensor's type, without reading it.</summary>
    public DType DType => StateScope.Current?.Find(this) is Tensor tensor ? tensor.DType : dtype;

    /// <summary>True while this flow of control sees a transform's tensor in place.</summary>
    public bool IsTraced => StateScope.Current?.Find(this) is Tensor tensor && (tensor.IsTraced || tensor.Op is Ops.Placeholder);

    /// <summary>True when the value lies with the candidate; the gate is held.</summary>
    public bool IsOwnedBy(ICellOwner candidate) => owner == candidate;

    /// <summary>The tensor that all see; the gate is held.</summary>
    public Tensor Present() => value ??= Mark(owner!.Snapshot(slot));

    public override object Load() => Present();

    public override void Store(object content)
    {
        value = (Tensor)content;
        dtype = value.DType;
        owner = null;
        Version++;
    }

    /// <summary>Says that the value now lies with the owner; the gate is held.</summary>
    public void HandOver(ICellOwner to, int at)
    {
        value = null;
        owner = to;
        slot = at;
        Version++;
    }

    // Later steps will read it: once computed, as part of whatever, it stays.
    private static Tensor Mark(Tensor tensor)
    {
        tensor.IsKept = true;
        tensor.IsState = true;
        return tensor;
    }
}
