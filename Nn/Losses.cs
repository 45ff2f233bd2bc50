namespace ManagedFed.Nn;

/// <summary>How the losses of single samples become one number.</summary>
public enum Reduction
{
    /// <summary>They do not: the result has one loss per sample.</summary>
    None,

    /// <summary>Their mean; also with weights a division by the number of samples, without those that are ignored.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>Loss functions, with MLX's defaults: note that some, such as <see cref="CrossEntropy"/>, do not reduce unless told to.</summary>
/// <remarks>
/// Losses and gradients of float16 and bfloat16 are those of float64 rounded once, sums and means over any number of elements
/// included. A part that does not count, of probability or weight 0, adds nothing even where its other factor is infinite.
/// </remarks>
public static partial class Losses
{
    /// <summary>
    /// log Σ eᶻ − (1−ε)·z[target] − ε·mean(z) per sample; for probabilities p, z[target] is Σ p·z.
    /// </summary>
    /// <remarks>A class of score −∞ is impossible: ∞ where it is the target, nothing where its probability is 0, NaN where all classes are.</remarks>
    /// <param name="logits">Unnormalised scores z, such as (batch, classes).</param>
    /// <param name="targets">Class indices of the logits' shape without the axis, or probabilities of the logits' shape.</param>
    /// <param name="weights">One factor per sample, or null.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <param name="labelSmoothing">ε in [0, 1): how much of the target is spread evenly over all classes.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <param name="ignoreIndex">
    /// A class index that marks samples without a class, such as −100: their loss is 0, they have no gradient and are not counted in
    /// the mean, which is NaN where none is left, as in PyTorch. Null: every index is a class.
    /// </param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or ε lies outside its range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: a class index is negative or too large.</exception>
    public static Tensor CrossEntropy(
        Tensor logits,
        Tensor targets,
        Tensor? weights = null,
        int axis = -1,
        double labelSmoothing = 0,
        Reduction reduction = Reduction.None,
        long? ignoreIndex = null)
    {
        const string op = "cross_entropy";
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(targets);
        Interval.Fraction.Check(op, "label smoothing", labelSmoothing);
        if (!logits.DType.IsFloating()) Throw.DTypeMismatch(op, logits.DType, "a floating type for logits");
        axis = logits.Shape.Axis(axis, op);
        var sampleShape = logits.Shape.Remove(axis);
        if (targets.Shape == logits.Shape)
        {
            if (ignoreIndex is { } index) Throw.Argument(op, $"ignore index {index} needs class indices; targets of the logits' shape {targets.Shape} are probabilities");
            return Composite.Of(v => Reduce(op, Smoothed(v[0], z => Composite.Weighed(z, v[1]).Sum(axis)), Rest(v, 2), reduction), [logits, targets, .. Given(weights)]);
        }
        if (targets.Shape != sampleShape)
        {
            Throw.Argument(op, $"targets have shape {targets.Shape}, logits {logits.Shape}; " +
                $"expected {sampleShape} class indices or {logits.Shape} probabilities");
        }

        var counted = Counted(op, targets, ignoreIndex);
        var classes = Classes(op, counted, targets, axis, logits.Shape[axis]);
        var scores = counted is null ? logits : Tensor.Where(counted.ExpandDims(axis), logits, Tensor.Scalar(0, logits.DType));
        if (labelSmoothing > 0)
        {
            return Composite.Of(v => Reduce(op, Smoothed(v[0], z => Pick(z, classes, axis)), Rest(v, 1), reduction, counted), [scores, .. Given(weights)]);
        }

        // The operation on rows keeps to the range by itself; float32 for halves spares the memory of wider scores.
        var rows = scores.MoveAxis(axis, -1).Reshape(-1, logits.Shape[axis]).AsType(logits.DType.Wide());
        var losses = rows.CrossEntropy(classes.Reshape(-1)).Reshape(sampleShape);
        var result = weights is null ? logits.DType : DTypes.Promote(logits.DType, weights.DType);
        return Reduce(op, losses.AsType(Composite.Type(result)), weights?.AsType(Composite.Type(result)), reduction, counted).AsType(result);

        Tensor Smoothed(Tensor scores, Func<Tensor, Tensor> scoreOf)
        {
            // Large logits would cost digits in the difference below; their largest is a constant that cancels.
            var z = scores - scores.Max(axis, keepDims: true).StopGradient();
            var score = scoreOf(z);
            return z.LogSumExp(axis) - (labelSmoothing == 0 ? score : score * (1 - labelSmoothing) + z.Mean(axis) * labelSmoothing);
        }
    }

    /// <summary>−log p[target] per sample, given log-probabilities.</summary>
    /// <param name="logProbabilities">Such as (batch, classes).</param>
    /// <param name="targets">Class indices of that shape without the axis.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <param name="ignoreIndex">A class index that marks samples without a class; see <see cref="CrossEntropy"/>.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or the targets are not integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: a class index is negative or too large.</exception>
    public static Tensor NllLoss(
        Tensor logProbabilities, Tensor targets, int axis = -1, Reduction reduction = Reduction.None, long? ignoreIndex = null)
    {
        const string op = "nll_loss";
        ArgumentNullException.ThrowIfNull(logProbabilities);
        ArgumentNullException.ThrowIfNull(targets);
        axis = logProbabilities.Shape.Axis(axis, op);
        ExpectShape(op, "targets", targets, logProbabilities.Shape.Remove(axis));
        var counted = Counted(op, targets, ignoreIndex);
        var classes = Classes(op, counted, targets, axis, logProbabilities.Shape[axis]);
        return Composite.Of(Pick(logProbabilities, classes, axis), picked => Reduce(op, -picked, null, reduction, counted));
    }

    /// <summary>−y·log p − (1−y)·log(1−p) per element, where p is σ(x) for logits x.</summary>
    /// <param name="inputs">Logits x, or probabilities p in [0, 1].</param>
    /// <param name="targets">y in [0, 1], of the inputs' shape.</param>
    /// <param name="weights">One factor per element, or null.</param>
    /// <param name="withLogits">False when the inputs are probabilities; logarithms are then at least −100.</param>
    /// <param name="reduction">What to do with the losses of the elements.</param>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public static Tensor BinaryCrossEntropy(
        Tensor inputs, Tensor targets, Tensor? weights = null, bool withLogits = true, Reduction reduction = Reduction.Mean)
    {
        const string op = "binary_cross_entropy";
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(targets);
        ExpectShape(op, "targets", targets, inputs.Shape);
        return Composite.Of(
            v => Reduce(op, withLogits ? OfLogits(v[0], v[1]) : OfProbabilities(v[0], v[1]), Rest(v, 2), reduction), [inputs, targets, .. Given(weights)]);

        static Tensor OfLogits(Tensor x, Tensor y) =>
            Composite.Weighed(Activations.Softplus(-x), y) + Composite.Weighed(Activations.Softplus(x), 1 - y);

        static Tensor OfProbabilities(Tensor p, Tensor y) => -(ClippedLog(p) * y + ClippedLog(1 - p) * (1 - y));
    }

    /// <summary>max(log p, −100); the logarithm of 0 is not taken at all, so that its gradient is 0 and not NaN.</summary>
    private static Tensor ClippedLog(Tensor p)
    {
        var zero = p == 0;
        var log = Tensor.Where(zero, p.OnesLike(), p).Log();
        return Tensor.Where(zero, log.ZerosLike() - 100, log.Clip(-100, double.PositiveInfinity));
    }

    /// <summary>z[…, target, …] along the axis.</summary>
    private static Tensor Pick(Tensor z, Tensor classes, int axis) => z.TakeAlongAxis(classes.ExpandDims(axis), axis).Squeeze(axis);

    /// <summary>True for samples that have a class; null when all have one.</summary>
    private static Tensor? Counted(string op, Tensor targets, long? ignoreIndex)
    {
        if (targets.DType.IsFloating() || targets.DType == DType.Bool) Throw.DTypeMismatch(op, targets.DType, "an integer type for class indices");
        if (ignoreIndex is not { } ignored) return null;
        var (_, min, max) = DTypes.IInfo(targets.DType);
        return ignored < min || ignored > max ? null : targets != Tensor.From<long>(ignored).Reshape([]).AsType(targets.DType);
    }

    /// <summary>The classes, each checked to be one; 0 for samples without.</summary>
    private static Tensor Classes(string op, Tensor? counted, Tensor targets, int axis, int count) =>
        (counted is null ? targets : Tensor.Where(counted, targets, targets.ZerosLike())).FromStart(op, axis, count);

    private static Tensor[] Given(Tensor? weights) => weights is null ? [] : [weights];

    private static Tensor? Rest(Tensor[] given, int from) => given.Length > from ? given[from] : null;

    private static Tensor Reduce(string op, Tensor loss, Tensor? weights, Reduction reduction, Tensor? counted = null)
    {
        if (weights is not null)
        {
            ExpectShape(op, "weights", weights, loss.Shape);
            loss = Composite.Weighed(loss, weights);
        }
        if (counted is not null) loss = Tensor.Where(counted, loss, loss.ZerosLike());
        return reduction switch
        {
            Reduction.None => loss,
            Reduction.Mean => counted is null ? loss.Mean() : loss.Sum() / counted.AsType(loss.DType).Sum(),
            Reduction.Sum => loss.Sum(),
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, $"[{op}] not a reduction"),
        };
    }

    private static void ExpectShape(string op, string what, Tensor tensor, Shape expected)
    {
        if (tensor.Shape != expected) Throw.Argument(op, $"{what} have shape {tensor.Shape}, expected {expected}");
    }
}
