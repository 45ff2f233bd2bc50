namespace ManagedFed.Tests;

/// <summary>A function to check.</summary>
/// <param name="F">A smooth function of float64 tensors within the range.</param>
/// <param name="Shapes">The arguments' shapes.</param>
/// <param name="Low">The least value of an argument.</param>
/// <param name="High">The largest.</param>
internal sealed record OpRow(Func<Tensor[], Tensor> F, Shape[] Shapes, double Low = -1, double High = 1)
{
    public static OpRow Unary(Func<Tensor, Tensor> f, double low = -1, double high = 1) => new(v => f(v[0]), [[2, 3, 4]], low, high);

    public static OpRow Binary(Func<Tensor, Tensor, Tensor> f, double low = -1, double high = 1) =>
        new(v => f(v[0], v[1]), [[2, 3, 4], [2, 3, 4]], low, high);

    /// <summary>Arguments from the range.</summary>
    public Tensor[] Draw(Random random) => Array.ConvertAll(Shapes, shape => Uniform(random, shape, Low, High));

    public static Tensor Uniform(Random random, Shape shape, double low, double high)
    {
        var values = new double[shape.Count];
        for (var i = 0; i < values.Length; i++) values[i] = low + (high - low) * random.NextDouble();
        return Tensor.From<double>(values, shape);
    }
}

/// <summary>
/// One row per operation. Each is checked by <see cref="GradientTests"/>: derivatives of first and second order, jvp
/// against vjp, vmap against a loop, compiled against eager. A family of operations has a file of its own, listed here.
/// </summary>
internal static partial class OpTable
{
    public static IReadOnlyDictionary<string, OpRow> Rows { get; } = new[]
    {
        Elementwise,
        Reduce,
        MatMul,
        Movement,
        Index,
        Custom,
        Order,
        Conv,
        Update,
        Arrange,
        Products,
        Maths,
    }.SelectMany(family => family).ToDictionary();
}
