namespace ManagedFed.Nn;

/// <summary>
/// (x − mean)/√(variance + ε)·scale + shift, over all places and one group of channels of each sample (Wu and He 2018):
/// (batch, …, channels).
/// </summary>
public sealed class GroupNorm : Module
{
    private readonly int groups;
    private readonly int channels;
    private readonly double epsilon;
    private readonly bool interleaved;

    /// <summary>A layer with scale 1 and shift 0 at first.</summary>
    /// <param name="groups">The number of groups, a divisor of the channels.</param>
    /// <param name="channels">The size of the last axis, at least 1.</param>
    /// <param name="epsilon">ε in (0, ∞).</param>
    /// <param name="affine">False for a layer without scale and shift.</param>
    /// <param name="interleaved">
    /// False: a group is channels next to each other, as in the paper and PyTorch. True: group k has the channels k, k + groups,
    /// k + 2·groups, …, as MLX has them unless told to be compatible with PyTorch.
    /// </param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentException">A value lies outside its range, or the channels are no multiple of the groups.</exception>
    public GroupNorm(
        int groups, int channels, double epsilon = 1e-5, bool affine = true, bool interleaved = false, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (channels % groups != 0) Throw.Argument("group_norm", $"{channels} channels cannot be divided into {groups} groups");
        (this.groups, this.channels, this.interleaved) = (groups, channels, interleaved);
        this.epsilon = Interval.Positive.Check("group_norm", "epsilon", epsilon);
        if (!affine) return;
        Weight = Parameter("weight", Tensor.Ones([channels], dtype));
        Bias = Parameter("bias", Tensor.Zeros([channels], dtype));
    }

    /// <summary>The scale, of shape (channels), or null.</summary>
    public Parameter? Weight { get; }

    /// <summary>The shift, of shape (channels), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings => $"{groups} groups of {channels / groups}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There is no batch axis, or the last axis has another size.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.Expect("group_norm", x, channels, rank: 2);
        var size = channels / groups;
        int[] split = interleaved ? [x.Shape[0], -1, size, groups] : [x.Shape[0], -1, groups, size];
        return Normalisation.Affine(x, Weight, Bias, v => Normalisation.Over(v.Reshape(split), epsilon, 1, interleaved ? 2 : 3).Reshape(x.Shape));
    }
}
