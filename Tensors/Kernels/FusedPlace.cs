namespace ManagedFed.Kernels;

/// <summary>Where a step of a fused chain reads or writes: an array, or a register that holds one tile.</summary>
/// <param name="Array">An array of the chain's shape, stride 0 where broadcast; null for a register.</param>
/// <param name="Register">The register's number.</param>
/// <param name="DType">The type of the elements.</param>
internal readonly record struct FusedPlace(NdArray? Array, int Register, DType DType);

/// <summary>One step of a fused chain.</summary>
/// <param name="Loop">What it computes.</param>
/// <param name="Operands">Up to three operands.</param>
/// <param name="Destination">A contiguous array or a register; it may be an operand's.</param>
internal readonly record struct FusedStep(ElementLoop Loop, FusedPlace[] Operands, FusedPlace Destination)
{
    /// <summary>The steps with neighbours joined where the second takes the first's register and there is a loop for both.</summary>
    public static FusedStep[] Pair(ReadOnlySpan<FusedStep> steps)
    {
        var result = new List<FusedStep>();
        for (var i = 0; i < steps.Length; i++)
        {
            if (i + 1 < steps.Length && Join(steps[i], steps[i + 1], steps[(i + 2)..]) is { } joined)
            {
                result.Add(joined);
                i++;
            }
            else
            {
                result.Add(steps[i]);
            }
        }
        return [.. result];
    }

    private static FusedStep? Join(FusedStep first, FusedStep second, ReadOnlySpan<FusedStep> later)
    {
        var between = first.Destination;
        if (between.Array is not null || second.Operands.Count(place => place == between) != 1) return null;
        if (second.Destination != between && IsRead(between.Register, later)) return null;
        var at = Array.IndexOf(second.Operands, between);
        if (PairLoops.Find(first.Loop.Formula, second.Loop.Formula, turned: at == 1, between.DType) is not { } loop) return null;
        return new(loop, [.. first.Operands, .. second.Operands.Where(place => place != between)], second.Destination);
    }

    private static bool IsRead(int register, ReadOnlySpan<FusedStep> steps)
    {
        foreach (var step in steps)
        {
            if (Array.Exists(step.Operands, place => place.Array is null && place.Register == register)) return true;
            if (step.Destination.Array is null && step.Destination.Register == register) return false;
        }
        return false;
    }
}
