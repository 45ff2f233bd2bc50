using ManagedFed.Nn;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

public sealed class ParameterTreeTests
{
    private readonly ParameterTree tree = Tree(("b.weight", Tensor.From(1f, 2f)), ("a", Tensor.From(3f)));

    [Fact]
    public void Enumeration_OfATree_KeepsTheOrderGiven()
    {
        Assert.Equal(["b.weight", "a"], tree.Select(entry => entry.Key));
        Assert.Equal(["b.weight", "a"], tree.Keys);
        Assert.Equal([2, 1], tree.Values.Select(x => x.Shape[0]));
    }

    [Fact]
    public void Map_OfAFunction_KeepsNames()
    {
        var doubled = tree.Map(x => x * 2);
        Assert.Equal(["b.weight", "a"], doubled.Keys);
        Assert.Equal([2f, 4f], doubled["b.weight"].ToArray<float>());
        var named = tree.Map((name, x) => x + name.Length);
        Assert.Equal([4f], named["a"].ToArray<float>());
    }

    [Fact]
    public void Zip_WithAnotherOrder_MatchesByName()
    {
        var other = Tree(("a", Tensor.From(10f)), ("b.weight", Tensor.From(20f, 30f)));
        Assert.Equal([21f, 32f], tree.Zip(other, (x, y) => x + y)["b.weight"].ToArray<float>());
    }

    [Fact]
    public void Zip_WithOtherNames_ListsThem()
    {
        var other = Tree(("a", Tensor.From(10f)), ("c", Tensor.From(1f)));
        var error = Assert.Throws<ArgumentException>(() => tree.Zip(other, (x, y) => x + y));
        Assert.Equal("[zip] missing: b.weight (2,) float32; unknown: c (1,) float32", error.Message);
    }

    [Fact]
    public void Indexer_OfAnUnknownName_ListsTheNames()
    {
        var error = Assert.Throws<KeyNotFoundException>(() => tree["weight"]);
        Assert.Equal("[parameters] there is no weight, only b.weight, a", error.Message);
    }

    [Fact]
    public void Constructor_WithANameTwice_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Tree(("a", Tensor.From(1f)), ("a", Tensor.From(1f))));
        Assert.Equal("[parameters] the name a appears twice", error.Message);
    }

    [Fact]
    public void WithArrays_OfToArrays_GivesTheSameTree()
    {
        var copy = tree.WithArrays(tree.Map(x => x + 1).ToArrays());
        Assert.Equal(["b.weight", "a"], copy.Keys);
        Assert.Equal([2f, 3f], copy["b.weight"].ToArray<float>());
    }

    [Fact]
    public void WithArrays_ThatDoNotFit_SaysWhich()
    {
        var few = Assert.Throws<ArgumentException>(() => tree.WithArrays([NdArray.Zeros([2])]));
        Assert.Equal("[parameters] 1 arrays given, expected 2: b.weight, a", few.Message);
        var wrong = Assert.Throws<ArgumentException>(() => tree.WithArrays([NdArray.Zeros([2]), NdArray.Zeros([1], DType.Int64)]));
        Assert.Equal("[parameters] wrong: a (1,) int64, expected (1,) float32", wrong.Message);
    }
}
