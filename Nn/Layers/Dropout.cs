namespace ManagedFed.Nn;

/// <summary>
/// In training each element is 0 with probability p and else x/(1−p); in evaluation the output is the input
/// (Srivastava et al. 2014).
/// </summary>
public sealed class Dropout : Module
{
    private readonly double p;

    /// <summary>A layer that drops elements with probability <paramref name="p"/>.</summary>
    /// <param name="p">In [0, 1).</param>
    /// <param name="key">Where the randomness starts; each training pass splits it.</param>
    /// <exception cref="ArgumentException">p lies outside its range.</exception>
    public Dropout(double p, RandomKey key)
    {
        if (!(p is >= 0 and < 1)) Throw.Argument("dropout", $"probability {p} lies outside [0, 1)");
        this.p = p;
        Key = Buffer("key", key, persistent: false);
    }

    /// <summary>The key that the next training pass splits: it goes on with the first half and draws with the second.</summary>
    public Parameter Key { get; }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (p == 0 || !Training) return x;
        var halves = Tensor.RandomSplit(Key);
        Key.Value = halves[0];
        return Tensor.Where(Tensor.RandomBernoulli(halves[1], p, x.Shape), x.ZerosLike(), x * (1 / (1 - p)));
    }
}
