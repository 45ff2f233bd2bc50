namespace ManagedFed.Nn;

// Losses of a prediction per element.
public static partial class Losses
{
    /// <summary>(prediction − target)² per element.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Mse(Tensor predictions, Tensor targets, Reduction reduction = Reduction.Mean) =>
        OfDifference("mse", predictions, targets, reduction, static d => d.Square());

    /// <summary>|prediction − target| per element.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor L1(Tensor predictions, Tensor targets, Reduction reduction = Reduction.Mean) =>
        OfDifference("l1", predictions, targets, reduction, static d => d.Abs());

    /// <summary>d²/(2β) where |d| &lt; β, else |d| − β/2, for d = prediction − target (Girshick 2015).</summary>
    /// <param name="predictions">Any shape.</param>
    /// <param name="targets">The predictions' shape.</param>
    /// <param name="beta">β in (0, ∞), where the square becomes a line.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or β is not positive.</exception>
    public static Tensor SmoothL1(Tensor predictions, Tensor targets, double beta = 1, Reduction reduction = Reduction.Mean)
    {
        const string op = "smooth_l1";
        Interval.Positive.Check(op, "beta", beta);
        return OfDifference(op, predictions, targets, reduction, d => ThenLine(d, beta) / beta);
    }

    /// <summary>d²/2 where |d| ≤ δ, else δ·(|d| − δ/2), for d = prediction − target (Huber 1964).</summary>
    /// <param name="predictions">Any shape.</param>
    /// <param name="targets">The predictions' shape.</param>
    /// <param name="delta">δ in (0, ∞), where the square becomes a line.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or δ is not positive.</exception>
    public static Tensor Huber(Tensor predictions, Tensor targets, double delta = 1, Reduction reduction = Reduction.None)
    {
        const string op = "huber";
        Interval.Positive.Check(op, "delta", delta);
        return OfDifference(op, predictions, targets, reduction, d => ThenLine(d, delta));
    }

    /// <summary>log cosh(prediction − target) per element, without overflow.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor LogCosh(Tensor predictions, Tensor targets, Reduction reduction = Reduction.None) =>
        OfDifference("log_cosh", predictions, targets, reduction, static d => Tensor.LogAddExp(d, -d) - Math.Log(2));

    /// <summary>½·(log v + (target − mean)²/v), minus the log-likelihood of normal distributions, with variances v at least ε.</summary>
    /// <param name="means">Predicted means.</param>
    /// <param name="targets">The means' shape.</param>
    /// <param name="variances">Predicted variances of the means' shape.</param>
    /// <param name="full">True to add the constant ½·log 2π.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ, or ε is not positive.</exception>
    public static Tensor GaussianNll(
        Tensor means, Tensor targets, Tensor variances, bool full = false, double epsilon = 1e-6, Reduction reduction = Reduction.Mean)
    {
        const string op = "gaussian_nll";
        Interval.Positive.Check(op, "epsilon", epsilon);
        ExpectSame(op, "targets", targets, means);
        ExpectSame(op, "variances", variances, means);
        return Composite.Of(
            x =>
            {
                var v = Tensor.Maximum(x[2], epsilon);
                var loss = (v.Log() + (x[0] - x[1]).Square() / v) * 0.5;
                return Reduce(op, full ? loss + 0.5 * Math.Log(2 * Math.PI) : loss, null, reduction);
            },
            means, targets, variances);
    }

    private static Tensor OfDifference(string op, Tensor predictions, Tensor targets, Reduction reduction, Func<Tensor, Tensor> loss)
    {
        ExpectSame(op, "targets", targets, predictions);
        return Composite.Of(x => Reduce(op, loss(x[0] - x[1]), null, reduction), predictions, targets);
    }

    /// <summary>d²/2 where |d| ≤ δ, else δ·(|d| − δ/2), as q·(d − q/2) for the nearest q in [−δ, δ]: no square of a large d.</summary>
    private static Tensor ThenLine(Tensor d, double delta)
    {
        var q = d.Clip(-delta, delta);
        return q * (d - q * 0.5);
    }

    private static void ExpectSame(string op, string what, Tensor tensor, Tensor first)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(tensor);
        ExpectShape(op, what, tensor, first.Shape);
    }
}
