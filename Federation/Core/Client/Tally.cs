namespace ManagedFed.Federation;

/// <summary>Sums over batches; labels are counted only where they are class indices.</summary>
internal readonly record struct Tally(double Total, long Count, double Correct, long Labels)
{
    public double Loss => Total / Count;

    public Dictionary<string, Scalar> Metrics
    {
        get
        {
            var metrics = new Dictionary<string, Scalar> { ["loss"] = Loss };
            if (Labels > 0) metrics["accuracy"] = Correct / Labels;
            return metrics;
        }
    }

    /// <summary>How many predictions are right, as a float64 scalar; null where labels are no class indices.</summary>
    public static Tensor? Right(Tensor predictions, Tensor labels) => !labels.DType.IsFloating() && predictions.Rank == labels.Rank + 1
        ? (predictions.ArgMax() == labels).Sum().AsType(DType.Float64)
        : null;

    /// <summary>Adds a batch.</summary>
    /// <param name="loss">Its mean loss.</param>
    /// <param name="right">How many predictions are right; NaN where labels are no class indices.</param>
    /// <param name="labels">Its labels.</param>
    public Tally With(double loss, double right, Tensor labels)
    {
        var isClasses = !double.IsNaN(right);
        var count = labels.Shape[0];
        return new(Total + loss * count, Count + count, Correct + (isClasses ? right : 0), Labels + (isClasses ? labels.Count : 0));
    }
}
