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
        ExpectSame(op, "targets", targets, logProbabilities);
        axis = logProbabilities.Shape.Axis(axis, op);
        return Composite.Of(
            v =>
            {
                var (x, t) = (v[0], v[1]);
                var ratio = Tensor.Where(t == double.NegativeInfinity, t.ZerosLike(), t - x);
                return Reduce(op, (t.Exp() * ratio).Sum(axis), null, reduction);
            },
            logProbabilities, targets);
    }

    /// <summary>max(1 − x·y, 0) per element, for labels y = ±1.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor Hinge(Tensor inputs, Tensor targets, Reduction reduction = Reduction.None)
    {
        ExpectSame("hinge", "targets", targets, inputs);
        return Composite.Of(v => Reduce("hinge", (1 - v[0] * v[1]).Relu(), null, reduction), inputs, targets);
    }

    /// <summary>Σ a·b/max(‖a‖·‖b‖, ε) along an axis: the cosine itself, as in MLX, so that 1 is the best and −1 the worst.</summary>
    /// <param name="a">Vectors along the axis.</param>
    /// <param name="b">The same shape.</param>
    /// <param name="axis">The axis of the vectors.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="reduction">What to do with the cosines.</param>
    /// <exception cref="ArgumentException">The shapes differ, or ε is not positive.</exception>
    public static Tensor CosineSimilarity(Tensor a, Tensor b, int axis = 1, double epsilon = 1e-8, Reduction reduction = Reduction.None)
    {
        const string op = "cosine_similarity";
        Interval.Positive.Check(op, "epsilon", epsilon);
        ExpectSame(op, "second vectors", b, a);
        axis = a.Shape.Axis(axis, op);

        return Composite.Of(
            v =>
            {
                var norms = Tensor.Maximum(v[0].Norm(axis) * v[1].Norm(axis), epsilon);
                return Reduce(op, (v[0] * v[1]).Sum(axis) / norms, null, reduction);
            },
            a, b);
    }

    /// <summary>max(−y·(a − b) + margin, 0) per element, for y = 1 where a should be the larger and −1 where b should.</summary>
    /// <exception cref="ArgumentException">The shapes differ, or the margin is not finite.</exception>
    public static Tensor MarginRanking(Tensor a, Tensor b, Tensor targets, double margin = 0, Reduction reduction = Reduction.None)
    {
        const string op = "margin_ranking";
        Interval.Finite.Check(op, "margin", margin);
        ExpectSame(op, "second values", b, a);
        ExpectSame(op, "targets", targets, a);
        return Composite.Of(v => Reduce(op, (margin - v[2] * (v[0] - v[1])).Relu(), null, reduction), a, b, targets);
    }

    /// <summary>max(d(anchor, positive) − d(anchor, negative) + margin, 0) with d(x, y) = (Σ|x − y|ᵖ + ε)^(1/p) along an axis.</summary>
    /// <param name="anchors">Vectors along the axis.</param>
    /// <param name="positives">Vectors that should be near, of the anchors' shape.</param>
    /// <param name="negatives">Vectors that should be far, of the anchors' shape.</param>
    /// <param name="axis">The axis of the vectors.</param>
    /// <param name="p">The order of the norm, in [1, ∞); MLX leaves out the absolute value, which matters for odd p.</param>
    /// <param name="margin">How much farther the negative should be, finite.</param>
    /// <param name="epsilon">ε in [0, ∞), which makes the derivative smooth where two vectors are equal; it is 0 there in any case.</param>
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
        Interval.Counts.Check(op, "order p of the norm", p);
        Interval.NotNegative.Check(op, "epsilon", epsilon);
        Interval.Finite.Check(op, "margin", margin);
        ExpectSame(op, "positives", positives, anchors);
        ExpectSame(op, "negatives", negatives, anchors);
        axis = anchors.Shape.Axis(axis, op);
        return Composite.Of(
            v => Reduce(op, (Distance(v[0] - v[1]) - Distance(v[0] - v[2]) + margin).Relu(), null, reduction), anchors, positives, negatives);

        Tensor Distance(Tensor d)
        {
            if (epsilon == 0) return d.Norm(axis, p);
            var sum = (p == 1 ? d.Abs() : p == 2 ? d.Square() : d.Abs().Power(p)).Sum(axis) + epsilon;
            return p == 1 ? sum : p == 2 ? sum.Sqrt() : sum.Power(1 / p);
        }
    }
}
