using Xunit;
using static ManagedFed.TensorIndex;

namespace ManagedFed.Tests;

/// <summary>Reading parts: NumPy's rules for every kind of index, masks, emptiness, errors.</summary>
public sealed class IndexingTests
{
    private static readonly Tensor X = Grid(2, 3, 4, 5);
    private static readonly Tensor I = Tensor.From<int>([0, 1, 1, 0, 0, 1], [2, 3]);
    private static readonly Tensor J = Tensor.From(2, 0, 1);

    private static Tensor Grid(params int[] sizes) => Tensor.Arange((int)Shape.Create(sizes).Count).Reshape(sizes);

    [Fact]
    public void Read_WithNewAxesEllipsisAndSteps_FollowsNumPy()
    {
        var x = Grid(2, 3, 4);
        Assert.Equal(Shape.Create([2, 1, 3, 4]), x[.., NewAxis].Shape);
        Assert.Equal(Shape.Create([2, 3, 1]), x[Ellipsis, 1, NewAxis].Shape);
        Assert.Equal(Shape.Create([4]), x[1, 2, Ellipsis].Shape);
        Assert.Equal([1, 5, 9], x[0, Ellipsis, 1].ToArray<int>());
        Assert.Equal([3, 1], x[0, 0, Slice(step: -2)].ToArray<int>());
        Assert.Equal([1, 3], x[0, 0, Slice(1, step: 2)].ToArray<int>());
        Assert.Equal([2, 1], x[0, 0, Slice(-2, 0, -1)].ToArray<int>());
        Assert.Equal(Shape.Create([0, 3, 4]), x[Slice(1, 1)].Shape);
        Assert.Equal(Shape.Create([0, 3, 4]), x[Slice(0, 1, -1)].Shape);
        Assert.Equal([20, 21, 22, 23], x[^1, ^1].ToArray<int>());
        Assert.Equal(23, x[1, 2, 3].Item<int>());
        Assert.Same(x, x[Ellipsis]);
        Assert.Equal(5, Tensor.Scalar(5)[Ellipsis].Item<float>());
        Assert.Equal(Shape.Create([1, 1]), Tensor.Scalar(5)[NewAxis, NewAxis].Shape);
    }

    // Index axes stand where they were if those indexed are neighbours, else in front; beside a tensor a number counts as one.
    public static TheoryData<string, Tensor, int[]> Chosen => new()
    {
        { "[:, i]", X[.., I], [2, 2, 3, 4, 5] },
        { "[i, j]", X[I, J], [2, 3, 4, 5] },
        { "[:, i, j]", X[.., I, J], [2, 2, 3, 5] },
        { "[i, :, j]", X[I, .., J], [2, 3, 3, 5] },
        { "[0, :, i]", X[0, .., I], [2, 3, 3, 5] },
        { "[0, i]", X[0, I], [2, 3, 4, 5] },
        { "[:, 0, i]", X[.., 0, I], [2, 2, 3, 5] },
        { "[i, 0]", X[I, 0], [2, 3, 4, 5] },
        { "[:, i, None, j]", X[.., I, NewAxis, J], [2, 3, 2, 1, 5] },
        { "[:, None, i, 0]", X[.., NewAxis, I, 0], [2, 1, 2, 3, 5] },
        { "[..., j]", X[Ellipsis, J], [2, 3, 4, 3] },
        { "[1:, j, ::2]", X[1.., J, Slice(step: 2)], [1, 3, 2, 5] },
    };

    [Theory]
    [MemberData(nameof(Chosen), DisableDiscoveryEnumeration = true)]
    public void Read_WithIndexTensors_PutsTheirAxesWhereNumPyDoes(string subscript, Tensor part, int[] shape)
    {
        Assert.NotEmpty(subscript);
        Assert.Equal(Shape.Create(shape), part.Eval().Shape);
    }

    [Fact]
    public void Read_WithSeveralIndexTensors_TakesElementsTogether()
    {
        // The element at (p, q, r, s) is 60p + 20q + 5r + s.
        var (i, j) = (I.ToArray<int>(), J.ToArray<int>());
        var split = X[I, .., J];
        var joined = X[1, I, .., J];
        for (var a = 0; a < 2; a++)
        {
            for (var b = 0; b < 3; b++)
            {
                Assert.Equal(60 * i[3 * a + b] + 20 * 2 + 5 * j[b] + 4, split[a, b, 2, 4].Item<int>());
                Assert.Equal(60 + 20 * i[3 * a + b] + 5 * 3 + j[b], joined[a, b, 3].Item<int>());
            }
        }
        Assert.Equal([59, 0], X[Tensor.From(-2, 0), Tensor.From(-1, 0), Tensor.From(-1, 0), Tensor.From(-1, 0)].ToArray<int>());
    }

    [Fact]
    public void Read_WithAMask_TakesItsTrueElements()
    {
        var x = Grid(2, 3);
        Assert.Equal([3, 4, 5], x[x > 2].ToArray<int>());
        Assert.Equal([3, 4, 5], x[Tensor.From(false, true)].ToArray<int>());
        Assert.Equal([1, 4], x[.., Tensor.From(false, true, false)].ToArray<int>());
        Assert.Equal(Shape.Create([0]), x[x > 9].Shape);
        Assert.Equal(Shape.Create([0, 3]), x[Tensor.From(false, false)].Shape);
        Assert.Equal([1, 5], x[Tensor.From(true, true), Tensor.From(1, 2)].ToArray<int>());
    }

    [Fact]
    public void Read_WithAMask_PassesGradientsToTheChosenElements()
    {
        // d/dx Σ x² over x > 1.
        var gradient = Transforms.Grad(x => x[x > 1].Square().Sum())(Tensor.From<float>(1, 2, 3, 0));
        Assert.Equal([0, 4, 6, 0], gradient.ToArray<float>());
    }

    [Fact]
    public void NonZero_GivesTheIndicesOfEachAxis()
    {
        var indices = Tensor.From(new[,] { { 0, 5, 0 }, { 7, 0, -1 } }).NonZero();
        Assert.Equal([0u, 1, 1], indices[0].ToArray<uint>());
        Assert.Equal([1u, 0, 2], indices[1].ToArray<uint>());
        Assert.Empty(Tensor.Zeros([3]).NonZero()[0].ToArray<uint>());
        Assert.Equal([0u], Tensor.From(float.NaN, 0).NonZero()[0].ToArray<uint>());
    }

    [Fact]
    public void Mask_InACompiledOrMappedFunction_IsRefusedWithAHint()
    {
        const string message = "[nonzero] the number of true elements, and with it the result's shape, is not known while a function is recorded for ";
        var x = Tensor.Ones([2, 3]);
        foreach (var (name, f) in new[] { ("compile", Transforms.Compile((Tensor v) => v[v > 0])), ("vmap", Transforms.Vmap(v => v[v > 0])) })
        {
            var error = Assert.Throws<InvalidOperationException>(() => f(x));
            Assert.StartsWith(message + name, error.Message, StringComparison.Ordinal);
        }

        // A mask that is known may be used.
        var known = x[0] > 0;
        Assert.Equal(Shape.Create([2, 3]), Transforms.Vmap(v => v[known])(x).Shape);
        Assert.Equal([0, 0, 0, 0, 0, 0], Transforms.Compile((Tensor v) => v.At[v > 0].Set(0))(x).ToArray<float>());
    }

    [Fact]
    public void TakeAlongAxis_BroadcastsTheOtherAxes()
    {
        var x = Grid(2, 3);
        Assert.Equal([2, 0, 5, 3], x.TakeAlongAxis(Tensor.From(new[,] { { 2, 0 } }), 1).ToArray<int>());
        Assert.Equal([3, 1, 2], x.TakeAlongAxis(Tensor.From(new[,] { { 1, 0, 0 } }), 0).ToArray<int>());
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[index] indices of 3 axes given for shape (2, 3) of 2", () => _ = Grid(2, 3)[0, 0, 0] },
        { "[index] more than one ellipsis; which axes each stands for is not determined", () => _ = Grid(2, 3)[Ellipsis, Ellipsis] },
        { "[index] index -3 is out of range for axis 0 of shape (2, 3)", () => _ = Grid(2, 3)[-3] },
        { "[index] range 1..4 lies outside axis 1 of shape (2, 3)", () => _ = Grid(2, 3)[.., 1..4] },
        { "[index] slice 0:5:2 lies outside axis 1 of shape (2, 3)", () => _ = Grid(2, 3)[.., Slice(0, 5, 2)] },
        { "[index] step 0 of a slice; expected another number", () => _ = Slice(step: 0) },
        { "[index] dtype is float32, expected an integer type or bool for indices", () => _ = Grid(2, 3)[Tensor.Zeros([2])] },
        { "[index] a mask of shape () covers no axis; use Tensor.Where", () => _ = Grid(2, 3)[Tensor.Ones([], DType.Bool)] },
        { "[index] mask has shape (3,), expected (2,) of the axes it covers", () => _ = Grid(2, 3)[Tensor.Ones([3], DType.Bool)] },
        { "[index] shapes (2,) and (3,) cannot be broadcast", () => _ = Grid(2, 3)[Tensor.From(0, 1), J] },
        { "[index] index 2 is out of range for axis 0 of size 2", () => Grid(2, 3)[J, J].Eval() },
        { "[nonzero] a scalar has no axis to index; compare it with 0", () => Tensor.Scalar(1).NonZero() },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Read_WithBadIndices_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
