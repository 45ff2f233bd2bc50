using ManagedFed.Kernels;
using ManagedFed.Ops;

namespace ManagedFed;

// Convolutions and pooling, channels last as in MLX: images are (N, H, W, C), signals (N, L, C).
public sealed partial class Tensor
{
    /// <summary>
    /// y[n, i, j, o] = Σ x[n, i·stride − padding + k·dilation, j·stride − padding + l·dilation, c]·w[o, k, l, c] (+ b[o]):
    /// (N, H, W, C) and weights (O, KH, KW, C/groups) give (N, OH, OW, O), OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1)/stride⌋ + 1.
    /// </summary>
    /// <param name="weights">(O, KH, KW, C/groups).</param>
    /// <param name="bias">(O,), or null.</param>
    /// <param name="stride">Pixels between neighbouring windows, at least 1.</param>
    /// <param name="padding">Zeros on each side, at least 0.</param>
    /// <param name="dilation">Pixels between neighbouring entries of a window, at least 1.</param>
    /// <param name="groups">Parts of the channels, convolved each with its part of the weights.</param>
    /// <exception cref="ArgumentException">The sizes do not fit, or the type is not floating.</exception>
    public Tensor Conv2d(
        Tensor weights, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1) =>
        Conv2d(weights, bias, (stride, stride), (padding, padding), (dilation, dilation), groups);

    /// <summary>The same with figures for rows and columns.</summary>
    /// <exception cref="ArgumentException">The sizes do not fit, or the type is not floating.</exception>
    public Tensor Conv2d(
        Tensor weights, Tensor? bias, (int Rows, int Columns) stride, (int Rows, int Columns) padding, (int Rows, int Columns) dilation, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (stride.Rows < 1 || stride.Columns < 1) Throw.Argument("conv2d", $"stride {stride}, expected at least 1");
        if (padding.Rows < 0 || padding.Columns < 0) Throw.Argument("conv2d", $"padding {padding}, expected at least 0");
        if (dilation.Rows < 1 || dilation.Columns < 1) Throw.Argument("conv2d", $"dilation {dilation}, expected at least 1");
        if (groups < 1) Throw.Argument("conv2d", $"{groups} groups, expected at least 1");
        var (x, w) = Promote(this, weights);
        var op = new Conv2dOp(new(stride, padding, dilation, groups));
        return bias is null ? Apply(op, x, w) : Apply(op, x, w, bias.AsType(x.DType));
    }

    /// <summary>y[n, i, o] = Σ x[n, i·stride − padding + k·dilation, c]·w[o, k, c] (+ b[o]): (N, L, C) and weights (O, K, C/groups) give (N, OL, O).</summary>
    /// <exception cref="ArgumentException">The sizes do not fit, or the type is not floating.</exception>
    public Tensor Conv1d(Tensor weights, Tensor? bias = null, int stride = 1, int padding = 0, int dilation = 1, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (Rank != 3 || weights.Rank != 3) Throw.Argument("conv1d", $"signals {Shape} and weights {weights.Shape}, expected (N, L, C) and (O, K, C)");
        return ExpandDims(1).Conv2d(weights.ExpandDims(1), bias, (1, stride), (0, padding), (1, dilation), groups).Squeeze(1);
    }

    /// <summary>The largest of each window along some axes: (…, n, …) gives (…, ⌊(n + 2·padding − window)/stride⌋ + 1, …); NaN where any is, ties share the gradient.</summary>
    /// <param name="axes">The axes, such as 1 and 2 of images.</param>
    /// <param name="window">The window's size along each.</param>
    /// <param name="stride">Elements between windows along each; the window's size if null.</param>
    /// <param name="padding">Elements of −∞ on each side, at most half a window.</param>
    /// <exception cref="ArgumentException">A window is empty or does not fit, or the padding is too large.</exception>
    public Tensor MaxPool(IReadOnlyList<int> axes, IReadOnlyList<int> window, IReadOnlyList<int>? stride = null, int padding = 0) =>
        Pool("max_pool", axes, window, stride, padding, double.NegativeInfinity, static (x, inner) => x.Max(inner));

    /// <summary>The mean of each window along some axes, zeros of the padding included, as in MLX.</summary>
    /// <exception cref="ArgumentException">A window is empty or does not fit, or the padding is too large.</exception>
    public Tensor AvgPool(IReadOnlyList<int> axes, IReadOnlyList<int> window, IReadOnlyList<int>? stride = null, int padding = 0) =>
        Pool("avg_pool", axes, window, stride, padding, 0, static (x, inner) => x.Mean(inner));

    private Tensor Pool(
        string name, IReadOnlyList<int> axes, IReadOnlyList<int> window, IReadOnlyList<int>? stride, int padding, double outside, Func<Tensor, int[], Tensor> fold)
    {
        ArgumentNullException.ThrowIfNull(axes);
        ArgumentNullException.ThrowIfNull(window);
        stride ??= window;
        if (window.Count != axes.Count || stride.Count != axes.Count)
        {
            Throw.Argument(name, $"{window.Count} window sizes and {stride.Count} strides given for {axes.Count} axes");
        }
        var x = Floating();
        var inner = new int[axes.Count];
        for (var i = 0; i < axes.Count; i++)
        {
            var axis = Shape.Axis(axes[i], name) + i;
            if (i > 0 && axis <= inner[i - 1]) Throw.Argument(name, $"axes ({string.Join(", ", axes)}) are not ascending");
            if (window[i] < 1 || stride[i] < 1) Throw.Argument(name, $"window {window[i]} and stride {stride[i]}, expected at least 1");
            if (padding < 0 || padding > window[i] / 2) Throw.Argument(name, $"padding {padding} of a window of {window[i]}, expected 0..{window[i] / 2}, or some windows would hold nothing else");
            if (padding > 0)
            {
                var edge = Full(x.Shape.With(axis, padding), outside, x.DType);
                x = Concatenate([edge, x, edge], axis);
            }
            if (x.Shape[axis] < window[i]) Throw.Argument(name, $"a window of {window[i]} does not fit into axis {axes[i]} of shape {Shape}");
            x = Apply(new WindowsOp(axis, window[i], stride[i]), x);
            inner[i] = axis + 1;
        }
        return fold(x, inner);
    }
}
