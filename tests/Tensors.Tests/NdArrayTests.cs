using CsCheck;
using Xunit;

namespace ManagedFed.Tests;

public sealed class NdArrayTests
{
    public static TheoryData<DType> AllTypes => [.. Enum.GetValues<DType>()];

    [Fact]
    public void From_ValuesAndShape_ReadsBackInRowMajorOrder()
    {
        var x = NdArray.From<float>([1, 2, 3, 4, 5, 6], [2, 3]);
        Assert.Equal(DType.Float32, x.DType);
        Assert.Equal(24, x.ByteCount);
        Assert.Equal([1, 2, 3, 4, 5, 6], x.ToArray<float>());
        Assert.Equal(6f, Views.At<float>(x, 1, 2));
    }

    [Fact]
    public void From_WrongNumberOfValues_SaysBoth()
    {
        var error = Assert.Throws<ArgumentException>(() => NdArray.From<float>([1, 2, 3], [2, 3]));
        Assert.Equal("[array] 3 values given, shape (2, 3) needs 6", error.Message);
    }

    [Fact]
    public void From_NoElementType_Throws() => Assert.Throws<ArgumentException>(() => NdArray.From<char>('a', 'b'));

    [Fact]
    public void From_Scalar_HasRankZero() => Assert.Equal([2.5], NdArray.From<double>([2.5], []).ToArray<double>());

    [Theory]
    [MemberData(nameof(AllTypes))]
    public void Zeros_EveryType_IsZeroInReusedMemory(DType dtype)
    {
        var x = NdArray.Rent([100], dtype);
        x.Fill(1);
        x.Storage.Release();
        Assert.All(Views.Doubles(NdArray.Zeros([100], dtype)), v => Assert.Equal(0, v));
    }

    [Fact]
    public void AsSpan_Contiguous_WritesThrough()
    {
        var x = NdArray.Zeros([2, 2]);
        x.AsSpan<float>()[3] = 7;
        Assert.Equal([0, 0, 0, 7], x.ToArray<float>());
        Assert.Equal([0, 7], x.Slice(0, 1, 1).AsSpan<float>().ToArray());
    }

    [Fact]
    public void AsSpan_WrongTypeOrStridedView_Throws()
    {
        var x = NdArray.Zeros([2, 3]);
        Assert.StartsWith("[as_span] array holds float32, not int32", Assert.Throws<InvalidOperationException>(() => { x.AsSpan<int>(); }).Message);
        Assert.Contains("strided view", Assert.Throws<InvalidOperationException>(() => { x.Transpose().AsSpan<float>(); }).Message);
    }

    [Fact]
    public void CopyTo_ShortDestination_Throws() =>
        Assert.Throws<ArgumentException>(() => NdArray.Zeros([3]).CopyTo<float>(new float[2]));

    [Fact]
    public void Transpose_NoAxes_ReversesThem()
    {
        var x = Views.Range([2, 3, 4]).Transpose();
        Assert.Equal([4, 3, 2], x.Shape);
        Assert.Equal(1 * 12 + 2 * 4 + 3, Views.At<float>(x, 3, 2, 1));
    }

    [Fact]
    public void Transpose_BadAxes_SaysWhy()
    {
        var x = Views.Range([2, 3]);
        Assert.Equal("[transpose] 1 axes given for shape (2, 3), expected 2", Assert.Throws<ArgumentException>(() => x.Transpose(0)).Message);
        Assert.Equal("[transpose] axis -2 appears twice for shape (2, 3)", Assert.Throws<ArgumentException>(() => x.Transpose(0, -2)).Message);
    }

    [Theory]
    [InlineData(1, 3, 2, new float[] { 1, 3, 5 })]
    [InlineData(5, 6, -1, new float[] { 5, 4, 3, 2, 1, 0 })]
    [InlineData(9, 0, 1, new float[0])]
    public void Slice_InsideTheAxis_IsAView(int start, int count, int step, float[] expected) =>
        Assert.Equal(expected, Views.Range([6]).Slice(0, start, count, step).ToArray<float>());

    [Theory]
    [InlineData(4, 3, 1)]
    [InlineData(-1, 1, 1)]
    [InlineData(1, 3, -1)]
    [InlineData(0, 1, 0)]
    [InlineData(0, -1, 1)]
    public void Slice_OutsideTheAxis_Throws(int start, int count, int step) =>
        Assert.Throws<ArgumentException>(() => Views.Range([6]).Slice(0, start, count, step));

    [Fact]
    public void Reshape_OtherCount_SaysBoth()
    {
        var error = Assert.Throws<ArgumentException>(() => Views.Range([2, 3]).Reshape([4, 2]));
        Assert.Equal("[reshape] cannot reshape (2, 3) of 6 elements into (4, 2) of 8", error.Message);
    }

    [Fact]
    public void Reshape_StretchedInnerAxis_RepeatsEachElement() =>
        Assert.Equal([0, 0, 0, 1, 1, 1], Views.Range([2, 1]).BroadcastTo([2, 3]).Reshape([6]).ToArray<float>());

    [Fact]
    public void Reshape_EmptyTransposedView_HasTheNewShape() =>
        Assert.Equal([0], Views.Range([2, 3, 0]).Transpose().Reshape([0]).Shape);

    [Fact]
    public void Reshape_AnyView_KeepsTheOrder() =>
        Views.Gen(DType.Int32).Sample(x => Views.Read<int>(x.Reshape([(int)x.Count])).SequenceEqual(Views.Read<int>(x)));

    [Fact]
    public void Contiguous_AnyView_HasTheSameElements() =>
        Views.Gen(DType.Int64).Sample(x => x.Contiguous().IsContiguous && x.ToArray<long>().SequenceEqual(Views.Read<long>(x)));

    [Fact]
    public void BroadcastTo_Incompatible_Throws() => Assert.Throws<ArgumentException>(() => Views.Range([3]).BroadcastTo([2]));

    [Fact]
    public void BroadcastTo_SmallerShape_Throws() => Assert.Throws<ArgumentException>(() => Views.Range([2, 3]).BroadcastTo([3]));

    [Fact]
    public void AsType_SameType_IsTheSameArray()
    {
        var x = Views.Range([3]);
        Assert.Same(x, x.AsType(DType.Float32));
    }
}
