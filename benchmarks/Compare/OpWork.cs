using ManagedFed.Benchmarks.Limits;
using static ManagedFed.Benchmarks.Limits.Cost;
using TorchTensor = TorchSharp.torch.Tensor;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Rows of single operations and short chains over random arrays, evaluated one call at a time.</summary>
internal static class OpWork
{
    private const double ElementTolerance = 1e-5;

    private static readonly (string Name, int Floats)[] Sizes = [("4k", 1 << 12), ("64k", 1 << 16), ("1M", 1 << 20), ("16M", 1 << 24)];

    public static IEnumerable<Work> Products()
    {
        int[][] sizes = [[256, 256, 256], [512, 512, 512], [1024, 1024, 1024], [2048, 2048, 2048], [256, 1024, 1024], [256, 784, 32], [256, 32, 32], [256, 32, 10]];
        foreach (var size in sizes) yield return Product(size[0], size[1], size[2], isTransposed: false);
        yield return Product(784, 256, 32, isTransposed: true);
    }

    public static IEnumerable<Work> Elementwise() =>
    [
        .. Over("add", ["4k", "64k", "1M", "16M"], 2, 1, x => x[0] + x[1], x => x[0].add(x[1])),
        .. Over("mul", ["4k", "64k", "1M"], 2, 1, x => x[0] * x[1], x => x[0].mul(x[1])),
        .. Over("exp", ["4k", "64k", "1M", "16M"], 1, 1, x => x[0].Exp(), x => x[0].exp()),
        .. Over("tanh", ["4k", "64k", "1M"], 1, 1, x => x[0].Tanh(), x => x[0].tanh()),
        .. Over("sum", ["4k", "64k", "1M"], 1, 0, x => x[0].Sum(), x => x[0].sum()),
        .. Over("softmax", ["4k", "64k", "1M"], 1, 1, x => x[0].Softmax(), x => x[0].softmax(-1)),
        .. Softmax("softmax 64k as 256 rows", 256, 256),
        .. Softmax("softmax 1M as 1024 rows", 1024, 1024),
    ];

    public static IEnumerable<Work> Chains()
    {
        var compiled = Transforms.Compile((a, b) => ((a * b + a) * b).Relu());
        return Over("((a*b+a)*b).relu()", ["64k", "1M"], 2, 1, x => compiled(x[0], x[1]), x =>
        {
            using var product = x[0] * x[1];
            using var sum = product + x[0];
            using var outer = sum * x[1];
            return outer.relu();
        });
    }

    private static Work Product(int m, int k, int n, bool isTransposed) =>
        Create(
            $"GEMM {m}x{k}x{n}{(isTransposed ? ", left transposed" : "")}", new Arithmetic(2.0 * m * k * n), 1e-3,
            [isTransposed ? [k, m] : [m, k], [k, n]],
            isTransposed ? x => x[0].T.MatMul(x[1]) : x => x[0].MatMul(x[1]),
            isTransposed ? TransposedProduct : x => x[0].matmul(x[1]));

    private static TorchTensor TransposedProduct(TorchTensor[] x)
    {
        using var left = x[0].t();
        return left.matmul(x[1]);
    }

    private static Work[] Softmax(string name, int rows, int columns) =>
        [Create(name, new Memory(new(rows * columns, 1, 1)), ElementTolerance, [[rows, columns]], x => x[0].Softmax(), x => x[0].softmax(-1))];

    private static IEnumerable<Work> Over(
        string name, string[] sizes, int reads, int writes, Func<Tensor[], Tensor> ours, Func<TorchTensor[], TorchTensor> theirs) =>
        from size in Sizes
        where sizes.Contains(size.Name)
        select Create(
            $"{name} {size.Name}", new Memory(new(size.Floats, reads, writes)), ElementTolerance,
            [.. Enumerable.Repeat<int[]>([size.Floats], reads)], ours, theirs);

    private static Work Create(
        string name, Cost cost, double tolerance, int[][] shapes, Func<Tensor[], Tensor> ours, Func<TorchTensor[], TorchTensor> theirs)
    {
        return new(name, cost, tolerance, Ours, Theirs);

        ISide Ours()
        {
            Tensor[] inputs = [.. shapes.Select((shape, i) => Tensor.From<float>(Values(shape, i), Shape.Create(shape)))];
            return new Side(() => ours(inputs).Eval().Dispose(), () => ours(inputs).ToArray<float>());
        }

        ISide Theirs()
        {
            TorchTensor[] inputs = [.. shapes.Select((shape, i) => TorchSharp.torch.tensor(Values(shape, i)).reshape([.. shape.Select(size => (long)size)]))];
            return new Side(() => theirs(inputs).Dispose(), Result, inputs);

            float[] Result()
            {
                using var result = theirs(inputs);
                return result.data<float>().ToArray();
            }
        }
    }

    // Of either sign, but not centred, so that a sum is not a small difference of large numbers.
    private static float[] Values(int[] shape, int seed)
    {
        var random = new Random(seed);
        var values = new float[shape.Aggregate(1, (count, size) => count * size)];
        for (var i = 0; i < values.Length; i++) values[i] = random.NextSingle() * 4 - 1.5f;
        return values;
    }
}
