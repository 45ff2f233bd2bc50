namespace ManagedFed.Nn;

/// <summary>(x − mean)/√(variance + ε)·scale + shift for each channel, the last axis (Ioffe and Szegedy 2015).</summary>
/// <remarks>
/// In training mean and biased variance are the batch's, over all axes but the last, and move the running ones:
/// running ← (1 − momentum)·running + momentum·batch, with the unbiased variance. In evaluation they are the running ones,
/// which are buffers: saved and sent with the parameters, but not trained.
/// </remarks>
public sealed class BatchNorm : Module
{
    private readonly int channels;
    private readonly double epsilon;
    private readonly double momentum;

    /// <summary>A layer with scale 1, shift 0, running mean 0 and running variance 1 at first.</summary>
    /// <param name="channels">The size of the last axis, at least 1.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="momentum">The weight of a new batch, in [0, 1].</param>
    /// <param name="affine">False for a layer without scale and shift.</param>
    /// <param name="trackRunningStats">False for a layer that uses the batch's statistics in evaluation too.</param>
    /// <param name="dtype">The type of parameters and buffers.</param>
    /// <exception cref="ArgumentException">A value lies outside its range.</exception>
    public BatchNorm(
        int channels,
        double epsilon = 1e-5,
        double momentum = 0.1,
        bool affine = true,
        bool trackRunningStats = true,
        DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        this.channels = channels;
        this.momentum = Interval.Unit.Check("batch_norm", "momentum", momentum);
        this.epsilon = Interval.Positive.Check("batch_norm", "epsilon", epsilon);
        if (affine)
        {
            Weight = Parameter("weight", Tensor.Ones([channels], dtype));
            Bias = Parameter("bias", Tensor.Zeros([channels], dtype));
        }
        if (!trackRunningStats) return;
        RunningMean = Buffer("running_mean", Tensor.Zeros([channels], dtype));
        RunningVar = Buffer("running_var", Tensor.Ones([channels], dtype));
    }

    /// <summary>The scale, of shape (channels), or null.</summary>
    public Parameter? Weight { get; }

    /// <summary>The shift, of shape (channels), or null.</summary>
    public Parameter? Bias { get; }

    /// <summary>The running mean, of shape (channels), or null.</summary>
    public Parameter? RunningMean { get; }

    /// <summary>The running variance, of shape (channels), or null.</summary>
    public Parameter? RunningVar { get; }

    private protected override string Settings => $"{channels}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">
    /// There is no batch axis, the last axis has another size, or a batch to learn from has a single value per channel.
    /// </exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.Expect("batch_norm", x, channels, rank: 2);
        var count = (double)x.Count / channels;
        if (Training && count <= 1) Throw.Argument("batch_norm", $"input of shape {x.Shape} has {count} values per channel, expected at least 2 in training");
        return Normalisation.Affine(x, Weight, Bias, v =>
        {
            if (!Training && RunningMean is not null) return Normalisation.Apply(v, Wide(RunningMean), Wide(RunningVar!), epsilon);
            var (mean, variance) = Normalisation.Statistics(v, [.. Enumerable.Range(0, v.Rank - 1)]);
            if (Training)
            {
                Move(RunningMean, mean, 1);
                Move(RunningVar, variance, count / (count - 1));
            }
            return Normalisation.Apply(v, mean, variance, epsilon);
        });
    }

    private static Tensor Wide(Parameter parameter) => parameter.Value.AsType(Composite.Type(parameter.DType));

    private void Move(Parameter? running, Tensor batch, double correction)
    {
        if (running is null) return;
        var value = batch.Reshape(channels).StopGradient();
        running.Value = (Wide(running) * (1 - momentum) + value * (momentum * correction)).AsType(running.DType);
    }
}
