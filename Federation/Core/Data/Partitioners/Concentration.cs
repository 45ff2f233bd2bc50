namespace ManagedFed.Federation.Data;

/// <summary>The concentration of a Dirichlet distribution: one for all, or one each. The smaller, the more one prevails.</summary>
public sealed record Concentration
{
    private readonly double[] values;
    private readonly bool same;

    private Concentration(double[] values, bool same)
    {
        foreach (var value in values)
        {
            if (!(value > 0 && double.IsFinite(value))) throw new ArgumentException($"[partition] a concentration (alpha) is {value}, expected above 0");
        }
        (this.values, this.same) = (values, same);
    }

    /// <summary>The same for all.</summary>
    public static implicit operator Concentration(double value) => new([value], same: true);

    /// <summary>One each.</summary>
    public static implicit operator Concentration(double[] values) => new([.. values ?? throw new ArgumentNullException(nameof(values))], same: false);

    internal double[] For(int count, string what)
    {
        if (same) return [.. Enumerable.Repeat(values[0], count)];
        return values.Length == count ? values : throw new ArgumentException($"[partition] {values.Length} concentrations (alpha) for {count} {what}");
    }

    /// <inheritdoc/>
    public override string ToString() => same ? $"{values[0]}" : $"[{string.Join(", ", values)}]";

    /// <inheritdoc/>
    public bool Equals(Concentration? other) => other is not null && same == other.same && values.AsSpan().SequenceEqual(other.values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(same, values.Length, values.FirstOrDefault());
}
