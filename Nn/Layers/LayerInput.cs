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

    /// <summary>Refuses an input that is not a batch of images or signals with the channels last.</summary>
    /// <param name="layer">The name in the message.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">The size of its last axis.</param>
    /// <param name="axes">The names of the axes before it.</param>
    public static void ExpectChannels(string layer, Tensor x, int channels, string axes)
    {
        ArgumentNullException.ThrowIfNull(x);
        var rank = axes.Split(',').Length + 1;
        if (x.Rank == rank && x.Shape[-1] == channels) return;
        var hint = x.Rank == rank && x.Shape[1] == channels ? $"; give x.MoveAxis(1, -1), of shape {x.Shape.Remove(1).Insert(rank - 1, channels)}"
            : x.Rank == rank - 1 ? "; give x.ExpandDims(0)"
            : "";
        Throw.Argument(layer, $"input has shape {x.Shape}, expected ({axes}, {channels}), channels last{hint}");
    }
}
