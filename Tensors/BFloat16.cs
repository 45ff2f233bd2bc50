using System.Globalization;

namespace ManagedFed;

/// <summary>The upper half of an IEEE 754 binary32 number: its range, with 8 significant bits.</summary>
/// <remarks>A number to store: calculate in float, to which it converts without loss.</remarks>
public readonly struct BFloat16 : IEquatable<BFloat16>, IComparable<BFloat16>, IFormattable
{
    private BFloat16(ushort bits) => Bits = bits;

    /// <summary>1 bit of sign, 8 of exponent, 7 of fraction.</summary>
    public ushort Bits { get; }

    /// <summary>The number with these bits.</summary>
    public static BFloat16 FromBits(ushort bits) => new(bits);

    /// <summary>The same number.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value.Bits << 16);

    /// <summary>The nearest number, halves to even; infinite beyond the largest.</summary>
    public static explicit operator BFloat16(float value) => new(Round(BitConverter.SingleToUInt32Bits(value)));

    /// <summary>The nearest number, halves to even; infinite beyond the largest.</summary>
    public static explicit operator BFloat16(double value)
    {
        // Rounded to odd in float, which has bits to spare, it rounds once more as if once.
        var single = (float)value;
        if (single == value || !float.IsFinite(single)) return (BFloat16)single;
        var bits = BitConverter.SingleToUInt32Bits(single);
        return new(Round((Math.Abs(single) > Math.Abs(value) ? bits - 1 : bits) | 1));
    }

    /// <summary>True when both are one number; NaN equals nothing.</summary>
    public static bool operator ==(BFloat16 a, BFloat16 b) => (float)a == b;

    /// <summary>True when both are not one number.</summary>
    public static bool operator !=(BFloat16 a, BFloat16 b) => (float)a != b;

    /// <summary>a is less than b.</summary>
    public static bool operator <(BFloat16 a, BFloat16 b) => (float)a < b;

    /// <summary>a is greater than b.</summary>
    public static bool operator >(BFloat16 a, BFloat16 b) => (float)a > b;

    /// <summary>a is not greater than b.</summary>
    public static bool operator <=(BFloat16 a, BFloat16 b) => (float)a <= b;

    /// <summary>a is not less than b.</summary>
    public static bool operator >=(BFloat16 a, BFloat16 b) => (float)a >= b;

    /// <inheritdoc/>
    public bool Equals(BFloat16 other) => ((float)this).Equals(other);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is BFloat16 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => ((float)this).GetHashCode();

    /// <inheritdoc/>
    public int CompareTo(BFloat16 other) => ((float)this).CompareTo(other);

    /// <inheritdoc/>
    public override string ToString() => ToString(null, CultureInfo.CurrentCulture);

    /// <inheritdoc/>
    public string ToString(string? format, IFormatProvider? formatProvider) => ((float)this).ToString(format, formatProvider);

    /// <summary>The upper 16 of a float's bits, rounded to the nearest, halves to even; NaN stays one.</summary>
    internal static ushort Round(uint bits) => float.IsNaN(BitConverter.UInt32BitsToSingle(bits))
        ? (ushort)((bits | 0x0040_0000) >> 16)
        : (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
