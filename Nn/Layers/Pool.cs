namespace ManagedFed.Nn;

/// <summary>The largest of each window of signals: (N, L, C) → (N, OL, C); see <see cref="Tensor.MaxPool"/>.</summary>
/// <param name="window">Elements of a window.</param>
/// <param name="stride">Elements between windows; the window if null.</param>
/// <param name="padding">Elements of −∞ on each side.</param>
public sealed class MaxPool1d(int window, int? stride = null, int padding = 0)
    : Activation(x => x.MaxPool([-2], [window], [stride ?? window], padding));

/// <summary>The largest of each square of images: (N, H, W, C) → (N, OH, OW, C); see <see cref="Tensor.MaxPool"/>.</summary>
/// <param name="window">Rows and columns of a window.</param>
/// <param name="stride">Pixels between windows; the window if null.</param>
/// <param name="padding">Pixels of −∞ on each side.</param>
public sealed class MaxPool2d(int window, int? stride = null, int padding = 0)
    : Activation(x => x.MaxPool([-3, -2], [window, window], [stride ?? window, stride ?? window], padding));

/// <summary>The mean of each window of signals: (N, L, C) → (N, OL, C); see <see cref="Tensor.AvgPool"/>.</summary>
/// <param name="window">Elements of a window.</param>
/// <param name="stride">Elements between windows; the window if null.</param>
/// <param name="padding">Zeros on each side.</param>
public sealed class AvgPool1d(int window, int? stride = null, int padding = 0)
    : Activation(x => x.AvgPool([-2], [window], [stride ?? window], padding));

/// <summary>The mean of each square of images: (N, H, W, C) → (N, OH, OW, C); see <see cref="Tensor.AvgPool"/>.</summary>
/// <param name="window">Rows and columns of a window.</param>
/// <param name="stride">Pixels between windows; the window if null.</param>
/// <param name="padding">Zeros on each side.</param>
public sealed class AvgPool2d(int window, int? stride = null, int padding = 0)
    : Activation(x => x.AvgPool([-3, -2], [window, window], [stride ?? window, stride ?? window], padding));

/// <summary>All axes from one on merged into one: (N, H, W, C) → (N, H·W·C).</summary>
/// <param name="start">The first axis to merge.</param>
public sealed class Flatten(int start = 1) : Activation(x => x.Flatten(start));
