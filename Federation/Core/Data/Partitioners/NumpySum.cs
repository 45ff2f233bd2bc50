using System.Numerics;

namespace ManagedFed.Federation.Data;

/// <summary>Sums rounded as NumPy's: pairwise above 128 terms, in eight interleaved parts above 8.</summary>
internal static class NumpySum
{
    public static T Of<T>(ReadOnlySpan<T> values) where T : INumberBase<T>
    {
        if (values.Length > 128)
        {
            var half = values.Length / 2;
            half -= half % 8;
            return Of(values[..half]) + Of(values[half..]);
        }
        if (values.Length < 8)
        {
            var sum = T.Zero;
            foreach (var value in values) sum += value;
            return sum;
        }
        Span<T> parts = new T[8];
        values[..8].CopyTo(parts);
        var i = 8;
        for (; i < values.Length - values.Length % 8; i += 8)
        {
            for (var part = 0; part < 8; part++) parts[part] += values[i + part];
        }
        var result = ((parts[0] + parts[1]) + (parts[2] + parts[3])) + ((parts[4] + parts[5]) + (parts[6] + parts[7]));
        foreach (var value in values[i..]) result += value;
        return result;
    }
}
