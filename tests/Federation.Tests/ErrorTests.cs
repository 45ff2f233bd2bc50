using ManagedFed.Federation.Data;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Messages that no other test states.</summary>
public sealed class ErrorTests
{
    private static Table Rows(int count, string name = "row") => new((name, NdArray.From<int>([.. Enumerable.Range(0, count)])));

    private static readonly Dictionary<string, Table> Splits = new() { ["train"] = Rows(10), ["test"] = Rows(4) };

    public static TheoryData<string, Action> Cases => new()
    {
        { "[table] a table needs a column", () => _ = new Table(Array.Empty<(string, NdArray)>()) },
        { "[table] two columns are called 'a'", () => _ = new Table(("a", NdArray.Zeros([2])), ("a", NdArray.Zeros([2]))) },
        { "[table] column 'b' has 3 rows, 'a' has 2", () => _ = new Table(("a", NdArray.Zeros([2])), ("b", NdArray.Zeros([3]))) },
        { "[table] there is no column 'b'; the columns are row", () => Rows(2).Array("b") },
        { "[concatenate] there is no table", () => Table.Concatenate() },
        { "[concatenate] columns differ: row and line", () => Table.Concatenate(Rows(1), Rows(1, "line")) },
        {
            "[concatenate] rows differ: float32 (1, 2) and float32 (1,)",
            () => Table.Concatenate(new Table(("a", NdArray.Zeros([1]))), new Table(("a", NdArray.Zeros([1, 2])))).Array("a")
        },
        { "[train_test_split] a stratified split is always shuffled; leave shuffle true", () => Rows(4).TrainTestSplit(2, shuffle: false, stratifyBy: "row") },
        {
            "[train_test_split] 1 and 3 examples cannot hold all 2 labels on both sides",
            () => new Table(("a", NdArray.From(0, 0, 1, 1))).TrainTestSplit(3, stratifyBy: "a")
        },
        { "[load_partition] say which split: ", () => new FederatedDataset(Splits, new() { ["train"] = 2, ["test"] = 2 }).LoadPartition(0) },
        { "[partition] the column to divide by has no name", () => _ = new DirichletPartitioner(2, "", 0.5) },
        { "[divider] two new splits are called 'a'", () => Divider.OfMany(new() { ["train"] = new() { ["a"] = 3 }, ["test"] = new() { ["a"] = 1 } }) },
        { "[divider] there is a split 'test' already", () => new Divider(new() { ["test"] = 3 }, "train").Apply(Splits) },
        { "[divider] size 1% leaves new split 'a' without a row of the 10 of 'train'", () => new Divider(new() { ["a"] = 0.01 }, "train").Apply(Splits) },
        {
            "[module_client] a data set has no examples",
            () => _ = new ModuleClient(new Relu(), new Sgd(0.1), (x, y) => Losses.Mse(x, y), new Dataset(NdArray.Zeros([0, 1]), NdArray.Zeros([0, 1])), null)
        },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
