namespace ManagedFed.Nn;

/// <summary>
/// softmax(Q·Kᵀ/√d + mask)·V for each head, of projected queries, keys and values, projected again (Vaswani et al. 2017):
/// (…, length, dims) → (…, length, dims), d = dims/heads.
/// </summary>
public sealed class MultiHeadAttention : Module
{
    private readonly int heads;
    private readonly double scale;
    private readonly Linear query;
    private readonly Linear keys;
    private readonly Linear values;
    private readonly Linear output;

    /// <summary>Attention with projections as <see cref="Linear"/> begins.</summary>
    /// <param name="dims">The size of the projected queries and keys, all heads together, at least 1 as every size.</param>
    /// <param name="heads">The number of heads, at least 1, a divisor of <paramref name="dims"/> and <paramref name="valueDims"/>.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="queryInputs">The size of the queries given, by default <paramref name="dims"/>.</param>
    /// <param name="keyInputs">The size of the keys given, by default <paramref name="dims"/>.</param>
    /// <param name="valueInputs">The size of the values given, by default that of the keys.</param>
    /// <param name="valueDims">The size of the projected values, by default <paramref name="dims"/>.</param>
    /// <param name="outputs">The size of the result, by default <paramref name="dims"/>.</param>
    /// <param name="bias">True for projections with a bias.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentException">A size is below 1, or the heads divide not.</exception>
    public MultiHeadAttention(
        int dims,
        int heads,
        RandomKey key,
        int? queryInputs = null,
        int? keyInputs = null,
        int? valueInputs = null,
        int? valueDims = null,
        int? outputs = null,
        bool bias = false,
        DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dims, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(heads, 1);
        foreach (var (name, size) in new[] { (nameof(queryInputs), queryInputs), (nameof(keyInputs), keyInputs), (nameof(valueInputs), valueInputs), (nameof(valueDims), valueDims), (nameof(outputs), outputs) })
        {
            Interval.Counts.Check("attention", name, size ?? 1);
        }
        var valueSize = valueDims ?? dims;
        if (dims % heads != 0 || valueSize % heads != 0)
        {
            Throw.Argument("attention", $"{dims} dims with {valueSize} of values cannot be divided among {heads} heads");
        }
        this.heads = heads;
        scale = 1 / Math.Sqrt((double)dims / heads);
        var parts = key.Split(4);
        query = Child("query_proj", new Linear(queryInputs ?? dims, dims, parts[0], bias, dtype));
        keys = Child("key_proj", new Linear(keyInputs ?? dims, dims, parts[1], bias, dtype));
        values = Child("value_proj", new Linear(valueInputs ?? keyInputs ?? dims, valueSize, parts[2], bias, dtype));
        output = Child("out_proj", new Linear(valueSize, outputs ?? dims, parts[3], bias, dtype));
    }

    /// <summary>A mask that lets each place see itself and those before: (length, length), true on and below the diagonal.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    public static Tensor CausalMask(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return Tensor.Arange(length) <= Tensor.Arange(length).ExpandDims(1);
    }

    private protected override string Settings => $"{heads} heads";

    /// <summary>Attention of a sequence to itself.</summary>
    public override Tensor Forward(Tensor x) => Forward(x, x, x);

    /// <summary>Attention of queries (…, n, ·) to keys and values (…, m, ·).</summary>
    /// <param name="queries">What asks.</param>
    /// <param name="keys">What is compared with it.</param>
    /// <param name="values">What is averaged, one to a key.</param>
    /// <param name="mask">
    /// Broadcast to (…, heads, n, m): bool, true where a query may see a key, or numbers that are added to the scores, of which −∞ is as
    /// false. A query that may see nothing averages all.
    /// </param>
    /// <exception cref="ArgumentException">Shapes do not fit.</exception>
    public Tensor Forward(Tensor queries, Tensor keys, Tensor values, Tensor? mask = null)
    {
        LayerInput.Expect("attention", queries, query.Weight.Shape[1], rank: 2);
        LayerInput.Expect("attention", keys, this.keys.Weight.Shape[1], rank: 2);
        LayerInput.Expect("attention", values, this.values.Weight.Shape[1], rank: 2);
        if (keys.Shape[-2] != values.Shape[-2]) Throw.Argument("attention", $"there are {keys.Shape[-2]} keys and {values.Shape[-2]} values");
        var attended = Composite.Of(
            v => Masked(Split(v[0] * scale).MatMul(Split(v[1]).SwapAxes(-1, -2)), mask).Softmax().MatMul(Split(v[2])),
            query.Forward(queries), this.keys.Forward(keys), this.values.Forward(values));
        return output.Forward(attended.SwapAxes(-2, -3).Flatten(-2));
    }

    /// <summary>(…, length, dims) → (…, heads, length, dims/heads).</summary>
    private Tensor Split(Tensor x)
    {
        Shape shape = [.. x.Shape.Sizes[..^1], heads, x.Shape[-1] / heads];
        return x.Reshape(shape).SwapAxes(-2, -3);
    }

    private static Tensor Masked(Tensor scores, Tensor? mask)
    {
        if (mask is null) return scores;

        // The least number and not −∞, whose softmax over a whole row is NaN.
        var least = Tensor.Scalar(-DTypes.FInfo(scores.DType).Max, scores.DType);
        if (mask.DType == DType.Bool) return Tensor.Where(mask, scores, least);
        var hidden = mask.DType.IsFloating() ? mask == double.NegativeInfinity : Tensor.Zeros([], DType.Bool);
        return Tensor.Where(hidden, least, scores + Tensor.Where(hidden, mask.ZerosLike(), mask).AsType(scores.DType));
    }
}
