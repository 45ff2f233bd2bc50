using System.Collections;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace ManagedFed;

/// <summary>The sizes of an array's axes, outermost first; <c>[]</c> is a scalar.</summary>
/// <example><c>Shape s = [32, 784];</c></example>
[CollectionBuilder(typeof(Shape), nameof(Create))]
[DebuggerDisplay("{ToString(),nq}")]
public readonly struct Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    /// <summary>The most axes an array may have, as in NumPy's file format.</summary>
    public const int MaxRank = 32;

    private readonly int[]? sizes;

    private Shape(int[] sizes)
    {
        this.sizes = sizes;
        if (sizes.Length > MaxRank) Throw.Argument("shape", $"{sizes.Length} axes, expected at most {MaxRank}: {this}");
    }

    /// <summary>A shape of the given sizes.</summary>
    /// <exception cref="ArgumentException">A size is negative, there are more than 32, or the element count exceeds 2⁶².</exception>
    public static Shape Create(ReadOnlySpan<int> sizes)
    {
        foreach (var size in sizes)
        {
            if (size < 0) Throw.Argument("shape", $"size {size} is negative in ({string.Join(", ", sizes.ToArray())})");
        }
        return Countable(sizes.ToArray(), "shape");
    }

    /// <summary>An axis' size as a number of 32 bits.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    internal static int Size(string op, long size)
    {
        if (size > int.MaxValue) Throw.Argument(op, string.Create(CultureInfo.InvariantCulture, $"an axis of {size:N0} elements exceeds the most that one may have, {int.MaxValue:N0}; keep them along several axes"));
        return (int)size;
    }

    /// <summary>Sizes whose product, axes of size 0 left out, is a number that the library can count to.</summary>
    private static Shape Countable(int[] sizes, string op)
    {
        var shape = new Shape(sizes);
        var count = 1L;
        foreach (var size in sizes)
        {
            if (size > 1 && count > (1L << 62) / size) Throw.Argument(op, $"more than 2^62 elements in shape {shape}");
            count *= Math.Max(size, 1);
        }
        return shape;
    }

    internal static Shape FromOwned(int[] sizes) => new(sizes);

    /// <summary>The number of axes.</summary>
    public int Rank => sizes?.Length ?? 0;

    /// <summary>The number of elements: the product of the sizes.</summary>
    public long Count
    {
        get
        {
            var count = 1L;
            foreach (var size in Sizes) count *= size;
            return count;
        }
    }

    /// <summary>The size of an axis; a negative index counts from the last axis.</summary>
    public int this[int axis] => sizes![axis < 0 ? axis + sizes.Length : axis];

    /// <summary>The sizes as a span.</summary>
    public ReadOnlySpan<int> Sizes => sizes;

    int IReadOnlyCollection<int>.Count => Rank;

    /// <summary>The axis as a number from 0, with negative values counted from the end.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The axis is outside −rank … rank−1.</exception>
    internal int Axis(int axis, string op)
    {
        var rank = Rank;
        if (axis < -rank || axis >= rank) Throw.AxisOutOfRange(op, axis, this);
        return axis < 0 ? axis + rank : axis;
    }

    /// <summary>The shape that both broadcast to by NumPy's rule: align from the last axis, sizes equal or 1.</summary>
    /// <exception cref="ArgumentException">The shapes cannot be broadcast.</exception>
    public static Shape Broadcast(Shape a, Shape b) => Broadcast(a, b, "broadcast");

    internal static Shape Broadcast(Shape a, Shape b, string op)
    {
        if (a.Equals(b)) return a;
        var rank = Math.Max(a.Rank, b.Rank);
        var result = new int[rank];
        for (var i = 1; i <= rank; i++)
        {
            var x = i <= a.Rank ? a[^i] : 1;
            var y = i <= b.Rank ? b[^i] : 1;
            if (x != y && x != 1 && y != 1) Throw.CannotBroadcast(op, a, b);
            result[^i] = x == 1 ? y : x;
        }
        return Countable(result, op);
    }

    private int this[Index index] => sizes![index];

    /// <summary>This shape with one axis replaced.</summary>
    internal Shape With(int axis, int size)
    {
        var copy = Sizes.ToArray();
        copy[axis] = size;
        return new(copy);
    }

    /// <summary>This shape with a new axis before <paramref name="axis"/>.</summary>
    internal Shape Insert(int axis, int size) => new([.. Sizes[..axis], size, .. Sizes[axis..]]);

    /// <summary>This shape without an axis.</summary>
    internal Shape Remove(int axis) => new([.. Sizes[..axis], .. Sizes[(axis + 1)..]]);

    /// <inheritdoc/>
    public bool Equals(Shape other) => Sizes.SequenceEqual(other.Sizes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var size in Sizes) hash.Add(size);
        return hash.ToHashCode();
    }

    /// <summary>True when both have the same sizes.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>True when the sizes differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The sizes as NumPy writes them: <c>()</c>, <c>(3,)</c>, <c>(32, 784)</c>.</summary>
    public override string ToString() =>
        Rank == 1 ? $"({this[0]},)" : $"({string.Join(", ", sizes ?? [])})";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(sizes ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
