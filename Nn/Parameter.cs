using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>A named cell of a module: a tensor to be trained, or a buffer, which the module's own passes may replace.</summary>
public sealed class Parameter
{
    internal Parameter(string name, Tensor value, bool isBuffer, bool isPersistent = true)
    {
        Name = name;
        IsBuffer = isBuffer;
        IsPersistent = isPersistent;
        Shape = value.Shape;
        Cell = new(name, value);
    }

    /// <summary>The name inside the module that registered it.</summary>
    public string Name { get; }

    /// <summary>The present value.</summary>
    /// <exception cref="ArgumentException">The new value has another shape or type.</exception>
    public Tensor Value
    {
        get => Cell.Value;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Shape != Shape || value.DType != DType)
            {
                Throw.Argument("parameter", $"{Name} has shape {Shape} of {DType.Name()}, the new value {value.Shape} of {value.DType.Name()}");
            }
            Cell.Value = value;
        }
    }

    /// <summary>True for a state that is no subject of training, such as a running mean.</summary>
    public bool IsBuffer { get; }

    /// <summary>True when files and the wire carry the value; false for a state such as a random key.</summary>
    public bool IsPersistent { get; }

    /// <summary>True when training leaves the value alone; see <see cref="Module.Freeze"/>.</summary>
    public bool IsFrozen => Frozen.Value;

    /// <summary>True when gradients are taken with respect to it: neither a buffer nor frozen.</summary>
    public bool IsTrainable => !IsBuffer && !IsFrozen;

    /// <summary>The transposed value.</summary>
    public Tensor T => Value.T;

    /// <summary>The sizes of the value's axes.</summary>
    public Shape Shape { get; }

    /// <summary>The value's element type.</summary>
    public DType DType => Cell.DType;

    /// <summary>True for weights (out, …, in) of a convolution, which others write as (out, in, …).</summary>
    internal bool IsChannelsLast { get; init; }

    internal TensorCell Cell { get; }

    internal ValueCell<bool> Frozen { get; } = new("is_frozen", false);

    /// <summary>The present value.</summary>
    public static implicit operator Tensor(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Value;
    }
}
