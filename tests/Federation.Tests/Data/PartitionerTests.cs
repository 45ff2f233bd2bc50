using CsCheck;
using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

/// <summary>What must hold for every division, by hand and for random tables; agreement with Flower is in <see cref="PartitionVectorTests"/>.</summary>
public sealed class PartitionerTests
{
    private static Table Labelled(params int[] labels) => new(("label", NdArray.From<int>(labels)));

    private static Table Cycle(int rows, int labels) => Labelled([.. Enumerable.Range(0, rows).Select(i => i % labels)]);

    // Of 3 divisions of 21 rows by 1 + 2 + 3 units: 3.5, 7, 10.5, rounded down, and the row left over to the last.
    [Fact]
    public void Linear_TwentyOneRows_GivesTheRestToTheLast() =>
        Assert.Equal([3, 7, 11], new LinearPartitioner(3).Assign(Cycle(21, 2)).Select(rows => rows.Length));

    // Shares 1/14, 4/14, 9/14 of 28.
    [Fact]
    public void Square_TwentyEightRows_FollowsSquares() =>
        Assert.Equal([2, 8, 18], new SquarePartitioner(3).Assign(Cycle(28, 2)).Select(rows => rows.Length));

    [Fact]
    public void IdToSize_OwnFunction_IsFollowed() =>
        Assert.Equal([6, 3, 1], new IdToSizeFncPartitioner(3, id => id == 1 ? 6 : id == 2 ? 3 : 1).Assign(Cycle(10, 2)).Select(rows => rows.Length));

    [Fact]
    public void NaturalId_Text_IsInAscendingOrder()
    {
        var table = new Table(("writer", new TextColumn(["b", "a", "b", "Z"])));
        Assert.Equal([[3], [1], [0, 2]], new NaturalIdPartitioner("writer").Assign(table));
    }

    // Five ids in groups of two: 0 1 | 2 3 | 4, or 0 1 2 | 3 4 where groups may be bigger, or the fifth left out.
    [Theory]
    [InlineData(GroupMode.AllowSmaller, new[] { 2, 2, 1 })]
    [InlineData(GroupMode.AllowBigger, new[] { 3, 2 })]
    [InlineData(GroupMode.DropRemainder, new[] { 2, 2 })]
    public void GroupedNaturalId_FiveIds_FollowsTheMode(GroupMode mode, int[] sizes) =>
        Assert.Equal(sizes, new GroupedNaturalIdPartitioner("label", 2, mode).Assign(Cycle(5, 5)).Select(rows => rows.Length));

    // 4 labels of 3 rows, 2 per partition: labels 0 1 | 1 2 | 2 3; label 1 is cut 2 + 1, label 2 too.
    [Fact]
    public void Pathological_Deterministic_SharesLabels()
    {
        var partitions = new PathologicalPartitioner(3, "label", 2, ClassAssignmentMode.Deterministic, Shuffle: false).Assign(Cycle(12, 4));
        Assert.Equal([[0, 4, 8, 1, 5], [9, 2, 6], [10, 3, 7, 11]], partitions);
    }

    [Fact]
    public void Pathological_Random_GivesDistinctLabels() => Gen.Select(Gen.Int[1, 12], Gen.Int[1, 8], Gen.Int[0, 99]).Sample((partitions, labels, seed) =>
    {
        var table = Cycle(200, 8);
        foreach (var rows in new PathologicalPartitioner(partitions, "label", labels, Seed: (ulong)seed).Assign(table))
        {
            Assert.Equal(labels, rows.Select(row => row % 8).Distinct().Count());
        }
    }, iter: 50);

    // Each row in exactly one partition.
    [Fact]
    public void Assign_PartitionersThatKeepAll_CoverEveryRowOnce() => Gen.Select(Gen.Int[40, 400], Gen.Int[1, 7], Gen.Int[0, 999]).Sample((rows, parts, seed) =>
    {
        var table = new Table(
            ("label", NdArray.From<int>([.. Enumerable.Range(0, rows).Select(i => i * 31 % 17 % 5)])),
            ("value", NdArray.From<double>([.. Enumerable.Range(0, rows).Select(i => (double)(i * 131 % 53))])));
        foreach (var partitioner in new RowPartitioner[]
        {
            new IidPartitioner(parts),
            new LinearPartitioner(parts),
            new DirichletPartitioner(parts, "label", 0.5, MinPartitionSize: 0, Seed: (ulong)seed),
            new DirichletPartitioner(parts, "label", 0.05, MinPartitionSize: 0, SelfBalancing: true, Seed: (ulong)seed),
            new InnerDirichletPartitioner([rows / 2, rows - rows / 2], "label", 5, Seed: (ulong)seed),
            new ShardPartitioner(parts, "label", ShardSize: 3, KeepIncompleteShard: true, Seed: (ulong)seed),
            new ContinuousPartitioner(parts, "value", 0.5, Seed: (ulong)seed),
            new NaturalIdPartitioner("label"),
        })
        {
            Assert.Equal(Enumerable.Range(0, rows), partitioner.Assign(table).SelectMany(partition => partition).Order());
        }
    }, iter: 30);

    // Sorted by value and cut, strictness 1 leaves nothing to chance.
    [Fact]
    public void Continuous_Strict_SortsByValue()
    {
        var table = new Table(("value", NdArray.From<double>(5, 1, 4, 2, 3)));
        Assert.Equal([[1, 3, 4], [2, 0]], new ContinuousPartitioner(2, "value", 1, Shuffle: false).Assign(table));
    }

    // The same recipe twice, and after another table: no state is kept.
    [Fact]
    public void Partition_Again_GivesTheSame()
    {
        var partitioner = new DirichletPartitioner(4, "label", 0.3, MinPartitionSize: 1);
        var first = partitioner.Assign(Cycle(100, 5));
        partitioner.Assign(Cycle(333, 7));
        Assert.Equal(first, partitioner.Assign(Cycle(100, 5)));
    }

    [Fact]
    public void Partition_NoSeed_DiffersEachTime()
    {
        var partitioner = new DirichletPartitioner(4, "label", 0.3, MinPartitionSize: 1, Seed: null);
        Assert.NotEqual(partitioner.Assign(Cycle(100, 5)), partitioner.Assign(Cycle(100, 5)));
    }

    // A small α gathers a label in few partitions, a large one spreads it: the mean largest share over labels tells.
    [Fact]
    public void Dirichlet_Alpha_GovernsTheSkew()
    {
        double Largest(double alpha) => LabelCounts.Of(new DirichletPartitioner(10, "label", alpha, MinPartitionSize: 0).Partition(Cycle(5000, 10)), "label") is var counts
            ? Enumerable.Range(0, 10).Average(label => Enumerable.Range(0, 10).Max(partition => counts[partition, label])) / 500 : 0;
        Assert.InRange(Largest(0.05), 0.6, 1);
        Assert.InRange(Largest(1000), 0.1, 0.12);
    }

    private static readonly Dictionary<string, (Func<IReadOnlyList<Table>> Partition, string Hint)> Mistakes = new()
    {
        ["iid 0"] = (() => new IidPartitioner(0).Partition(Cycle(5, 2)), "0"),
        ["iid many"] = (() => new IidPartitioner(6).Partition(Cycle(5, 2)), "6 partitions of 5 rows"),
        ["size none"] = (() => new SizePartitioner().Partition(Cycle(5, 2)), "no partition sizes"),
        ["size sum"] = (() => new SizePartitioner(3, 3).Partition(Cycle(5, 2)), "6"),
        ["exponential"] = (() => new ExponentialPartitioner(12).Partition(Cycle(50, 2)), "use fewer"),
        ["column"] = (() => new NaturalIdPartitioner("lable").Partition(Cycle(5, 2)), "label"),
        ["missing text"] = (() => new NaturalIdPartitioner("name").Partition(new Table(("name", new TextColumn(["a", null])))), "row 1"),
        ["matrix"] = (() => new NaturalIdPartitioner("x").Partition(new Table(("x", NdArray.Zeros([3, 2])))), "(3, 2)"),
        ["strict"] = (() => new GroupedNaturalIdPartitioner("label", 2, GroupMode.Strict).Partition(Cycle(5, 5)), "1 remain"),
        ["group"] = (() => new GroupedNaturalIdPartitioner("label", 9, GroupMode.AllowBigger).Partition(Cycle(5, 5)), "AllowSmaller"),
        ["alpha"] = (() => new DirichletPartitioner(2, "label", 0.0).Partition(Cycle(50, 5)), "alpha"),
        ["alphas"] = (() => new DirichletPartitioner(2, "label", new[] { 1.0, 1, 1 }).Partition(Cycle(50, 5)), "3 concentrations (alpha) for 2"),
        ["minimum"] = (() => new DirichletPartitioner(5, "label", 0.01, 10).Partition(Cycle(60, 3)), "raise alpha"),
        ["inner"] = (() => new InnerDirichletPartitioner([30, 30], "label", 1).Partition(Cycle(50, 5)), "60"),
        ["inner nothing left"] = (() => new InnerDirichletPartitioner([50, 50], "label", 1e-4, Seed: 1).Partition(Cycle(100, 5)), "raise alpha"),
        ["classes"] = (() => new PathologicalPartitioner(2, "label", 6).Partition(Cycle(50, 5)), "has 5"),
        ["rows"] = (() => new PathologicalPartitioner(10, "label", 2, ClassAssignmentMode.Deterministic).Partition(Labelled(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)), "only 1 rows"),
        ["shard"] = (() => new ShardPartitioner(2, "label").Partition(Cycle(50, 5)), "number of shards"),
        ["shards"] = (() => new ShardPartitioner(2, "label", 5, 10).Partition(Cycle(50, 5)), "50"),
        ["distribution"] = (() => new DistributionPartitioner(new double[2, 2], 4, 2, "label", 1).Partition(Cycle(50, 5)), "(5, 1)"),
        ["proportions"] = (() => new DistributionPartitioner(new double[5, 2], 5, 2, "label", 1).Partition(Cycle(50, 5)), "proportions"),
        ["strictness"] = (() => new ContinuousPartitioner(2, "label", 1.5).Partition(Cycle(50, 5)), "0 to 1"),
        ["constant"] = (() => new ContinuousPartitioner(2, "label", 0.5).Partition(Cycle(50, 1)), "all but equal"),
        ["not a number"] = (() => new ContinuousPartitioner(2, "x", 0.5).Partition(new Table(("x", NdArray.From<float>(1, float.NaN)))), "row 1"),
        ["vertical"] = (() => new VerticalEvenPartitioner(2) { SharedColumns = ["x"] }.Partition(Cycle(5, 2)), "'x'"),
        ["party"] = (() => new VerticalEvenPartitioner(2) { ActivePartyColumns = ["label"], ActivePartyColumnsMode = ActivePartyMode.AddTo(2) }.Partition(Cycle(5, 2)), "0 to 1"),
        ["counts"] = (() => new VerticalSizePartitioner(1, 1).Partition(Cycle(5, 2)), "1 columns"),
        ["shares"] = (() => new VerticalSizePartitioner(0.5, 0.6).Partition(Cycle(5, 2)), "sum to 1"),
    };

    public static TheoryData<string> MistakeNames => [.. Mistakes.Keys];

    [Theory, MemberData(nameof(MistakeNames))]
    public void Partition_Mistake_SaysWhatIsWrong(string mistake) => Assert.Contains(
        Mistakes[mistake].Hint, Assert.ThrowsAny<ArgumentException>(() => Mistakes[mistake].Partition()).Message, StringComparison.Ordinal);
}
