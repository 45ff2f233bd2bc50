using CsCheck;
using Xunit;

namespace ManagedFed.Tests;

public sealed class ShapeTests
{
    [Theory]
    [InlineData(new int[0], "()", 1)]
    [InlineData(new[] { 3 }, "(3,)", 3)]
    [InlineData(new[] { 32, 784 }, "(32, 784)", 25088)]
    [InlineData(new[] { 4, 0, 2 }, "(4, 0, 2)", 0)]
    public void Shape_OfSizes_PrintsAsNumPyAndCounts(int[] sizes, string text, long count)
    {
        var shape = Shape.Create(sizes);
        Assert.Equal(text, shape.ToString());
        Assert.Equal(count, shape.Count);
        Assert.Equal(sizes, shape.Sizes.ToArray());
        Assert.Equal(sizes.Length, shape.Rank);
    }

    [Fact]
    public void Default_IsTheScalarShape()
    {
        Assert.Equal(Shape.Create([]), default);
        Assert.Equal(1, default(Shape).Count);
        Assert.Equal(Shape.Create([]).GetHashCode(), default(Shape).GetHashCode());
        Assert.Empty(default(Shape));
    }

    [Fact]
    public void Indexer_NegativeAxis_CountsFromTheEnd()
    {
        Shape shape = [2, 3, 5];
        Assert.Equal(5, shape[-1]);
        Assert.Equal(2, shape[-3]);
    }

    [Fact]
    public void Create_NegativeSize_SaysWhichAndWhere()
    {
        var error = Assert.Throws<ArgumentException>(() => Shape.Create([2, -3]));
        Assert.Equal("[shape] size -3 is negative in (2, -3)", error.Message);
    }

    [Fact]
    public void Create_TooManyAxesOrElements_Throws()
    {
        Assert.Throws<ArgumentException>(() => Shape.Create(new int[33]));
        Assert.Throws<ArgumentException>(() => Shape.Create([int.MaxValue, int.MaxValue, 2]));
        Assert.Equal(0, Shape.Create([int.MaxValue, 0]).Count);
    }

    [Fact]
    public void Axis_OutOfRange_NamesTheRange()
    {
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => Shape.Create([2, 3]).Axis(2, "sum"));
        Assert.StartsWith("[sum] axis 2 is out of range for shape (2, 3), expected -2..1", error.Message);
    }

    [Theory]
    [InlineData(new[] { 2, 3 }, new[] { 3 }, new[] { 2, 3 })]
    [InlineData(new[] { 4, 1, 3 }, new[] { 5, 1 }, new[] { 4, 5, 3 })]
    [InlineData(new int[0], new[] { 7 }, new[] { 7 })]
    [InlineData(new[] { 0, 1 }, new[] { 1, 4 }, new[] { 0, 4 })]
    [InlineData(new[] { 1 }, new[] { 0 }, new[] { 0 })]
    public void Broadcast_CompatibleShapes_FollowsNumPy(int[] a, int[] b, int[] expected)
    {
        Assert.Equal(expected, Shape.Broadcast(Shape.Create(a), Shape.Create(b)).Sizes.ToArray());
        Assert.Equal(expected, Shape.Broadcast(Shape.Create(b), Shape.Create(a)).Sizes.ToArray());
    }

    [Fact]
    public void Broadcast_Incompatible_NamesBothShapes()
    {
        var error = Assert.Throws<ArgumentException>(() => Shape.Broadcast([2, 3], [4]));
        Assert.StartsWith("[broadcast] shapes (2, 3) and (4,) cannot be broadcast", error.Message);
    }

    [Fact]
    public void Equality_FollowsTheSizes() =>
        Gen.Int[0, 3].Array[0, 4].Select(Gen.Int[0, 3].Array[0, 4]).Sample((a, b) =>
        {
            var (x, y) = (Shape.Create(a), Shape.Create(b));
            return x == y == a.SequenceEqual(b) && (x != y || x.GetHashCode() == y.GetHashCode());
        });
}
