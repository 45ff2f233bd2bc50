namespace ManagedFed.Nn;

/// <summary>A vector for each of a number of symbols: indices (…) → (…, size).</summary>
public sealed class Embedding : Module
{
    /// <summary>A table of normal vectors with standard deviation 1/√size.</summary>
    /// <param name="count">The number of symbols, at least 1.</param>
    /// <param name="size">The size of a vector, at least 1.</param>
    /// <param name="key">Chooses the initial values.</param>
    /// <param name="dtype">The type of the vectors.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    public Embedding(int count, int size, RandomKey key, DType dtype = DType.Float32)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Weight = Parameter("weight", Init.Normal(key, [count, size], 0, 1 / Math.Sqrt(size), dtype));
    }

    /// <summary>The vectors, of shape (count, size).</summary>
    public Parameter Weight { get; }

    private protected override string Settings => $"{Weight.Shape[0]} of {Weight.Shape[1]}";

    /// <summary>The vectors of the symbols.</summary>
    /// <param name="x">Integers in [0, count).</param>
    /// <exception cref="ArgumentException">The indices are not integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">When computed: an index is negative or too large.</exception>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.DType.IsFloating() || x.DType == DType.Bool) Throw.DTypeMismatch("embedding", x.DType, "an integer type for indices");

        return Weight.Value.Take(x.FromStart("embedding", 0, Weight.Shape[0]));
    }

    /// <summary>x·Wᵀ, the scores of all symbols: (…, size) → (…, count); ties a model's output to its input.</summary>
    /// <exception cref="ArgumentException">The last axis has another size.</exception>
    public Tensor AsLinear(Tensor x)
    {
        LayerInput.Expect("embedding", x, Weight.Shape[1]);
        return x.MatMul(Weight.T);
    }
}
