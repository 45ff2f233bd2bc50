namespace ManagedFed.Kernels;

/// <summary>An array seen as (outer, middle, inner) with one step for each; a copy of the array where its layout has none.</summary>
internal readonly unsafe ref struct AxisView
{
    private readonly NdArray array;

    /// <summary>The middle is <paramref name="axes"/> axes from <paramref name="axis"/> on.</summary>
    /// <param name="x">The array.</param>
    /// <param name="axis">The first axis of the middle.</param>
    /// <param name="axes">The number of axes of the middle; 0 gives it size 1.</param>
    /// <param name="denseInner">Whether the inner elements must lie next to each other.</param>
    public AxisView(NdArray x, int axis, int axes, bool denseInner)
    {
        var sizes = x.Shape.Sizes;
        int outer = Product(sizes[..axis]), middle = Product(sizes[axis..(axis + axes)]), inner = Product(sizes[(axis + axes)..]);
        (Outer, Middle, Inner) = (outer, middle, inner);
        if (x.IsContiguous)
        {
            array = x;
            x.Storage.Claim();
            (OuterStep, MiddleStep, InnerStep) = ((nint)middle * inner, inner, 1);
            return;
        }
        Shape shape = [outer, middle, inner];
        var layout = x.Layout.TryReshape(shape);
        if (layout is null || denseInner && inner > 1 && layout.Strides[2] != 1)
        {
            array = Copy.Dense(x);
            layout = array.Layout.TryReshape(shape)!;
        }
        else
        {
            array = x;
            x.Storage.Claim();
        }
        (OuterStep, MiddleStep, InnerStep) = (layout.Strides[0], layout.Strides[1], layout.Strides[2]);
    }

    public nint Outer { get; }

    public nint Middle { get; }

    public nint Inner { get; }

    public nint OuterStep { get; }

    public nint MiddleStep { get; }

    public nint InnerStep { get; }

    /// <summary>The address of the first element; valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer => array.Pointer;

    public void Dispose()
    {
        array.Storage.Release();
        GC.KeepAlive(array);
    }

    private static int Product(ReadOnlySpan<int> sizes)
    {
        var product = 1;
        foreach (var size in sizes) product = checked(product * size);
        return product;
    }
}
