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
/// <param name="run">The loop; null to do no more than widen operands or round results.</param>
/// <param name="grain">How many elements one thread should have at least.</param>
internal readonly unsafe struct ElementLoop(delegate*<in Segment, void> run, int grain)
{
    /// <summary>How many elements one thread should have at least.</summary>
    public int Grain { get; } = grain;

    /// <summary>What the loop computes, if it may be paired with another.</summary>
    public CheapFormula Formula { get; init; }

    /// <summary>The narrow type of operands that the loop wants widened; null where it takes them as they are.</summary>
    public DType? Operands { get; init; }

    /// <summary>The narrow type that results are brought to; null where the loop writes them as they are.</summary>
    public DType? Result { get; init; }

    /// <summary>Computes one segment; the destination may be an operand's memory.</summary>
    public void Run(in Segment segment)
    {
        if (Operands is null && Result is null) run(segment);
        else Narrow.Run(run, segment, Operands, Result);
    }
}
