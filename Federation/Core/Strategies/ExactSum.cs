using System.Numerics;
using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>The exact sum Σ wₖ·xₖ of float arrays: the order of adding cannot show in the result.</summary>
/// <remarks>
/// Each element is an expansion, a few doubles whose exact sum is the value (Shewchuk 1997, "Adaptive precision floating-point
/// arithmetic"). An array added runs down the levels: what a level's rounded addition loses is the next level's summand. A level
/// is born, for a block of elements, when something is left below the last one; most blocks need one or two, the widest spread
/// of float32 values seven. Memory is therefore a fixed multiple of the array's, whatever the number of summands.
/// </remarks>
internal sealed class ExactSum
{
    private const int BlockSize = 4096;

    private readonly double[][][] blocks;
    private readonly double[] carry = new double[BlockSize];
    private readonly long count;

    public ExactSum(long count)
    {
        this.count = count;
        blocks = new double[(count + BlockSize - 1) / BlockSize][][];
        Array.Fill(blocks, []);
    }

    /// <summary>Adds weight·values; a weight below 2²⁹ makes every product exact, a larger one rounds it once.</summary>
    public void Add(ReadOnlySpan<float> values, double weight)
    {
        for (var b = 0; b < blocks.Length; b++)
        {
            var block = values[(b * BlockSize)..Math.Min(values.Length, (b + 1) * BlockSize)];
            var summand = carry.AsSpan(0, block.Length);
            TensorPrimitives.ConvertTruncating(block, summand);
            TensorPrimitives.Multiply(summand, weight, summand);
            Add(ref blocks[b], summand);
        }
    }

    /// <summary>Adds weight·values, each product as its rounded value and, exactly, what rounding it lost.</summary>
    public void Add(ReadOnlySpan<double> values, double weight)
    {
        for (var b = 0; b < blocks.Length; b++)
        {
            var block = values[(b * BlockSize)..Math.Min(values.Length, (b + 1) * BlockSize)];
            var summand = carry.AsSpan(0, block.Length);
            TensorPrimitives.Multiply(block, weight, summand);
            Add(ref blocks[b], summand);
            for (var i = 0; i < block.Length; i++) summand[i] = Math.FusedMultiplyAdd(block[i], weight, -(block[i] * weight));
            Add(ref blocks[b], summand);
        }
    }

    /// <summary>Writes sum / divisor, the sum rounded once to double, the quotient once to double and once to T.</summary>
    public void Divide<T>(double divisor, Span<T> result) where T : unmanaged, INumberBase<T>
    {
        for (var b = 0; b < blocks.Length; b++)
        {
            var levels = blocks[b];
            var block = result[(b * BlockSize)..(int)Math.Min(count, (b + 1L) * BlockSize)];
            for (var i = 0; i < block.Length; i++)
            {
                // Adding 0 makes −0 into 0, which would otherwise tell how many levels there are.
                var sum = levels.Length switch
                {
                    0 => 0,
                    1 => levels[0][i] + 0.0,
                    2 => levels[0][i] + levels[1][i],
                    _ => Round(levels, i),
                };
                block[i] = T.CreateTruncating(sum / divisor);
            }
        }
    }

    private static void Add(ref double[][] levels, Span<double> summand)
    {
        foreach (var level in levels)
        {
            if (!AddTo(level, summand)) return;
        }
        if (!summand.ContainsAnyExcept(0.0)) return;
        levels = [.. levels, summand.ToArray()];
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
    private static double Round(double[][] levels, int element)
    {
        // Grow an expansion of parts that do not overlap, smallest first.
        Span<double> parts = stackalloc double[levels.Length];
        var used = 0;
        foreach (var level in levels)
        {
            var x = level[element];
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
