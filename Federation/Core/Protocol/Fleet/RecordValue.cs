using System.Diagnostics;

namespace ManagedFed.Federation;

/// <summary>One value of a record: a <see cref="Federation.Scalar"/>, or a list of scalars of one kind.</summary>
[DebuggerDisplay("{ToString(),nq} ({Kind})")]
public sealed class RecordValue : IEquatable<RecordValue>
{
    private readonly Scalar[] items;

    private RecordValue(ScalarKind kind, bool isList, Scalar[] items)
    {
        Kind = kind;
        IsList = isList;
        this.items = items;
    }

    /// <summary>What the value, or each item of the list, is.</summary>
    public ScalarKind Kind { get; }

    /// <summary>True for a list, also for one with no or one item.</summary>
    public bool IsList { get; }

    /// <summary>True for a number or a list of numbers.</summary>
    internal bool IsNumeric => Kind is ScalarKind.Double or ScalarKind.Int64 or ScalarKind.UInt64;

    /// <summary>The single value.</summary>
    /// <exception cref="InvalidOperationException">The value is a list.</exception>
    public Scalar Scalar => !IsList ? items[0]
        : throw new InvalidOperationException($"[record] value is a list of {items.Length} {Kind}, not a single value; use Items");

    /// <summary>The items of the list; a single value is its own only item.</summary>
    public IReadOnlyList<Scalar> Items => items;

    /// <summary>The value.</summary>
    public static implicit operator RecordValue(Scalar value) => value.Kind == ScalarKind.List ? value.AsList() : new(value.Kind, false, [value]);

    /// <summary>A number.</summary>
    public static implicit operator RecordValue(double value) => (Scalar)value;

    /// <summary>A signed integer.</summary>
    public static implicit operator RecordValue(long value) => (Scalar)value;

    /// <summary>A signed integer.</summary>
    public static implicit operator RecordValue(int value) => (Scalar)value;

    /// <summary>A truth value.</summary>
    public static implicit operator RecordValue(bool value) => (Scalar)value;

    /// <summary>Text.</summary>
    public static implicit operator RecordValue(string value) => (Scalar)value;

    /// <summary>Bytes, copied.</summary>
    public static implicit operator RecordValue(byte[] value) => (Scalar)value;

    /// <summary>A list of numbers.</summary>
    public static implicit operator RecordValue(double[] values) => List(ScalarKind.Double, values.Select(value => (Scalar)value));

    /// <summary>A list of signed integers.</summary>
    public static implicit operator RecordValue(long[] values) => List(ScalarKind.Int64, values.Select(value => (Scalar)value));

    /// <summary>A list of truth values.</summary>
    public static implicit operator RecordValue(bool[] values) => List(ScalarKind.Bool, values.Select(value => (Scalar)value));

    /// <summary>A list of bytes.</summary>
    public static implicit operator RecordValue(byte[][] values) => List(ScalarKind.Bytes, values.Select(value => (Scalar)value));

    /// <summary>A list of texts.</summary>
    public static implicit operator RecordValue(string[] values) => List(ScalarKind.String, values.Select(value => (Scalar)value));

    /// <summary>A list.</summary>
    /// <param name="kind">What each item is; an empty list has a kind too.</param>
    /// <param name="items">The items.</param>
    /// <exception cref="ArgumentException">An item is of another kind, or a list.</exception>
    public static RecordValue List(ScalarKind kind, params IEnumerable<Scalar> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        Scalar[] copy = [.. items];
        var other = Array.FindIndex(copy, item => item.Kind != kind);
        if (kind == ScalarKind.List) throw new ArgumentException("[record] a list of lists has no form on the wire");
        if (other >= 0) throw new ArgumentException($"[record] item {other} is {copy[other].Kind} {copy[other]}, the list is of {kind}");
        return new(kind, true, copy);
    }

    /// <summary>The same where a list may stand as one value.</summary>
    internal Scalar ToScalar() => IsList ? Scalar.FromList(this) : Scalar;

    /// <inheritdoc/>
    public bool Equals(RecordValue? other) =>
        other is not null && Kind == other.Kind && IsList == other.IsList && items.AsSpan().SequenceEqual(other.items);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RecordValue);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, IsList, items.Length, items.FirstOrDefault());

    /// <summary>The value as text, a list in brackets.</summary>
    public override string ToString() => IsList ? $"[{string.Join(", ", items)}]" : items[0].ToString();
}
