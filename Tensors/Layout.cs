namespace ManagedFed;

/// <summary>
/// Where an array's elements lie in its storage: element (i₀, i₁, …) is at <c>Offset + Σ iₖ·Strides[k]</c>, all in elements.
/// </summary>
internal sealed class Layout
{
    public Layout(Shape shape) : this(shape, RowMajor(shape), 0)
    {
    }

    public Layout(Shape shape, nint[] strides, nint offset)
    {
        Shape = shape;
        Strides = strides;
        Offset = offset;
        Count = (nint)shape.Count;
        IsContiguous = HasRowMajorStrides(shape, strides);
    }

    public Shape Shape { get; }

    public nint[] Strides { get; }

    public nint Offset { get; }

    public nint Count { get; }

    /// <summary>True when the elements lie row-major without gaps, from <see cref="Offset"/> on.</summary>
    public bool IsContiguous { get; }

    public static nint[] RowMajor(Shape shape)
    {
        var strides = new nint[shape.Rank];
        var step = (nint)1;
        for (var i = strides.Length - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= Math.Max(shape[i], 1);
        }
        return strides;
    }

    private static bool HasRowMajorStrides(Shape shape, nint[] strides)
    {
        if (shape.Count == 0) return true;
        var step = (nint)1;
        for (var i = strides.Length - 1; i >= 0; i--)
        {
            var size = shape[i];
            if (size != 1 && strides[i] != step) return false;
            step *= size;
        }
        return true;
    }

    public Layout Transpose(ReadOnlySpan<int> axes)
    {
        var sizes = new int[axes.Length];
        var strides = new nint[axes.Length];
        for (var i = 0; i < axes.Length; i++)
        {
            sizes[i] = Shape[axes[i]];
            strides[i] = Strides[axes[i]];
        }
        return new(Shape.FromOwned(sizes), strides, Offset);
    }

    /// <summary>Sizes stretched to <paramref name="target"/> with stride 0; the caller has checked that they fit.</summary>
    public Layout BroadcastTo(Shape target)
    {
        if (Shape == target) return this;
        var strides = new nint[target.Rank];
        var lead = target.Rank - Shape.Rank;
        for (var i = lead; i < strides.Length; i++)
        {
            strides[i] = Shape[i - lead] == 1 ? 0 : Strides[i - lead];
        }
        return new(target, strides, Offset);
    }

    /// <summary>Elements start, start+step, … along one axis; <paramref name="step"/> may be negative, not zero.</summary>
    public Layout Slice(int axis, int start, int count, int step)
    {
        var strides = (nint[])Strides.Clone();
        strides[axis] *= step;
        return new(Shape.With(axis, count), strides, count == 0 ? Offset : Offset + start * Strides[axis]);
    }

    /// <summary>The same elements in row-major order under another shape of the same count, or null when that needs a copy.</summary>
    public Layout? TryReshape(Shape target)
    {
        if (IsContiguous) return new(target, RowMajor(target), Offset);

        // Split both shapes into the shortest groups of axes with equal products; a group whose source axes
        // form one run (strideₖ = sizeₖ₊₁·strideₖ₊₁) can be cut anew, any other group cannot.
        var strides = new nint[target.Rank];
        int source = 0, dest = 0;
        while (source < Shape.Rank || dest < target.Rank)
        {
            var (sourceStart, destStart) = (source, dest);
            long sourceCount = source < Shape.Rank ? Shape[source++] : 1, destCount = dest < target.Rank ? target[dest++] : 1;
            while (sourceCount != destCount)
            {
                if (sourceCount < destCount) sourceCount *= Shape[source++];
                else destCount *= target[dest++];
            }
            nint inner = 0, run = 1;
            for (var i = source - 1; i >= sourceStart; i--)
            {
                if (Shape[i] == 1) continue;
                if (run == 1) inner = Strides[i];
                else if (Strides[i] != inner * run) return null;
                run *= Shape[i];
            }
            var step = inner;
            for (var i = dest - 1; i >= destStart; i--)
            {
                strides[i] = step;
                step *= target[i];
            }
        }
        return new(target, strides, Offset);
    }
}
