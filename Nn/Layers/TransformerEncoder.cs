namespace ManagedFed.Nn;

/// <summary>Layers of self-attention and a small network each, then a <see cref="LayerNorm"/>: (…, length, dims) (Vaswani et al. 2017).</summary>
public sealed class TransformerEncoder : Module
{
    private readonly TransformerEncoderLayer[] layers;
    private readonly LayerNorm last;

    /// <summary>A stack of equal layers; see <see cref="TransformerEncoderLayer"/> for the parameters.</summary>
    /// <param name="count">The number of layers, at least 0.</param>
    /// <param name="dims">The size of the last axis, at least 1.</param>
    /// <param name="heads">The number of heads, a divisor of <paramref name="dims"/>.</param>
    /// <param name="key">Chooses the initial values and what is dropped.</param>
    /// <param name="mlpDims">The hidden size of the network, at least 1, by default 4·dims.</param>
    /// <param name="dropout">The probability of dropping, in [0, 1).</param>
    /// <param name="activation">The network's nonlinearity.</param>
    /// <param name="normFirst">Whether to normalise before or after.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentException">A value lies outside its range, or the heads divide not.</exception>
    public TransformerEncoder(
        int count,
        int dims,
        int heads,
        RandomKey key,
        int? mlpDims = null,
        double dropout = 0,
        Func<Tensor, Tensor>? activation = null,
        bool normFirst = true,
        DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        TransformerEncoderLayer.Check(dims, heads, mlpDims, dropout);
        layers = Children("layers", key.Split(count).Select(k => new TransformerEncoderLayer(dims, heads, k, mlpDims, dropout, activation, normFirst, dtype)));
        last = Child("ln", new LayerNorm(dims, dtype: dtype));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Forward(x, null);

    /// <summary>The encoded sequence under a mask; see <see cref="MultiHeadAttention.Forward(Tensor, Tensor, Tensor, Tensor?)"/>.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit.</exception>
    public Tensor Forward(Tensor x, Tensor? mask) => last.Forward(layers.Aggregate(x, (y, layer) => layer.Forward(y, mask)));
}

/// <summary>
/// x ← x + attention(norm(x)), x ← x + W₂·f(W₁·norm(x)), each with dropout; or, with the norm last, x ← norm(x + …) instead.
/// </summary>
public sealed class TransformerEncoderLayer : Module
{
    private readonly MultiHeadAttention attention;
    private readonly LayerNorm norm1;
    private readonly LayerNorm norm2;
    private readonly Linear linear1;
    private readonly Linear linear2;
    private readonly Dropout dropout1;
    private readonly Dropout dropout2;
    private readonly Func<Tensor, Tensor> activation;
    private readonly bool normFirst;

    /// <summary>A layer with the initial values of its parts.</summary>
    /// <param name="dims">The size of the last axis, at least 1.</param>
    /// <param name="heads">The number of heads, a divisor of <paramref name="dims"/>.</param>
    /// <param name="key">Chooses the initial values and what is dropped.</param>
    /// <param name="mlpDims">The hidden size of the network, at least 1, by default 4·dims.</param>
    /// <param name="dropout">The probability of dropping, in [0, 1).</param>
    /// <param name="activation">f, by default max(x, 0).</param>
    /// <param name="normFirst">True to normalise before attention and network, false after.</param>
    /// <param name="dtype">The type of the parameters.</param>
    /// <exception cref="ArgumentException">A value lies outside its range, or the heads divide not.</exception>
    public TransformerEncoderLayer(
        int dims,
        int heads,
        RandomKey key,
        int? mlpDims = null,
        double dropout = 0,
        Func<Tensor, Tensor>? activation = null,
        bool normFirst = true,
        DType dtype = DType.Float32)
    {
        Check(dims, heads, mlpDims, dropout);
        var keys = key.Split(5);
        var hidden = mlpDims ?? 4 * dims;
        this.activation = activation ?? Activations.Relu;
        this.normFirst = normFirst;
        attention = Child("attention", new MultiHeadAttention(dims, heads, keys[0], dtype: dtype));
        norm1 = Child("ln1", new LayerNorm(dims, dtype: dtype));
        norm2 = Child("ln2", new LayerNorm(dims, dtype: dtype));
        linear1 = Child("linear1", new Linear(dims, hidden, keys[1], dtype: dtype));
        linear2 = Child("linear2", new Linear(hidden, dims, keys[2], dtype: dtype));
        dropout1 = Child("dropout1", new Dropout(dropout, keys[3]));
        dropout2 = Child("dropout2", new Dropout(dropout, keys[4]));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Forward(x, null);

    /// <summary>The layer's output under a mask; see <see cref="MultiHeadAttention.Forward(Tensor, Tensor, Tensor, Tensor?)"/>.</summary>
    /// <exception cref="ArgumentException">Shapes do not fit.</exception>
    public Tensor Forward(Tensor x, Tensor? mask)
    {
        if (normFirst)
        {
            x += Attend(norm1.Forward(x), mask);
            return x + Network(norm2.Forward(x));
        }
        x = norm1.Forward(x + Attend(x, mask));
        return norm2.Forward(x + Network(x));
    }

    /// <summary>Refuses settings that lie outside their ranges, also for a stack of no layers.</summary>
    internal static void Check(int dims, int heads, int? mlpDims, double dropout)
    {
        const string op = "transformer";
        Interval.Counts.Check(op, nameof(dims), dims);
        Interval.Counts.Check(op, nameof(heads), heads);
        Interval.Counts.Check(op, nameof(mlpDims), mlpDims ?? 1);
        Interval.Fraction.Check(op, nameof(dropout), dropout);
    }

    private Tensor Attend(Tensor x, Tensor? mask) => dropout1.Forward(attention.Forward(x, x, x, mask));

    private Tensor Network(Tensor x) => linear2.Forward(dropout2.Forward(activation(linear1.Forward(x))));
}
