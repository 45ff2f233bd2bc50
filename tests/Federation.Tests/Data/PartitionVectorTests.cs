using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

/// <summary>Every partitioner gives the rows, or columns, that Flower Datasets' gives, in the same order.</summary>
public sealed class PartitionVectorTests
{
    private const int N = 1000;
    private static readonly JsonElement[] Record = [.. VectorFiles.Json("flower/datasets", "partitions.json").GetProperty("record").EnumerateArray()];

    // The recording's table.
    private static readonly Table Rows = new(
        ("row", new ArrayColumn(NdArray.From<int>([.. Enumerable.Range(0, N)]))),
        ("label", new ArrayColumn(NdArray.From<long>([.. Enumerable.Range(0, N).Select(i => (long)(i * i + 3 * i) % 1009 * 7 % 10)]))),
        ("name", new TextColumn([.. Enumerable.Range(0, N).Select(i => $"{"abcdefg"[i * 37 % 101 % 7]}{i * 53 % 211 % 5}")])),
        ("value", new ArrayColumn(NdArray.From<double>([.. Enumerable.Range(0, N).Select(i => i * 7919 % 10007 / 7.0)]))));

    private static readonly Table Wide = new([
        .. Enumerable.Range(0, 12).Select(i => ($"f{i}", NdArray.From<int>(i, i + 1))), ("income", NdArray.From<int>(0, 1))]);

    private static readonly double[,] Distribution = Grid((row, column) => (3 * row + 5 * column) % 7 + 1);

    private static readonly Dictionary<string, Partitioner> Partitioners = new()
    {
        ["iid 7"] = 7,
        ["linear 9"] = new LinearPartitioner(9),
        ["square 9"] = new SquarePartitioner(9),
        ["exponential 5"] = new ExponentialPartitioner(5),
        ["size 100 250 30"] = new SizePartitioner(100, 250, 30),
        ["natural name"] = new NaturalIdPartitioner("name"),
        ["natural label"] = new NaturalIdPartitioner("label"),
        ["grouped smaller"] = new GroupedNaturalIdPartitioner("name", 4),
        ["grouped smaller sorted"] = new GroupedNaturalIdPartitioner("name", 4, SortUniqueIds: true),
        ["grouped smaller one"] = new GroupedNaturalIdPartitioner("label", 40),
        ["grouped bigger"] = new GroupedNaturalIdPartitioner("name", 4, GroupMode.AllowBigger),
        ["grouped drop"] = new GroupedNaturalIdPartitioner("name", 4, GroupMode.DropRemainder),
        ["grouped strict"] = new GroupedNaturalIdPartitioner("name", 5, GroupMode.Strict),
        ["dirichlet 0.5"] = new DirichletPartitioner(6, "label", 0.5),
        ["dirichlet 0.1 balanced"] = new DirichletPartitioner(6, "label", 0.1, 5, SelfBalancing: true),
        ["dirichlet 0.05"] = new DirichletPartitioner(4, "label", 0.05, 1),
        ["dirichlet retries"] = new DirichletPartitioner(5, "name", 0.3, 120),
        ["dirichlet each"] = new DirichletPartitioner(3, "label", new[] { 0.2, 1.0, 5.0 }, 1, Shuffle: false, Seed: 7),
        ["dirichlet 100"] = new DirichletPartitioner(20, "label", 100, Seed: 0),
        ["inner 0.5"] = new InnerDirichletPartitioner([200, 300, 100, 50], "label", 0.5),
        ["inner all"] = new InnerDirichletPartitioner([250, 250, 250, 250], "label", 2, Shuffle: false, Seed: 5),
        ["inner each"] = new InnerDirichletPartitioner(
            [.. Enumerable.Repeat(100, 9)], "label", Enumerable.Range(0, 10).Select(i => 0.3 * (i + 1)).ToArray()),
        ["pathological random"] = new PathologicalPartitioner(12, "label", 3),
        ["pathological text"] = new PathologicalPartitioner(8, "name", 5, Seed: 3),
        ["pathological deterministic"] = new PathologicalPartitioner(8, "label", 2, ClassAssignmentMode.Deterministic),
        ["pathological first"] = new PathologicalPartitioner(15, "label", 4, ClassAssignmentMode.FirstDeterministic),
        ["shard number"] = new ShardPartitioner(10, "label", NumShardsPerPartition: 2),
        ["shard number keep"] = new ShardPartitioner(7, "label", NumShardsPerPartition: 3, KeepIncompleteShard: true),
        ["shard size"] = new ShardPartitioner(9, "label", ShardSize: 30),
        ["shard size keep"] = new ShardPartitioner(9, "label", ShardSize: 30, KeepIncompleteShard: true, Shuffle: false),
        ["shard both"] = new ShardPartitioner(5, "name", NumShardsPerPartition: 2, ShardSize: 40),
        ["distribution"] = new DistributionPartitioner(Distribution, 20, 2, "label", 3),
        ["distribution counts"] = new DistributionPartitioner(Distribution, 20, 2, "label", 0, Rescale: false, Seed: 9),
        ["continuous 0"] = new ContinuousPartitioner(6, "value", 0),
        ["continuous 0.7"] = new ContinuousPartitioner(6, "value", 0.7),
        ["continuous 1"] = new ContinuousPartitioner(6, "value", 1, Shuffle: false),
        ["unshuffled dirichlet"] = new DirichletPartitioner(3, "label", 1),
        ["even"] = new VerticalEvenPartitioner(3) { ActivePartyColumns = ["income"] },
        ["even all"] = new VerticalEvenPartitioner(5)
        {
            ActivePartyColumns = ["income", "f3"],
            ActivePartyColumnsMode = ActivePartyMode.AddToAll,
            DropColumns = ["f0"],
            SharedColumns = ["f1", "f2"],
            Seed = 1,
        },
        ["even first"] = new VerticalEvenPartitioner(2)
        {
            ActivePartyColumns = ["income"],
            ActivePartyColumnsMode = ActivePartyMode.CreateAsFirst,
            SharedColumns = ["f5"],
        },
        ["even one"] = new VerticalEvenPartitioner(4) { ActivePartyColumns = ["income"], ActivePartyColumnsMode = ActivePartyMode.AddTo(2), Shuffle = false },
        ["size counts"] = new VerticalSizePartitioner(6, 4, 2) { ActivePartyColumns = ["income"], ActivePartyColumnsMode = ActivePartyMode.CreateAsLast },
        ["size shares"] = new VerticalSizePartitioner(0.5, 0.25, 0.25)
        {
            ActivePartyColumns = ["income"],
            ActivePartyColumnsMode = ActivePartyMode.AddToFirst,
            DropColumns = ["f7"],
        },
    };

    public static TheoryData<string> Names => [.. Record.Select(vector => vector.GetProperty("name").GetString()!)];

    [Theory, MemberData(nameof(Names))]
    public void Partition_RecordedTable_IsFlowers(string name)
    {
        var vector = Record.Single(vector => vector.GetProperty("name").GetString() == name);
        if (vector.TryGetProperty("columns", out var columns))
        {
            var expected = columns.EnumerateArray().Select(partition => partition.EnumerateArray().Select(column => column.GetString()));
            Assert.Equal(expected, Partitioners[name].Partition(Wide).Select(partition => partition.ColumnNames));
            return;
        }
        var data = new FederatedDataset(
            new Dictionary<string, Table> { ["train"] = Rows }, new() { ["train"] = Partitioners[name] }, shuffle: !name.StartsWith("unshuffled", StringComparison.Ordinal));
        int[][] partitions = [.. data.Partitions().Select(partition => partition.Array("row").ToArray<int>())];

        Assert.Equal(vector.GetProperty("sizes").EnumerateArray().Select(size => size.GetInt32()), partitions.Select(partition => partition.Length));
        Assert.Equal(
            vector.GetProperty("first").EnumerateArray().Select(rows => rows.EnumerateArray().Select(row => row.GetInt32())), partitions.Select(partition => partition.Take(5)));
        var all = partitions.SelectMany(partition => partition.Select(row => (long)row)).ToArray();
        Assert.Equal(vector.GetProperty("sha256_of_int64_le").GetString(), Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<long>(all))));
    }

    [Fact]
    public void Names_OfTheRecording_AreAllTried() => Assert.Equal(Partitioners.Keys.Order(), Names.Select(row => row.Data).Order());

    private static double[,] Grid(Func<int, int, double> value)
    {
        var grid = new double[10, 4];
        for (var row = 0; row < 10; row++)
        {
            for (var column = 0; column < 4; column++) grid[row, column] = value(row, column);
        }
        return grid;
    }
}
