namespace ManagedFed.Faults;

/// <summary>The seed's numbers: the same on every machine and in every version of the runtime (SplitMix64, Steele et al. 2014).</summary>
internal sealed class Chance(ulong seed)
{
    private ulong state = seed;

    public ulong Next()
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>0 … n − 1.</summary>
    public int Below(int n) => (int)Math.BigMul(Next(), (ulong)n, out _);

    public bool OneIn(int n) => Below(n) == 0;

    /// <summary>A number of 0 to 1, without 1.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1L << 53));

    public TimeSpan UpTo(TimeSpan longest) => longest * Unit();

    public TimeSpan Seconds(double longest) => TimeSpan.FromSeconds(longest * Unit());

    public T Of<T>(params ReadOnlySpan<T> items) => items[Below(items.Length)];
}

/// <summary>The same numbers for what takes a <see cref="Random"/>.</summary>
internal sealed class ChanceRandom(Chance chance) : Random
{
    public override double NextDouble() => chance.Unit();
}
