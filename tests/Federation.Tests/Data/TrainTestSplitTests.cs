using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

public sealed class TrainTestSplitTests
{
    private static Table Rows(int count) => new(("row", NdArray.From<int>([.. Enumerable.Range(0, count)])));

    private static int[] Numbers(Table table) => table.Array("row").ToArray<int>();

    // NumPy's permutation of 10 by seed 42 is 5 6 0 7 3 2 4 9 1 8; the first ⌈0.2·10⌉ are for testing.
    [Fact]
    public void TrainTestSplit_TenByAFifth_TakesTheFirstTwoForTesting()
    {
        var (train, test) = Rows(10).TrainTestSplit(0.2, seed: 42);
        Assert.Equal([5, 6], Numbers(test));
        Assert.Equal([0, 7, 3, 2, 4, 9, 1, 8], Numbers(train));
    }

    // Of both sizes the test one is rounded up and the train one down; the rows between are in neither.
    [Fact]
    public void TrainTestSplit_BothSizes_LeavesTheRestOut()
    {
        var (train, test) = Rows(10).TrainTestSplit(0.25, 0.45, seed: 42);
        Assert.Equal([5, 6, 0], Numbers(test));
        Assert.Equal([7, 3, 2, 4], Numbers(train));
    }

    [Theory]
    [InlineData(6000, 1200)]
    [InlineData(11, 3)]
    [InlineData(2, 1)]
    public void TrainTestSplit_Share_RoundsTestingUp(int count, int tests)
    {
        var (train, test) = Rows(count).TrainTestSplit(0.2, seed: 1);
        Assert.Equal((count - tests, tests), (train.Count, test.Count));
        Assert.Equal(Enumerable.Range(0, count), Numbers(train).Concat(Numbers(test)).Order());
    }

    [Fact]
    public void TrainTestSplit_Numbers_AreTaken()
    {
        var (train, test) = Rows(10).TrainTestSplit(testSize: 3);
        Assert.Equal((7, 3), (train.Count, test.Count));
        (train, test) = Rows(10).TrainTestSplit(trainSize: 3);
        Assert.Equal((3, 7), (train.Count, test.Count));
        (train, test) = Rows(10).TrainTestSplit();
        Assert.Equal((7, 3), (train.Count, test.Count));
    }

    [Fact]
    public void TrainTestSplit_Unshuffled_TakesTrainingFirst()
    {
        var (train, test) = Rows(5).TrainTestSplit(2, shuffle: false);
        Assert.Equal([0, 1, 2], Numbers(train));
        Assert.Equal([3, 4], Numbers(test));
    }

    // Recorded from the published algorithm on NumPy 1.24.2, see stratified.json.
    [Fact]
    public void TrainTestSplit_Stratified_IsHuggingFaces()
    {
        var vector = VectorFiles.Json("numpy", "stratified.json");
        foreach (var split in vector.GetProperty("splits").EnumerateArray())
        {
            int[] labels = [.. vector.GetProperty("labels").EnumerateArray().Select(v => v.GetInt32())];
            var table = new Table(("row", NdArray.From<int>([.. Enumerable.Range(0, labels.Length)])), ("label", NdArray.From<int>(labels)));
            var (train, test) = table.TrainTestSplit(split.GetProperty("test_size").GetDouble(), stratifyBy: "label", seed: split.GetProperty("seed").GetUInt64());
            Assert.Equal(split.GetProperty("train").EnumerateArray().Select(v => v.GetInt32()), Numbers(train));
            Assert.Equal(split.GetProperty("test").EnumerateArray().Select(v => v.GetInt32()), Numbers(test));
        }
    }

    [Theory]
    [InlineData(10, 0.0)]
    [InlineData(10, 1.0)]
    [InlineData(10, -0.5)]
    [InlineData(10, double.NaN)]
    [InlineData(1, 0.2)]
    public void TrainTestSplit_EmptySide_Throws(int count, double share) =>
        Assert.Throws<ArgumentException>(() => Rows(count).TrainTestSplit(share));

    [Fact]
    public void TrainTestSplit_ImpossibleSizes_Throws()
    {
        Assert.Throws<ArgumentException>(() => Rows(10).TrainTestSplit(10));
        Assert.Throws<ArgumentException>(() => Rows(10).TrainTestSplit(6, 5));
        Assert.Throws<ArgumentException>(() => Rows(10).TrainTestSplit(0.2, shuffle: false, stratifyBy: "row"));
        Assert.Throws<ArgumentException>(() => Rows(10).TrainTestSplit(0.2, stratifyBy: "row"));
    }
}
