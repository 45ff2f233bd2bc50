namespace ManagedFed.Federation;

/// <summary>Arithmetic modulo a prime of 384 bits. What is done, and how long it takes, does not depend on the numbers.</summary>
/// <remarks>
/// Elements are in Montgomery's form, a·2^384 mod m, and below m. Source: P. L. Montgomery, "Modular multiplication without trial division", 1985;
/// the order of the loops is CIOS of Koç, Acar and Kaliski, "Analyzing and comparing Montgomery multiplication algorithms", 1996.
/// </remarks>
internal sealed class PrimeField
{
    private readonly Number384 modulus, square;

    /// <summary>−1/m modulo 2^32.</summary>
    private readonly uint inverse;

    /// <param name="modulus">The prime, 96 hexadecimal digits of which the first is not below 8.</param>
    public PrimeField(string modulus)
    {
        this.modulus = Number384.Read(Convert.FromHexString(modulus));
        // Each step of Newton's doubles the bits that are right.
        var inverted = this.modulus[0];
        for (var bits = 3; bits < 32; bits *= 2) inverted *= 2 - this.modulus[0] * inverted;
        inverse = 0 - inverted;
        var power = Plain(1);
        for (var i = 0; i < 2 * 384; i++)
        {
            if (i == 384) One = power;
            power = Add(power, power);
        }
        square = power;
    }

    /// <summary>The element 1.</summary>
    public Number384 One { get; }

    /// <summary>True for a number below the prime, and so of an element's range.</summary>
    public bool Holds(in Number384 number)
    {
        Subtract(number, modulus, out var borrow);
        return borrow == 1;
    }

    /// <summary>The element of any number, modulo the prime.</summary>
    public Number384 ToElement(in Number384 number) => Multiply(number, square);

    /// <summary>The number of an element, below the prime.</summary>
    public Number384 ToNumber(in Number384 element) => Multiply(element, Plain(1));

    /// <summary>a + b.</summary>
    public Number384 Add(in Number384 a, in Number384 b)
    {
        var sum = default(Number384);
        var carry = 0UL;
        for (var i = 0; i < Number384.Words; i++)
        {
            carry += (ulong)a[i] + b[i];
            sum[i] = (uint)carry;
            carry >>= 32;
        }
        return Reduce(sum, (uint)carry);
    }

    /// <summary>a − b.</summary>
    public Number384 Subtract(in Number384 a, in Number384 b)
    {
        var difference = Subtract(a, b, out var borrow);
        var (mask, carry) = (0 - borrow, 0UL);
        for (var i = 0; i < Number384.Words; i++)
        {
            carry += (ulong)difference[i] + (modulus[i] & mask);
            difference[i] = (uint)carry;
            carry >>= 32;
        }
        return difference;
    }

    /// <summary>a·b; one of them may be any number of 384 bits.</summary>
    public Number384 Multiply(in Number384 a, in Number384 b)
    {
        const int n = Number384.Words;
        ReadOnlySpan<uint> x = a, m = modulus;
        Span<uint> sum = stackalloc uint[n];
        uint top = 0;
        for (var i = 0; i < n; i++)
        {
            ulong factor = b[i], carry = 0;
            for (var j = 0; j < n; j++)
            {
                carry += x[j] * factor + sum[j];
                sum[j] = (uint)carry;
                carry >>= 32;
            }
            carry += top;
            var (high, over) = ((uint)carry, (uint)(carry >> 32));

            // A multiple of the modulus makes the lowest word 0, and all move down by one.
            factor = sum[0] * inverse;
            carry = (m[0] * factor + sum[0]) >> 32;
            for (var j = 1; j < n; j++)
            {
                carry += m[j] * factor + sum[j];
                sum[j - 1] = (uint)carry;
                carry >>= 32;
            }
            carry += high;
            sum[n - 1] = (uint)carry;
            top = over + (uint)(carry >> 32);
        }
        var product = default(Number384);
        sum.CopyTo(product);
        return Reduce(product, top);
    }

    /// <summary>1/a by Fermat's little theorem, a^(m−2); 0 for 0.</summary>
    public Number384 Invert(in Number384 a)
    {
        var exponent = Subtract(modulus, Plain(2), out _);
        var power = One;
        for (var i = 383; i >= 0; i--)
        {
            power = Multiply(power, power);
            // The exponent is no secret.
            if (exponent.Bit(i) == 1) power = Multiply(power, a);
        }
        return power;
    }

    private static Number384 Plain(uint number)
    {
        var plain = default(Number384);
        plain[0] = number;
        return plain;
    }

    /// <summary>A number below twice the modulus, whose bit above the highest is given, modulo the modulus.</summary>
    private Number384 Reduce(in Number384 number, uint carry)
    {
        var less = Subtract(number, modulus, out var borrow);
        var keep = 0 - (borrow & ~carry);
        for (var i = 0; i < Number384.Words; i++) less[i] = (number[i] & keep) | (less[i] & ~keep);
        return less;
    }

    private static Number384 Subtract(in Number384 a, in Number384 b, out uint borrow)
    {
        var difference = default(Number384);
        borrow = 0;
        for (var i = 0; i < Number384.Words; i++)
        {
            var word = (ulong)a[i] - b[i] - borrow;
            difference[i] = (uint)word;
            borrow = (uint)(word >> 63);
        }
        return difference;
    }
}
