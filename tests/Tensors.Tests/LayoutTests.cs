using CsCheck;
using Xunit;

namespace ManagedFed.Tests;

public sealed class LayoutTests
{
    [Fact]
    public void RowMajor_OfAShape_EndsWithStrideOne() => Assert.Equal([12, 4, 1], Layout.RowMajor([2, 3, 4]));

    [Fact]
    public void IsContiguous_AxisOfSizeOne_IgnoresItsStride()
    {
        Assert.True(new Layout([3, 1, 4], [4, 99, 1], 0).IsContiguous);
        Assert.False(new Layout([3, 2, 4], [4, 99, 1], 0).IsContiguous);
    }

    [Fact]
    public void IsContiguous_NoElements_IsTrueForAnyStrides() => Assert.True(new Layout([0, 3, 2], [1, 7, 5], 0).IsContiguous);

    [Fact]
    public void TryReshape_BroadcastInnerAxis_NeedsACopy()
    {
        // Rows 0 0 0, 1 1 1: no single stride walks them.
        var stretched = new Layout([2, 1], [1, 1], 0).BroadcastTo([2, 3]);
        Assert.Null(stretched.TryReshape([6]));
        Assert.Equal([1, 0, 0], stretched.TryReshape([2, 3, 1])!.Strides);
    }

    [Fact]
    public void TryReshape_AllAxesBroadcast_StaysAView()
    {
        var stretched = new Layout([1, 1], [1, 1], 5).BroadcastTo([2, 3]);
        var reshaped = stretched.TryReshape([6])!;
        Assert.Equal([0], reshaped.Strides);
        Assert.Equal(5, reshaped.Offset);
    }

    [Fact]
    public void TryReshape_Transposed_SplitsAxesButDoesNotMerge()
    {
        var transposed = new Layout([4, 6]).Transpose([1, 0]);
        Assert.Null(transposed.TryReshape([24]));
        Assert.Equal([3, 1, 12, 6], transposed.TryReshape([2, 3, 2, 2])!.Strides);
    }

    [Fact]
    public void TryReshape_AnyView_HasTheElementsOfACopy() =>
        Views.Gen().SelectMany(x => Factorisations(x.Count).Select(sizes => (x, sizes))).Sample((x, sizes) =>
        {
            var shape = Shape.Create(sizes);
            if (x.Layout.TryReshape(shape) is not { } layout) return true;
            return Views.Read<float>(x.View(layout)).SequenceEqual(Views.Read<float>(x));
        });

    /// <summary>Shapes of a number of elements: factors taken off in random portions, with some ones between.</summary>
    private static Gen<int[]> Factorisations(long count) => Gen.Int[1, 6].Array[6].Select(wanted =>
    {
        var sizes = new List<int>();
        foreach (var factor in wanted)
        {
            if (count % factor != 0) continue;
            sizes.Add(factor);
            count /= factor;
        }
        sizes.Add((int)count);
        return sizes.ToArray();
    });
}
