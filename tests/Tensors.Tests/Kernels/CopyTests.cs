using CsCheck;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class CopyTests
{
    [Theory]
    [InlineData(DType.UInt8)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Int64)]
    public void Run_AnyView_ToContiguous(DType dtype) => Views.Gen(dtype).Sample(src =>
    {
        var dst = NdArray.Empty(src.Shape, dtype);
        Copy.Run(src, dst);
        return Views.Doubles(dst).SequenceEqual(Views.Doubles(src));
    });

    [Fact]
    public void Run_AnyView_ToAnyPermutedAndReversedView() =>
        Views.Gen().SelectMany(src => Gen.Shuffle(Enumerable.Range(0, src.Shape.Rank).ToArray()).Select(order => (src, order))).Sample((src, order) =>
        {
            // Make the destination in the permuted order with gaps of one, then look at it in the source's order, backwards.
            var sizes = order.Select(axis => 2 * src.Shape[axis]).ToArray();
            var dst = NdArray.Zeros(Shape.Create(sizes)).Transpose([.. order.Select((axis, i) => (axis, i)).OrderBy(p => p.axis).Select(p => p.i)]);
            for (var axis = 0; axis < order.Length; axis++)
            {
                var size = src.Shape[axis];
                dst = size == 0 ? dst.Slice(axis, 0, 0) : dst.Slice(axis, 2 * size - 2, size, -2);
            }
            Copy.Run(src, dst);
            return Views.Read<float>(dst).SequenceEqual(Views.Read<float>(src));
        });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(15, 17)]
    [InlineData(16, 16)]
    [InlineData(33, 100)]
    [InlineData(257, 64)]
    public void Run_Transposed_CopiesEveryTile(int rows, int columns)
    {
        foreach (var dtype in new[] { DType.UInt8, DType.Int32, DType.Float64 })
        {
            var src = Views.Range([rows, columns], dtype).Transpose();
            Assert.Equal(Views.Doubles(src), Views.Doubles(src.Contiguous()));
        }
    }

    [Fact]
    public void Run_BatchOfTransposes_CopiesEachMatrix()
    {
        var src = Views.Range([3, 20, 2, 18]).Transpose(0, 3, 2, 1);
        Assert.Equal(Views.Read<float>(src), src.Contiguous().ToArray<float>());
    }

    [Fact]
    public void Run_LeavesTheGapsOfTheDestinationAlone()
    {
        var dst = NdArray.Zeros([3, 4]);
        Copy.Run(NdArray.From<float>([1, 2, 3], [3]), dst.Slice(1, 2, 1).Reshape([3]));
        Assert.Equal([0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0], dst.ToArray<float>());
    }

    [Fact]
    public void Dense_OfAContiguousArray_IsItselfWithAClaim()
    {
        var x = NdArray.Rent([5], DType.Float32);
        Assert.Same(x, Copy.Dense(x));
        Assert.False(x.Storage.IsExclusive);
        x.Storage.Release();
        Assert.True(x.Storage.IsExclusive);
        x.Storage.Release();
    }

    [Fact]
    public void AxisPair_RunsInBothLayouts_BecomeOneAxis()
    {
        var contiguous = new Layout([2, 3, 4]);
        var merged = new AxisPair(contiguous, contiguous);
        Assert.Equal(1, merged.Count);
        Assert.Equal(new(24, 1, 1), merged[0]);

        var swapped = new AxisPair(new Layout([3, 4, 2]).Transpose([2, 0, 1]), contiguous);
        Assert.Equal(2, swapped.Count);
        Assert.Equal(new(2, 1, 12), swapped[0]);
        Assert.Equal(new(12, 2, 1), swapped[1]);
    }

    [Theory]
    [InlineData(DType.UInt8, 250.0)]
    [InlineData(DType.Int8, -100.0)]
    [InlineData(DType.Int16, -3e4)]
    [InlineData(DType.UInt16, 6e4)]
    [InlineData(DType.UInt64, 9007199254740992.0)]
    [InlineData(DType.Float16, 65504.0)]
    [InlineData(DType.BFloat16, 1.5)]
    [InlineData(DType.Int32, -7.0)]
    [InlineData(DType.Int64, -1e15)]
    [InlineData(DType.Float32, 0.5)]
    [InlineData(DType.Float64, 1e300)]
    public void Fill_OneValue_ReachesEveryElement(DType dtype, double value)
    {
        var x = NdArray.Empty([67], dtype);
        FillKernel.Run(x, value);
        Assert.All(Views.Doubles(x), v => Assert.Equal(value, v));
    }

    [Fact]
    public void Fill_Bool_IsZeroOrOne()
    {
        var x = NdArray.Empty([3], DType.Bool);
        FillKernel.Run(x, 0.25);
        Assert.Equal([1, 1, 1], Views.Doubles(x));
    }

    [Fact]
    public void Arange_StartAndStep_AreRoundedOnceFromDouble()
    {
        var x = NdArray.Empty([1000], DType.Float32);
        FillKernel.Arange(x, 1, 0.1);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (float)(1 + i * 0.1)), x.ToArray<float>());
    }
}
