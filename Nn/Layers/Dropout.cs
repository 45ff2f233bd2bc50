namespace ManagedFed.Nn;

/// <summary>
/// In training each element is 0 with probability p and else x/(1−p); in evaluation the output is the input
/// (Srivastava et al. 2014).
/// </summary>
public sealed class Dropout : Module
{
    private readonly double p;

    /// <summary>A layer that drops elements with probability <paramref name="p"/>.</summary>
    /// <param name="p">In [0, 1): with 1 nothing would be left to scale up.</param>
    /// <param name="key">Where the randomness starts; each training pass splits it.</param>
    /// <exception cref="ArgumentException">p lies outside its range.</exception>
    public Dropout(double p, RandomKey key)
    {
        this.p = Interval.Fraction.Check("dropout", "probability", p);
        Key = Buffer("key", key, persistent: false);
    }

    /// <summary>The key that the next training pass splits: it goes on with the first half and draws with the second.</summary>
    public Parameter Key { get; }

    private protected override string Settings => FormattableString.Invariant($"p {p}");

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (p == 0 || !Training) return x;
        var halves = Tensor.RandomSplit(Key);
        Key.Value = halves[0];
        var drop = Tensor.RandomBernoulli(halves[1], p, x.Shape);
        return Composite.Of(x, v => Tensor.Where(drop, v.ZerosLike(), v * (1 / (1 - p))));
    }
}
