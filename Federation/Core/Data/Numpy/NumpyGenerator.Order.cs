using System.Numerics;

namespace ManagedFed.Federation.Data;

/// <content>Orders and selections.</content>
public sealed partial class NumpyGenerator
{
    /// <summary>0 … n−1 in random order: <c>permutation(n)</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is negative.</exception>
    public int[] Permutation(int n)
    {
        var order = Ascending(n);
        Shuffle<int>(order);
        return order;
    }

    /// <summary>Puts items in random order: <c>shuffle(items)</c>, a Fisher-Yates shuffle from the last item down.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            // As many bits as i has, drawn anew until they are no larger.
            var mask = uint.MaxValue >> BitOperations.LeadingZeroCount((uint)i);
            uint j;
            do j = NextUInt32() & mask;
            while (j > i);
            (items[i], items[(int)j]) = (items[(int)j], items[i]);
        }
    }

    /// <summary>One of 0 … n−1, all equally likely: <c>choice(n)</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">n is below 1.</exception>
    public int Choice(int n) => (int)Integers(0, n);

    /// <summary>One of 0 … p.Length−1 with the probabilities p: <c>choice(len(p), p=p)</c>.</summary>
    /// <exception cref="ArgumentException">A probability is negative or not a number, or their sum is not 1 to 10⁻⁸.</exception>
    public int Choice(ReadOnlySpan<double> p)
    {
        CheckProbabilities(p);
        return Search(Cumulative(p), Random());
    }

    /// <summary>Several of 0 … n−1: <c>choice(n, size, replace, p, shuffle=shuffle)</c>.</summary>
    /// <param name="n">How many there are to choose from, at least 1.</param>
    /// <param name="size">How many to choose, at least 0; without replacement at most n.</param>
    /// <param name="replace">Whether one may be chosen again.</param>
    /// <param name="p">The probability of each, empty for equal ones.</param>
    /// <param name="shuffle">Whether the order of a choice without replacement is random too; false is faster.</param>
    /// <exception cref="ArgumentOutOfRangeException">n or size is outside its range.</exception>
    /// <exception cref="ArgumentException">p has another length than n, or no probabilities, or fewer above 0 than are to be chosen.</exception>
    public int[] Choice(int n, int size, bool replace = true, ReadOnlySpan<double> p = default, bool shuffle = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        if (!replace) ArgumentOutOfRangeException.ThrowIfGreaterThan(size, n);
        if (p.IsEmpty) return replace ? Repeated(n, size) : Distinct(n, size, shuffle);
        if (p.Length != n) throw new ArgumentException($"[choice] {p.Length} probabilities for {n} to choose from");
        CheckProbabilities(p);
        return replace ? Repeated(p, size) : Distinct(p, size);
    }

    private int[] Repeated(int n, int size)
    {
        var chosen = new int[size];
        foreach (ref var one in chosen.AsSpan()) one = Choice(n);
        return chosen;
    }

    private int[] Repeated(ReadOnlySpan<double> p, int size)
    {
        var cumulative = Cumulative(p);
        var chosen = new int[size];
        foreach (ref var one in chosen.AsSpan()) one = Search(cumulative, Random());
        return chosen;
    }

    private int[] Distinct(int n, int size, bool shuffle)
    {
        if (n > 10_000 && size > n / (shuffle ? 50 : 20))
        {
            // The end of a shuffle that stops once the end is settled.
            var order = Ascending(n);
            ShuffleDownTo(order, Math.Max(n - size, 1));
            return order[(n - size)..];
        }
        // R. W. Floyd's sampling (Bentley, Floyd, "A Sample of Brilliance", 1987).
        var chosen = new int[size];
        var taken = new HashSet<int>(size);
        for (var last = n - size; last < n; last++)
        {
            var one = (int)UpTo((ulong)last);
            if (!taken.Add(one)) taken.Add(one = last);
            chosen[last - n + size] = one;
        }
        if (shuffle) ShuffleDownTo(chosen, 1);
        return chosen;
    }

    // What was chosen loses its probability; among one draw's repetitions the first counts.
    private int[] Distinct(ReadOnlySpan<double> p, int size)
    {
        var left = p.ToArray();
        if (left.Count(v => v > 0) < size) throw new ArgumentException($"[choice] fewer than {size} probabilities are above 0");
        var chosen = new List<int>(size);
        while (chosen.Count < size)
        {
            foreach (var one in chosen) left[one] = 0;
            var cumulative = Cumulative(left);
            var drawn = new int[size - chosen.Count];
            foreach (ref var one in drawn.AsSpan()) one = Search(cumulative, Random());
            chosen.AddRange(drawn.Distinct());
        }
        return [.. chosen];
    }

    private void ShuffleDownTo(int[] items, int first)
    {
        for (var i = items.Length - 1; i >= first; i--)
        {
            var j = (int)UpTo((ulong)i);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private static void CheckProbabilities(ReadOnlySpan<double> p)
    {
        var sum = 0.0;
        foreach (var value in p)
        {
            if (!(value >= 0)) throw new ArgumentException($"[choice] a probability is {value}, expected at least 0");
            sum += value;
        }
        if (!(Math.Abs(sum - 1) <= 1e-8)) throw new ArgumentException($"[choice] the probabilities sum to {sum}, expected 1");
    }

    private static double[] Cumulative(ReadOnlySpan<double> p)
    {
        var result = new double[p.Length];
        var sum = 0.0;
        for (var i = 0; i < p.Length; i++) result[i] = sum += p[i];
        foreach (ref var value in result.AsSpan()) value /= sum;
        return result;
    }

    /// <summary>The first position whose value is above x.</summary>
    private static int Search(double[] cumulative, double x)
    {
        var (low, high) = (0, cumulative.Length);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (cumulative[middle] > x) high = middle;
            else low = middle + 1;
        }
        return low;
    }

    private static int[] Ascending(int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(n);
        var order = new int[n];
        for (var i = 0; i < n; i++) order[i] = i;
        return order;
    }
}
