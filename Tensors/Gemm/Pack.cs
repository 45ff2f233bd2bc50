using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace ManagedFed.Kernels;

/// <summary>Copies a strided panel into the order in which a tile reads it.</summary>
internal static unsafe class Pack
{
    /// <summary>
    /// dst[k·width + i] = src[i·stride + k·depthStride] for i &lt; count, and 0 for count ≤ i &lt; width.
    /// </summary>
    public static void Panel<T>(T* src, nint stride, nint depthStride, int count, nint depth, T* dst, int width) where T : unmanaged
    {
        if (count < width) new Span<T>(dst, checked((int)(width * depth))).Clear();
        if (stride == 1) Rows(src, depthStride, count, depth, dst, width);
        else if (depthStride == 1) Columns(src, stride, count, depth, dst, width);
        else Elements(src, stride, depthStride, 0, count, 0, depth, dst, width);
    }

    /// <summary>
    /// A block of columns as panels of <paramref name="width"/> each, one behind the other; the last is filled up with 0.
    /// </summary>
    public static void Panels<T>(T* src, nint stride, nint depthStride, nint columns, nint depth, T* dst, int width) where T : unmanaged
    {
        var whole = stride == 1 ? columns / width : 0;
        // All panels at once, so that each run of the source, in a page of its own perhaps, is visited once.
        if (whole > 0) Runs(src, depthStride, whole, depth, dst, width);
        for (var done = whole * width; done < columns; done += width)
        {
            Panel(src + done * stride, stride, depthStride, (int)Math.Min(width, columns - done), depth, dst + done * depth, width);
        }
    }

    private static void Runs<T>(T* src, nint depthStride, nint panels, nint depth, T* dst, int width) where T : unmanaged
    {
        int line = sizeof(Vector128<byte>) / sizeof(T), pair = 2 * line, pairs = width - width % pair;
        for (nint k = 0; k < depth; k++, src += depthStride, dst += width)
        {
            T* from = src, to = dst;
            if (Sse.IsSupported) Sse.Prefetch0(src + RunsAhead * depthStride);
            for (nint panel = 0; panel < panels; panel++, from += width, to += width * depth)
            {
                for (var i = 0; i < pairs; i += pair) *(Vector256<T>*)(to + i) = *(Vector256<T>*)(from + i);
                if (pairs < width) *(Vector128<T>*)(to + pairs) = *(Vector128<T>*)(from + pairs);
            }
        }
    }

    // Runs far apart lie in a page each, beyond which the processor does not look ahead by itself.
    private const int RunsAhead = 16;

    /// <summary>The source's runs have the panel's direction.</summary>
    private static void Rows<T>(T* src, nint depthStride, int count, nint depth, T* dst, int width) where T : unmanaged
    {
        // Whole lines of 16 bytes, then what is left of each run.
        var perLine = sizeof(Vector128<byte>) / sizeof(T);
        var whole = count - count % perLine;
        for (nint k = 0; k < depth; k++, src += depthStride, dst += width)
        {
            if (Sse.IsSupported) Sse.Prefetch0(src + RunsAhead * depthStride);
            for (var i = 0; i < whole; i += perLine) *(Vector128<T>*)(dst + i) = *(Vector128<T>*)(src + i);
            for (var i = whole; i < count; i++) dst[i] = src[i];
        }
    }

    /// <summary>The source's runs cross the panel: squares of 4×4 float or 2×2 double turn in registers, two at once where AVX is.</summary>
    private static void Columns<T>(T* src, nint stride, int count, nint depth, T* dst, int width) where T : unmanaged
    {
        var side = sizeof(Vector128<byte>) / sizeof(T);
        if (!(Sse2.IsSupported || AdvSimd.Arm64.IsSupported) || typeof(T) != typeof(float) && typeof(T) != typeof(double)) side = count + 1;
        var rows = count - count % side;
        var whole = rows == 0 ? 0 : depth - depth % side;
        // A cache line of each run at a time, so that lines of the panel are written while they are near.
        var line = Block.LineSize / sizeof(T);
        for (nint start = 0; start < whole; start += line)
        {
            var end = nint.Min(start + line, whole);
            var i = 0;
            if (Avx.IsSupported)
            {
                for (; i <= rows - 2 * side; i += 2 * side)
                {
                    for (var k = start; k < end; k += side)
                    {
                        if (typeof(T) == typeof(float)) TurnTwo((float*)src + i * stride + k, stride, (float*)dst + k * width + i, width);
                        else TurnTwo((double*)src + i * stride + k, stride, (double*)dst + k * width + i, width);
                    }
                }
            }
            for (; i < rows; i += side)
            {
                for (var k = start; k < end; k += side)
                {
                    if (typeof(T) == typeof(float)) Turn((float*)src + i * stride + k, stride, (float*)dst + k * width + i, width);
                    else Turn((double*)src + i * stride + k, stride, (double*)dst + k * width + i, width);
                }
            }
        }
        Elements(src, stride, 1, 0, rows, whole, depth, dst, width);
        Elements(src, stride, 1, rows, count, 0, depth, dst, width);
    }

    private static void Elements<T>(T* src, nint stride, nint depthStride, int from, int to, nint start, nint depth, T* dst, int width)
        where T : unmanaged
    {
        for (var i = from; i < to; i++)
        {
            for (var k = start; k < depth; k++) dst[k * width + i] = src[i * stride + k * depthStride];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(float* src, nint stride, float* dst, nint width)
    {
        var (r0, r1) = (*(Vector128<float>*)src, *(Vector128<float>*)(src + stride));
        var (r2, r3) = (*(Vector128<float>*)(src + 2 * stride), *(Vector128<float>*)(src + 3 * stride));
        var (low01, high01) = (Low(r0, r1).AsDouble(), High(r0, r1).AsDouble());
        var (low23, high23) = (Low(r2, r3).AsDouble(), High(r2, r3).AsDouble());
        *(Vector128<double>*)dst = Low(low01, low23);
        *(Vector128<double>*)(dst + width) = High(low01, low23);
        *(Vector128<double>*)(dst + 2 * width) = Low(high01, high23);
        *(Vector128<double>*)(dst + 3 * width) = High(high01, high23);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turn(double* src, nint stride, double* dst, nint width)
    {
        var (r0, r1) = (*(Vector128<double>*)src, *(Vector128<double>*)(src + stride));
        *(Vector128<double>*)dst = Low(r0, r1);
        *(Vector128<double>*)(dst + width) = High(r0, r1);
    }

    /// <summary>Two squares below each other, one in each half of the registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnTwo(float* src, nint stride, float* dst, nint width)
    {
        var (r0, r1) = (Two(src, 4 * stride), Two(src + stride, 4 * stride));
        var (r2, r3) = (Two(src + 2 * stride, 4 * stride), Two(src + 3 * stride, 4 * stride));
        var (low01, high01) = (Avx.UnpackLow(r0, r1).AsDouble(), Avx.UnpackHigh(r0, r1).AsDouble());
        var (low23, high23) = (Avx.UnpackLow(r2, r3).AsDouble(), Avx.UnpackHigh(r2, r3).AsDouble());
        *(Vector256<double>*)dst = Avx.UnpackLow(low01, low23);
        *(Vector256<double>*)(dst + width) = Avx.UnpackHigh(low01, low23);
        *(Vector256<double>*)(dst + 2 * width) = Avx.UnpackLow(high01, high23);
        *(Vector256<double>*)(dst + 3 * width) = Avx.UnpackHigh(high01, high23);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void TurnTwo(double* src, nint stride, double* dst, nint width)
    {
        var (r0, r1) = (Two(src, 2 * stride), Two(src + stride, 2 * stride));
        *(Vector256<double>*)dst = Avx.UnpackLow(r0, r1);
        *(Vector256<double>*)(dst + width) = Avx.UnpackHigh(r0, r1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<T> Two<T>(T* src, nint apart) where T : unmanaged =>
        Vector256.Create(*(Vector128<T>*)src, *(Vector128<T>*)(src + apart));

    // The lower (upper) halves of two vectors, interleaved.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> Low(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.UnpackLow(a, b) : AdvSimd.Arm64.ZipLow(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> High(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(a, b) : AdvSimd.Arm64.ZipHigh(a, b);
}
