namespace ManagedFed.Nn;

// Losses of a prediction per element.
public static partial class Losses
{
    /// <summary>(prediction − target)² per element.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Mse(Tensor predictions, Tensor targets, Reduction reduction = Reduction.Mean) =>
        Reduce("mse", Difference("mse", predictions, targets).Square(), null, reduction);

    /// <summary>|prediction − target| per element.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor L1(Tensor predictions, Tensor targets, Reduction reduction = Reduction.Mean) =>
        Reduce("l1", Difference("l1", predictions, targets).Abs(), null, reduction);

    /// <summary>d²/(2β) where |d| &lt; β, else |d| − β/2, for d = prediction − target (Girshick 2015).</summary>
    /// <param name="predictions">Any shape.</param>
    /// <param name="targets">The predictions' shape.</param>
    /// <param name="beta">β &gt; 0, where the square becomes a line.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or β is not positive.</exception>
    public static Tensor SmoothL1(Tensor predictions, Tensor targets, double beta = 1, Reduction reduction = Reduction.Mean)
    {
        const string op = "smooth_l1";
        Positive(op, "beta", beta);
        var d = Difference(op, predictions, targets);
        return Reduce(op, Tensor.Where(d.Abs() < beta, d.Square() * (0.5 / beta), d.Abs() - 0.5 * beta), null, reduction);
    }

    /// <summary>d²/2 where |d| ≤ δ, else δ·(|d| − δ/2), for d = prediction − target (Huber 1964).</summary>
    /// <param name="predictions">Any shape.</param>
    /// <param name="targets">The predictions' shape.</param>
    /// <param name="delta">δ &gt; 0, where the square becomes a line.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or δ is not positive.</exception>
    public static Tensor Huber(Tensor predictions, Tensor targets, double delta = 1, Reduction reduction = Reduction.None)
    {
        const string op = "huber";
        Positive(op, "delta", delta);
        var d = Difference(op, predictions, targets);
        return Reduce(op, Tensor.Where(d.Abs() <= delta, d.Square() * 0.5, (d.Abs() - 0.5 * delta) * delta), null, reduction);
    }

    /// <summary>log cosh(prediction − target) per element, without overflow.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor LogCosh(Tensor predictions, Tensor targets, Reduction reduction = Reduction.None)
    {
        var d = Difference("log_cosh", predictions, targets);
        return Reduce("log_cosh", Tensor.LogAddExp(d, -d) - Math.Log(2), null, reduction);
    }

    /// <summary>½·(log v + (target − mean)²/v), minus the log-likelihood of normal distributions, with variances v at least ε.</summary>
    /// <param name="means">Predicted means.</param>
    /// <param name="targets">The means' shape.</param>
    /// <param name="variances">Predicted variances of the means' shape.</param>
    /// <param name="full">True to add the constant ½·log 2π.</param>
    /// <param name="epsilon">ε &gt; 0.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or ε is not positive.</exception>
    public static Tensor GaussianNll(
        Tensor means, Tensor targets, Tensor variances, bool full = false, double epsilon = 1e-6, Reduction reduction = Reduction.Mean)
    {
        const string op = "gaussian_nll";
        Positive(op, "epsilon", epsilon);
        var d = Difference(op, means, targets);
        ArgumentNullException.ThrowIfNull(variances);
        ExpectShape(op, "variances", variances, means.Shape);
        var v = Tensor.Maximum(variances, epsilon);
        var loss = (v.Log() + d.Square() / v) * 0.5;
        return Reduce(op, full ? loss + 0.5 * Math.Log(2 * Math.PI) : loss, null, reduction);
    }

    private static Tensor Difference(string op, Tensor predictions, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        ExpectShape(op, "targets", targets, predictions.Shape);
        return predictions - targets;
    }

    private static void Positive(string op, string what, double value)
    {
        if (!(value > 0 && double.IsFinite(value))) Throw.Argument(op, $"{what} {value} is not positive and finite");
    }
}
