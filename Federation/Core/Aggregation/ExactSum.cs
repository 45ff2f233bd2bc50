using ManagedFed.Kernels;

namespace ManagedFed.Federation;

/// <summary>The exact sum Σ wₖ·xₖ of float32 or float64 arrays: the order of adding cannot show in the result.</summary>
/// <remarks>
/// Each element is an expansion, a few doubles whose exact sum is the value (Shewchuk 1997, "Adaptive precision floating-point
/// arithmetic"). An array added runs down the levels: what a level's rounded addition loses is the next level's summand. A level
/// is born, for a block of elements, when something is left below the last one; most blocks need one or two, the widest spread
/// of float32 values seven. Memory is therefore a fixed multiple of the array's, whatever the number of summands.
/// The memory comes from the arrays' pool, which <see cref="Release"/> gives it back to. Blocks are worked on every core.
/// </remarks>
/// <param name="count">Elements of each array.</param>
internal sealed class ExactSum(long count)
{
    /// <summary>Elements whose sums, and what these lose, lie in the first-level cache.</summary>
    private const int BlockSize = 2048;

    /// <summary>Blocks whose levels lie in one piece of memory, of 2 MB.</summary>
    private const int BlocksPerPiece = 128;

    /// <summary>Blocks that are sooner done than handed out.</summary>
    private const int FewBlocks = 16;

    private readonly Lock growing = new();
    private readonly byte[] depths = new byte[(count + BlockSize - 1) / BlockSize];
    private NdArray?[][] levels = [];

    /// <summary>Adds weight·values; a weight below 2²⁹ makes every product of float32 exact, a larger one rounds it once.</summary>
    public void Add(params IReadOnlyList<Term> terms) => Each((block, bench) => bench.Add(block, terms));

    /// <summary>Writes (sum + the last terms) / divisor: the sum rounded once to double, the quotient once to double and once to the result's type.</summary>
    /// <param name="divisor">What the sum is divided by.</param>
    /// <param name="result">A contiguous array of float32 or float64.</param>
    /// <param name="terms">Further summands, which the sum itself does not keep.</param>
    public void Divide(double divisor, NdArray result, params IReadOnlyList<Term> terms)
    {
        Each((block, bench) => bench.Divide(block, terms, divisor, result));
        GC.KeepAlive(result);
    }

    /// <summary>Gives the memory back; the sum is not to be used again.</summary>
    public void Release()
    {
        foreach (var piece in levels.SelectMany(level => level)) piece?.Storage.Release();
        levels = [];
    }

    private void Each(Action<int, Bench> work)
    {
        if (depths.Length <= FewBlocks)
        {
            var bench = new Bench(this);
            for (var block = 0; block < depths.Length; block++) work(block, bench);
            return;
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = CpuDevice.Threads };
        Parallel.For(0, depths.Length, options, () => new Bench(this), (block, _, bench) =>
        {
            work(block, bench);
            return bench;
        }, static _ => { });
    }

    private int Width(int block) => (int)Math.Min(BlockSize, count - (long)block * BlockSize);

    private Span<double> Level(int level, int block) => Part(levels[level][block / BlocksPerPiece]!, block);

    /// <summary>Memory for a block's level; the first of a piece makes the piece.</summary>
    private Span<double> NewLevel(int level, int block)
    {
        lock (growing)
        {
            if (level == levels.Length) levels = [.. levels, new NdArray?[(depths.Length + BlocksPerPiece - 1) / BlocksPerPiece]];
            ref var piece = ref levels[level][block / BlocksPerPiece];
            piece ??= NdArray.Empty([PieceLength(block / BlocksPerPiece)], DType.Float64);
            return Part(piece, block);
        }
    }

    private int PieceLength(int piece) =>
        TwoSum.Padded((int)Math.Min(BlocksPerPiece * BlockSize, count - (long)piece * BlocksPerPiece * BlockSize));

    private Span<double> Part(NdArray piece, int block) =>
        piece.Elements<double>().Slice(block % BlocksPerPiece * BlockSize, TwoSum.Padded(Width(block)));

    /// <summary>One array's part in a sum.</summary>
    /// <param name="Values">A contiguous array of float32 or float64.</param>
    /// <param name="Weight">Its weight.</param>
    public readonly record struct Term(NdArray Values, double Weight);

    /// <summary>Where one thread works on one block after the other.</summary>
    private sealed class Bench(ExactSum sum)
    {
        private readonly double[] room = new double[BlockSize];
        private readonly List<double[]> own = [];
        private int block, width, depth;
        private bool keeps;

        /// <summary>Adds to the levels that the sum keeps.</summary>
        public void Add(int block, IReadOnlyList<Term> terms)
        {
            (this.block, width, depth, keeps) = (block, sum.Width(block), sum.depths[block], true);
            foreach (var term in terms) Add(term);
            sum.depths[block] = (byte)depth;
        }

        /// <summary>Adds to a copy of them, which is not written back to memory, and divides that.</summary>
        public void Divide(int block, IReadOnlyList<Term> terms, double divisor, NdArray result)
        {
            (this.block, width, depth, keeps) = (block, sum.Width(block), 0, false);
            for (var level = 0; level < sum.depths[block]; level++) sum.Level(level, block).CopyTo(NewLevel());
            foreach (var term in terms) Add(term);
            if (result.DType == DType.Float32) Divide<float>(divisor, result);
            else Divide<double>(divisor, result);
        }

        private Span<double> Room => room.AsSpan(0, TwoSum.Padded(width));

        private Span<T> Part<T>(NdArray array) where T : unmanaged => array.Elements<T>().Slice(block * BlockSize, width);

        private Span<double> Level(int level) => keeps ? sum.Level(level, block) : own[level].AsSpan(0, TwoSum.Padded(width));

        private Span<double> NewLevel()
        {
            if (!keeps && own.Count == depth) own.Add(new double[BlockSize]);
            depth++;
            return keeps ? sum.NewLevel(depth - 1, block) : Level(depth - 1);
        }

        private void Add(Term term)
        {
            if (term.Values.DType == DType.Float64)
            {
                // Each product as its rounded value and, exactly, what rounding it lost.
                var values = Part<double>(term.Values);
                if (TwoSum.Products(values, term.Weight, Room)) Carry(0);
                if (TwoSum.ProductErrors(values, term.Weight, Room)) Carry(0);
            }
            else if (depth == 0) TwoSum.Products(Part<float>(term.Values), term.Weight, NewLevel());
            else if (TwoSum.AddProducts(Part<float>(term.Values), term.Weight, Level(0), Room)) Carry(1);
            GC.KeepAlive(term.Values);
        }

        /// <summary>Adds what is in the room to a level, what that loses to the next, and so on.</summary>
        private void Carry(int level)
        {
            for (; level < depth; level++)
            {
                if (!TwoSum.Add(Level(level), Room)) return;
            }
            Room.CopyTo(NewLevel());
        }

        private void Divide<T>(double divisor, NdArray result) where T : unmanaged
        {
            if (depth == 0) Part<T>(result).Clear();
            else if (depth <= 2) TwoSum.Quotients(Level(0), depth == 2 ? Level(1) : default, divisor, Part<T>(result));
            else
            {
                for (var i = 0; i < width; i++) room[i] = Round(i);
                TwoSum.Quotients(Room, default, divisor, Part<T>(result));
            }
        }

        /// <summary>The double nearest to the exact sum of one element's levels, ties to even.</summary>
        private double Round(int element)
        {
            // Grow an expansion of parts that do not overlap, smallest first.
            Span<double> parts = stackalloc double[depth];
            var used = 0;
            for (var level = 0; level < depth; level++)
            {
                var x = own[level][element];
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
            return high;
        }
    }
}
