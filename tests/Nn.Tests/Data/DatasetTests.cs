using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Nn.Tests.Data;

public sealed class DatasetTests
{
    private static readonly Dataset Four = new(NdArray.From([0f, 1, 10, 11, 20, 21, 30, 31], [4, 2]), NdArray.From(0, 1, 2, 3));

    [Fact]
    public void Subset_SomeRows_CopiesThemInOrder()
    {
        var subset = Four.Subset([3, 0, 3]);
        Assert.Equal(3, subset.Count);
        Assert.Equal([30f, 31, 0, 1, 30, 31], subset.Inputs.ToArray<float>());
        Assert.Equal([3, 0, 3], subset.Labels.ToArray<int>());
    }

    [Fact]
    public void Slice_Rows_AreInPlace()
    {
        var slice = Four.Slice(1, 2);
        Assert.Equal([10f, 11, 20, 21], slice.Inputs.ToArray<float>());
        Assert.Equal([20f, 21, 10, 11], slice.Subset([1, 0]).Inputs.ToArray<float>());
    }

    [Fact]
    public void Dataset_RowsDiffer_Throws() => Assert.Contains(
        "inputs (2,) and labels (3,) differ",
        Assert.Throws<ArgumentException>(() => new Dataset(NdArray.Zeros([2]), NdArray.Zeros([3]))).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData(DType.Bool)]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int32)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void GatherRows_AnyTypeOfAView_PicksRows(DType dtype)
    {
        // Rows of the transpose: (0, 2), (1, 3).
        var view = NdArray.From([0, 1, 2, 3], [2, 2]).AsType(dtype).Transpose();
        var expected = NdArray.From([1, 3, 0, 2], [2, 2]).AsType(dtype).AsType(DType.Float64);
        var rows = view.GatherRows([1, 0]);
        Assert.Equal(dtype, rows.DType);
        Assert.Equal(expected.ToArray<double>(), rows.AsType(DType.Float64).ToArray<double>());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    public void GatherRows_OutOfRange_Throws(int row) =>
        Assert.Contains($"[gather_rows] row {row}", Assert.Throws<ArgumentOutOfRangeException>(() => Four.Inputs.GatherRows([row])).Message, StringComparison.Ordinal);

    [Fact]
    public void GatherRows_NoRows_IsEmpty() => Assert.Equal([0, 2], Four.Inputs.GatherRows([]).Shape);

    [Fact]
    public void GatherRows_OfAScalar_Throws() => Assert.Throws<ArgumentException>(() => NdArray.From([1f], []).GatherRows([0]));

    [Theory]
    [InlineData(10, 3, new[] { 3, 3, 3, 1 })]
    [InlineData(6, 3, new[] { 3, 3 })]
    [InlineData(2, 5, new[] { 2 })]
    [InlineData(0, 5, new int[0])]
    public void Shuffled_AnyCount_CoversEveryIndexOnce(int count, int size, int[] lengths)
    {
        var batches = Batches.Shuffled(count, size, RandomKey.FromSeed(1));
        Assert.Equal(lengths, batches.Select(b => b.Length));
        Assert.Equal(Enumerable.Range(0, count), batches.SelectMany(b => b).Order());
    }

    [Fact]
    public void Shuffled_DependsOnTheKeyAlone()
    {
        var (first, second) = RandomKey.FromSeed(7).Split();
        Assert.Equal(Batches.Shuffled(1000, 32, first), Batches.Shuffled(1000, 32, first));
        Assert.NotEqual(Batches.Permutation(first, 1000), Batches.Permutation(second, 1000));
        Assert.Equal(Batches.Permutation(first, 1000), Batches.Shuffled(1000, 32, first).SelectMany(b => b));
    }

    // Each of the 6 orders of 3 comes 1000 times in 6000, give or take; 4.5 standard deviations (28.9 each) are 130.
    [Fact]
    public void Permutation_OfThree_ComesInEveryOrderEquallyOften()
    {
        var orders = RandomKey.FromSeed(3).Split(6000).CountBy(key => string.Join(' ', Batches.Permutation(key, 3))).ToArray();
        Assert.Equal(6, orders.Length);
        Assert.All(orders, order => Assert.InRange(order.Value, 870, 1130));
    }

    [Fact]
    public void Shuffled_NoBatchSize_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => Batches.Shuffled(3, 0, RandomKey.FromSeed(1)));
}
