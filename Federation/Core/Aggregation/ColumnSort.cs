using System.Numerics;

namespace ManagedFed.Federation;

/// <summary>Sorts the rows of a tile against each other: afterwards each column grows from the first row to the last.</summary>
internal static class ColumnSort
{
    /// <summary>Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M), a whole row at each step.</summary>
    public static void Sort<T>(Span<T> rows, int width) where T : unmanaged, INumber<T>
    {
        var count = rows.Length / width;
        if (count < 2) return;
        var top = 1 << BitOperations.Log2((uint)count - 1);
        for (var p = top; p > 0; p >>= 1)
        {
            var (q, r, d) = (top, 0, p);
            while (true)
            {
                for (var i = 0; i < count - d; i++)
                {
                    if ((i & p) == r) Exchange(rows.Slice(i * width, width), rows.Slice((i + d) * width, width));
                }
                if (q == p) break;
                (d, q, r) = (q - p, q >> 1, p);
            }
        }
    }

    private static void Exchange<T>(Span<T> low, Span<T> high) where T : unmanaged, INumber<T>
    {
        var i = 0;
        for (; i <= low.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var (a, b) = (new Vector<T>(low[i..]), new Vector<T>(high[i..]));
            Vector.Min(a, b).CopyTo(low[i..]);
            Vector.Max(a, b).CopyTo(high[i..]);
        }
        for (; i < low.Length; i++) (low[i], high[i]) = (T.Min(low[i], high[i]), T.Max(low[i], high[i]));
    }
}
