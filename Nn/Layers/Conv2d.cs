namespace ManagedFed.Nn;

/// <summary>A convolution of images with channels last: (N, H, W, inputs) → (N, OH, OW, outputs); see <see cref="Tensor.Conv2d(Tensor, Tensor?, int, int, int, int)"/>.</summary>
public sealed class Conv2d : Module
{
    private readonly (int Rows, int Columns) stride, padding, dilation;
    private readonly int groups;

    /// <summary>A layer with weight (outputs, window, window, inputs/groups) uniform in ±1/√(inputs/groups·window²), and a bias of zeros.</summary>
    /// <param name="inputs">Channels of the images, at least 1.</param>
    /// <param name="outputs">Channels of the result, at least 1.</param>
    /// <param name="window">Rows and columns under a window, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="stride">Pixels between neighbouring windows, at least 1.</param>
    /// <param name="padding">Zeros on each side, at least 0.</param>
    /// <param name="dilation">Pixels between neighbouring entries of a window, at least 1.</param>
    /// <param name="groups">Parts of the channels, at least 1, convolved each by itself.</param>
    /// <param name="bias">False for a layer without one.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number lies outside its range.</exception>
    /// <exception cref="ArgumentException">The channels do not divide into the groups.</exception>
    public Conv2d(
        int inputs, int outputs, int window, RandomKey key, int stride = 1, int padding = 0, int dilation = 1, int groups = 1,
        bool bias = true, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        ArgumentOutOfRangeException.ThrowIfLessThan(dilation, 1);
        var size = ConvInit.GroupInputs("conv2d", inputs, outputs, window, groups);
        (this.stride, this.padding, this.dilation, this.groups) = ((stride, stride), (padding, padding), (dilation, dilation), groups);
        Weight = ChannelsLast("weight", ConvInit.Weight(key, [outputs, window, window, size], dtype));
        if (bias) Bias = Parameter("bias", Tensor.Zeros([outputs], dtype));
    }

    /// <summary>The weights, of shape (outputs, window, window, inputs/groups).</summary>
    public Parameter Weight { get; }

    /// <summary>The bias, of shape (outputs), or null.</summary>
    public Parameter? Bias { get; }

    private protected override string Settings =>
        $"{Weight.Shape[-1] * groups} → {Weight.Shape[0]}, window {Weight.Shape[1]}, stride {stride.Rows}, padding {padding.Rows}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The images have other channels or fewer pixels than a window.</exception>
    public override Tensor Forward(Tensor x)
    {
        LayerInput.ExpectChannels("conv2d", x, Weight.Shape[3] * groups, "N, H, W");
        return x.Conv2d(Weight, Bias?.Value, stride, padding, dilation, groups);
    }
}
