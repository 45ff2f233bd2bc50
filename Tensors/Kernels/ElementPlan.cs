using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Up to three operands over one stretch of a contiguous destination; a step is the element's size, or 0 to repeat it.</summary>
internal unsafe struct Segment
{
    public byte* A, B, C, Destination;
    public nint StepA, StepB, StepC, StepDestination, Count;

    public void Set(int operand, byte* pointer, nint step)
    {
        switch (operand)
        {
            case 0: A = pointer; StepA = step; break;
            case 1: B = pointer; StepB = step; break;
            default: C = pointer; StepC = step; break;
        }
    }
}

/// <summary>The innermost loop of an elementwise kernel, over operands that are contiguous or repeat one element.</summary>
internal interface ISegmentLoop
{
    /// <summary>How many elements one thread should have at least.</summary>
    static abstract int Grain { get; }

    static abstract void Run(in Segment segment);
}

/// <summary>
/// Operands of any strides cut into segments, over the elements of a contiguous destination in row-major order.
/// </summary>
/// <remarks>
/// Axes that every operand walks as one are joined. Where the last axis that remains is long and every operand steps along it
/// by one element or none, segments are rows of it. Otherwise operands that are not contiguous are gathered tile by tile into a buffer
/// that stays in the first-level cache; one that repeats with the last axis (a bias) only once.
/// Any range of elements can be computed alone, from its position, so that threads share nothing.
/// </remarks>
internal unsafe struct ElementPlan
{
    private const int MaxOperands = 3, TileCount = 512, ShortestRow = 64, RepeatBytes = 64;

    private fixed long sizes[Shape.MaxRank];
    private fixed long strides[MaxOperands * Shape.MaxRank];
    private fixed long pointers[MaxOperands];
    private fixed int elementSizes[MaxOperands];
    private byte* destination;
    private int destinationSize, operands, rank;
    private bool inRows;

    /// <summary>Operands have the destination's shape, broadcast with stride 0 where need be.</summary>
    public ElementPlan(NdArray destination, params ReadOnlySpan<NdArray> arrays)
    {
        // Rank is 1 or 2 almost always: clearing the rest costs more than a short loop.
        Unsafe.SkipInit(out this);
        Count = destination.Layout.Count;
        this.destination = destination.Pointer;
        destinationSize = destination.DType.Size();
        operands = arrays.Length;
        var contiguous = true;
        for (var k = 0; k < arrays.Length; k++)
        {
            pointers[k] = (long)arrays[k].Pointer;
            elementSizes[k] = arrays[k].DType.Size();
            contiguous &= arrays[k].Layout.IsContiguous;
        }
        if (contiguous)
        {
            rank = 1;
            sizes[0] = Count;
            for (var k = 0; k < arrays.Length; k++) strides[k] = elementSizes[k];
            inRows = true;
            return;
        }
        rank = JoinAxes(destination.Layout.Shape, arrays);
        inRows = rank < 2 || sizes[0] >= ShortestRow;
        for (var k = 0; k < arrays.Length; k++) inRows &= strides[k] == 0 || strides[k] == elementSizes[k];
    }

    public nint Count { get; }

    /// <summary>Fills <see cref="sizes"/> and <see cref="strides"/>, innermost axis first, and gives how many axes remain.</summary>
    private int JoinAxes(Shape shape, ReadOnlySpan<NdArray> arrays)
    {
        var joined = 0;
        sizes[0] = 1;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis] == 1) continue;
            var last = joined - 1;
            var joins = joined > 0;
            for (var k = 0; joins && k < arrays.Length; k++)
            {
                joins = arrays[k].Layout.Strides[axis] * elementSizes[k] == strides[last * MaxOperands + k] * sizes[last];
            }
            if (joins)
            {
                sizes[last] *= shape[axis];
                continue;
            }
            sizes[joined] = shape[axis];
            for (var k = 0; k < arrays.Length; k++) strides[joined * MaxOperands + k] = arrays[k].Layout.Strides[axis] * elementSizes[k];
            joined++;
        }
        return Math.Max(joined, 1);
    }

    /// <summary>Runs the loop over the elements start … end − 1.</summary>
    public void Run<TLoop>(nint start, nint end) where TLoop : ISegmentLoop
    {
        if (inRows) RunRows<TLoop>(start, end);
        else RunTiles<TLoop>(start, end);
    }

    [SkipLocalsInit]
    private void RunRows<TLoop>(nint start, nint end) where TLoop : ISegmentLoop
    {
        var repeated = stackalloc byte[MaxOperands * RepeatBytes];
        var segment = new Segment { StepDestination = destinationSize };
        while (start < end)
        {
            segment.Destination = destination + start * destinationSize;
            segment.Count = Math.Min((nint)sizes[0] - start % (nint)sizes[0], end - start);
            for (var k = 0; k < operands; k++)
            {
                var pointer = At(k, start);
                var step = (nint)strides[k];
                segment.Set(k, step == 0 ? Repeat(pointer, elementSizes[k], repeated + k * RepeatBytes) : pointer, step);
            }
            TLoop.Run(segment);
            start += segment.Count;
        }
    }

    [SkipLocalsInit]
    private void RunTiles<TLoop>(nint start, nint end) where TLoop : ISegmentLoop
    {
        // A whole number of rows where rows are short, so that every tile begins at the same place in a row.
        var inner = (nint)sizes[0];
        var tile = inner <= TileCount ? TileCount - TileCount % inner : TileCount;
        var buffer = stackalloc ulong[MaxOperands * TileCount];
        var segment = new Segment { StepDestination = destinationSize };
        for (var first = true; start < end; first = false)
        {
            segment.Destination = destination + start * destinationSize;
            segment.Count = Math.Min(tile, end - start);
            for (var k = 0; k < operands; k++)
            {
                if (IsContiguous(k))
                {
                    segment.Set(k, (byte*)pointers[k] + start * elementSizes[k], elementSizes[k]);
                }
                else if (first || tile % inner != 0 || !RepeatsRow(k))
                {
                    segment.Set(k, (byte*)(buffer + k * TileCount), elementSizes[k]);
                    Gather(k, start, segment.Count, (byte*)(buffer + k * TileCount));
                }
            }
            TLoop.Run(segment);
            start += segment.Count;
        }
    }

    private bool IsContiguous(int operand)
    {
        var step = (long)elementSizes[operand];
        for (var i = 0; i < rank; i++)
        {
            if (strides[i * MaxOperands + operand] != step) return false;
            step *= sizes[i];
        }
        return true;
    }

    private bool RepeatsRow(int operand)
    {
        for (var i = 1; i < rank; i++)
        {
            if (strides[i * MaxOperands + operand] != 0) return false;
        }
        return true;
    }

    /// <summary>The address of an operand's element at a row-major position.</summary>
    private byte* At(int operand, nint position)
    {
        var pointer = (byte*)pointers[operand];
        for (var i = 0; i < rank && position != 0; i++)
        {
            var size = (nint)sizes[i];
            var outer = position / size;
            pointer += (position - outer * size) * (nint)strides[i * MaxOperands + operand];
            position = outer;
        }
        return pointer;
    }

    private static byte* Repeat(byte* element, int size, byte* buffer)
    {
        switch (size)
        {
            case 1: new Span<byte>(buffer, RepeatBytes).Fill(*element); break;
            case 4: new Span<uint>(buffer, RepeatBytes / 4).Fill(*(uint*)element); break;
            default: new Span<ulong>(buffer, RepeatBytes / 8).Fill(*(ulong*)element); break;
        }
        return buffer;
    }

    private void Gather(int operand, nint start, nint count, byte* tile)
    {
        switch (elementSizes[operand])
        {
            case 1: Gather<byte>(operand, start, count, tile); break;
            case 4: Gather<uint>(operand, start, count, (uint*)tile); break;
            default: Gather<ulong>(operand, start, count, (ulong*)tile); break;
        }
    }

    [SkipLocalsInit]
    private void Gather<T>(int operand, nint start, nint count, T* to) where T : unmanaged
    {
        var index = stackalloc long[Shape.MaxRank];
        var position = (long)start;
        for (var i = 0; i < rank; i++) (position, index[i]) = Math.DivRem(position, sizes[i]);
        var row = At(operand, start);
        var step = (nint)strides[operand];
        while (true)
        {
            var run = Math.Min((nint)(sizes[0] - index[0]), count);
            for (nint i = 0; i < run; i++) to[i] = *(T*)(row + i * step);
            to += run;
            count -= run;
            if (count == 0) return;

            row -= (nint)index[0] * step;
            index[0] = 0;
            for (var i = 1; i < rank; i++)
            {
                row += (nint)strides[i * MaxOperands + operand];
                if (++index[i] < sizes[i]) break;
                row -= (nint)(sizes[i] * strides[i * MaxOperands + operand]);
                index[i] = 0;
            }
        }
    }
}
