namespace ManagedFed.Nn;

/// <summary>A named cell of a module that holds a tensor to be trained, or a buffer that only travels and is saved with it.</summary>
public sealed class Parameter
{
    private Tensor value;

    internal Parameter(string name, Tensor value, bool isBuffer)
    {
        Name = name;
        IsBuffer = isBuffer;
        this.value = Keep(value);
    }

    /// <summary>The name inside the module that registered it.</summary>
    public string Name { get; }

    /// <summary>The present value.</summary>
    /// <exception cref="ArgumentException">The new value has another shape or type.</exception>
    public Tensor Value
    {
        get => value;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            if (value.Shape != this.value.Shape || value.DType != this.value.DType)
            {
                Throw.Argument("parameter", $"{Name} has shape {this.value.Shape} of {this.value.DType.Name()}, " +
                    $"the new value {value.Shape} of {value.DType.Name()}");
            }
            this.value = Keep(value);
        }
    }

    /// <summary>True for a state that is no subject of training, such as a running mean.</summary>
    public bool IsBuffer { get; }

    /// <summary>True when training leaves the value alone; see <see cref="Module.Freeze"/>.</summary>
    public bool IsFrozen { get; internal set; }

    /// <summary>True when gradients are taken with respect to it: neither a buffer nor frozen.</summary>
    public bool IsTrainable => !IsBuffer && !IsFrozen;

    /// <summary>The transposed value.</summary>
    public Tensor T => value.T;

    /// <summary>The sizes of the value's axes.</summary>
    public Shape Shape => value.Shape;

    /// <summary>The present value.</summary>
    public static implicit operator Tensor(Parameter parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.value;
    }

    /// <summary>Puts a transform's alias in place for one call; the true value must follow.</summary>
    internal void Substitute(Tensor tensor) => value = tensor;

    /// <summary>Marks a value that later steps will read: once computed, as part of whatever, it stays.</summary>
    internal static Tensor Keep(Tensor tensor)
    {
        tensor.IsKept = true;
        return tensor;
    }
}
