using System.Numerics;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>
/// A reduction of one axis in the form of the loops: for every outer index a dense row (one column, step 1), or a matrix
/// whose dense rows are combined into one.
/// </summary>
/// <param name="x">The first element.</param>
/// <param name="outer">The other kept axes, in the order of the result.</param>
/// <param name="count">The length of the reduced axis.</param>
/// <param name="step">The stride of the reduced axis.</param>
/// <param name="columns">The number of kept columns.</param>
/// <param name="result">The first element of the result, where the columns of each outer index follow those of the one before.</param>
internal readonly unsafe struct ReduceJob<T>(T* x, AxisPair outer, nint count, nint step, nint columns, T* result)
    where T : unmanaged, INumber<T>
{
    /// <summary>Elements that one piece of work reads; a longer axis is cut here whether or not threads share it.</summary>
    private const nint ChunkElements = 1 << 16;

    /// <summary>Columns that one piece of work keeps.</summary>
    private const nint GroupColumns = 512;

    public void Run<R>(SimdWidth width) where R : IReducer
    {
        switch (WidthOf(columns == 1 ? count : columns, width))
        {
            case SimdWidth.Bits512: Run<R, Vector512<T>, Simd512<T>>(); break;
            case SimdWidth.Bits256: Run<R, Vector256<T>, Simd256<T>>(); break;
            default: Run<R, Vector128<T>, Simd128<T>>(); break;
        }
    }

    /// <summary>The vectors for so many elements side by side: no wider than they fill.</summary>
    public static SimdWidth WidthOf(nint lanes, SimdWidth width) =>
        width == SimdWidth.Bits512 && lanes >= Vector512<T>.Count ? SimdWidth.Bits512
        : width != SimdWidth.Bits128 && lanes >= Vector256<T>.Count ? SimdWidth.Bits256
        : SimdWidth.Bits128;

    /// <summary>How an axis of so many elements (of rows of so many columns) is cut.</summary>
    public static nint ChunkLength(nint count, nint columns = 1)
    {
        var chunk = nint.Max(ChunkElements / nint.Min(columns, GroupColumns), 1);
        return count < 2 * chunk ? count : chunk;
    }

    public void Run<R, V, S>() where R : IReducer where V : unmanaged where S : ISimd<T, V>
    {
        var items = outer.Product();
        var chunk = ChunkLength(count, columns);
        if (chunk == count)
        {
            Run<R, V, S>(count, 1, result);
            return;
        }
        var chunks = (count + chunk - 1) / chunk;
        var partial = BlockPool.Shared.Rent(items * chunks * columns * sizeof(T));
        Run<R, V, S>(chunk, chunks, (T*)partial.Pointer);
        AxisPair rows = new();
        rows.Add(items, chunks * columns, columns);
        new ReduceJob<T>((T*)partial.Pointer, rows, chunks, columns, columns, result).Run<R, V, S>();
        BlockPool.Shared.Return(partial);
    }

    private void Run<R, V, S>(nint chunk, nint chunks, T* target) where R : IReducer where V : unmanaged where S : ISimd<T, V>
    {
        var groups = nint.Max(columns / GroupColumns, 1);
        var body = new Body<R, V, S> { Job = this, Chunk = chunk, Chunks = chunks, Groups = groups, Target = target };
        Pieces.Run(outer.Product() * chunks * groups, chunk * (columns / groups), ref body);
    }

    private void RunItem<R, V, S>(nint outerIndex, nint from, nint length, nint column, nint width, T* target)
        where R : IReducer where V : unmanaged where S : ISimd<T, V>
    {
        var source = x + outer.Offsets(outerIndex).First + from * step + column;
        if (columns == 1) *target = ReduceLoops<R, T, V, S>.Row(source, length);
        else ReduceLoops<R, T, V, S>.Columns(source, length, step, width, target + column);
    }

    /// <summary>Items are (outer index, chunk of the axis, group of columns); no two write one element.</summary>
    private struct Body<R, V, S> : IRangeBody where R : IReducer where V : unmanaged where S : ISimd<T, V>
    {
        public ReduceJob<T> Job;
        public nint Chunk, Chunks, Groups;
        public T* Target;

        public readonly void Run(nint start, nint end)
        {
            for (var item = start; item < end; item++)
            {
                var (row, group) = Groups == 1 ? (item, 0) : Math.DivRem(item, Groups);
                var (outerIndex, chunk) = Chunks == 1 ? (row, 0) : Math.DivRem(row, Chunks);
                var from = chunk * Chunk;
                var column = group * GroupColumns;
                var width = group == Groups - 1 ? Job.Width - column : GroupColumns;
                Job.RunItem<R, V, S>(outerIndex, from, nint.Min(Chunk, Job.Length - from), column, width, Target + row * Job.Width);
            }
        }
    }

    private nint Width => columns;

    private nint Length => count;
}
