using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

public sealed class FederatedDatasetTests
{
    private static Dictionary<string, Table> Splits(int train = 10, int test = 4) => new() { ["train"] = Rows(0, train), ["test"] = Rows(100, test) };

    private static Table Rows(int start, int count) => new(("row", NdArray.From<int>([.. Enumerable.Range(start, count)])));

    private static int[] Numbers(Table table) => table.Array("row").ToArray<int>();

    // 10 = 3·3 + 1: the first part has one more. NumPy's permutation of 10 by seed 42 is 5 6 0 7 3 2 4 9 1 8.
    [Theory]
    [InlineData(0, new[] { 5, 6, 0, 7 })]
    [InlineData(1, new[] { 3, 2, 4 })]
    [InlineData(2, new[] { 9, 1, 8 })]
    public void LoadPartition_TenInThree_CutsNumpysPermutation(int partition, int[] expected) =>
        Assert.Equal(expected, Numbers(new FederatedDataset(Splits(), new() { ["train"] = 3 }).LoadPartition(partition)));

    [Fact]
    public void LoadSplit_Shuffled_AndNot()
    {
        Assert.Equal([5, 6, 0, 7, 3, 2, 4, 9, 1, 8], Numbers(new FederatedDataset(Splits(), []).LoadSplit("train")));
        Assert.Equal([100, 101, 102, 103], Numbers(new FederatedDataset(Splits(), [], shuffle: false).LoadSplit("test")));
    }

    [Fact]
    public void LoadPartition_TwoSplits_EachHasItsPartitioner()
    {
        var data = new FederatedDataset(Splits(), new() { ["train"] = 2, ["test"] = new SizePartitioner(1, 3) }, shuffle: false);
        Assert.Equal([5, 6, 7, 8, 9], Numbers(data.LoadPartition(1, "train")));
        Assert.Equal([101, 102, 103], Numbers(data.LoadPartition(1, "test")));
        Assert.Contains("'train', 'test'", Assert.Throws<ArgumentException>(() => data.LoadPartition(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Source_IsReadOnceAndOnlyWhenNeeded()
    {
        var source = new CountingSource();
        var data = new FederatedDataset(source, new() { ["train"] = 2 });
        Assert.Equal(0, source.Loads);
        data.LoadPartition(0);
        data.LoadPartition(1);
        data.LoadSplit("test");
        Assert.Equal(1, source.Loads);
    }

    [Fact]
    public void LoadPartition_NoSeed_DiffersEachTime()
    {
        var orders = Enumerable.Range(0, 2).Select(_ => Numbers(new FederatedDataset(Splits(1000), new() { ["train"] = 2 }, seed: null).LoadPartition(0)));
        Assert.NotEqual(orders.First(), orders.Last());
    }

    [Fact]
    public void Methods_UnknownNames_SayWhatIsThere()
    {
        var data = new FederatedDataset(Splits(), new() { ["train"] = 2, ["valid"] = 2 });
        Assert.Contains("'train', 'test'", Assert.Throws<ArgumentException>(() => data.LoadSplit("dev")).Message, StringComparison.Ordinal);
        Assert.Contains("'train', 'test'", Assert.Throws<ArgumentException>(() => data.LoadPartition(0, "valid")).Message, StringComparison.Ordinal);
        Assert.Contains("'train', 'valid'", Assert.Throws<ArgumentException>(() => data.LoadPartition(0, "test")).Message, StringComparison.Ordinal);
        Assert.Contains("0 to 1", Assert.Throws<ArgumentOutOfRangeException>(() => data.LoadPartition(2, "train")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Merger_SplitsAfterShuffling_AreJoined()
    {
        var data = new FederatedDataset(Splits(), new() { ["all"] = 1 }, new Merger(new() { ["all"] = ["test", "train"], ["test"] = ["test"] }));
        // NumPy's permutation of 4 by seed 42 is 3 2 1 0.
        Assert.Equal([103, 102, 101, 100, 5, 6, 0, 7, 3, 2, 4, 9, 1, 8], Numbers(data.LoadPartition(0)));
        Assert.Equal(4, data.LoadSplit("test").Count);
        Assert.Throws<ArgumentException>(() => data.LoadSplit("train"));
        Assert.Throws<ArgumentException>(() => new Merger(new() { ["all"] = ["dev"] }).Apply(Splits()));
    }

    [Fact]
    public void Divider_Shares_AreRoundedDownAndTheRestLeftOut()
    {
        var splits = new Divider(new() { ["train"] = 0.75, ["valid"] = 0.19 }, divideSplit: "train").Apply(Splits());
        Assert.Equal(["test", "train", "valid"], splits.Keys.Order());
        Assert.Equal([0, 1, 2, 3, 4, 5, 6], Numbers(splits["train"]));
        Assert.Equal([7], Numbers(splits["valid"]));
    }

    [Fact]
    public void Divider_Many_CutsEach()
    {
        var divider = Divider.OfMany(new() { ["train"] = new() { ["a"] = 3, ["b"] = 7 }, ["test"] = new() { ["c"] = 0.5 } });
        var splits = divider.Apply(Splits());
        Assert.Equal(["a", "b", "c"], splits.Keys.Order());
        Assert.Equal([100, 101], Numbers(splits["c"]));
        Assert.Equal(["a"], new Divider(new() { ["a"] = 2 }, "train", dropRemainingSplits: true).Apply(Splits()).Keys);
    }

    [Fact]
    public void Divider_BadSizes_Throws()
    {
        foreach (var sizes in new Dictionary<string, DivideSize>[]
        {
            new() { ["a"] = 0.5, ["b"] = 3 }, new() { ["a"] = 0.7, ["b"] = 0.4 }, new() { ["a"] = 8, ["b"] = 3 }, new() { ["a"] = 0.01 }, new() { ["a"] = -1 }, [],
            new() { ["test"] = 3 },
        })
        {
            Assert.Throws<ArgumentException>(() => new Divider(sizes, "train").Apply(Splits()));
        }
        Assert.Throws<ArgumentException>(() => new Divider(new() { ["a"] = 3 }).Apply(Splits()));
        Assert.Throws<ArgumentException>(() => Divider.OfMany(new() { ["train"] = new() { ["a"] = 3 }, ["test"] = new() { ["a"] = 1 } }));
    }

    [Fact]
    public void IdxSource_BundledMnist_HasItsSplits()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ManagedFed.sln"))) folder = Path.GetDirectoryName(folder)!;
        var data = new FederatedDataset(new IdxSource(Path.Combine(folder, "samples", "Mnist", "data"), verify: true), new() { ["train"] = 3 });
        var part = data.LoadPartition(0);
        Assert.Equal((20_000, 10_000), (part.Count, data.LoadSplit("test").Count));
        // The first image of the training set shuffled by seed 42 is number 3493.
        Assert.Equal(data.LoadSplit("train").Array("label").ToArray<int>()[0], part.ToDataset().Labels.ToArray<int>()[0]);
        Assert.Equal([20_000, 784], part.Array("image").Shape.ToArray());
    }

    private sealed class CountingSource : IDataSource
    {
        public int Loads { get; private set; }

        public IReadOnlyDictionary<string, Table> Load()
        {
            Loads++;
            return Splits();
        }
    }
}
