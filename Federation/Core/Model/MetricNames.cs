namespace ManagedFed.Federation;

/// <summary>The names under which a client reports what it measures; a null name is not reported.</summary>
/// <remarks>
/// Strategies of Flower's Message API stop a run when clients report different names, so clients next to stock ones must report just the names
/// these do.
/// </remarks>
public sealed record MetricNames
{
    /// <summary>Training: the mean loss of the last epoch. Default <c>loss</c>.</summary>
    public string? TrainLoss { get; init; } = "loss";

    /// <summary>Training: the part of class labels that were predicted in the last epoch. Default <c>accuracy</c>.</summary>
    public string? TrainAccuracy { get; init; } = "accuracy";

    /// <summary>Evaluation: the mean loss. Default <c>loss</c>.</summary>
    public string? EvaluateLoss { get; init; } = "loss";

    /// <summary>Evaluation: the part of class labels that were predicted. Default <c>accuracy</c>.</summary>
    public string? EvaluateAccuracy { get; init; } = "accuracy";

    /// <summary>The names above: the default for the interface of fit and evaluate.</summary>
    public static MetricNames Plain { get; } = new();

    /// <summary>
    /// The names of Flower's quickstarts: <c>train_loss</c>, <c>eval_loss</c>, <c>eval_acc</c> and none for the accuracy of training: the default for
    /// apps over records (Flower's Message API).
    /// </summary>
    public static MetricNames Flower { get; } = new() { TrainLoss = "train_loss", TrainAccuracy = null, EvaluateLoss = "eval_loss", EvaluateAccuracy = "eval_acc" };

    /// <summary>Metrics of training with these names in place of <see cref="Plain"/>'s.</summary>
    internal Dictionary<string, Scalar> OfTraining(IReadOnlyDictionary<string, Scalar> plain) => Renamed(plain, TrainLoss, TrainAccuracy);

    /// <summary>Metrics of evaluation with these names in place of <see cref="Plain"/>'s.</summary>
    internal Dictionary<string, Scalar> OfEvaluation(IReadOnlyDictionary<string, Scalar> plain) => Renamed(plain, EvaluateLoss, EvaluateAccuracy);

    private static Dictionary<string, Scalar> Renamed(IReadOnlyDictionary<string, Scalar> plain, string? loss, string? accuracy)
    {
        var named = new Dictionary<string, Scalar>(StringComparer.Ordinal);
        foreach (var (name, value) in plain)
        {
            if ((name == "loss" ? loss : name == "accuracy" ? accuracy : name) is { } given) named[given] = value;
        }
        return named;
    }
}
