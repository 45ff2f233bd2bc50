namespace ManagedFed.Graph;

/// <summary>Where a compiled function keeps tensors that it updates in place.</summary>
internal interface ICellOwner
{
    /// <summary>A copy of the present value of one of the owner's cells.</summary>
    Tensor Snapshot(int slot);
}

/// <summary>A named place whose tensor changes over time: a parameter, or an optimizer's state.</summary>
/// <remarks>
/// A compiled function takes the value over and updates it in its own memory. Reading the cell then gives a copy, made
/// once for each change; setting it makes the compiled function load the new value before its next run. So tensors
/// handed out never change, and a run whose cells nobody reads copies nothing.
/// </remarks>
internal sealed class TensorCell
{
    private Tensor? value;
    private ICellOwner? owner;
    private int slot;

    public TensorCell(Tensor value) => Value = value;

    public Tensor Value
    {
        get => value ??= Mark(owner!.Snapshot(slot));
        set
        {
            this.value = Mark(value);
            owner = null;
        }
    }

    /// <summary>Puts a transform's tensor in place for one call; the true value must follow.</summary>
    public void Substitute(Tensor tensor) => value = tensor;

    /// <summary>True while a transform's tensor is in place.</summary>
    public bool IsTraced => value is { } tensor && (tensor.IsTraced || tensor.Op is Ops.Placeholder);

    public bool IsOwnedBy(ICellOwner candidate) => owner == candidate;

    /// <summary>Says that the value now lies with the owner.</summary>
    public void HandOver(ICellOwner to, int at)
    {
        value = null;
        owner = to;
        slot = at;
    }

    // Later steps will read it: once computed, as part of whatever, it stays.
    private static Tensor Mark(Tensor tensor)
    {
        tensor.IsKept = true;
        tensor.IsState = true;
        return tensor;
    }
}
