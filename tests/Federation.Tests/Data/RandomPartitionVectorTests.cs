using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

/// <summary>Random tables divided by random partitioners: the rows are Flower Datasets', and what it refuses is refused.</summary>
public sealed class RandomPartitionVectorTests
{
    private static readonly JsonElement[] Divisions = [.. VectorFiles.Json("flower/datasets", "partitions.json").GetProperty("random").EnumerateArray()];

    public static TheoryData<int, string> Numbers => [.. Divisions.Select((division, number) => (number, division.GetProperty("kind").GetString()!))];

    [Theory, MemberData(nameof(Numbers))]
    public void Assign_RandomTable_IsFlowers(int number, string kind)
    {
        var division = Divisions[number];
        var table = TableOf(division);
        int[][] Divide() => [.. PartitionerOf(kind, new(division)).Assign(table)];
        if (division.GetProperty("sizes").ValueKind == JsonValueKind.Null)
        {
            Assert.StartsWith("[", Assert.ThrowsAny<ArgumentException>(Divide).Message, StringComparison.Ordinal);
            return;
        }
        var partitions = Divide();
        Assert.Equal(division.GetProperty("sizes").EnumerateArray().Select(size => size.GetInt32()), partitions.Select(rows => rows.Length));
        var all = partitions.SelectMany(rows => rows.Select(row => (long)row)).ToArray();
        Assert.Equal(division.GetProperty("sha256_of_int64_le").GetString(), Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<long>(all))));
    }

    private static Table TableOf(JsonElement division)
    {
        int Number(string name) => division.GetProperty(name).GetInt32();
        JsonElement[] classes = [.. division.GetProperty("classes").EnumerateArray()];
        var (rows, a, b, m) = (Number("rows"), Number("a"), Number("b"), Number("m"));
        JsonElement[] labels = [.. Enumerable.Range(0, rows).Select(i => classes[(a * i + b) % m % classes.Length])];
        Column column = classes[0].ValueKind == JsonValueKind.String ? new TextColumn([.. labels.Select(label => label.GetString())])
            : !classes.All(label => label.TryGetInt64(out _))
                ? new ArrayColumn(NdArray.From<double>([.. labels.Select(label => label.GetDouble())]))
                : new ArrayColumn(NdArray.From<long>([.. labels.Select(label => label.GetInt64())]));
        return new(("label", column), ("value", new ArrayColumn(NdArray.From<double>([.. Enumerable.Range(0, rows).Select(i => (double)(i * 7919L % 10007))]))));
    }

    private static RowPartitioner PartitionerOf(string kind, Arguments from) => kind switch
    {
        "DirichletPartitioner" => new DirichletPartitioner(
            from.Int(0), "label", from.Alpha(), from.Named("min_partition_size").GetInt32(), from.Flag("self_balancing"), from.Shuffle, from.Seed),
        "InnerDirichletPartitioner" => new InnerDirichletPartitioner(
            [.. from[0].EnumerateArray().Select(size => size.GetInt32())], "label", from.Alpha(), from.Shuffle, from.Seed),
        "PathologicalPartitioner" => new PathologicalPartitioner(from.Int(0), "label", from.Int(2), from[3].GetString() switch
        {
            "random" => ClassAssignmentMode.Random,
            "deterministic" => ClassAssignmentMode.Deterministic,
            _ => ClassAssignmentMode.FirstDeterministic,
        }, from.Shuffle, from.Seed),
        "ShardPartitioner" => new ShardPartitioner(
            from.Int(0), "label", from.Optional("num_shards_per_partition"), from.Optional("shard_size"), from.Flag("keep_incomplete_shard"), from.Shuffle, from.Seed),
        "DistributionPartitioner" => new DistributionPartitioner(
            from.Grid(), from.Int(1), from.Int(2), "label", from.Int(4), from.Flag("rescale"), from.Shuffle, from.Seed),
        "ContinuousPartitioner" => new ContinuousPartitioner(from.Int(0), "value", from[2].GetDouble(), from.Shuffle, from.Seed),
        "NaturalIdPartitioner" => new NaturalIdPartitioner("label"),
        _ => new GroupedNaturalIdPartitioner("label", from.Int(1), from[2].GetString() switch
        {
            "allow-smaller" => GroupMode.AllowSmaller,
            "allow-bigger" => GroupMode.AllowBigger,
            "drop-reminder" => GroupMode.DropRemainder,
            _ => GroupMode.Strict,
        }, from[3].GetBoolean()),
    };

    private sealed class Arguments(JsonElement division)
    {
        private readonly JsonElement args = division.GetProperty("args"), named = division.GetProperty("named");

        public JsonElement this[int place] => args[place];

        public bool Shuffle => Flag("shuffle");

        public ulong Seed => Named("seed").GetUInt64();

        public int Int(int place) => args[place].GetInt32();

        public JsonElement Named(string name) => named.GetProperty(name);

        public bool Flag(string name) => Named(name).GetBoolean();

        public int? Optional(string name) => named.TryGetProperty(name, out var value) ? value.GetInt32() : null;

        public Concentration Alpha() => args[2].ValueKind == JsonValueKind.Array ? args[2].EnumerateArray().Select(value => value.GetDouble()).ToArray() : args[2].GetDouble();

        public double[,] Grid()
        {
            double[][] rows = [.. args[0].EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetDouble()).ToArray())];
            var grid = new double[rows.Length, rows[0].Length];
            for (var row = 0; row < rows.Length; row++)
            {
                for (var column = 0; column < rows[0].Length; column++) grid[row, column] = rows[row][column];
            }
            return grid;
        }
    }
}
