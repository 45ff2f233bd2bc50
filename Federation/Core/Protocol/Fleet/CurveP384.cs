namespace ManagedFed.Federation;

/// <summary>NIST's curve P-384: y² = x³ − 3x + b over a prime field, with a point that generates a group of prime order.</summary>
/// <remarks>Source of the numbers: NIST SP 800-186, section 3.2.1.4.</remarks>
internal static class CurveP384
{
    /// <summary>Bits of a scalar that one pass of the comb takes at once, and the passes.</summary>
    private const int Teeth = 4, Passes = 384 / Teeth;

    private static readonly PrimeField Field = new(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF");

    private static readonly Number384 B = Element(
        "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF");

    private static readonly Point Infinity = new(default, Field.One, default);

    /// <summary>For each set of teeth the sum of generator·2^(96·tooth).</summary>
    private static readonly Point[] Comb = MakeComb();

    /// <summary>Numbers modulo the group's order: scalars, and the parts of signatures.</summary>
    public static PrimeField Scalars { get; } = new(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973");

    /// <summary>The coordinates of scalar·generator, in time that does not depend on the scalar.</summary>
    /// <param name="scalar">1 … order − 1.</param>
    public static (Number384 X, Number384 Y) Multiply(in Number384 scalar)
    {
        // The comb of Lim and Lee, "More flexible exponentiation with precomputation", 1994.
        var sum = Infinity;
        for (var pass = Passes - 1; pass >= 0; pass--)
        {
            var teeth = 0u;
            for (var tooth = Teeth - 1; tooth >= 0; tooth--) teeth = teeth << 1 | scalar.Bit(tooth * Passes + pass);
            sum = Add(Add(sum, sum), Chosen(teeth));
        }
        var inverse = Field.Invert(sum.Z);
        return (Field.ToNumber(Field.Multiply(sum.X, inverse)), Field.ToNumber(Field.Multiply(sum.Y, inverse)));
    }

    private static Number384 Element(string number) => Field.ToElement(Number384.Read(Convert.FromHexString(number)));

    private static Point[] MakeComb()
    {
        var comb = new Point[1 << Teeth];
        comb[0] = Infinity;
        var tooth = new Point(
            Element("AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7"),
            Element("3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F"),
            Field.One);
        for (var size = 1; size < comb.Length; size *= 2)
        {
            for (var i = 0; i < size; i++) comb[size + i] = Add(comb[i], tooth);
            for (var i = 0; i < Passes; i++) tooth = Add(tooth, tooth);
        }
        return comb;
    }

    /// <summary>An entry of the comb; all are read, so that the memory's speed does not tell which.</summary>
    private static Point Chosen(uint index)
    {
        var (x, y, z) = (default(Number384), default(Number384), default(Number384));
        for (var i = 0u; i < Comb.Length; i++)
        {
            ref readonly var entry = ref Comb[i];
            var mask = 0 - (((i ^ index) - 1) >> 31);
            for (var word = 0; word < Number384.Words; word++)
            {
                x[word] |= entry.X[word] & mask;
                y[word] |= entry.Y[word] & mask;
                z[word] |= entry.Z[word] & mask;
            }
        }
        return new(x, y, z);
    }

    /// <summary>
    /// p + q for any two points, equal and infinite ones as well, without a case of its own: Renes, Costello and Batina, "Complete addition formulas for
    /// prime order elliptic curves", 2016, algorithm 4.
    /// </summary>
    private static Point Add(in Point p, in Point q)
    {
        var f = Field;
        var (xx, yy, zz) = (f.Multiply(p.X, q.X), f.Multiply(p.Y, q.Y), f.Multiply(p.Z, q.Z));
        var xy = f.Subtract(f.Multiply(f.Add(p.X, p.Y), f.Add(q.X, q.Y)), f.Add(xx, yy));
        var yz = f.Subtract(f.Multiply(f.Add(p.Y, p.Z), f.Add(q.Y, q.Z)), f.Add(yy, zz));
        var xz = f.Subtract(f.Multiply(f.Add(p.X, p.Z), f.Add(q.X, q.Z)), f.Add(xx, zz));
        var zz3 = Triple(zz);
        var u = Triple(f.Subtract(xz, f.Multiply(B, zz)));
        var v = Triple(f.Subtract(f.Subtract(f.Multiply(B, xz), zz3), xx));
        var w = f.Subtract(Triple(xx), zz3);
        var (more, less) = (f.Add(yy, u), f.Subtract(yy, u));
        return new(
            f.Subtract(f.Multiply(more, xy), f.Multiply(yz, v)),
            f.Add(f.Multiply(more, less), f.Multiply(w, v)),
            f.Add(f.Multiply(yz, less), f.Multiply(xy, w)));

        Number384 Triple(in Number384 a) => f.Add(f.Add(a, a), a);
    }

    /// <summary>A point (X/Z, Y/Z); Z is 0 for the one at infinity.</summary>
    private readonly struct Point(in Number384 x, in Number384 y, in Number384 z)
    {
        public readonly Number384 X = x, Y = y, Z = z;
    }
}
