using Xunit;

namespace ManagedFed.Tests;

public sealed class ConvolutionTests
{
    private sealed record Case(int N, int H, int W, int C, int O, int KH, int KW, int Stride, int Padding, int Dilation, int Groups)
    {
        public int OH => (H + 2 * Padding - Dilation * (KH - 1) - 1) / Stride + 1;

        public int OW => (W + 2 * Padding - Dilation * (KW - 1) - 1) / Stride + 1;
    }

    // One channel and steps of one (laid out by columns), runs across channels, several blocks of windows, groups, and windows larger than images.
    private static readonly Case[] Cases =
    [
        new(2, 7, 6, 1, 3, 3, 3, 1, 0, 1, 1),
        new(3, 28, 28, 1, 8, 5, 5, 1, 2, 1, 1),
        new(2, 9, 11, 1, 2, 3, 2, 1, 1, 2, 1),
        new(2, 9, 8, 1, 2, 3, 3, 2, 1, 1, 1),
        new(4, 14, 14, 16, 10, 5, 5, 1, 0, 1, 1),
        new(2, 10, 9, 5, 7, 3, 2, 2, 1, 1, 1),
        new(2, 10, 9, 6, 4, 3, 3, 1, 2, 2, 2),
        new(1, 6, 6, 8, 8, 3, 3, 1, 1, 1, 8),
        new(2, 2, 3, 4, 3, 4, 5, 1, 2, 1, 1),
        new(3, 5, 5, 3, 2, 1, 1, 1, 0, 1, 1),
        new(0, 5, 5, 3, 2, 3, 3, 1, 0, 1, 1),
        // Sums over more blocks than there are partial sums, of wide and of narrow windows; and a padding that no flipped window reaches.
        new(6, 40, 40, 2, 3, 3, 3, 1, 1, 1, 1),
        new(6, 41, 41, 3, 2, 2, 2, 1, 0, 1, 1),
        new(2, 6, 5, 2, 3, 3, 2, 1, 4, 1, 1),
    ];

    public static TheoryData<int> Indices => [.. Enumerable.Range(0, Cases.Length)];

    [Theory]
    [MemberData(nameof(Indices))]
    public void Conv2d_AndItsGradients_AreTheSumsOfTheDefinition(int index)
    {
        var c = Cases[index];
        var random = new Random(index);
        double[] Draw(params int[] sizes) => [.. Enumerable.Range(0, sizes.Aggregate(1, (a, b) => a * b)).Select(_ => random.NextDouble() - 0.5)];
        var (x, w, b, g) = (Draw(c.N, c.H, c.W, c.C), Draw(c.O, c.KH, c.KW, c.C / c.Groups), Draw(c.O), Draw(c.N, c.OH, c.OW, c.O));
        var (y, dx, dw) = Reference(c, x, w, b, g);
        Shape images = [c.N, c.H, c.W, c.C], weights = [c.O, c.KH, c.KW, c.C / c.Groups], results = [c.N, c.OH, c.OW, c.O];

        foreach (var (dtype, tolerance) in new[] { (DType.Float64, 1e-12), (DType.Float32, 1e-4) })
        {
            Tensor Of(double[] values, Shape shape) => Tensor.From<double>(values, shape).AsType(dtype);
            Tensor F(IReadOnlyList<Tensor> v) => v[0].Conv2d(v[1], v[2], c.Stride, c.Padding, c.Dilation, c.Groups);
            var (outputs, gradients) = Transforms.Vjp(v => [F(v)], [Of(x, images), Of(w, weights), Of(b, [c.O])], [Of(g, results)]);

            Near(y, outputs[0], tolerance);
            Near(dx, gradients[0], tolerance);
            Near(dw, gradients[1], tolerance);
        }
    }

    [Fact]
    public void Conv2d_OnAnyNumberOfThreads_HasTheSameBits()
    {
        var before = CpuDevice.Threads;
        try
        {
            var keys = RandomKey.FromSeed(2).Split(3);
            Tensor x = Tensor.RandomNormal(keys[0], [9, 15, 14, 3]).Eval(), w = Tensor.RandomNormal(keys[1], [20, 5, 5, 3]).Eval();
            float[][] Run(int threads)
            {
                CpuDevice.Threads = threads;
                var (value, gradients) = Transforms.ValueAndGradAll(v => v[0].Conv2d(v[1]).Square().Sum())([x, w]);
                return [value.ToArray<float>(), .. gradients.Select(gradient => gradient.ToArray<float>())];
            }
            var one = Run(1);
            foreach (var threads in (int[])[2, 3, 5]) Assert.Equal(one, Run(threads));
        }
        finally
        {
            CpuDevice.Threads = before;
        }
    }

    [Fact]
    public void Conv2d_OfViews_ReadsTheirElements()
    {
        var x = Tensor.Arange(2 * 3 * 4 * 5).AsType(DType.Float64).Reshape(2, 3, 4, 5);
        var w = Tensor.Arange(3 * 2 * 2 * 2).AsType(DType.Float64).Reshape(2, 2, 2, 3).Transpose(3, 1, 2, 0);
        var view = x.Transpose(0, 3, 2, 1)[.., 1..4].Slice(3, 0, 2);
        var copy = Tensor.From<double>(view.ToArray<double>(), view.Shape);
        var weights = Tensor.From<double>(w.ToArray<double>(), w.Shape);
        Assert.Equal(copy.Conv2d(weights).ToArray<double>(), view.Conv2d(w).ToArray<double>());
    }

    [Fact]
    public void Pool_OfOverlappingWindows_TakesEach()
    {
        // Windows (−∞ 1), (1 4), (4 2), (2 −∞) of 1 4 2 with one more on each side.
        var x = Tensor.From<double>([1, 4, 2], [1, 3, 1]);
        Assert.Equal([1, 4, 4, 2], x.MaxPool([1], [2], [1], padding: 1).ToArray<double>());
        Assert.Equal([0.5, 2.5, 3, 1], x.AvgPool([1], [2], [1], padding: 1).ToArray<double>());
        Assert.Equal([4], x.MaxPool([1], [3]).ToArray<double>());

        // What a window leaves over at the end is not seen.
        Assert.Equal([4], x.MaxPool([1], [2]).ToArray<double>());
    }

    [Fact]
    public void MaxPool_OfNaNAndTies_PropagatesAndShares()
    {
        var x = Tensor.From<double>([1, double.NaN, 3, 3], [4]);
        Assert.Equal([double.NaN, 3], x.MaxPool([0], [2]).ToArray<double>());
        Assert.Equal([0.5, 0.5], Transforms.Grad(v => v.MaxPool([0], [2]).Sum())(x[2..]).ToArray<double>());
    }

    private static void Near(double[] expected, Tensor actual, double tolerance)
    {
        var values = actual.AsType(DType.Float64).ToArray<double>();
        Assert.Equal(expected.Length, values.Length);
        for (var i = 0; i < values.Length; i++) Assert.Equal(expected[i], values[i], tolerance * (1 + Math.Abs(expected[i])));
    }

    private static (double[] Y, double[] Dx, double[] Dw) Reference(Case c, double[] x, double[] w, double[] b, double[] g)
    {
        var (gc, go) = (c.C / c.Groups, c.O / c.Groups);
        var (y, dx, dw) = (new double[g.Length], new double[x.Length], new double[w.Length]);
        for (var at = 0; at < y.Length; at++)
        {
            var (o, j, i, n) = (at % c.O, at / c.O % c.OW, at / c.O / c.OW % c.OH, at / c.O / c.OW / c.OH);
            y[at] = b[o];
            for (var tap = 0; tap < c.KH * c.KW * gc; tap++)
            {
                var (channel, l, k) = (tap % gc, tap / gc % c.KW, tap / gc / c.KW);
                var (row, column) = (i * c.Stride - c.Padding + k * c.Dilation, j * c.Stride - c.Padding + l * c.Dilation);
                if (row < 0 || row >= c.H || column < 0 || column >= c.W) continue;
                var (from, weight) = (((n * c.H + row) * c.W + column) * c.C + o / go * gc + channel, o * c.KH * c.KW * gc + tap);
                y[at] += x[from] * w[weight];
                dx[from] += g[at] * w[weight];
                dw[weight] += g[at] * x[from];
            }
        }
        return (y, dx, dw);
    }
}
