namespace ManagedFed.Nn;

/// <summary>A convolution of signals with channels last: (N, L, inputs) → (N, OL, outputs); see <see cref="Tensor.Conv1d"/>.</summary>
public sealed class Conv1d : Module
{
    private readonly int stride, padding, dilation, groups;

    /// <summary>A layer with weight (outputs, window, inputs/groups) uniform in ±1/√(inputs/groups·window), and a bias of zeros.</summary>
    /// <param name="inputs">Channels of the signals, at least 1.</param>
    /// <param name="outputs">Channels of the result, at least 1.</param>
    /// <param name="window">Elements under a window, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="stride">Elements between neighbouring windows, at least 1.</param>
    /// <param name="padding">Zeros on each side, at least 0.</param>
    /// <param name="dilation">Elements between neighbouring entries of a window, at least 1.</param>
    /// <param name="groups">Parts of the channels, at least 1, convolved each by itself.</param>
    /// <param name="bias">False for a layer without one.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number lies outside its range.</exception>
    /// <exception cref="ArgumentException">The channels do not divide into the groups.</exception>
    public Conv1d(
        int inputs, int outputs, int window, RandomKey key, int stride = 1, int padding = 0, int dilation = 1, int groups = 1,
        bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        ArgumentOutOfRangeException.ThrowIfLessThan(dilation, 1);
        var size = ConvInit.GroupInputs("conv1d", inputs, outputs, window, groups);
        (this.stride, this.padding, this.dilation, this.groups) = (stride, padding, dilation, groups);
        Weight = ChannelsLast("weight", ConvInit.Weight(key, [outputs, window, size], dtype));
        if (bias) Bias = Parameter("bias", Tensor.Zeros([outputs], dtype));
    }

    /// <summary>The weights, of shape (outputs, window, inputs/groups).</summary>
    public Parameter Weight { get; }

    /// <summary>The bias, of shape (outputs), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings =>
        $"{Weight.Shape[-1] * groups} → {Weight.Shape[0]}, window {Weight.Shape[1]}, stride {stride}, padding {padding}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The signals have other channels or fewer elements than a window.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.ExpectChannels("conv1d", x, Weight.Shape[2] * groups, "N, L");
        return x.Conv1d(Weight, Bias?.Value, stride, padding, dilation, groups);
    }
}

/// <summary>How convolutions begin.</summary>
internal static class ConvInit
{
    /// <summary>The channels of one group, after a look at the sizes.</summary>
    public static int GroupInputs(string name, int inputs, int outputs, int window, int groups)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outputs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(groups, 1);
        if (inputs % groups != 0 || outputs % groups != 0) Throw.Argument(name, $"{inputs} inputs and {outputs} outputs do not divide into {groups} groups");
        return inputs / groups;
    }

    /// <summary>Uniform in ±1/√n, n the numbers under a window.</summary>
    public static Tensor Weight(RandomKey key, Shape shape, DType dtype) =>
        Init.Symmetric(key, shape, 1 / Math.Sqrt((double)shape.Count / shape[0]), dtype);
}
