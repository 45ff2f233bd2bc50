namespace ManagedFed.Kernels;

/// <summary>How a window moves over an image: one figure for rows (0) and one for columns (1).</summary>
/// <param name="Stride">Pixels between neighbouring windows.</param>
/// <param name="Padding">Zeros before the first and after the last pixel.</param>
/// <param name="Dilation">Pixels between neighbouring entries of a window.</param>
/// <param name="Groups">Parts of the channels that are convolved each by itself.</param>
internal readonly record struct ConvWindow((int Rows, int Columns) Stride, (int Rows, int Columns) Padding, (int Rows, int Columns) Dilation, int Groups)
{
    /// <summary>How many places a window of so many entries has along an axis of the image.</summary>
    public static int Places(int size, int kernel, int stride, int padding, int dilation) =>
        (int)((size + 2L * padding - dilation * (kernel - 1L) - 1) / stride + 1);
}

/// <summary>The sizes of one convolution: images (N, H, W, C), weights (O, KH, KW, C/G), results (N, OH, OW, O).</summary>
internal readonly record struct ConvShape(ConvWindow Window, int N, int H, int W, int C, int O, int KH, int KW, int OH, int OW)
{
    public static ConvShape Of(ConvWindow window, Shape images, Shape weights, Shape results) => new(
        window, images[0], images[1], images[2], images[3], weights[0], weights[1], weights[2], results[1], results[2]);

    public int G => Window.Groups;

    /// <summary>Channels and results of one group.</summary>
    public int GroupC => C / G;

    public int GroupO => O / G;

    /// <summary>Numbers under one window in one group.</summary>
    public int Depth => KH * KW * GroupC;

    /// <summary>
    /// The convolution of the results' gradient with the flipped weights that gives the images' gradient; null where windows do not move by
    /// one, or leave pixels out.
    /// </summary>
    public ConvShape? Backward
    {
        get
        {
            var ((rows, columns), (top, left), dilation, groups) = Window;
            (int Rows, int Columns) padding = (dilation.Rows * (KH - 1) - top, dilation.Columns * (KW - 1) - left);
            if (rows != 1 || columns != 1 || padding.Rows < 0 || padding.Columns < 0) return null;
            return new(new((1, 1), padding, dilation, groups), N, OH, OW, O, C, KH, KW, H, W);
        }
    }

    /// <summary>Windows of one image.</summary>
    public int Places => OH * OW;
}
