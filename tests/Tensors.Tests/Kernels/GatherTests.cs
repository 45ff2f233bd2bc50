using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class GatherTests
{
    [Fact]
    public void Take_RowsOfAMatrix_InTheOrderOfTheIndices()
    {
        var dst = Take(Views.Range([4, 3]), NdArray.From(2, 0, -1), 0);
        Assert.Equal([3, 3], dst.Shape);
        Assert.Equal([6, 7, 8, 0, 1, 2, 9, 10, 11], dst.ToArray<float>());
    }

    [Fact]
    public void Take_MatrixOfIndicesOnTheMiddleAxis_ReplacesTheAxisByTwo()
    {
        var dst = Take(Views.Range([2, 3, 2]), NdArray.From<int>([0, 2, 1, 1], [2, 2]), 1);
        Assert.Equal([2, 2, 2, 2], dst.Shape);
        Assert.Equal([0, 1, 4, 5, 2, 3, 2, 3, 6, 7, 10, 11, 8, 9, 8, 9], dst.ToArray<float>());
    }

    [Fact]
    public void Take_ScalarIndex_RemovesTheAxis()
    {
        var dst = Take(Views.Range([2, 3]), NdArray.From<int>([1], []), 1);
        Assert.Equal([2], dst.Shape);
        Assert.Equal([1, 4], dst.ToArray<float>());
    }

    [Theory]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int8)]
    [InlineData(DType.Int16)]
    [InlineData(DType.UInt16)]
    [InlineData(DType.Int32)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt64)]
    public void Take_EveryIndexType_Works(DType dtype) =>
        Assert.Equal([3, 1], Take(Views.Range([4]), NdArray.From(3, 1).AsType(dtype), 0).ToArray<float>());

    [Theory]
    [InlineData(DType.Bool)]
    [InlineData(DType.Float32)]
    public void Take_OtherIndexType_Throws(DType dtype)
    {
        var error = Assert.Throws<ArgumentException>(() => Take(Views.Range([4]), NdArray.From(3, 1).AsType(dtype), 0));
        Assert.Equal($"[take] dtype is {dtype.Name()}, expected integer indices", error.Message);
    }

    [Theory]
    [InlineData(12)]
    [InlineData(10)]
    [InlineData(-11)]
    public void Take_IndexOutOfRange_SaysWhichAndLeavesTheTargetAlone(int index)
    {
        var dst = NdArray.Zeros([2]);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Gather.Take(Views.Range([10]), NdArray.From(3, index), 0, dst));
        Assert.StartsWith($"[take] index {index} is out of range for axis 0 of size 10", error.Message);
        Assert.Equal([0, 0], dst.ToArray<float>());
    }

    [Fact]
    public void Take_IndexBeyondInt64_IsOutOfRange() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Take(Views.Range([4]), NdArray.From(ulong.MaxValue), 0));

    [Fact]
    public void Take_FromAnEmptyAxis_TakesNothingOrThrows()
    {
        Assert.Equal([0, 3], Take(Views.Range([0, 3]), NdArray.Zeros([0], DType.Int32), 0).Shape);
        Assert.Throws<ArgumentOutOfRangeException>(() => Take(Views.Range([0, 3]), NdArray.From(0), 0));
    }

    [Theory]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Take_AnyView_FollowsTheDefinition(DType dtype) => Cases(dtype).Sample((src, axis, indices) =>
    {
        var dst = Take(src, indices, axis);
        return Views.Indices(dst.Shape).Select(at => Element(dst, at)).SequenceEqual(Views.Indices(dst.Shape).Select(at =>
        {
            var index = (int)Element(indices, at[axis..(axis + indices.Shape.Rank)]);
            return Element(src, [.. at[..axis], index < 0 ? index + src.Shape[axis] : index, .. at[(axis + indices.Shape.Rank)..]]);
        }));
    });

    [Fact]
    public void TakeAlong_LastAxis_PicksOnePerRow()
    {
        var dst = NdArray.Empty([3, 1], DType.Float32);
        Gather.TakeAlong(Views.Range([3, 4]), NdArray.From<int>([1, -1, 0], [3, 1]), 1, dst);
        Assert.Equal([1, 7, 8], dst.ToArray<float>());
    }

    [Fact]
    public void TakeAlong_AnyView_FollowsTheDefinition() => AlongCases().Sample((src, axis, indices) =>
    {
        var dst = NdArray.Empty(indices.Shape, src.DType);
        Gather.TakeAlong(src, indices, axis, dst);
        return Views.Indices(dst.Shape).All(at =>
        {
            int[] from = [.. at];
            from[axis] = (int)Element(indices, at);
            return Element(dst, at) == Element(src, from);
        });
    });

    [Fact]
    public void Take_LargeTable_IsTheSameForAnyNumberOfThreads()
    {
        var table = Views.Range([5000, 33]);
        var indices = NdArray.From<int>([.. Enumerable.Range(0, 20_000).Select(i => i * 7919 % 5000)]);
        var expected = Enumerable.Range(0, 20_000).SelectMany(i => Enumerable.Range(0, 33).Select(j => (float)(i * 7919 % 5000 * 33 + j)));
        foreach (var threads in new[] { 1, 2, 5 })
        {
            Assert.Equal(expected, Threads.With(threads, () => Take(table, indices, 0).ToArray<float>()));
        }
    }

    internal static NdArray Take(NdArray src, NdArray indices, int axis)
    {
        var dst = NdArray.Empty([.. src.Shape.Sizes[..axis], .. indices.Shape.Sizes, .. src.Shape.Sizes[(axis + 1)..]], src.DType);
        Gather.Take(src, indices, axis, dst);
        return dst;
    }

    /// <summary>A source view, one of its axes, and indices for it: a strided matrix of both signs.</summary>
    internal static Gen<(NdArray Source, int Axis, NdArray Indices)> Cases(DType dtype) =>
        from src in Views.Gen(dtype).Where(x => x.Shape.Rank > 0)
        from axis in Gen.Int[0, src.Shape.Rank - 1]
        let size = src.Shape[axis]
        from values in size == 0 ? Gen.Const(Array.Empty<int>()) : Gen.Int[-size, size - 1].Array[6]
        from rank in Gen.Int[0, 2]
        let shape = size == 0 ? Shape.Create([0]) : Shape.Create(new[] { 3, 2 }.AsSpan(0, rank))
        let indices = NdArray.From<int>(values.AsSpan(0, (int)shape.Count), shape)
        select (src, axis, indices.Transpose());

    /// <summary>A source view, an axis, and one index for each element of a result of three along that axis.</summary>
    internal static Gen<(NdArray Source, int Axis, NdArray Indices)> AlongCases() =>
        from src in Views.Gen(DType.Float64).Where(x => x.Shape.Rank > 0 && x.Count > 0)
        from axis in Gen.Int[0, src.Shape.Rank - 1]
        let shape = src.Shape.With(axis, 3)
        from values in Gen.Int[0, src.Shape[axis] - 1].Array[checked((int)shape.Count)]
        select (src, axis, NdArray.From<int>(values, shape));

    private static double Element(NdArray x, params int[] at) => x.DType switch
    {
        DType.UInt8 => Views.At<byte>(x, at),
        DType.Int16 => Views.At<short>(x, at),
        DType.Int32 => Views.At<int>(x, at),
        DType.Float32 => Views.At<float>(x, at),
        _ => Views.At<double>(x, at),
    };
}
