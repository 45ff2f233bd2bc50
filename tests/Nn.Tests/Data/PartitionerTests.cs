using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Nn.Tests.Data;

public sealed class PartitionerTests
{
    private static readonly JsonElement Vectors = Load();

    private static JsonElement Load()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(DataFiles.Vectors));
        return json.RootElement.Clone();
    }

    [Fact]
    public void NextUInt64_Seed42_IsNumpys()
    {
        var generator = new NumpyGenerator(42);
        foreach (var word in Vectors.GetProperty("seed42").GetProperty("raw_uint64").EnumerateArray()) Assert.Equal(word.GetUInt64(), generator.NextUInt64());
    }

    [Fact]
    public void Permutation_EveryRecordedLengthAndSeed_IsNumpys()
    {
        foreach (var vector in Vectors.GetProperty("permutations").EnumerateArray())
        {
            var order = new NumpyGenerator(vector.GetProperty("seed").GetUInt64()).Permutation(vector.GetProperty("n").GetInt32());
            Assert.Equal(vector.GetProperty("first20").EnumerateArray().Select(v => v.GetInt32()), order.Take(20));
            var bytes = MemoryMarshal.AsBytes<long>(order.Select(i => (long)i).ToArray());
            Assert.Equal(vector.GetProperty("sha256_of_int64_le").GetString(), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }
    }

    // 10 = 3·3 + 1: the first part has one more. NumPy's permutation of 10 by seed 42 is 5 6 0 7 3 2 4 9 1 8.
    [Theory]
    [InlineData(0, new[] { 5, 6, 0, 7 })]
    [InlineData(1, new[] { 3, 2, 4 })]
    [InlineData(2, new[] { 9, 1, 8 })]
    public void Iid_TenInThree_CutsNumpysPermutation(int partition, int[] expected) => Assert.Equal(expected, Partitioner.Iid(10, 3, partition));

    [Theory]
    [InlineData(60000, 10)]
    [InlineData(101, 7)]
    [InlineData(5, 5)]
    public void Iid_AllParts_CoverEveryIndexOnce(int count, int partitions)
    {
        var parts = Enumerable.Range(0, partitions).Select(i => Partitioner.Iid(count, partitions, i, seed: 3)).ToArray();
        Assert.Equal(Enumerable.Range(0, count), parts.SelectMany(p => p).Order());
        Assert.All(parts, p => Assert.InRange(p.Length, count / partitions, count / partitions + 1));
    }

    [Theory]
    [InlineData(10, 0, 0)]
    [InlineData(10, 11, 0)]
    [InlineData(10, 2, 2)]
    [InlineData(10, 2, -1)]
    public void Iid_OutOfRange_Throws(int count, int partitions, int partition) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Partitioner.Iid(count, partitions, partition));

    [Fact]
    public void TrainTestSplit_TenByAFifth_TakesTheFirstTwoForTesting()
    {
        var (train, test) = Partitioner.TrainTestSplit(10);
        Assert.Equal([5, 6], test);
        Assert.Equal([0, 7, 3, 2, 4, 9, 1, 8], train);
    }

    [Theory]
    [InlineData(6000, 0.2, 1200)]
    [InlineData(11, 0.2, 3)]
    [InlineData(2, 0.001, 1)]
    public void TrainTestSplit_Sizes_RoundUp(int count, double fraction, int tests)
    {
        var (train, test) = Partitioner.TrainTestSplit(count, fraction, 1);
        Assert.Equal((count - tests, tests), (train.Length, test.Length));
        Assert.Equal(Enumerable.Range(0, count), train.Concat(test).Order());
    }

    [Theory]
    [InlineData(10, 0.0)]
    [InlineData(10, 1.0)]
    [InlineData(10, -0.5)]
    [InlineData(10, double.NaN)]
    [InlineData(1, 0.2)]
    public void TrainTestSplit_EmptySide_Throws(int count, double fraction) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Partitioner.TrainTestSplit(count, fraction));
}
