using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>
/// Axes that two layouts share, outermost first by the second's strides; axes of size 1 are left out, and neighbours that are
/// one run in both are one axis after <see cref="Merge"/>.
/// </summary>
internal struct AxisPair
{
    private Axes axes;

    /// <summary>No axes yet; what is behind the count is left as it is, since clearing it would take longer than a small kernel.</summary>
    public AxisPair()
    {
        Unsafe.SkipInit(out this);
        Count = 0;
    }

    /// <summary>The merged axes of two layouts of one shape.</summary>
    public AxisPair(Layout first, Layout second)
        : this()
    {
        for (var i = 0; i < first.Shape.Rank; i++) Add(first.Shape[i], first.Strides[i], second.Strides[i]);
        Merge();
    }

    public int Count { get; private set; }

    public readonly Axis this[int index] => axes[index];

    /// <summary>Takes one axis out, for a loop of its own.</summary>
    public Axis Remove(int index)
    {
        var axis = axes[index];
        Count--;
        for (var i = index; i < Count; i++) axes[i] = axes[i + 1];
        return axis;
    }

    /// <summary>The number of index tuples over all axes.</summary>
    public readonly nint Product()
    {
        nint product = 1;
        for (var i = 0; i < Count; i++) product *= axes[i].Size;
        return product;
    }

    /// <summary>Where the element with a row-major number over these axes lies in both layouts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (nint First, nint Second) Offsets(nint number) =>
        Count == 1 ? (number * axes[0].First, number * axes[0].Second) : OffsetsOfMany(number);

    private readonly (nint First, nint Second) OffsetsOfMany(nint number)
    {
        nint first = 0, second = 0;
        for (var i = Count - 1; i >= 0; i--)
        {
            (number, var index) = Math.DivRem(number, axes[i].Size);
            first += index * axes[i].First;
            second += index * axes[i].Second;
        }
        return (first, second);
    }

    public void Add(nint size, nint first, nint second)
    {
        if (size == 1) return;
        var i = Count++;
        for (; i > 0 && nint.Abs(axes[i - 1].Second) < nint.Abs(second); i--) axes[i] = axes[i - 1];
        axes[i] = new(size, first, second);
    }

    public void Merge()
    {
        var kept = 0;
        for (var i = 1; i < Count; i++)
        {
            ref var outer = ref axes[kept];
            ref readonly var inner = ref axes[i];
            if (outer.First == inner.First * inner.Size && outer.Second == inner.Second * inner.Size)
            {
                outer = inner with { Size = outer.Size * inner.Size };
            }
            else axes[++kept] = inner;
        }
        if (Count != 0) Count = kept + 1;
    }

    /// <summary>A size and the steps of both layouts, in elements.</summary>
    public readonly record struct Axis(nint Size, nint First, nint Second);

    [InlineArray(Shape.MaxRank)]
    private struct Axes
    {
        private Axis first;
    }
}
