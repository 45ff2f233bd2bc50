using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

public sealed class TableTests
{
    private static readonly NdArray Images = NdArray.From<float>([.. Enumerable.Range(0, 12).Select(i => (float)i)], [6, 2]);

    private static Table Sample() => new(
        ("image", new ArrayColumn(Images)),
        ("label", new ArrayColumn(NdArray.From<int>(0, 1, 0, 1, 2, 2))),
        ("writer", new TextColumn(["a", "b", "c", "a", "b", "c"])));

    [Fact]
    public void Select_OfASelection_ComposesRows()
    {
        var table = Sample().Select(5, 3, 1).Select(2, 0, 0);
        Assert.Equal([1, 2, 2], table.Array("label").ToArray<int>());
        Assert.Equal([2f, 3, 10, 11, 10, 11], table.Array("image").ToArray<float>());
        Assert.Equal(["b", "c", "c"], ((TextColumn)table.Column("writer")).Values);
    }

    [Fact]
    public void Array_WholeTable_IsTheArrayItself() => Assert.Same(Images, Sample().Array("image"));

    [Fact]
    public void Array_RunOfRows_SharesMemory()
    {
        var images = NdArray.From<float>([.. Images.ToArray<float>()], [6, 2]);
        var part = new Table(("image", images)).Shuffle(1).Slice(0, 0);
        Assert.Equal(0, part.Array("image").Shape[0]);
        var run = new Table(("image", images)).Slice(2, 3).Array("image");
        images.AsSpan<float>()[4] = 99;
        Assert.Equal([99f, 5, 6, 7, 8, 9], run.ToArray<float>());
    }

    // A partition of a table of 256 MB must not cost more than its indices: 1M rows of 4 bytes, and as much while they are made.
    [Fact]
    public void Partitions_LargeTable_CopyNoData()
    {
        const int rows = 1 << 20;
        var table = new Table(("image", NdArray.Zeros([rows, 64], DType.Float32)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var parts = new FederatedDataset(new Dictionary<string, Table> { ["train"] = table }, new() { ["train"] = 4 }).Partitions();
        var splits = parts.Select(part => part.TrainTestSplit(0.2, seed: 42)).ToArray();
        Assert.Equal(rows, splits.Sum(split => split.Train.Count + split.Test.Count));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 40 * rows);
    }

    [Fact]
    public void Concatenate_ViewsOfDifferentTables_HasTheirRowsInOrder()
    {
        var other = new Table(
            ("image", new ArrayColumn(NdArray.From<float>([100, 101, 102, 103], [2, 2]))),
            ("label", new ArrayColumn(NdArray.From<int>(7, 8))),
            ("writer", new TextColumn(["x", "y"])));
        var empty = other.Slice(0, 0);
        var table = Table.Concatenate(Sample().Select(4, 1), empty, other.Select(1, 0), Sample().Slice(0, 1));
        Assert.Equal([2, 1, 8, 7, 0], table.Array("label").ToArray<int>());
        Assert.Equal([8f, 9, 2, 3, 102, 103, 100, 101, 0, 1], table.Array("image").ToArray<float>());
        Assert.Equal(["b", "b", "y", "x", "a"], ((TextColumn)table.Column("writer")).Values);
        Assert.Equal([7, 0], table.Select(3, 4).Array("label").ToArray<int>());
        Assert.Empty(((TextColumn)table.Select().Column("writer")).Values);
    }

    [Fact]
    public void SelectColumns_SomeOfThem_KeepsRowsAndOrder()
    {
        var table = Sample().Select(3, 0).SelectColumns("writer", "label");
        Assert.Equal(["writer", "label"], table.ColumnNames);
        Assert.Equal([1, 0], table.Array("label").ToArray<int>());
        Assert.Equal(2, table.SelectColumns().Count);
    }

    [Fact]
    public void ToDataset_View_GathersBothColumns()
    {
        var examples = Sample().Select(2, 5).ToDataset();
        Assert.Equal([4f, 5, 10, 11], examples.Inputs.ToArray<float>());
        Assert.Equal([0, 2], examples.Labels.ToArray<int>());
    }

    // numpy.random.default_rng(42).permutation(6) = 3 2 5 4 1 0.
    [Fact]
    public void Shuffle_Seed42_IsNumpysPermutation() => Assert.Equal([1, 0, 2, 2, 1, 0], Sample().Shuffle(42).Array("label").ToArray<int>());

    [Fact]
    public void Methods_BadArguments_SayWhatIsThere()
    {
        Assert.Contains("image, label, writer", Assert.Throws<ArgumentException>(() => Sample().Array("lable")).Message, StringComparison.Ordinal);
        Assert.Contains("text", Assert.Throws<ArgumentException>(() => Sample().Array("writer")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Sample().Select(6));
        Assert.Throws<ArgumentOutOfRangeException>(() => Sample().Slice(5, 2));
        Assert.Throws<ArgumentException>(() => new Table(("a", NdArray.From<int>(1)), ("a", NdArray.From<int>(1))));
        Assert.Throws<ArgumentException>(() => new Table(("a", NdArray.From<int>(1)), ("b", NdArray.From<int>(1, 2))));
        Assert.Throws<ArgumentException>(() => Table.Concatenate(Sample(), Sample().SelectColumns("label")));
    }
}
