using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class SortingTests
{
    private const double Inf = double.PositiveInfinity, NaN = double.NaN;

    public static TheoryData<DType> Types => [DType.Bool, DType.UInt8, DType.Int32, DType.UInt32, DType.Int64, DType.UInt64, DType.Float32, DType.Float64];

    [Theory]
    [MemberData(nameof(Types))]
    public void ArgSort_AnyView_IsStable(DType dtype) =>
        (from x in Views.Gen(dtype) where x.Shape.Rank > 0 from axis in Gen.Int[0, x.Shape.Rank - 1] from down in Gen.Bool select (x, axis, down))
        .Sample((x, axis, descending) =>
        {
            var y = Views.Doubles(ArgSort(x, axis, x.Shape[axis], descending));
            var values = Views.Doubles(x);
            var (size, inner) = (x.Shape[axis], Inner(x, axis));
            return Lines(x, axis).All(first =>
            {
                var line = Enumerable.Range(0, size).ToArray();
                var expected = descending ? line.OrderByDescending(k => values[first + k * inner]) : line.OrderBy(k => values[first + k * inner]);
                return expected.SequenceEqual(line.Select(k => (int)y[first + k * inner]));
            });
        });

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void ArgSort_OfSpecialValues_PutsNaNLastAndEqualZerosInOrder(DType dtype)
    {
        // NaN of either sign; 0 and −0 are equal.
        var x = NdArray.From(NaN, 0, -Inf, -0.0, 5, Inf, -NaN, double.Epsilon, -3).AsType(dtype);
        Assert.Equal([2u, 8, 1, 3, 7, 4, 5, 0, 6], ArgSort(x, 0, 9).ToArray<uint>());
        Assert.Equal([0u, 6, 5], ArgSort(x, 0, 3, descending: true).ToArray<uint>());
    }

    [Fact]
    public void ArgSort_OfExtremeIntegers_IsRight()
    {
        Assert.Equal([1u, 3, 2, 0], ArgSort(NdArray.From(long.MaxValue, long.MinValue, 0, -1), 0, 4).ToArray<uint>());
        Assert.Equal([1u, 3, 2, 0], ArgSort(NdArray.From(int.MaxValue, int.MinValue, 0, -1), 0, 4).ToArray<uint>());
        Assert.Equal([1u, 2, 0], ArgSort(NdArray.From(uint.MaxValue, 0u, 1u << 31), 0, 3).ToArray<uint>());
    }

    [Theory]
    [InlineData(DType.Float32)]
    [InlineData(DType.Int64)]
    public void ArgSort_OfTheFirstFew_IsTheStartOfAll(DType dtype) =>
        (from values in Gen.Int[-50, 50].Array[1, 300] from count in Gen.Int[1, values.Length] from down in Gen.Bool select (values, count, down))
        .Sample((values, count, descending) =>
        {
            var x = NdArray.From<int>(values).AsType(dtype);
            return ArgSort(x, 0, values.Length, descending).ToArray<uint>().Take(count).SequenceEqual(ArgSort(x, 0, count, descending).ToArray<uint>());
        });

    [Fact]
    public void ArgPartition_PutsOneElementInPlace() =>
        (from values in Gen.Int[-50, 50].Array[1, 300] from kth in Gen.Int[0, values.Length - 1] select (values, kth))
        .Sample((values, kth) =>
        {
            var dst = NdArray.Zeros([values.Length], DType.UInt32);
            Sorting.ArgPartition(NdArray.From<int>(values), 0, kth, dst);
            var order = dst.ToArray<uint>();
            return order.Order().SequenceEqual(Enumerable.Range(0, values.Length).Select(i => (uint)i))
                && values[order[kth]] == values.Order().ElementAt(kth)
                && order.Take(kth).All(i => values[i] <= values[order[kth]])
                && order.Skip(kth).All(i => values[i] >= values[order[kth]]);
        });

    [Fact]
    public void ArgSort_OfManyRows_SortsEach()
    {
        // Row r runs r, r−1, … downwards, so that its order is reversed.
        var x = NdArray.From<int>([.. Enumerable.Range(0, 100_000).Select(i => i / 1000 - i % 1000)], [100, 1000]);
        var order = ArgSort(x, 1, 1000).ToArray<uint>();
        Assert.Equal(Enumerable.Range(0, 100).SelectMany(_ => Enumerable.Range(0, 1000).Reverse()).Select(i => (uint)i), order);
    }

    [Fact]
    public void Search_InOneRow_CountsSmallerOrEqualElements()
    {
        var sorted = NdArray.From<double>(1, 2, 2, 5, NaN);
        var values = NdArray.From<double>([0, 2, 3, 5, Inf, NaN], [2, 3]);
        Assert.Equal([0u, 1, 3, 3, 4, 4], Search(sorted, values, right: false).ToArray<uint>());
        Assert.Equal([0u, 3, 3, 4, 4, 5], Search(sorted, values, right: true).ToArray<uint>());
        Assert.Equal([0u, 0], Search(NdArray.Zeros([0], DType.Int32), NdArray.From(1, 2), right: true).ToArray<uint>());
    }

    [Fact]
    public void Search_InSeveralRows_TakesEachOfItsOwn() =>
        Assert.Equal([1u, 0, 2, 2], Search(NdArray.From<int>([1, 3, 0, 0], [2, 2]), NdArray.From<int>([2, 0, 1, 1], [2, 2]), right: true).ToArray<uint>());

    private static IEnumerable<int> Lines(NdArray x, int axis) =>
        Enumerable.Range(0, (int)x.Count).Where(i => i / Inner(x, axis) % x.Shape[axis] == 0);

    private static int Inner(NdArray x, int axis)
    {
        var inner = 1;
        for (var i = axis + 1; i < x.Shape.Rank; i++) inner *= x.Shape[i];
        return inner;
    }

    private static NdArray ArgSort(NdArray x, int axis, int count, bool descending = false)
    {
        var dst = NdArray.Zeros(x.Shape.With(axis, count), DType.UInt32);
        Sorting.ArgSort(x, axis, descending, dst);
        return dst;
    }

    private static NdArray Search(NdArray sorted, NdArray values, bool right)
    {
        var dst = NdArray.Zeros(values.Shape, DType.UInt32);
        Sorting.Search(sorted, values, right, dst);
        return dst;
    }
}
