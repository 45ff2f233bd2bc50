using TorchSharp;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>Rows of single operations over random matrices, evaluated one call at a time.</summary>
internal static class OpWork
{
    private const int Calls = 200;

    public static Work Add { get; } = Elementwise("add", (x, y) => x + y, (x, y) => x.add(y));

    public static Work Exp { get; } = Elementwise("exp", (x, _) => x.Exp(), (x, _) => x.exp());

    public static Work Tanh { get; } = Elementwise("tanh", (x, _) => x.Tanh(), (x, _) => x.tanh());

    /// <summary>(m, k) × (k, n).</summary>
    public static Work MatMul(int m, int k, int n) =>
        Create($"matmul ({m}, {k}) x ({k}, {n})", (m, k), (k, n), (x, y) => x.MatMul(y), (x, y) => x.matmul(y));

    private static Work Elementwise(
        string name, Func<Tensor, Tensor, Tensor> ours, Func<torch.Tensor, torch.Tensor, torch.Tensor> theirs) =>
        Create($"{name} of 1,048,576 floats", (1024, 1024), (1024, 1024), ours, theirs);

    private static Work Create(
        string name, (int, int) first, (int, int) second, Func<Tensor, Tensor, Tensor> ours, Func<torch.Tensor, torch.Tensor, torch.Tensor> theirs)
    {
        return new(name, Calls, 1e-3, Ours, Theirs);

        ISide Ours()
        {
            var x = Tensor.From<float>(Values(first, 1), [first.Item1, first.Item2]);
            var y = Tensor.From<float>(Values(second, 2), [second.Item1, second.Item2]);
            return new Side(
                () =>
                {
                    for (var i = 0; i < Calls; i++) ours(x, y).Eval();
                },
                () => ours(x, y).ToArray<float>());
        }

        ISide Theirs()
        {
            var x = torch.tensor(Values(first, 1)).reshape(first.Item1, first.Item2);
            var y = torch.tensor(Values(second, 2)).reshape(second.Item1, second.Item2);
            return new Side(
                () =>
                {
                    for (var i = 0; i < Calls; i++) theirs(x, y).Dispose();
                },
                () =>
                {
                    using var result = theirs(x, y);
                    return result.data<float>().ToArray();
                });
        }
    }

    private static float[] Values((int Rows, int Columns) size, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, size.Rows * size.Columns).Select(_ => random.NextSingle() * 2 - 1)];
    }
}
