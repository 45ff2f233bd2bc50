namespace ManagedFed.Graph;

/// <summary>Runs a recorded function on batches: each operation on a path from an argument takes its rule for a batch.</summary>
internal static class Batching
{
    /// <summary>The outputs for arguments with a leading batch axis in the places of the placeholders; null for one that depends on none of them.</summary>
    public static Tensor?[] Run(ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor> placeholders, ReadOnlySpan<Tensor> batches, int size)
    {
        var known = new Dictionary<Tensor, Tensor>();
        for (var i = 0; i < placeholders.Length; i++) known[placeholders[i]] = batches[i];
        var order = Paths.Between(placeholders, outputs, out _);
        var needed = Needed(order, outputs);
        foreach (var node in order)
        {
            if (!needed.Contains(node)) continue;
            var batched = Array.ConvertAll(node.Inputs, known.ContainsKey);
            if (!Array.Exists(batched, isBatched => isBatched)) continue;
            known[node] = node.Op!.Batch(Array.ConvertAll(node.Inputs, input => known.GetValueOrDefault(input, input)), batched, size);
        }
        var result = new Tensor?[outputs.Length];
        for (var i = 0; i < result.Length; i++) result[i] = known.GetValueOrDefault(outputs[i]);
        return result;
    }

    /// <summary>The nodes that the rules for a batch will ask for.</summary>
    private static HashSet<Tensor> Needed(List<Tensor> order, ReadOnlySpan<Tensor> outputs)
    {
        var needed = new HashSet<Tensor>(outputs.ToArray());
        for (var n = order.Count - 1; n >= 0; n--)
        {
            var node = order[n];
            if (!needed.Contains(node)) continue;
            for (var i = 0; i < node.Inputs.Length; i++)
            {
                if (node.Op!.BatchReads(i)) needed.Add(node.Inputs[i]);
            }
        }
        return needed;
    }

    /// <summary>The inputs with the axes behind the batch axis aligned from the right, as broadcasting wants them.</summary>
    public static Tensor[] Align(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched)
    {
        var rank = 0;
        for (var i = 0; i < x.Length; i++) rank = Math.Max(rank, x[i].Rank - (batched[i] ? 1 : 0));
        var aligned = x.ToArray();
        for (var i = 0; i < x.Length; i++)
        {
            if (batched[i]) aligned[i] = Widen(x[i], rank);
        }
        return aligned;
    }

    /// <summary>A batch whose members have got leading axes of size 1 up to a rank.</summary>
    public static Tensor Widen(Tensor batch, int rank) =>
        batch.Reshape([batch.Shape[0], .. Enumerable.Repeat(1, rank + 1 - batch.Rank), .. batch.Shape.Sizes[1..]]);

    /// <summary>All inputs as batches, those that are none repeated.</summary>
    public static Tensor[] Stretch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        var stretched = x.ToArray();
        for (var i = 0; i < x.Length; i++)
        {
            if (!batched[i]) stretched[i] = Repeat(x[i], size);
        }
        return stretched;
    }

    /// <summary>A batch of one value.</summary>
    public static Tensor Repeat(Tensor x, int size) => x.BroadcastTo([size, .. x.Shape.Sizes]);

    /// <summary>The batch axis merged into the first axis of the members.</summary>
    public static Tensor Fold(Tensor batch) => batch.Flatten(0, 1);
}
