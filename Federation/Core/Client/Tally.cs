namespace ManagedFed.Federation;

/// <summary>Sums over batches; labels are counted only where they are class indices.</summary>
internal readonly record struct Tally(double Total, long Count, long Correct, long Labels)
{
    public double Loss => Total / Count;

    public Dictionary<string, Scalar> Metrics
    {
        get
        {
            var metrics = new Dictionary<string, Scalar> { ["loss"] = Loss };
            if (Labels > 0) metrics["accuracy"] = (double)Correct / Labels;
            return metrics;
        }
    }

    /// <summary>Adds a batch, computing what else is asked for in the same pass.</summary>
    public Tally With(Tensor loss, Tensor predictions, Tensor labels, IEnumerable<Tensor> others)
    {
        var isClasses = !labels.DType.IsFloating() && predictions.Rank == labels.Rank + 1;
        var correct = isClasses ? (predictions.ArgMax() == labels).Sum() : Tensor.Zeros([], DType.Int32);
        Tensor.Eval([loss, correct, .. others]);
        var count = labels.Shape[0];
        return new(
            Total + loss.AsType(DType.Float64).Item<double>() * count, Count + count,
            Correct + correct.Item<int>(), Labels + (isClasses ? labels.Count : 0));
    }
}
