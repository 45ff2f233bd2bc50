using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.Kernels;

/// <summary>Moves numbers between images and the rows of a matrix, one row for each window (im2col and back).</summary>
internal static unsafe class ConvPatches
{
    /// <summary>The windows from number <paramref name="first"/> on, counted over all images, as rows of (KH, KW, C/G) numbers; zeros outside the image.</summary>
    public static void Gather<T>(in ConvShape shape, T* images, int group, nint first, nint count, T* rows) where T : unmanaged
    {
        int channels = shape.GroupC, width = shape.KW * channels, step = shape.Window.Dilation.Rows;
        var together = shape.Window.Dilation.Columns == 1 && channels == shape.C;
        nint line = (nint)shape.W * shape.C, last = first + count;
        for (var window = first; window < last;)
        {
            // The windows of one row of places.
            var place = Place(shape, window);
            var end = nint.Min(last, window + shape.OW - window % shape.OW);
            var image = images + place.Image * shape.H * line + group * channels;
            for (var x = place.X; window < end; window++, x += shape.Window.Stride.Columns)
            {
                var (from, until) = Inside(shape, x);
                var y = place.Y;
                for (var ky = 0; ky < shape.KH; ky++, y += step, rows += width)
                {
                    if (y < 0 || y >= shape.H)
                    {
                        Clear(rows, width);
                        continue;
                    }
                    Clear(rows, from * channels);
                    if (together) Move(image + y * line + (nint)(x + from) * channels, rows + from * channels, (until - from) * channels);
                    else Pixels(shape, image + y * line, x, from, until, rows);
                    Clear(rows + until * channels, width - until * channels);
                }
            }
        }
    }

    private static void Pixels<T>(in ConvShape shape, T* line, int x, int from, int until, T* to) where T : unmanaged
    {
        for (var kx = from; kx < until; kx++)
        {
            Move(line + (nint)(x + kx * shape.Window.Dilation.Columns) * shape.C, to + kx * shape.GroupC, shape.GroupC);
        }
    }

    /// <summary>The same for images of one channel and windows that move by one: a column of the matrix at a time, since its numbers lie in a row of the image.</summary>
    /// <param name="shape">The convolution; images and windows are as said above.</param>
    /// <param name="images">The images.</param>
    /// <param name="first">The first row of the matrix that is taken: a place of the window in an image.</param>
    /// <param name="count">The number of rows.</param>
    /// <param name="columns">The matrix transposed, (KH·KW, count).</param>
    public static void GatherColumns<T>(in ConvShape shape, T* images, nint first, nint count, T* columns) where T : unmanaged
    {
        for (nint done = 0; done < count;)
        {
            var place = Place(shape, first + done);
            var column = place.X + shape.Window.Padding.Columns;
            var run = nint.Min(shape.OW - column, count - done);
            for (var ky = 0; ky < shape.KH; ky++)
            {
                var y = place.Y + ky * shape.Window.Dilation.Rows;
                var line = images + ((nint)place.Image * shape.H + y) * shape.W;
                for (var kx = 0; kx < shape.KW; kx++)
                {
                    var to = columns + (nint)(ky * shape.KW + kx) * count + done;
                    var x = place.X + kx * shape.Window.Dilation.Columns;
                    if (y < 0 || y >= shape.H)
                    {
                        Clear(to, (int)run);
                        continue;
                    }
                    var before = (int)nint.Clamp(-x, 0, run);
                    var inside = (int)nint.Clamp(shape.W - x, before, run);
                    Clear(to, before);
                    Move(line + x + before, to + before, inside - before);
                    Clear(to + inside, (int)run - inside);
                }
            }
            done += run;
        }
    }

    /// <summary>Adds the rows of <see cref="Gather"/> back to where they came from.</summary>
    public static void Scatter<T>(in ConvShape shape, T* rows, int group, nint first, nint count, T* images) where T : unmanaged, System.Numerics.INumber<T>
    {
        var channels = shape.GroupC;
        for (nint row = 0; row < count; row++, rows += shape.Depth)
        {
            var place = Place(shape, first + row);
            var image = images + place.Image * shape.H * shape.W * shape.C + group * channels;
            var from = rows;
            for (var ky = 0; ky < shape.KH; ky++, from += shape.KW * channels)
            {
                var y = place.Y + ky * shape.Window.Dilation.Rows;
                if (y < 0 || y >= shape.H) continue;
                var line = image + (nint)y * shape.W * shape.C;
                var (start, end) = Inside(shape, place.X);
                if (shape.Window.Dilation.Columns == 1 && channels == shape.C)
                {
                    Accumulate.Line(from + start * channels, line + (nint)(place.X + start) * shape.C, (end - start) * channels);
                    continue;
                }
                for (var kx = start; kx < end; kx++)
                {
                    Accumulate.Line(from + kx * channels, line + (nint)(place.X + kx * shape.Window.Dilation.Columns) * shape.C, channels);
                }
            }
        }
    }

    /// <summary>Weights (O, KH, KW, C/G) as a matrix of (KH, KW, C/G) rows and O/G columns for each group.</summary>
    public static void Turn<T>(in ConvShape shape, T* weights, T* matrix) where T : unmanaged
    {
        for (var group = 0; group < shape.G; group++, weights += (nint)shape.GroupO * shape.Depth, matrix += (nint)shape.GroupO * shape.Depth)
        {
            Pack.Panel(weights, shape.Depth, 1, shape.GroupO, shape.Depth, matrix, shape.GroupO);
        }
    }

    /// <summary>The weights of the convolution whose <see cref="ConvShape.Backward"/> is given, as that one's matrix: rows (KH, KW, O/G) with both axes turned round, columns C/G.</summary>
    public static void Flip<T>(in ConvShape shape, T* weights, T* matrix) where T : unmanaged
    {
        // What is an output there is a channel here.
        int inputs = shape.GroupC, outputs = shape.GroupO, window = shape.KH * shape.KW;
        for (var group = 0; group < shape.G; group++)
        {
            for (var place = window - 1; place >= 0; place--)
            {
                for (var input = 0; input < inputs; input++, matrix += outputs)
                {
                    Move(weights + (((nint)group * inputs + input) * window + place) * outputs, matrix, outputs);
                }
            }
        }
    }

    /// <summary>The image of a window and the pixel of its first entry, which may lie in the padding.</summary>
    private static (nint Image, int Y, int X) Place(in ConvShape shape, nint window)
    {
        var (image, place) = Math.DivRem(window, shape.Places);
        var (i, j) = Math.DivRem((int)place, shape.OW);
        var (stride, padding) = (shape.Window.Stride, shape.Window.Padding);
        return (image, i * stride.Rows - padding.Rows, j * stride.Columns - padding.Columns);
    }

    /// <summary>The entries of a window's row that lie inside the image when its first has column x.</summary>
    private static (int From, int Until) Inside(in ConvShape shape, int x)
    {
        var step = shape.Window.Dilation.Columns;
        var from = x >= 0 ? 0 : Math.Min((-x + step - 1) / step, shape.KW);
        var until = Math.Clamp((shape.W - x + step - 1) / step, from, shape.KW);
        return (from, until);
    }

    // Runs of a few numbers: a call for each would cost more than the numbers.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Move<T>(T* from, T* to, int count) where T : unmanaged
    {
        var i = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; i <= count - Vector512<T>.Count; i += Vector512<T>.Count) *(Vector512<T>*)(to + i) = *(Vector512<T>*)(from + i);
        }
        for (; i <= count - Vector256<T>.Count; i += Vector256<T>.Count) *(Vector256<T>*)(to + i) = *(Vector256<T>*)(from + i);
        for (; i < count; i++) to[i] = from[i];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Clear<T>(T* to, int count) where T : unmanaged
    {
        for (var i = 0; i < count; i++) to[i] = default;
    }
}
