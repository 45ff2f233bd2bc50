using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

// Shapes, order and joining. Most of these are views: they share memory and cost nothing but the node.
public sealed partial class Tensor
{
    /// <summary>The tensor with its axes in reverse order.</summary>
    public Tensor T => Transpose();

    /// <summary>The matrix product: (…, M, K) × (…, K, N) → (…, M, N); leading axes broadcast, one-dimensional operands are vectors.</summary>
    /// <remarks>
    /// Each element is the sum of all K products, in an order of the processor's kernel: of products with 0 none is left out, so
    /// 0 · ∞ and 0 · NaN make it NaN, as ∞ − ∞ does. Without products (K = 0) it is 0.
    /// </remarks>
    /// <exception cref="ArgumentException">The inner sizes differ, an operand is a scalar, or the type is not floating.</exception>
    public Tensor MatMul(Tensor b) => Product(this, b, null);

    /// <summary>c + a·b in one pass; c of shape (N,) is a bias for every row.</summary>
    public static Tensor AddMM(Tensor c, Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(c);
        ArgumentNullException.ThrowIfNull(a);
        return c.Rank == 1 && a.Rank >= 2 && b.Rank == 2 && c.Shape[0] == b.Shape[1] ? Product(a, b, c) : InWide([c, a, b], static x => x[0] + x[1].MatMul(x[2]));
    }

    private static Tensor Product(Tensor a, Tensor b, Tensor? bias)
    {
        (a, b) = Promote(a, b);
        if (a.Rank == 0 || b.Rank == 0) Throw.Argument("matmul", $"operands {a.Shape} x {b.Shape} must have at least one axis; use * for scalars");
        if (a.Rank == 1)
        {
            var row = Product(a.ExpandDims(0), b, bias);
            return row.Squeeze(b.Rank == 1 ? 0 : -2);
        }
        if (b.Rank == 1) return Product(a, b.ExpandDims(1), null).Squeeze(-1);
        if (a.Rank > 2 && b.Rank == 2 && a.Shape[-1] == b.Shape[0])
        {
            // A stack of matrices times one matrix is one tall matrix times it.
            var tall = Product(a.Reshape([Shape.Size("matmul", a.Shape.Count / Math.Max(1, a.Shape[-1])), a.Shape[-1]]), b, bias);
            return tall.Reshape([.. a.Shape.Sizes[..^1], b.Shape[1]]);
        }
        return bias is null
            ? Apply(Ops.MatMul.Instance, a, b)
            : Apply(Ops.MatMul.Instance, a, b, bias.AsType(a.DType));
    }

    /// <summary>The same elements in row-major order under another shape; one size may be −1 and is inferred.</summary>
    /// <exception cref="ArgumentException">The element counts differ, or more than one size is −1.</exception>
    [System.Runtime.CompilerServices.OverloadResolutionPriority(1)]
    public Tensor Reshape(params ReadOnlySpan<int> sizes)
    {
        var inferred = sizes.IndexOf(-1);
        if (inferred < 0) return Reshape(Shape.Create(sizes));
        var others = 1L;
        for (var i = 0; i < sizes.Length; i++)
        {
            if (i != inferred) others = others > 0 ? (long)Int128.Clamp((Int128)others * sizes[i], long.MinValue, long.MaxValue) : others;
        }
        if (sizes[(inferred + 1)..].Contains(-1) || others <= 0 || Count % others != 0)
        {
            Throw.Argument("reshape", $"cannot infer the -1 in ({string.Join(", ", sizes.ToArray())}) for shape {Shape} of {Count} elements");
        }
        var known = sizes.ToArray();
        known[inferred] = Shape.Size("reshape", Count / others);
        return Reshape(Shape.FromOwned(known));
    }

    /// <summary>The same elements in row-major order under another shape.</summary>
    /// <exception cref="ArgumentException">The element counts differ.</exception>
    public Tensor Reshape(Shape shape) => shape == Shape ? this : Apply(new Reshape(shape), this);

    /// <summary>All elements along one axis, or the axes from <paramref name="start"/> to <paramref name="end"/> merged into one.</summary>
    public Tensor Flatten(int start = 0, int end = -1)
    {
        if (Rank == 0) return Reshape([1]);
        (start, end) = (Shape.Axis(start, "flatten"), Shape.Axis(end, "flatten"));
        if (start > end) Throw.Argument("flatten", $"start axis {start} lies behind end axis {end} of shape {Shape}");
        var sizes = Shape.Sizes;
        var merged = 1L;
        foreach (var size in sizes[start..(end + 1)]) merged *= size;
        return Reshape(Shape.Create([.. sizes[..start], Shape.Size("flatten", merged), .. sizes[(end + 1)..]]));
    }

    /// <summary>The axes in another order; none given means reversed.</summary>
    /// <exception cref="ArgumentException">The axes are not a permutation of all axes.</exception>
    public Tensor Transpose(params ReadOnlySpan<int> axes) => Apply(new Transpose(NdArray.Permutation(Shape, axes)), this);

    /// <summary>Two axes exchanged.</summary>
    public Tensor SwapAxes(int a, int b)
    {
        (a, b) = (Shape.Axis(a, "swapaxes"), Shape.Axis(b, "swapaxes"));
        if (a == b) return this;
        var axes = Enumerable.Range(0, Rank).ToArray();
        (axes[a], axes[b]) = (axes[b], axes[a]);
        return Apply(new Transpose(axes), this);
    }

    /// <summary>One axis moved to another place, the others keeping their order.</summary>
    public Tensor MoveAxis(int source, int destination)
    {
        (source, destination) = (Shape.Axis(source, "moveaxis"), Shape.Axis(destination, "moveaxis"));
        if (source == destination) return this;
        var axes = Enumerable.Range(0, Rank).Where(i => i != source).ToList();
        axes.Insert(destination, source);
        return Transpose([.. axes]);
    }

    /// <summary>Neighbouring axes moved together; the destination is the place of the first of them in the result.</summary>
    internal Tensor MoveAxes(int source, int count, int destination)
    {
        var axes = Enumerable.Range(0, Rank).ToList();
        axes.RemoveRange(source, count);
        axes.InsertRange(destination, Enumerable.Range(source, count));
        return Transpose([.. axes]);
    }

    /// <summary>A new axis of size 1 at <paramref name="axis"/> of the result.</summary>
    public Tensor ExpandDims(int axis)
    {
        if (axis < -Rank - 1 || axis > Rank) Throw.AxisOutOfRange("expand_dims", axis, Shape.Insert(0, 1));
        return Reshape(Shape.Insert(axis < 0 ? axis + Rank + 1 : axis, 1));
    }

    /// <summary>Without the axes of size 1, or without the one given.</summary>
    /// <exception cref="ArgumentException">The given axis has another size.</exception>
    public Tensor Squeeze(int? axis = null)
    {
        if (axis is not { } one) return Reshape(Shape.FromOwned([.. Shape.Sizes.ToArray().Where(size => size != 1)]));
        if (Rank == 0) return Along("squeeze", one, static (x, _) => x);
        one = Shape.Axis(one, "squeeze");
        if (Shape[one] != 1) Throw.Argument("squeeze", $"axis {one} of shape {Shape} has size {Shape[one]}, expected 1");
        return Reshape(Shape.Remove(one));
    }

    /// <summary>Stretched to a larger shape by NumPy's broadcasting rule, without copying.</summary>
    /// <exception cref="ArgumentException">The shape cannot be broadcast to the target.</exception>
    public Tensor BroadcastTo(Shape shape) => shape == Shape ? this : Apply(new Broadcast(shape), this);

    /// <summary>The tensors one after another along an axis; types are promoted.</summary>
    /// <exception cref="ArgumentException">There are none, or they differ in another axis.</exception>
    public static Tensor Concatenate(IReadOnlyList<Tensor> tensors, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0) Throw.Argument("concatenate", "no tensors given");
        Called.Expect("concatenate", [.. tensors], "tensor");
        var op = new Concatenate(tensors[0].Shape.Axis(axis, "concatenate"));
        if (tensors.Count == 1) return tensors[0];
        var dtype = tensors.Select(t => t.DType).Aggregate(DTypes.Promote);
        return Apply(op, [.. tensors.Select(t => t.AsType(dtype))]);
    }

    /// <summary>Tensors of one shape along a new axis.</summary>
    /// <exception cref="ArgumentException">There are none, or their shapes differ.</exception>
    public static Tensor Stack(IReadOnlyList<Tensor> tensors, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.Count == 0) Throw.Argument("stack", "no tensors given");
        Called.Expect("stack", [.. tensors], "tensor");
        if (axis < -tensors[0].Rank - 1 || axis > tensors[0].Rank) Throw.AxisOutOfRange("stack", axis, tensors[0].Shape.Insert(0, tensors.Count));
        foreach (var tensor in tensors)
        {
            if (tensor.Shape != tensors[0].Shape) Throw.Argument("stack", $"shapes {tensors[0].Shape} and {tensor.Shape} differ");
        }
        return Concatenate([.. tensors.Select(t => t.ExpandDims(axis))], axis);
    }

    /// <summary>Equal parts along an axis.</summary>
    /// <exception cref="ArgumentException">The axis does not divide into that many parts.</exception>
    public Tensor[] Split(int parts, int axis = 0)
    {
        axis = Shape.Axis(axis, "split");
        if (parts <= 0 || Shape[axis] % parts != 0)
        {
            Throw.Argument("split", $"axis {axis} of shape {Shape} does not divide into {parts} equal parts; give the positions instead");
        }
        var size = Shape[axis] / parts;
        return [.. Enumerable.Range(0, parts).Select(i => Slice(axis, i * size, size))];
    }

    /// <summary>Parts along an axis that begin at 0 and at each of the ascending positions.</summary>
    /// <exception cref="ArgumentException">The positions are not ascending or outside the axis.</exception>
    public Tensor[] Split(IReadOnlyList<int> positions, int axis = 0)
    {
        ArgumentNullException.ThrowIfNull(positions);
        axis = Shape.Axis(axis, "split");
        var parts = new List<Tensor>();
        var start = 0;
        foreach (var end in positions.Append(Shape[axis]))
        {
            if (end < start || end > Shape[axis])
            {
                Throw.Argument("split", $"positions ({string.Join(", ", positions)}) are not ascending within axis {axis} of shape {Shape}");
            }
            parts.Add(Slice(axis, start, end - start));
            start = end;
        }
        return [.. parts];
    }

    /// <summary>The elements along an axis in reverse order.</summary>
    public Tensor Flip(int axis)
    {
        if (Rank == 0) return Along("flip", axis, static (x, _) => x);
        axis = Shape.Axis(axis, "flip");
        return Shape[axis] == 0 ? this : Slice(axis, Shape[axis] - 1, Shape[axis], -1);
    }
}
