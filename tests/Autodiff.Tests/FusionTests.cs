using Xunit;

namespace ManagedFed.Tests;

/// <summary>Compiled functions run several operations in one pass; each result is that of the operations alone, to the bit.</summary>
public sealed class FusionTests
{
    [Fact]
    public void ElementwiseChain_IsOneKernel()
    {
        AssertFused(1, v => [((v[0] * v[1] + v[0]) * v[1]).Relu()], [Values(5000, 1), Values(5000, 2)]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(511)]
    [InlineData(4097)]
    [InlineData(300_001)]
    public void Chain_OfAnyLength_EqualsEager(int n)
    {
        AssertFused(1, v => [(v[0].Exp() - v[1]).Tanh() * 2 + v[0].Abs().Sqrt()], [Values(n, 1), Values(n, 2)]);
    }

    [Fact]
    public void Chain_WithBroadcastsCastsAndChoices_EqualsEager()
    {
        var (matrix, row, column) = (Values(33 * 47, 1).Reshape(33, 47), Values(47, 2), Values(33, 3).Reshape(33, 1));
        AssertFused(1, v => [Tensor.Where(v[0] > v[1], v[0] * v[2], (v[0] == v[1]).AsType(DType.Float32) + v[1])], [matrix, row, column]);
        AssertFused(1, v => [(v[0] * 10).AsType(DType.Int32).AsType(DType.Float64) + v[2].AsType(DType.Float64)], [matrix, row, column.BroadcastTo([33, 47])]);
        AssertFused(1, v => [v[0] * v[0].T + v[1]], [Values(81 * 81, 4).Reshape(81, 81), Values(81, 5)]);
    }

    [Fact]
    public void Chain_WithSeveralResults_IsOneKernel()
    {
        AssertFused(1, v =>
        {
            var mean = v[0] * 0.9 + v[2] * 0.1;
            var square = v[1] * 0.99 + v[2].Square() * 0.01;
            return [mean, square, v[2] - mean * 0.01 / (square.Sqrt() + 1e-8)];
        }, [Values(10_000, 1), Values(10_000, 2).Abs(), Values(10_000, 3)]);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(100, 10)]
    [InlineData(7, 1024)]
    [InlineData(3, 3001)]
    [InlineData(2, 200_003)]
    public void Chain_ThatEndsInAReduction_IsOneKernel(int rows, int columns)
    {
        var (x, y) = (Values(rows * columns, 1).Reshape(rows, columns), Values(rows * columns, 2).Reshape(rows, columns));
        AssertFused(1, v => [(v[0] - v[1]).Square().Sum()], [x, y]);
        AssertFused(1, v => [(v[0] * v[1]).Sum(1, keepDims: true)], [x, y]);
        AssertFused(1, v => [(v[0] + 1).Max(1, keepDims: true)], [x, y]);
        AssertFused(1, v => [(v[0].AsType(DType.Float64) * 3).Sum(1, keepDims: true)], [x, y]);

        // A result on the way to a reduction is written once.
        AssertFused(1, v =>
        {
            var difference = v[0] - v[1];
            return [difference, difference.Abs().Sum()];
        }, [x, y]);
    }

    [Fact]
    public void ReductionOfColumns_IsAKernelOfItsOwn()
    {
        AssertFused(2, v => [(v[0] * v[0]).Sum(0, keepDims: true)], [Values(600, 1).Reshape(20, 30)]);
    }

    [Fact]
    public void Product_WithBiasAndActivation_IsOneKernel()
    {
        var (x, w, b) = (Values(70 * 30, 1).Reshape(70, 30), Values(30 * 20, 2).Reshape(30, 20), Values(20, 3));
        AssertFused(1, v => [Tensor.AddMM(v[2], v[0], v[1]).Relu()], [x, w, b]);
        AssertFused(1, v => [v[0].MatMul(v[1]).Tanh()], [x, w, b]);
        AssertFused(1, v => [Tensor.AddMM(v[2], v[0], v[1]).Sigmoid()], [x, w, b]);

        // Read twice, the product must be kept.
        AssertFused(2, v =>
        {
            var product = v[0].MatMul(v[1]);
            return [product.Relu(), product];
        }, [x, w, b]);
    }

    [Fact]
    public void GradientThroughAnActivation_JoinsTheProductBefore()
    {
        // Forward: 2 products with relu, 1 product; backward: 2 products to the input with relu′, 3 to the weights; a sum
        // of the last product, and the constant gradient spread over it.
        var f = Transforms.Compile(v => Transforms.GradAll(w =>
            v[0].MatMul(w[0]).Relu().MatMul(w[1]).Relu().MatMul(w[2]).Sum())(v[1..]));
        Tensor[] arguments = [Values(40 * 30, 1).Reshape(40, 30), Values(30 * 20, 2).Reshape(30, 20), Values(20 * 10, 3).Reshape(20, 10), Values(10 * 5, 4).Reshape(10, 5)];
        f.Invoke(arguments);
        Assert.Equal(7, f.Statistics.Kernels);
    }

    [Fact]
    public void Merging_NeverMakesTwoKernelsWaitForEachOther()
    {
        // y reads the product, which reads x's chain: joining y with that chain would need y before itself.
        AssertFused(3, v =>
        {
            var x = v[0] + 1;
            var product = x.MatMul(x);
            return [x * product + x];
        }, [Values(36, 1).Reshape(6, 6)]);

        // Two chains that read each other's column sums.
        AssertFused(null, v =>
        {
            Tensor a = v[0] + 1, b = v[0] * 2;
            return [a + b.Sum(0), b + a.Sum(0)];
        }, [Values(36, 1).Reshape(6, 6)]);
    }

    [Fact]
    public void RandomGraphs_EqualEager()
    {
        var random = new Random(5);
        for (var graph = 0; graph < 60; graph++)
        {
            var seed = random.Next();
            int rows = random.Next(1, 40), columns = random.Next(1, 200);
            Tensor[] inputs = [Values(rows * columns, 1).Reshape(rows, columns), Values(columns, 2), Values(rows * columns, 3).Reshape(columns, rows)];
            AssertFused(null, v => Build(v, new(seed)), inputs);
        }
    }

    private static Tensor[] Build(Tensor[] inputs, Random random)
    {
        List<Tensor> values = [inputs[0], inputs[1], inputs[2].T];
        for (var i = 0; i < 40; i++)
        {
            Tensor a = Pick(), b = Pick();
            values.Add(random.Next(9) switch
            {
                0 => a + b,
                1 => a * b,
                2 => Tensor.Maximum(a, b),
                3 => a.Tanh(),
                4 => Tensor.Where(a > b, a, b * 0.5),
                5 => (a < b).AsType(DType.Float32) - a,
                6 when a.Rank > 1 => a.Sum(random.Next(2), keepDims: true) * 0.01 + b,
                7 => a.AsType(DType.Float64).Sin().AsType(DType.Float32),
                _ => a - b,
            });
        }
        return [values[^1], values[^5], values[^9].Sum()];

        Tensor Pick() => values[random.Next(values.Count)];
    }

    private static void AssertFused(int? kernels, Func<Tensor[], Tensor[]> f, Tensor[] arguments)
    {
        var compiled = Transforms.Compile(f);
        var expected = f(arguments);
        for (var run = 0; run < 2; run++)
        {
            var actual = compiled.Invoke(arguments);
            for (var i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i].Shape, actual[i].Shape);
                Assert.True(expected[i].ToNdArray().Contiguous().Bytes.SequenceEqual(actual[i].ToNdArray().Contiguous().Bytes), $"result {i}, run {run}");
            }
        }
        if (kernels is { } count) Assert.Equal(count, compiled.Statistics.Kernels);
    }

    private static Tensor Values(int count, int seed)
    {
        var random = new Random(seed);
        return Tensor.From<float>([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 4 - 2)]);
    }
}
