using System.Numerics;
using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>The exact sum Σ wₖ·xₖ of float arrays: the order of adding cannot show in the result.</summary>
/// <remarks>
/// Each element is an expansion, a few doubles whose exact sum is the value (Shewchuk 1997, "Adaptive precision floating-point
/// arithmetic"). An array added runs down the levels: what a level's rounded addition loses is the next level's summand. A level
/// is born, for a block of elements, when something is left below the last one; most blocks need one or two, the widest spread
/// of float32 values seven. Memory is therefore a fixed multiple of the array's, whatever the number of summands.
/// The memory comes from the arrays' pool, which <see cref="Release"/> gives it back to.
/// </remarks>
internal sealed class ExactSum
{
    private const int BlockSize = 4096;

    /// <summary>Blocks whose levels lie in one piece of memory, of 32 MB.</summary>
    private const int BlocksPerPiece = 1024;

    private readonly List<NdArray?[]> levels = [];
    private readonly byte[] depths;
    private readonly double[] carry = new double[BlockSize];
    private readonly long count;

    public ExactSum(long count)
    {
        this.count = count;
        depths = new byte[(count + BlockSize - 1) / BlockSize];
    }

    /// <summary>Adds weight·values; a weight below 2²⁹ makes every product exact, a larger one rounds it once.</summary>
    public void Add(ReadOnlySpan<float> values, double weight)
    {
        for (var b = 0; b < depths.Length; b++)
        {
            var block = values[(b * BlockSize)..Math.Min(values.Length, (b + 1) * BlockSize)];
            var summand = carry.AsSpan(0, block.Length);
            TensorPrimitives.ConvertTruncating(block, summand);
            TensorPrimitives.Multiply(summand, weight, summand);
            Add(b, summand);
        }
    }

    /// <summary>Adds weight·values, each product as its rounded value and, exactly, what rounding it lost.</summary>
    public void Add(ReadOnlySpan<double> values, double weight)
    {
        for (var b = 0; b < depths.Length; b++)
        {
            var block = values[(b * BlockSize)..Math.Min(values.Length, (b + 1) * BlockSize)];
            var summand = carry.AsSpan(0, block.Length);
            TensorPrimitives.Multiply(block, weight, summand);
            Add(b, summand);
            for (var i = 0; i < block.Length; i++) summand[i] = Math.FusedMultiplyAdd(block[i], weight, -(block[i] * weight));
            Add(b, summand);
        }
    }

    /// <summary>Writes sum / divisor, the sum rounded once to double, the quotient once to double and once to T.</summary>
    public void Divide<T>(double divisor, Span<T> result) where T : unmanaged, INumberBase<T>
    {
        for (var b = 0; b < depths.Length; b++)
        {
            var block = result[(b * BlockSize)..(int)Math.Min(count, (b + 1L) * BlockSize)];
            var first = depths[b] > 0 ? Level(0, b) : default;
            var second = depths[b] > 1 ? Level(1, b) : default;
            for (var i = 0; i < block.Length; i++)
            {
                // Adding 0 makes −0 into 0, which would otherwise tell how many levels there are.
                var sum = depths[b] switch
                {
                    0 => 0,
                    1 => first[i] + 0.0,
                    2 => first[i] + second[i],
                    _ => Round(b, i),
                };
                block[i] = T.CreateTruncating(sum / divisor);
            }
        }
    }

    /// <summary>Gives the memory back; the sum is not to be used again.</summary>
    public void Release()
    {
        foreach (var piece in levels.SelectMany(level => level)) piece?.Storage.Release();
        levels.Clear();
    }

    private void Add(int block, Span<double> summand)
    {
        for (var level = 0; level < depths[block]; level++)
        {
            if (!AddTo(Level(level, block), summand)) return;
        }
        if (!summand.ContainsAnyExcept(0.0)) return;
        if (depths[block] == levels.Count) levels.Add(new NdArray?[(depths.Length + BlocksPerPiece - 1) / BlocksPerPiece]);
        levels[depths[block]][block / BlocksPerPiece] ??= NewPiece(block / BlocksPerPiece);
        depths[block]++;
        summand.CopyTo(Level(depths[block] - 1, block));
    }

    private NdArray NewPiece(int piece) => NdArray.Empty([(int)Math.Min(BlocksPerPiece * BlockSize, count - (long)piece * BlocksPerPiece * BlockSize)], DType.Float64);

    private Span<double> Level(int level, int block)
    {
        var piece = levels[level][block / BlocksPerPiece]!.Elements<double>();
        return piece[(block % BlocksPerPiece * BlockSize)..Math.Min(piece.Length, (block % BlocksPerPiece + 1) * BlockSize)];
    }

    /// <summary>sum ← fl(sum + x), x ← what that lost (Knuth's TwoSum); false when nothing was lost anywhere.</summary>
    private static bool AddTo(Span<double> sum, Span<double> x)
    {
        var lost = Vector<double>.Zero;
        var i = 0;
        for (; i <= x.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            var a = new Vector<double>(sum[i..]);
            var b = new Vector<double>(x[i..]);
            var s = a + b;
            var t = s - a;
            var error = (a - (s - t)) + (b - t);
            s.CopyTo(sum[i..]);
            error.CopyTo(x[i..]);
            lost |= error;
        }
        var rest = false;
        for (; i < x.Length; i++)
        {
            var s = sum[i] + x[i];
            var t = s - sum[i];
            var error = (sum[i] - (s - t)) + (x[i] - t);
            (sum[i], x[i]) = (s, error);
            rest |= error != 0;
        }
        return rest || !Vector.EqualsAll(lost, Vector<double>.Zero);
    }

    /// <summary>The double nearest to the exact sum of one element's levels, ties to even.</summary>
    private double Round(int block, int element)
    {
        // Grow an expansion of parts that do not overlap, smallest first.
        Span<double> parts = stackalloc double[depths[block]];
        var used = 0;
        for (var level = 0; level < depths[block]; level++)
        {
            var x = Level(level, block)[element];
            var kept = 0;
            for (var i = 0; i < used; i++)
            {
                var sum = x + parts[i];
                var t = sum - x;
                var error = (x - (sum - t)) + (parts[i] - t);
                if (error != 0) parts[kept++] = error;
                x = sum;
            }
            parts[kept] = x;
            used = kept + 1;
        }

        // Add from the largest down to the first part that no longer fits: it alone decides the rounding,
        // unless it is exactly half a unit, when the sign of the next one does.
        var high = parts[--used];
        while (used > 0)
        {
            var x = high;
            var y = parts[--used];
            high = x + y;
            var low = y - (high - x);
            if (low == 0) continue;
            if (used > 0 && Math.Sign(parts[used - 1]) == Math.Sign(low))
            {
                var doubled = low * 2;
                var other = high + doubled;
                if (other - high == doubled) high = other;
            }
            break;
        }
        return high + 0.0;
    }
}
