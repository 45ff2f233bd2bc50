using System.Globalization;
using System.Text;

namespace ManagedFed.Federation.Data;

/// <summary>How many rows of each label each partition has; the metrics <c>compute_counts</c> and <c>compute_frequencies</c> of Flower Datasets.</summary>
public sealed class LabelCounts
{
    private readonly int[,] counts;

    private LabelCounts(string column, IReadOnlyList<string> labels, int[,] counts) => (Column, Labels, this.counts) = (column, labels, counts);

    /// <summary>The column of labels.</summary>
    public string Column { get; }

    /// <summary>The labels of all partitions in ascending order, by name where names are known.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>The number of partitions.</summary>
    public int Partitions => counts.GetLength(0);

    /// <summary>The number of a partition's rows that have a label.</summary>
    public int this[int partition, int label] => counts[partition, label];

    /// <summary>The number of a partition's rows.</summary>
    public int Total(int partition) => Enumerable.Range(0, Labels.Count).Sum(label => counts[partition, label]);

    /// <summary>The share of a partition's rows that have a label, 0 where the partition is empty.</summary>
    public double Frequency(int partition, int label) => Total(partition) is > 0 and var total ? (double)counts[partition, label] / total : 0;

    /// <summary>Counts the labels of partitions.</summary>
    /// <param name="partitions">The partitions, such as <see cref="FederatedDataset.Partitions"/>.</param>
    /// <param name="column">The column of labels.</param>
    /// <param name="maxPartitions">How many partitions to count, from the first on; all where it is not given.</param>
    /// <exception cref="ArgumentException">A partition has no such column, or its labels are of another kind than the first's.</exception>
    public static LabelCounts Of(IReadOnlyList<Table> partitions, string column, int? maxPartitions = null)
    {
        ArgumentNullException.ThrowIfNull(partitions);
        Labels[] own = [.. partitions.Select(partition => partition.Labels(column))];
        // Labels that no partition shown has are columns of zeros, so that plots of one data set agree.
        var names = new Dictionary<IComparable, string>();
        foreach (var (value, name) in own.SelectMany(labels => labels.Values.Zip(labels.Names))) names.TryAdd(value, name);
        if (partitions.Count > 0 && partitions[0].Column(column).ClassNames is { } classes)
        {
            for (var label = 0; label < classes.Count; label++) names.TryAdd((long)label, classes[label]);
        }
        if (names.Keys.Select(value => value.GetType()).Distinct().Count() > 1)
        {
            throw new ArgumentException($"[label_counts] column '{column}' holds numbers in some partitions and text in others");
        }
        IComparable[] labels = [.. names.Keys.Order(Comparer<IComparable>.Create(Data.Labels.Compare))];
        var places = labels.Select((value, place) => (value, place)).ToDictionary(pair => pair.value, pair => pair.place);
        var counts = new int[Math.Min(maxPartitions ?? own.Length, own.Length), labels.Length];
        for (var partition = 0; partition < counts.GetLength(0); partition++)
        {
            foreach (var code in own[partition].Codes) counts[partition, places[own[partition].Values[code]]]++;
        }
        return new(column, [.. labels.Select(value => names[value])], counts);
    }

    /// <summary>The table of counts: a line per partition, a column per label, and sums.</summary>
    public override string ToString()
    {
        string[] head = ["partition", .. Labels, "total"];
        var lines = Enumerable.Range(0, Partitions).Select(partition => Cells($"{partition}", label => counts[partition, label]));
        string[][] rows = [head, .. lines, Cells("total", label => Enumerable.Range(0, Partitions).Sum(partition => counts[partition, label]))];
        int[] widths = [.. head.Select((_, column) => rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (var row in rows) text.AppendJoin("  ", row.Select((cell, column) => cell.PadLeft(widths[column]))).Append('\n');
        return text.ToString().TrimEnd('\n');
    }

    private string[] Cells(string name, Func<int, int> count)
    {
        int[] row = [.. Enumerable.Range(0, Labels.Count).Select(count)];
        return [name, .. row.Append(row.Sum()).Select(value => value.ToString("N0", CultureInfo.InvariantCulture))];
    }
}
