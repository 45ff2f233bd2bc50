using Xunit;

namespace ManagedFed.Tests;

/// <summary>Running totals and sorting at their edges: ties, NaN, infinities, emptiness, scalars, types.</summary>
public sealed class OrderTests
{
    private const float Inf = float.PositiveInfinity, NaN = float.NaN;

    [Fact]
    public void CumSum_ReverseAndExclusive_AreAsStated()
    {
        var x = Tensor.From(1, 2, 3, 4);
        Assert.Equal([1, 3, 6, 10], x.CumSum().ToArray<int>());
        Assert.Equal([10, 9, 7, 4], x.CumSum(reverse: true).ToArray<int>());
        Assert.Equal([0, 1, 3, 6], x.CumSum(exclusive: true).ToArray<int>());
        Assert.Equal([9, 7, 4, 0], x.CumSum(reverse: true, exclusive: true).ToArray<int>());
        Assert.Equal([1, 2, 4, 6], x.Reshape(2, 2).CumSum(0).ToArray<int>());
        Assert.Equal([1, 3, 6, 10], x.Reshape(2, 2).CumSum().ToArray<int>());
    }

    [Fact]
    public void Running_OfOtherTypes_PromotesAsTheReductions()
    {
        Assert.Equal([1, 1, 2], Tensor.From(true, false, true).CumSum().ToArray<int>());
        Assert.Equal([200u, 400], Tensor.From<byte>(200, 200).CumSum().ToArray<uint>());
        Assert.Equal(DType.Float32, Tensor.From(1, 2).LogCumSumExp().DType);
        Assert.Equal([int.MinValue, 4], Tensor.From(4, 2).CumMax(exclusive: true).ToArray<int>());
        Assert.Equal([int.MaxValue, 4], Tensor.From(4, 5).CumMin(exclusive: true).ToArray<int>());
        Assert.Equal([long.MaxValue], Tensor.From<long>(4).CumMin(exclusive: true).ToArray<long>());
    }

    [Fact]
    public void Running_OfNothingAndOfScalars_KeepsTheShape()
    {
        Assert.Equal(Shape.Create([0]), Tensor.Zeros([0]).CumSum(0, exclusive: true).Eval().Shape);
        Assert.Equal(Shape.Create([2, 0]), Tensor.Zeros([2, 0]).CumProd(1, reverse: true).Eval().Shape);
        Assert.Equal([3], Tensor.Scalar(3).CumSum().ToArray<float>());
        Assert.Equal([1], Tensor.Scalar(3).CumProd(exclusive: true).ToArray<float>());
    }

    [Fact]
    public void CumMaxAndLogCumSumExp_OfSpecialValues_AreTheLimits()
    {
        Assert.Equal([1, 2, NaN, NaN], Tensor.From(1, 2, NaN, 9).CumMax().ToArray<float>());
        Assert.Equal([-Inf, 2], Tensor.From<float>(2, 1).CumMax(exclusive: true).ToArray<float>());
        Assert.Equal([-Inf, 0, Inf], Tensor.From(-Inf, 0, Inf).LogCumSumExp().ToArray<float>());
        Assert.Equal([-Inf, 5], Tensor.From<float>(5, 1).LogCumSumExp(exclusive: true).ToArray<float>());
    }

    [Fact]
    public void CumMax_OnTies_GivesTheGradientToTheLast()
    {
        // Maxima 1 3 3 3 come from places 0, 1, 2, 2.
        Assert.Equal([1, 1, 2, 0], Transforms.Grad(x => x.CumMax().Sum())(Tensor.From<float>(1, 3, 3, 2)).ToArray<float>());
        Assert.Equal([1, 2, 1], Transforms.Grad(x => x.CumMin().Sum())(Tensor.From<float>(3, 1, 0)).ToArray<float>().Select((g, i) => i == 1 ? g + 1 : g));
    }

    [Fact]
    public void CumProd_WithZeros_HasExactDerivatives()
    {
        // y = (a, ab, abc) at b = 0: ∂Σy/∂a = 1 + b + bc = 1, ∂b = a + ac = 2 + 6 = 8, ∂c = ab = 0.
        Assert.Equal([1, 8, 0], Transforms.Grad(x => x.CumProd().Sum())(Tensor.From<float>(2, 0, 3)).ToArray<float>());
        GradCheck.Check(v => v[0].CumProd(), [Tensor.From<double>(2, 0, 3, 0, 1)]);
    }

    [Fact]
    public void Sort_WithNaNAndTies_PutsNaNLastAndKeepsTheOrder()
    {
        var x = Tensor.From(2, NaN, -1, Inf, 2, -Inf);
        Assert.Equal([-Inf, -1, 2, 2, Inf, NaN], x.Sort().ToArray<float>());
        Assert.Equal([5u, 2, 0, 4, 3, 1], x.ArgSort().ToArray<uint>());
        Assert.Equal([false, true, true], Tensor.From(true, false, true).Sort().ToArray<bool>());
        Assert.Equal([1, 2, 3, 4], Tensor.From(new[,] { { 3, 4 }, { 1, 2 } }).Sort(0).ToArray<int>());
    }

    [Fact]
    public void Sort_OnTies_GivesEachItsOwnGradient()
    {
        // Stable: the first 2 is sorted to place 1, the second to place 2.
        var weights = Tensor.From<float>(1, 10, 100);
        Assert.Equal([10, 1, 100], Transforms.Grad(x => (x.Sort() * weights).Sum())(Tensor.From<float>(2, 1, 2)).ToArray<float>());
    }

    [Fact]
    public void TopK_IsDescendingWithTheFirstOfEqualsFirst()
    {
        var (values, indices) = Tensor.From<float>(1, 5, 3, 5).TopK(3);
        Assert.Equal([5, 5, 3], values.ToArray<float>());
        Assert.Equal([1u, 3, 2], indices.ToArray<uint>());
        Assert.Equal([NaN, 2], Tensor.From(1, NaN, 2).TopK(2).Values.ToArray<float>());
        Assert.Empty(Tensor.From(1, 2).TopK(0).Values.ToArray<int>());
        Assert.Equal(Shape.Create([3, 0]), Tensor.Zeros([3, 0]).TopK(0).Indices.Eval().Shape);
    }

    [Fact]
    public void Partition_PutsTheElementInPlace()
    {
        var x = Tensor.From(5, 1, 4, 2, 3);
        Assert.Equal(3, x.Partition(2)[2].Item<int>());
        Assert.Equal(5, x.Partition(-1)[-1].Item<int>());
        Assert.Equal(4, x[x.ArgPartition(3)][3].Item<int>());
    }

    [Fact]
    public void SearchSorted_Promotes_AndTakesEitherSide()
    {
        var sorted = Tensor.From(1, 2, 2, 4);
        Assert.Equal([1u, 3, 4], sorted.SearchSorted(Tensor.From<float>(2, 2.5f, 9)).ToArray<uint>());
        Assert.Equal(3u, sorted.SearchSorted(Tensor.From<int>([2], []), right: true).Item<uint>());
    }

    [Fact]
    public void Median_OfOddEvenNaNAndNone_IsAsStated()
    {
        Assert.Equal(2, Tensor.From(3, 1, 2).Median().Item<float>());
        Assert.Equal(2.5f, Tensor.From(4, 1, 3, 2).Median().Item<float>());
        Assert.True(float.IsNaN(Tensor.From(1, NaN, 2).Median().Item<float>()));
        Assert.Equal([NaN, NaN], Tensor.Zeros([2, 0]).Median(1).ToArray<float>());
        Assert.Equal(7, Tensor.Scalar(7).Median().Item<float>());
        Assert.Equal([2, 5], Tensor.From(new[,] { { 1, 2, 3 }, { 4, 5, 6 } }).Median(1).ToArray<float>());
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[topk] k is 4, expected 0..3 for axis 0 of shape (3,)", () => Tensor.Zeros([3]).TopK(4) },
        { "[argpartition] element 3 is out of range for axis 0 of shape (3,)", () => Tensor.Zeros([3]).ArgPartition(3) },
        { "[searchsorted] sorted (2, 3) and values (3, 3) do not fit; sorted is one row, or has the leading axes of values", () => Tensor.Zeros([2, 3]).SearchSorted(Tensor.Zeros([3, 3])) },
        { "[cumsum] axis 2 is out of range for shape (3,), expected -1..0", () => Tensor.Zeros([3]).CumSum(2) },
        { "[sort] axis 1 is out of range for shape (), expected -1 or 0", () => Tensor.Scalar(1).Sort(1) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
