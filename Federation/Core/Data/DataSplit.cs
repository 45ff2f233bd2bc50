namespace ManagedFed.Federation.Data;

/// <summary>How many examples: a number of them, or a share of all.</summary>
public readonly record struct SplitSize
{
    private readonly double value;
    private readonly bool isShare;

    private SplitSize(double value, bool isShare) => (this.value, this.isShare) = (value, isShare);

    /// <summary>So many examples, at least 1.</summary>
    public static implicit operator SplitSize(int count) => new(count, isShare: false);

    /// <summary>A share of all, between 0 and 1.</summary>
    public static implicit operator SplitSize(double share) => new(share, isShare: true);

    /// <summary>The number of examples of so many, a share rounded as asked.</summary>
    internal int Of(int count, Func<double, double> round, string name)
    {
        if (isShare ? value is > 0 and < 1 : value > 0 && value < count) return (int)(isShare ? round(value * count) : value);
        throw new ArgumentException($"[train_test_split] {name} is {value}, expected a share between 0 and 1 or 1 to {count - 1} of {count} examples");
    }

    /// <inheritdoc/>
    public override string ToString() => isShare ? $"{value:0.##%}" : $"{value}";
}

/// <summary>Hugging Face's <c>train_test_split</c>.</summary>
internal static class DataSplit
{
    public static (int[] Train, int[] Test) Choose(
        Table table, SplitSize? testSize, SplitSize? trainSize, bool shuffle, string? stratifyBy, ulong? seed)
    {
        var count = table.Count;
        if (testSize is null && trainSize is null) testSize = 0.25;
        var test = testSize?.Of(count, Math.Ceiling, "the test size") ?? count - trainSize!.Value.Of(count, Math.Floor, "the train size");
        var train = trainSize?.Of(count, Math.Floor, "the train size") ?? count - test;
        if (train + test > count) throw new ArgumentException($"[train_test_split] {train} and {test} examples are more than the {count} there are");
        if (train == 0 || test == 0) throw new ArgumentException($"[train_test_split] {train} examples for training and {test} for testing leave one side empty");
        if (!shuffle)
        {
            if (stratifyBy is not null) throw new ArgumentException("[train_test_split] a stratified split is always shuffled; leave shuffle true");
            return ([.. Enumerable.Range(0, train)], [.. Enumerable.Range(train, test)]);
        }
        var generator = NumpyGenerator.Of(seed);
        if (stratifyBy is not null) return Stratified(table.Labels(stratifyBy), train, test, generator);
        var order = generator.Permutation(count);
        return (order[test..(test + train)], order[..test]);
    }

    private static (int[] Train, int[] Test) Stratified(Labels labels, int train, int test, NumpyGenerator generator)
    {
        var rows = labels.AscendingRows();
        if (rows.Min(of => of.Length) < 2) throw new ArgumentException("[train_test_split] a label has fewer than 2 examples, so it cannot be on both sides");
        if (Math.Min(train, test) < rows.Length)
        {
            throw new ArgumentException($"[train_test_split] {train} and {test} examples cannot hold all {rows.Length} labels on both sides");
        }
        int[] sizes = [.. rows.Select(of => of.Length)];
        var toTrain = Shares(sizes, train, generator);
        var toTest = Shares([.. sizes.Zip(toTrain, (size, taken) => size - taken)], test, generator);
        List<int> learn = [], judge = [];
        for (var label = 0; label < rows.Length; label++)
        {
            var order = generator.Permutation(sizes[label]);
            learn.AddRange(order[..toTrain[label]].Select(i => rows[label][i]));
            judge.AddRange(order[toTrain[label]..(toTrain[label] + toTest[label])].Select(i => rows[label][i]));
        }
        var (chosenTrain, chosenTest) = (learn.ToArray(), judge.ToArray());
        generator.Shuffle<int>(chosenTrain);
        generator.Shuffle<int>(chosenTest);
        return (chosenTrain, chosenTest);
    }

    /// <summary>The likeliest counts of so many draws without replacement: shares rounded down, and one more for the largest remainders.</summary>
    private static int[] Shares(int[] sizes, int draws, NumpyGenerator generator)
    {
        double total = sizes.Sum();
        double[] exact = [.. sizes.Select(size => (double)draws * size / total)];
        int[] shares = [.. exact.Select(share => (int)Math.Floor(share))];
        double[] remainders = [.. exact.Zip(shares, (share, whole) => share - whole)];
        var missing = draws - shares.Sum();
        foreach (var remainder in remainders.Distinct().OrderDescending())
        {
            if (missing == 0) break;
            int[] equal = [.. Enumerable.Range(0, sizes.Length).Where(i => remainders[i] == remainder)];
            var more = Math.Min(equal.Length, missing);
            foreach (var chosen in generator.Choice(equal.Length, more, replace: false)) shares[equal[chosen]]++;
            missing -= more;
        }
        return shares;
    }
}
