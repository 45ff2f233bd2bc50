using System.Diagnostics;
using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>What a <see cref="Scalar"/> holds.</summary>
public enum ScalarKind
{
    /// <summary>A 64-bit floating-point number.</summary>
    Double,

    /// <summary>A signed 64-bit integer.</summary>
    Int64,

    /// <summary>An unsigned 64-bit integer; only peers of Flower 1.12 or newer can read it.</summary>
    UInt64,

    /// <summary>A truth value.</summary>
    Bool,

    /// <summary>Text.</summary>
    String,

    /// <summary>Bytes.</summary>
    Bytes,

    /// <summary>A list of values of one kind; only apps over records (Flower's Message API) send and take lists.</summary>
    List,
}

/// <summary>One value of a config or of metrics: a number, a truth value, text, bytes, or a list of such.</summary>
/// <remarks>C# values convert by themselves: <c>new Dictionary&lt;string, Scalar&gt; { ["lr"] = 0.1, ["epochs"] = 2 }</c>.</remarks>
[DebuggerDisplay("{ToString(),nq} ({Kind})")]
public readonly struct Scalar : IEquatable<Scalar>
{
    // Numbers and truth values live in the bits, text and bytes in the reference; default(Scalar) is the double 0.
    private readonly long bits;
    private readonly object? reference;

    private Scalar(ScalarKind kind, long bits, object? reference = null)
    {
        Kind = kind;
        this.bits = bits;
        this.reference = reference;
    }

    /// <summary>What this value is.</summary>
    public ScalarKind Kind { get; }

    /// <summary>A number.</summary>
    public static implicit operator Scalar(double value) => new(ScalarKind.Double, BitConverter.DoubleToInt64Bits(value));

    /// <summary>A signed integer.</summary>
    public static implicit operator Scalar(long value) => new(ScalarKind.Int64, value);

    /// <summary>A signed integer.</summary>
    public static implicit operator Scalar(int value) => new(ScalarKind.Int64, value);

    /// <summary>A truth value.</summary>
    public static implicit operator Scalar(bool value) => new(ScalarKind.Bool, value ? 1 : 0);

    /// <summary>Text.</summary>
    public static implicit operator Scalar(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(ScalarKind.String, 0, value);
    }

    /// <summary>Bytes, copied.</summary>
    public static implicit operator Scalar(byte[] value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return FromBytes(value);
    }

    /// <summary>Bytes, copied.</summary>
    public static Scalar FromBytes(ReadOnlySpan<byte> value) => new(ScalarKind.Bytes, 0, value.ToArray());

    /// <summary>A list: <c>Scalar.FromList(new[] { 0.5, 0.25 })</c>.</summary>
    /// <exception cref="ArgumentException">The value is no list.</exception>
    public static Scalar FromList(RecordValue list)
    {
        ArgumentNullException.ThrowIfNull(list);
        return list.IsList ? new(ScalarKind.List, 0, list) : throw new ArgumentException($"[scalar] {list.Kind} {list} is a single value, expected a list");
    }

    /// <summary>An unsigned integer, for values above 2⁶³−1; peers older than Flower 1.12 fail on it.</summary>
    public static Scalar FromUInt64(ulong value) => new(ScalarKind.UInt64, (long)value);

    /// <summary>The number as a double; integers convert.</summary>
    /// <exception cref="InvalidOperationException">The value is no number.</exception>
    public double AsDouble() => Kind switch
    {
        ScalarKind.Double => BitConverter.Int64BitsToDouble(bits),
        ScalarKind.Int64 => bits,
        ScalarKind.UInt64 => (ulong)bits,
        _ => throw Not("a number"),
    };

    /// <summary>The integer.</summary>
    /// <exception cref="InvalidOperationException">The value is no integer.</exception>
    /// <exception cref="OverflowException">The value is unsigned and above 2⁶³−1.</exception>
    public long AsInt64() => Kind switch
    {
        ScalarKind.Int64 => bits,
        ScalarKind.UInt64 => checked((long)(ulong)bits),
        _ => throw Not("an integer"),
    };

    /// <summary>The integer, unsigned.</summary>
    /// <exception cref="InvalidOperationException">The value is no integer.</exception>
    /// <exception cref="OverflowException">The value is negative.</exception>
    public ulong AsUInt64() => Kind switch
    {
        ScalarKind.UInt64 => (ulong)bits,
        ScalarKind.Int64 => checked((ulong)bits),
        _ => throw Not("an integer"),
    };

    /// <summary>The truth value.</summary>
    /// <exception cref="InvalidOperationException">The value is no truth value.</exception>
    public bool AsBool() => Kind == ScalarKind.Bool ? bits != 0 : throw Not("a bool");

    /// <summary>The text.</summary>
    /// <exception cref="InvalidOperationException">The value is no text.</exception>
    public string AsString() => Kind == ScalarKind.String ? (string)reference! : throw Not("a string");

    /// <summary>The bytes.</summary>
    /// <exception cref="InvalidOperationException">The value is no bytes.</exception>
    public ReadOnlyMemory<byte> AsBytes() => Kind == ScalarKind.Bytes ? (byte[])reference! : throw Not("bytes");

    /// <summary>The list.</summary>
    /// <exception cref="InvalidOperationException">The value is no list.</exception>
    public RecordValue AsList() => Kind == ScalarKind.List ? (RecordValue)reference! : throw Not("a list");

    /// <summary>True for the three kinds of numbers.</summary>
    public bool IsNumber => Kind is ScalarKind.Double or ScalarKind.Int64 or ScalarKind.UInt64;

    /// <inheritdoc/>
    public bool Equals(Scalar other) => Kind == other.Kind && bits == other.bits && (reference, other.reference) switch
    {
        (byte[] a, byte[] b) => a.AsSpan().SequenceEqual(b),
        var (a, b) => Equals(a, b),
    };

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Scalar other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, bits, reference is byte[] bytes ? bytes.Length : reference?.GetHashCode());

    /// <summary>True when kind and value are the same.</summary>
    public static bool operator ==(Scalar left, Scalar right) => left.Equals(right);

    /// <summary>True when kind or value differ.</summary>
    public static bool operator !=(Scalar left, Scalar right) => !left.Equals(right);

    /// <summary>The value as text, in the invariant culture; bytes as their number.</summary>
    public override string ToString() => Kind switch
    {
        ScalarKind.Bool => bits != 0 ? "true" : "false",
        ScalarKind.String or ScalarKind.List => $"{reference}",
        ScalarKind.Bytes => $"{((byte[])reference!).Length} bytes",
        ScalarKind.Double => AsDouble().ToString(CultureInfo.InvariantCulture),
        ScalarKind.Int64 => bits.ToString(CultureInfo.InvariantCulture),
        _ => ((ulong)bits).ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>The value itself, which is no list.</summary>
    /// <exception cref="ArgumentException">The value is a list.</exception>
    internal Scalar Single(string name) => Kind != ScalarKind.List ? this
        : throw new ArgumentException($"[scalar] '{name}' is a list, which only apps over records (Flower's Message API) send and take");

    private InvalidOperationException Not(string wanted) => new($"[scalar] value is {Kind} {PeerText.Harmless(ToString())}, not {wanted}");
}
