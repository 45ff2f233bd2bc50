using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>
/// Operands of any strides cut into segments, over the elements of a contiguous destination in row-major order.
/// </summary>
/// <remarks>
/// Axes that every operand walks as one are joined. Where the last axis that remains is long and every operand steps along it
/// by one element or none, segments are rows of it. Otherwise operands that are not contiguous are gathered tile by tile into a buffer
/// that stays in the first-level cache; one that repeats with the last axis (a bias) only once.
/// Any range of elements can be computed alone, from its position, so that threads share nothing.
/// Operands and destination may be registers: scratch memory that holds just the range.
/// </remarks>
internal unsafe struct ElementPlan
{
    private const int MaxOperands = 3, TileCount = 512, ShortestRow = 64;

    /// <summary>The bytes over which one element is repeated for loops that step by none.</summary>
    public const int RepeatBytes = 64;

    private fixed long sizes[Shape.MaxRank];
    private fixed long strides[MaxOperands * Shape.MaxRank];
    private fixed long pointers[MaxOperands];
    private fixed int elementSizes[MaxOperands];
    private long destination;
    private int destinationSize, operands, rank, registers;
    private bool inRows;

    /// <summary>Operands have the destination's shape, broadcast with stride 0 where need be.</summary>
    public ElementPlan(NdArray destination, params ReadOnlySpan<NdArray> arrays)
    {
        // Rank is 1 or 2 almost always: clearing the rest costs more than a short loop.
        Unsafe.SkipInit(out this);
        Count = destination.Layout.Count;
        operands = arrays.Length;
        registers = 0;
        SetDestination(destination);
        var contiguous = true;
        for (var k = 0; k < arrays.Length; k++)
        {
            pointers[k] = (long)arrays[k].Pointer;
            elementSizes[k] = arrays[k].DType.Size();
            contiguous &= arrays[k].Layout.IsContiguous;
        }
        Prepare(destination.Layout.Shape, contiguous, arrays);
    }

    /// <summary>A step of a fused chain, whose arrays' places are set before each run.</summary>
    public ElementPlan(Shape shape, FusedStep step, int registerBytes)
    {
        Unsafe.SkipInit(out this);
        Count = (nint)shape.Count;
        operands = step.Operands.Length;
        destination = step.Destination.Register * (long)registerBytes;
        destinationSize = step.Destination.DType.Size();
        registers = step.Destination.Array is null ? 1 << MaxOperands : 0;
        var arrays = Array.ConvertAll(step.Operands, place => place.Array);
        for (var k = 0; k < arrays.Length; k++)
        {
            pointers[k] = step.Operands[k].Register * (long)registerBytes;
            elementSizes[k] = step.Operands[k].DType.Size();
            if (arrays[k] is null) registers |= 1 << k;
        }
        Prepare(shape, Array.TrueForAll(arrays, array => array is null || array.IsContiguous), arrays);
    }

    public nint Count { get; }

    public void SetDestination(NdArray array)
    {
        destination = (long)array.Pointer;
        destinationSize = array.DType.Size();
    }

    public void SetOperand(int operand, NdArray array) => pointers[operand] = (long)array.Pointer;

    /// <param name="shape">The destination's shape.</param>
    /// <param name="contiguous">True when all operands are contiguous.</param>
    /// <param name="arrays">The operands, null for a register.</param>
    private void Prepare(Shape shape, bool contiguous, ReadOnlySpan<NdArray?> arrays)
    {
        if (contiguous)
        {
            rank = 1;
            sizes[0] = Count;
            for (var k = 0; k < operands; k++) strides[k] = elementSizes[k];
            inRows = true;
            return;
        }
        rank = JoinAxes(shape, arrays);
        inRows = rank < 2 || sizes[0] >= ShortestRow;
        for (var k = 0; k < operands; k++) inRows &= strides[k] == 0 || strides[k] == elementSizes[k];
    }

    /// <summary>Fills <see cref="sizes"/> and <see cref="strides"/>, innermost axis first, and gives how many axes remain.</summary>
    private int JoinAxes(Shape shape, ReadOnlySpan<NdArray?> arrays)
    {
        var joined = 0;
        var below = 1L;
        sizes[0] = 1;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis] == 1) continue;
            var last = joined - 1;
            var joins = joined > 0;
            for (var k = 0; joins && k < arrays.Length; k++)
            {
                joins = Stride(arrays[k], k, axis, below) == strides[last * MaxOperands + k] * sizes[last];
            }
            if (joins)
            {
                sizes[last] *= shape[axis];
            }
            else
            {
                sizes[joined] = shape[axis];
                for (var k = 0; k < arrays.Length; k++) strides[joined * MaxOperands + k] = Stride(arrays[k], k, axis, below);
                joined++;
            }
            below *= shape[axis];
        }
        return Math.Max(joined, 1);
    }

    /// <summary>Bytes between neighbours along an axis; a register lies dense, with <paramref name="below"/> elements to the axes after this one.</summary>
    private long Stride(NdArray? array, int operand, int axis, long below) => (array is null ? below : array.Layout.Strides[axis]) * elementSizes[operand];

    /// <summary>Runs the loop over the elements start … end − 1.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="start">The first element.</param>
    /// <param name="end">The element after the last.</param>
    /// <param name="scratch">The memory of the registers, which hold the elements from <paramref name="start"/> on.</param>
    public void Run(ElementLoop loop, nint start, nint end, byte* scratch = null)
    {
        if (inRows) RunRows(loop, start, end, scratch);
        else RunTiles(loop, start, end, scratch);
    }

    [SkipLocalsInit]
    private void RunRows(ElementLoop loop, nint start, nint end, byte* scratch)
    {
        var repeated = stackalloc byte[MaxOperands * RepeatBytes];
        var segment = new Segment { StepDestination = destinationSize };
        var origin = start;
        while (start < end)
        {
            segment.Destination = Destination(scratch, origin) + start * destinationSize;
            segment.Count = rank == 1 ? end - start : Math.Min((nint)sizes[0] - start % (nint)sizes[0], end - start);
            for (var k = 0; k < operands; k++)
            {
                var pointer = At(k, start, scratch, origin);
                var step = (nint)strides[k];
                segment.Set(k, step == 0 ? Repeat(pointer, elementSizes[k], repeated + k * RepeatBytes) : pointer, step);
            }
            loop.Run(segment);
            start += segment.Count;
        }
    }

    [SkipLocalsInit]
    private void RunTiles(ElementLoop loop, nint start, nint end, byte* scratch)
    {
        // A whole number of rows where rows are short, so that every tile begins at the same place in a row.
        var inner = (nint)sizes[0];
        var tile = inner <= TileCount ? TileCount - TileCount % inner : TileCount;
        var buffer = stackalloc ulong[MaxOperands * TileCount];
        var segment = new Segment { StepDestination = destinationSize };
        var origin = start;
        for (var first = true; start < end; first = false)
        {
            segment.Destination = Destination(scratch, origin) + start * destinationSize;
            segment.Count = Math.Min(tile, end - start);
            for (var k = 0; k < operands; k++)
            {
                if (IsContiguous(k))
                {
                    segment.Set(k, Start(k, scratch, origin) + start * elementSizes[k], elementSizes[k]);
                }
                else if (first || tile % inner != 0 || !RepeatsRow(k))
                {
                    segment.Set(k, (byte*)(buffer + k * TileCount), elementSizes[k]);
                    Gather(k, start, segment.Count, (byte*)(buffer + k * TileCount));
                }
            }
            loop.Run(segment);
            start += segment.Count;
        }
    }

    /// <summary>Where element 0 of the destination would lie.</summary>
    private byte* Destination(byte* scratch, nint origin) =>
        (registers >> MaxOperands) == 0 ? (byte*)destination : scratch + destination - origin * destinationSize;

    /// <summary>Where element 0 of an operand lies or, of a register that begins at <paramref name="origin"/>, would lie.</summary>
    private byte* Start(int operand, byte* scratch, nint origin) =>
        (registers >> operand & 1) == 0 ? (byte*)pointers[operand] : scratch + pointers[operand] - origin * elementSizes[operand];

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
    private byte* At(int operand, nint position, byte* scratch = null, nint origin = 0)
    {
        var pointer = Start(operand, scratch, origin);
        if (rank == 1) return pointer + position * (nint)strides[operand];
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
            case 2: new Span<ushort>(buffer, RepeatBytes / 2).Fill(*(ushort*)element); break;
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
            case 2: Gather<ushort>(operand, start, count, (ushort*)tile); break;
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
