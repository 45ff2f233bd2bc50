namespace ManagedFed.Nn;

/// <summary>What layers ask of their input.</summary>
internal static class LayerInput
{
    /// <summary>Refuses an input whose last axis is not of the given size, or that has fewer axes than <paramref name="rank"/>.</summary>
    public static void Expect(string layer, Tensor x, int size, int rank = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Rank >= rank && x.Shape[-1] == size) return;
        Throw.Argument(layer, $"input has shape {x.Shape}, expected ({string.Concat(Enumerable.Repeat("n, ", rank - 1))}..., {size})");
    }
}
