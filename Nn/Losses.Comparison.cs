namespace ManagedFed.Nn;

// Losses of distributions, directions and orders.
public static partial class Losses
{
    /// <summary>Σ eᵗ·(t − x) along an axis: the divergence of distributions given by log-probabilities, of targets t from inputs x.</summary>
    /// <param name="logProbabilities">x, such as (batch, classes).</param>
    /// <param name="targets">t, log-probabilities as well, of that shape; −∞ counts as probability 0 and adds nothing.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor KlDiv(Tensor logProbabilities, Tensor targets, int axis = -1, Reduction reduction = Reduction.None)
    {
        const string op = "kl_div";
        ArgumentNullException.ThrowIfNull(logProbabilities);
        ArgumentNullException.ThrowIfNull(targets);
        ExpectShape(op, "targets", targets, logProbabilities.Shape);
        axis = logProbabilities.Shape.Axis(axis, op);
        var impossible = targets == double.NegativeInfinity;
        var ratio = Tensor.Where(impossible, targets.ZerosLike(), targets - logProbabilities);
        return Reduce(op, (targets.Exp() * ratio).Sum(axis), null, reduction);
    }

    /// <summary>max(1 − x·y, 0) per element, for labels y = ±1.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Hinge(Tensor inputs, Tensor targets, Reduction reduction = Reduction.None)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        ExpectShape("hinge", "targets", targets, inputs.Shape);
        return Reduce("hinge", (1 - inputs * targets).Relu(), null, reduction);
    }

    /// <summary>Σ a·b/max(‖a‖·‖b‖, ε) along an axis: the cosine itself, as in MLX, so that 1 is the best and −1 the worst.</summary>
    /// <param name="a">Vectors along the axis.</param>
    /// <param name="b">The same shape.</param>
    /// <param name="axis">The axis of the vectors.</param>
    /// <param name="epsilon">ε &gt; 0.</param>
    /// <param name="reduction">What to do with the cosines.</param>
    /// <exception cref="ArgumentException">The shapes differ, or ε is not positive.</exception>
    public static Tensor CosineSimilarity(Tensor a, Tensor b, int axis = 1, double epsilon = 1e-8, Reduction reduction = Reduction.None)
    {
        const string op = "cosine_similarity";
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Positive(op, "epsilon", epsilon);
        ExpectShape(op, "second vectors", b, a.Shape);
        axis = a.Shape.Axis(axis, op);

        // The root comes after the limit: that of 0 has no derivative.
        var norms = Tensor.Maximum(a.Square().Sum(axis) * b.Square().Sum(axis), epsilon * epsilon).Sqrt();
        return Reduce(op, (a * b).Sum(axis) / norms, null, reduction);
    }

    /// <summary>max(−y·(a − b) + margin, 0) per element, for y = 1 where a should be the larger and −1 where b should.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor MarginRanking(Tensor a, Tensor b, Tensor targets, double margin = 0, Reduction reduction = Reduction.None)
    {
        var difference = Difference("margin_ranking", a, b);
        ArgumentNullException.ThrowIfNull(targets);
        ExpectShape("margin_ranking", "targets", targets, a.Shape);
        return Reduce("margin_ranking", (margin - targets * difference).Relu(), null, reduction);
    }

    /// <summary>max(d(anchor, positive) − d(anchor, negative) + margin, 0) with d(x, y) = (Σ|x − y|ᵖ + ε)^(1/p) along an axis.</summary>
    /// <param name="anchors">Vectors along the axis.</param>
    /// <param name="positives">Vectors that should be near, of the anchors' shape.</param>
    /// <param name="negatives">Vectors that should be far, of the anchors' shape.</param>
    /// <param name="axis">The axis of the vectors.</param>
    /// <param name="p">The order of the norm, at least 1; MLX leaves out the absolute value, which matters for odd p.</param>
    /// <param name="margin">How much farther the negative should be.</param>
    /// <param name="epsilon">ε ≥ 0, which keeps the derivative finite where two vectors are equal.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <exception cref="ArgumentException">The shapes differ, or a value lies outside its range.</exception>
    public static Tensor Triplet(
        Tensor anchors,
        Tensor positives,
        Tensor negatives,
        int axis = -1,
        double p = 2,
        double margin = 1,
        double epsilon = 1e-6,
        Reduction reduction = Reduction.None)
    {
        const string op = "triplet";
        ArgumentNullException.ThrowIfNull(anchors);
        ArgumentNullException.ThrowIfNull(positives);
        ArgumentNullException.ThrowIfNull(negatives);
        if (!(p >= 1 && double.IsFinite(p))) Throw.Argument(op, $"order {p} of the norm is below 1 or not finite");
        if (!(epsilon >= 0)) Throw.Argument(op, $"epsilon {epsilon} is negative");
        ExpectShape(op, "positives", positives, anchors.Shape);
        ExpectShape(op, "negatives", negatives, anchors.Shape);
        axis = anchors.Shape.Axis(axis, op);
        return Reduce(op, (Distance(anchors - positives) - Distance(anchors - negatives) + margin).Relu(), null, reduction);

        Tensor Distance(Tensor d)
        {
            var sum = (p == 1 ? d.Abs() : p == 2 ? d.Square() : d.Abs().Power(p)).Sum(axis) + epsilon;
            return p == 1 ? sum : p == 2 ? sum.Sqrt() : sum.Power(1 / p);
        }
    }
}
