namespace ManagedFed.Nn;

/// <summary>How the losses of single samples become one number.</summary>
public enum Reduction
{
    /// <summary>They do not: the result has one loss per sample.</summary>
    None,

    /// <summary>Their mean; also with weights a division by the number of samples.</summary>
    Mean,

    /// <summary>Their sum.</summary>
    Sum,
}

/// <summary>Loss functions, with MLX's defaults: note that some, such as <see cref="CrossEntropy"/>, do not reduce unless told to.</summary>
public static partial class Losses
{
    /// <summary>
    /// log Σ eᶻ − (1−ε)·z[target] − ε·mean(z) per sample; for probabilities p, z[target] is Σ p·z.
    /// </summary>
    /// <param name="logits">Unnormalised scores z, such as (batch, classes).</param>
    /// <param name="targets">Class indices of the logits' shape without the axis, or probabilities of the logits' shape.</param>
    /// <param name="weights">One factor per sample, or null.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <param name="labelSmoothing">ε in [0, 1): how much of the target is spread evenly over all classes.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <exception cref="ArgumentException">Shapes or types do not fit, or ε lies outside its range.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: a class index is negative or too large.</exception>
    public static Tensor CrossEntropy(
        Tensor logits,
        Tensor targets,
        Tensor? weights = null,
        int axis = -1,
        double labelSmoothing = 0,
        Reduction reduction = Reduction.None)
    {
        const string op = "cross_entropy";
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentNullException.ThrowIfNull(targets);
        if (!(labelSmoothing is >= 0 and < 1)) Throw.Argument(op, $"label smoothing {labelSmoothing} lies outside [0, 1)");
        if (!logits.DType.IsFloating()) Throw.DTypeMismatch(op, logits.DType, "a floating type for logits");
        axis = logits.Shape.Axis(axis, op);
        var sampleShape = logits.Shape.Remove(axis);
        if (targets.Shape != logits.Shape && targets.Shape != sampleShape)
        {
            Throw.Argument(op, $"targets have shape {targets.Shape}, logits {logits.Shape}; " +
                $"expected {sampleShape} class indices or {logits.Shape} probabilities");
        }

        Tensor loss;
        if (targets.Shape == sampleShape && labelSmoothing == 0)
        {
            var rows = logits.MoveAxis(axis, -1).Reshape(-1, logits.Shape[axis]);
            loss = rows.CrossEntropy(Classes(op, targets).Reshape(-1)).Reshape(sampleShape);
        }
        else
        {
            // Large logits would cost digits in the difference below; their largest is a constant that cancels.
            var z = logits - logits.Max(axis, keepDims: true).StopGradient();
            var score = targets.Shape == logits.Shape ? (z * targets).Sum(axis) : Pick(op, z, targets, axis);
            loss = z.LogSumExp(axis) - (labelSmoothing == 0 ? score : score * (1 - labelSmoothing) + z.Mean(axis) * labelSmoothing);
        }
        return Reduce(op, loss, weights, reduction);
    }

    /// <summary>−log p[target] per sample, given log-probabilities.</summary>
    /// <param name="logProbabilities">Such as (batch, classes).</param>
    /// <param name="targets">Class indices of that shape without the axis.</param>
    /// <param name="axis">The axis of the classes.</param>
    /// <param name="reduction">What to do with the losses of the samples.</param>
    /// <exception cref="ArgumentException">The shapes do not fit, or the targets are not integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: a class index is negative or too large.</exception>
    public static Tensor NllLoss(Tensor logProbabilities, Tensor targets, int axis = -1, Reduction reduction = Reduction.None)
    {
        const string op = "nll_loss";
        ArgumentNullException.ThrowIfNull(logProbabilities);
        ArgumentNullException.ThrowIfNull(targets);
        axis = logProbabilities.Shape.Axis(axis, op);
        ExpectShape(op, "targets", targets, logProbabilities.Shape.Remove(axis));
        return Reduce(op, -Pick(op, logProbabilities, targets, axis), null, reduction);
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
        var loss = withLogits
            ? Tensor.LogAddExp(inputs.ZerosLike(), inputs) - inputs * targets
            : -(ClippedLog(inputs) * targets + ClippedLog(1 - inputs) * (1 - targets));
        return Reduce(op, loss, weights, reduction);
    }

    /// <summary>max(log p, −100); the logarithm of 0 is not taken at all, so that its gradient is 0 and not NaN.</summary>
    private static Tensor ClippedLog(Tensor p)
    {
        var zero = p == 0;
        var log = Tensor.Where(zero, p.OnesLike(), p).Log();
        return Tensor.Where(zero, log.ZerosLike() - 100, log.Clip(-100, double.PositiveInfinity));
    }

    /// <summary>z[…, target, …] along the axis.</summary>
    private static Tensor Pick(string op, Tensor z, Tensor targets, int axis) =>
        z.TakeAlongAxis(Classes(op, targets).ExpandDims(axis), axis).Squeeze(axis);

    private static Tensor Classes(string op, Tensor targets)
    {
        if (targets.DType.IsFloating() || targets.DType == DType.Bool) Throw.DTypeMismatch(op, targets.DType, "an integer type for class indices");

        // As uint32 a negative class is out of range instead of counting from the end.
        return targets.AsType(DType.UInt32);
    }

    private static Tensor Reduce(string op, Tensor loss, Tensor? weights, Reduction reduction)
    {
        if (weights is not null)
        {
            ExpectShape(op, "weights", weights, loss.Shape);
            loss *= weights;
        }
        return reduction switch
        {
            Reduction.None => loss,
            Reduction.Mean => loss.Mean(),
            Reduction.Sum => loss.Sum(),
            _ => throw new ArgumentOutOfRangeException(nameof(reduction), reduction, $"[{op}] not a reduction"),
        };
    }

    private static void ExpectShape(string op, string what, Tensor tensor, Shape expected)
    {
        if (tensor.Shape != expected) Throw.Argument(op, $"{what} have shape {tensor.Shape}, expected {expected}");
    }
}
