namespace ManagedFed.Nn;

/// <summary>The largest of each window of signals: (N, L, C) → (N, OL, C); see <see cref="Tensor.MaxPool"/>.</summary>
/// <param name="window">Elements of a window, at least 1.</param>
/// <param name="stride">Elements between windows, at least 1; the window if null.</param>
/// <param name="padding">Elements of −∞ on each side, in [0, window/2].</param>
/// <exception cref="ArgumentException">A number lies outside its range.</exception>
public sealed class MaxPool1d(int window, int? stride = null, int padding = 0) : Pool("max_pool1d", window, stride, padding, static (x, size, step, edge) =>
    x.MaxPool([-2], [size], [step], edge));

/// <summary>The largest of each square of images: (N, H, W, C) → (N, OH, OW, C); see <see cref="Tensor.MaxPool"/>.</summary>
/// <param name="window">Rows and columns of a window, at least 1.</param>
/// <param name="stride">Pixels between windows, at least 1; the window if null.</param>
/// <param name="padding">Pixels of −∞ on each side, in [0, window/2].</param>
/// <exception cref="ArgumentException">A number lies outside its range.</exception>
public sealed class MaxPool2d(int window, int? stride = null, int padding = 0) : Pool("max_pool2d", window, stride, padding, static (x, size, step, edge) =>
    x.MaxPool([-3, -2], [size, size], [step, step], edge));

/// <summary>The mean of each window of signals: (N, L, C) → (N, OL, C); see <see cref="Tensor.AvgPool"/>.</summary>
/// <param name="window">Elements of a window, at least 1.</param>
/// <param name="stride">Elements between windows, at least 1; the window if null.</param>
/// <param name="padding">Zeros on each side, in [0, window/2].</param>
/// <exception cref="ArgumentException">A number lies outside its range.</exception>
public sealed class AvgPool1d(int window, int? stride = null, int padding = 0) : Pool("avg_pool1d", window, stride, padding, static (x, size, step, edge) =>
    x.AvgPool([-2], [size], [step], edge));

/// <summary>The mean of each square of images: (N, H, W, C) → (N, OH, OW, C); see <see cref="Tensor.AvgPool"/>.</summary>
/// <param name="window">Rows and columns of a window, at least 1.</param>
/// <param name="stride">Pixels between windows, at least 1; the window if null.</param>
/// <param name="padding">Zeros on each side, in [0, window/2].</param>
/// <exception cref="ArgumentException">A number lies outside its range.</exception>
public sealed class AvgPool2d(int window, int? stride = null, int padding = 0) : Pool("avg_pool2d", window, stride, padding, static (x, size, step, edge) =>
    x.AvgPool([-3, -2], [size, size], [step, step], edge));

/// <summary>All axes from one on merged into one: (N, H, W, C) → (N, H·W·C).</summary>
/// <param name="start">The first axis to merge; a negative number counts from the end.</param>
public sealed class Flatten(int start = 1) : Activation(x => x.Flatten(start), $"from axis {start}");

/// <summary>What windows that slide over a signal or an image have in common.</summary>
public abstract class Pool : Activation
{
    private protected Pool(string op, int window, int? stride, int padding, Func<Tensor, int, int, int, Tensor> fold)
        : base(x => fold(x, window, stride ?? window, padding), $"window {window}, stride {stride ?? window}, padding {padding}")
    {
        Interval.Counts.Check(op, "window", window);
        Interval.Counts.Check(op, "stride", stride ?? window);
        new Interval(0, window / 2).Check(op, "padding", padding);
    }
}
