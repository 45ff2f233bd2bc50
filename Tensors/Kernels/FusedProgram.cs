namespace ManagedFed.Kernels;

/// <summary>The steps of a <see cref="FusedChain"/> during one run, for any thread.</summary>
internal unsafe struct FusedProgram
{
    /// <summary>Registers begin on a cache line, or half of all vectors would lie on two.</summary>
    public const int Alignment = Block.LineSize;

    public Step* Steps;
    public int StepCount, ScratchBytes;
    public nint Tile;

    /// <summary>Where the last step writes: an array's first element or, when null, so many bytes into the scratch memory.</summary>
    public byte* Result;
    public int ResultOffset;

    public struct Step(ElementPlan plan, ElementLoop loop)
    {
        public ElementPlan Plan = plan;
        public ElementLoop Loop = loop;
    }

    /// <summary>The first aligned byte of memory with room for that.</summary>
    public static byte* Aligned(byte* memory) => (byte*)(((nint)memory + Alignment - 1) & -Alignment);

    /// <summary>Computes the elements start … end − 1.</summary>
    /// <param name="start">The first element.</param>
    /// <param name="end">The element after the last.</param>
    /// <param name="scratch">Memory for the registers.</param>
    public readonly void Run(nint start, nint end, byte* scratch)
    {
        for (; start < end; start += Tile) RunTile(start, nint.Min(start + Tile, end), scratch);
    }

    /// <summary>Computes the elements start … end − 1, at most one tile.</summary>
    public readonly void RunTile(nint start, nint end, byte* scratch)
    {
        for (var i = 0; i < StepCount; i++) Steps[i].Plan.Run(Steps[i].Loop, start, end, scratch);
    }

    /// <summary>The last step's element at <paramref name="position"/>, after a tile that began at <paramref name="start"/>.</summary>
    public readonly T* ResultAt<T>(nint position, nint start, byte* scratch) where T : unmanaged =>
        Result is null ? (T*)(scratch + ResultOffset) + (position - start) : (T*)Result + position;
}

/// <summary>Reads the rows that a chain computes, tile by tile as they are asked for.</summary>
/// <param name="program">The chain.</param>
/// <param name="scratch">Memory for its registers.</param>
/// <param name="rowLength">Elements to a row; short rows are computed several at a time.</param>
/// <param name="limit">The element after the last that this reader may compute.</param>
internal unsafe struct FusedReader<T>(FusedProgram program, byte* scratch, nint rowLength, nint limit) : IRowSource<T> where T : unmanaged
{
    private nint start, end;

    public T* Read(nint position, nint count)
    {
        if (position < start || position + count > end)
        {
            // Whole reads only: a step that overwrites its operand must not run twice over an element.
            start = position;
            end = position + (count == rowLength ? nint.Min(program.Tile / count * count, limit - position) : count);
            program.RunTile(start, end, scratch);
        }
        return program.ResultAt<T>(position, start, scratch);
    }
}
