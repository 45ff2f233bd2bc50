namespace ManagedFed.Graph;

/// <summary>Axis numbers of an operation; equal when the numbers are, so that equal operations can be found.</summary>
internal readonly struct Axes(int[] numbers) : IEquatable<Axes>
{
    private readonly int[] numbers = numbers;

    public int Length => numbers.Length;

    public int this[int i] => numbers[i];

    public static implicit operator Axes(int[] numbers) => new(numbers);

    public static implicit operator ReadOnlySpan<int>(Axes axes) => axes.numbers;

    public ReadOnlySpan<int>.Enumerator GetEnumerator() => ((ReadOnlySpan<int>)numbers).GetEnumerator();

    /// <summary>The same axes of a batch, whose axis is the first.</summary>
    public Axes Shifted() => Array.ConvertAll(numbers, axis => axis + 1);

    /// <summary>A permutation of a batch that leaves its first axis where it is.</summary>
    public Axes BehindBatch() => (int[])[0, .. Array.ConvertAll(numbers, axis => axis + 1)];

    public override string ToString() => $"({string.Join(", ", numbers)})";

    public bool Equals(Axes other) => numbers.AsSpan().SequenceEqual(other.numbers);

    public override bool Equals(object? obj) => obj is Axes other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var number in numbers) hash.Add(number);
        return hash.ToHashCode();
    }
}
