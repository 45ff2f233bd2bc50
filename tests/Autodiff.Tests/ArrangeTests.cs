using Xunit;

namespace ManagedFed.Tests;

/// <summary>Construction and movement against values worked by hand, by NumPy's definitions.</summary>
public sealed class ArrangeTests
{
    private static Tensor Grid(params int[] sizes) => Tensor.Arange((int)Shape.Create(sizes).Count).Reshape(sizes);

    private static readonly Tensor Three = Tensor.From(1, 2, 3);

    [Fact]
    public void Triangles_CountDiagonalsFromTheMainOne()
    {
        Assert.Equal([1, 0, 0, 1, 1, 0], Tensor.Tri(2, 3, dtype: DType.Int32).ToArray<int>());
        Assert.Equal([0, 0, 1, 0], Tensor.Tri(2, k: -1, dtype: DType.Int32).ToArray<int>());
        Assert.Equal([0, 0, 0, 3, 4, 0], Grid(2, 3).Tril().ToArray<int>());
        Assert.Equal([0, 1, 2, 0, 0, 5], Grid(2, 3).Triu(1).At[0, 0].Set(0).ToArray<int>());
        Assert.Equal([0, 1, 0, 0, 0, 1], Tensor.Eye(2, 3, 1, DType.Int32).ToArray<int>());
        Assert.Equal([1, 0, 0, 1], Tensor.Identity(2).ToArray<float>());

        // Not NaN·0: what is cut off is zero.
        Assert.Equal([0, 0, 0, 0], Tensor.Full([2, 2], float.NaN).Tril(-2).ToArray<float>());
    }

    [Fact]
    public void Diagonals_OfAllOffsets_AreWhereTheyShould()
    {
        var x = Grid(3, 4);
        Assert.Equal([0, 5, 10], x.Diagonal().ToArray<int>());
        Assert.Equal([1, 6, 11], x.Diagonal(1).ToArray<int>());
        Assert.Equal([4, 9], x.Diagonal(-1).ToArray<int>());
        Assert.Empty(x.Diagonal(4).ToArray<int>());
        Assert.Empty(x.Diagonal(-3).ToArray<int>());
        Assert.Equal([0, 5, 10], x.T.Diagonal().ToArray<int>());
        Assert.Equal([0, 16, 1, 17, 2, 18, 3, 19], Grid(2, 3, 4).Diagonal(0, 0, 1).ToArray<int>());
        Assert.Equal(15, x.Trace().Item<int>());
        Assert.Equal([0, 1, 0, 0, 0, 2, 0, 0, 0], Tensor.From(1, 2).Diag(1).ToArray<int>());
        Assert.Equal([0, 0, 1, 0], Tensor.From(1).Diag(-1).ToArray<int>());
        Assert.Equal(Shape.Create([2, 2]), Tensor.Zeros([0]).Diag(2).Eval().Shape);
    }

    [Fact]
    public void LinSpace_IncludesItsEndExactly()
    {
        Assert.Equal([0, 0.25f, 0.5f, 0.75f, 1], Tensor.LinSpace(0, 1, 5).ToArray<float>());
        Assert.Equal([0, 0.2, 0.4, 0.6, 0.8], Tensor.LinSpace(0, 1, 5, endpoint: false, DType.Float64).ToArray<double>().Select(v => Math.Round(v, 15)));
        Assert.Equal(0.1, Tensor.LinSpace(-0.7, 0.1, 1000, dtype: DType.Float64)[-1].Item<double>());
        Assert.Equal([3], Tensor.LinSpace(3, 9, 1).ToArray<float>());
        Assert.Empty(Tensor.LinSpace(3, 9, 0).ToArray<float>());
        Assert.Equal([0, 2, 5], Tensor.LinSpace(0, 5, 3, dtype: DType.Int32).ToArray<int>());
    }

    [Fact]
    public void MeshGrid_InBothIndexings_FollowsNumPy()
    {
        var xy = Tensor.MeshGrid([Three, Tensor.From(7, 8)]);
        Assert.Equal([1, 2, 3, 1, 2, 3], xy[0].ToArray<int>());
        Assert.Equal([7, 7, 7, 8, 8, 8], xy[1].ToArray<int>());
        var ij = Tensor.MeshGrid([Three, Tensor.From(7, 8)], matrixIndexing: true);
        Assert.Equal([1, 1, 2, 2, 3, 3], ij[0].ToArray<int>());
        Assert.Equal(Shape.Create([1, 3]), Tensor.MeshGrid([Three, Three], sparse: true)[0].Shape);
        Assert.Equal([1, 2, 3], Tensor.MeshGrid([Three])[0].ToArray<int>());
        Assert.Equal(Shape.Create([2, 3, 4]), Tensor.MeshGrid([Three, Tensor.Zeros([2]), Tensor.Zeros([4])])[2].Shape);
    }

    [Fact]
    public void Pad_InEveryMode_FollowsNumPy()
    {
        Assert.Equal([9, 9, 1, 2, 3, 9], Three.Pad([(2, 1)], value: 9).ToArray<int>());
        Assert.Equal([1, 1, 1, 2, 3, 3], Three.Pad([(2, 1)], PadMode.Edge).ToArray<int>());

        // Mirrored again where the padding is longer than the axis.
        Assert.Equal([2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2], Three.Pad([(5, 3)], PadMode.Reflect).ToArray<int>()[..]);
        Assert.Equal([4, 4, 4], Tensor.From(4).Pad([(1, 1)], PadMode.Reflect).ToArray<int>());
        Assert.Equal([0, 0, 0, 0, 0, 7, 0, 0, 0], Tensor.From(new[,] { { 7 } }).Pad([(1, 1), (2, 0)]).ToArray<int>());
        Assert.Equal([5, 5], Tensor.Zeros([0]).Pad(1, value: 5).ToArray<float>());
        Assert.Equal(3, Tensor.Scalar(3).Pad(1).Item<float>());
    }

    [Fact]
    public void RepeatAndTile_FollowNumPy()
    {
        Assert.Equal([1, 1, 2, 2, 3, 3], Three.Repeat(2).ToArray<int>());
        Assert.Equal([0, 1, 0, 1, 2, 3, 2, 3], Grid(2, 2).Repeat(2, 0).ToArray<int>());
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3], Grid(2, 2).Repeat(2).ToArray<int>());
        Assert.Equal([1, 3, 3, 3], Three.Repeat([1, 0, 3], 0).ToArray<int>());
        Assert.Empty(Three.Repeat(0).ToArray<int>());
        Assert.Equal([1, 2, 3, 1, 2, 3], Three.Tile(2).ToArray<int>());
        Assert.Equal(Shape.Create([2, 1, 6]), Three.Tile(2, 1, 2).Shape);
        Assert.Equal([0, 1, 0, 1, 2, 3, 2, 3], Grid(2, 2).Tile(2).ToArray<int>());
        Assert.Equal([5, 5], Tensor.Scalar(5).Tile(2).ToArray<float>());
        Assert.Equal([1, 2, 3], Three.Tile().ToArray<int>());
    }

    [Fact]
    public void RollAndFlip_TurnAroundTheEnds()
    {
        Assert.Equal([3, 1, 2], Three.Roll(1).ToArray<int>());
        Assert.Equal([2, 3, 1], Three.Roll(-1).ToArray<int>());
        Assert.Equal([3, 1, 2], Three.Roll(-5).ToArray<int>());
        Assert.Equal([5, 0, 1, 2, 3, 4], Grid(2, 3).Roll(1).ToArray<int>());
        Assert.Equal([5, 3, 4, 2, 0, 1], Grid(2, 3).Roll([1, 1], [0, 1]).ToArray<int>());
        Assert.Equal([5, 4, 3, 2, 1, 0], Grid(2, 3).Flip().ToArray<int>());
        Assert.Equal([2, 1, 0, 5, 4, 3], Grid(2, 3).Flip(1).ToArray<int>());
        Assert.Empty(Tensor.Zeros([0]).Roll(3).ToArray<float>());
    }

    [Fact]
    public void Shapes_SplitAndJoin()
    {
        Assert.Equal(Shape.Create([2, 2, 3, 4]), Grid(2, 6, 4).Unflatten(1, 2, -1).Shape);
        Assert.Equal([1, 4], Grid(2, 3).Unstack(1)[1].ToArray<int>());
        Assert.Empty(Tensor.Zeros([0, 3]).Unstack());
        Assert.Equal([Shape.Create([1]), Shape.Create([1, 1]), Shape.Create([1, 1, 1])], new[] { Tensor.Scalar(1).AtLeast1d(), Tensor.Scalar(1).AtLeast2d(), Tensor.Scalar(1).AtLeast3d() }.Select(t => t.Shape));
        Assert.Equal([Shape.Create([3]), Shape.Create([1, 3]), Shape.Create([1, 3, 1])], new[] { Three.AtLeast1d(), Three.AtLeast2d(), Three.AtLeast3d() }.Select(t => t.Shape));
        Assert.Equal(Shape.Create([2, 3, 1]), Grid(2, 3).AtLeast3d().Shape);
        Assert.Equal(Shape.Create([2, 3]), Tensor.BroadcastShapes([3], [2, 1], []));
        Assert.Equal([1, 2, 3, 1, 2, 3], Tensor.BroadcastArrays(Three, Tensor.Zeros([2, 1]))[0].ToArray<int>());
        Assert.Equal(Shape.Create([2, 4, 3]), Grid(2, 3, 4).MatrixTranspose().Shape);
        Assert.Equal([7, 7, 7], Three.FullLike(7).ToArray<int>());
        Assert.Equal(DType.Float64, Three.FullLike(7, DType.Float64).DType);
        Assert.Equal(new int[3], Three.EmptyLike().ToArray<int>());
        Assert.Equal(new float[2], Tensor.Empty([2]).ToArray<float>());
    }

    [Fact]
    public void View_ReadsTheSameBytes()
    {
        // 1.0f is 3F800000, −0 only the sign; the low bytes come first.
        Assert.Equal([0x3F800000, int.MinValue], Tensor.From(1f, -0f).View(DType.Int32).ToArray<int>());
        Assert.Equal([0, 0, 0x80, 0x3F], Tensor.From(1f).View(DType.UInt8).ToArray<byte>().Select(b => (int)b));
        Assert.Equal([0, 2], Tensor.From(new[,] { { 0, 1 }, { 2, 3 } }).T.View(DType.Float32).View(DType.Int32)[0].ToArray<int>());
        Assert.Equal([1L | 2L << 32], Tensor.From(1, 2).View(DType.Int64).ToArray<long>());
        Assert.Equal(Shape.Create([2, 0]), Tensor.Zeros([2, 0]).View(DType.UInt8).Eval().Shape);
        Assert.True(Grid(2, 3).T.Contiguous().ToNdArray().IsContiguous);
        Assert.Equal([0, 3, 1, 4, 2, 5], Grid(2, 3).T.Contiguous().ToArray<int>());
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[diag] shape (2, 3, 4) is neither a vector nor a matrix; use Diagonal for more axes", () => Grid(2, 3, 4).Diag() },
        { "[diagonal] axis 1 appears twice for shape (2, 3)", () => Grid(2, 3).Diagonal(0, 1, -1) },
        { "[tril] shape (3,) has fewer than two axes", () => Three.Tril() },
        { "[matrix_transpose] shape (3,) has fewer than two axes", () => Three.MatrixTranspose() },
        { "[view] rows of shape (3,) of int32 are no whole number of int64 elements", () => Three.View(DType.Int64) },
        { "[view] dtype is bool, expected a number, since bytes other than 0 and 1 are no truth values", () => Three.View(DType.Bool) },
        { "[linspace] count is -1, expected 0 or more", () => Tensor.LinSpace(0, 1, -1) },
        { "[meshgrid] vector 1 has shape (2, 3), expected one axis", () => Tensor.MeshGrid([Three, Grid(2, 3)]) },
        { "[pad] 1 pairs of widths given for shape (2, 3), expected 2", () => Grid(2, 3).Pad([(1, 1)]) },
        { "[pad] widths (-1, 0) of axis 0 are negative; cut with a range instead", () => Three.Pad([(-1, 0)]) },
        { "[pad] axis 0 of shape (0,) is empty and has nothing to repeat", () => Tensor.Zeros([0]).Pad(1, PadMode.Edge) },
        { "[repeat] count is -1, expected 0 or more", () => Three.Repeat(-1) },
        { "[repeat] counts (1, 2) for axis 0 of shape (3,), expected 3 numbers of 0 or more", () => Three.Repeat([1, 2], 0) },
        { "[tile] count -1 of axis 0 is negative", () => Three.Tile(-1) },
        { "[roll] 1 shifts given for 2 axes", () => Grid(2, 3).Roll([1], [0, 1]) },
        { "[unflatten] axis 0 of shape (3,) does not split into (2, -1)", () => Three.Unflatten(0, 2, -1) },
        { "[broadcast_arrays] shapes (3,) and (2,) cannot be broadcast", () => Tensor.BroadcastArrays(Three, Tensor.Zeros([2])) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
