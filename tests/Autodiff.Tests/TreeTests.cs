using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

public sealed class TreeTests
{
    private static Tree Parameters => new()
    {
        ["w"] = Tensor.From<double>(1, 2),
        ["layers"] = new Tree { Tensor.Scalar(3, DType.Float64), new Tree { ["b"] = Tensor.Scalar(4, DType.Float64) } },
    };

    // f = {sum: Σ w·a, rest: [a·b²]} for w and a, b in the layers.
    private static Tree F(Tree p)
    {
        Tensor a = p["layers"][0].Tensor, b = p["layers"][1]["b"].Tensor;
        return new Tree { ["sum"] = (p["w"].Tensor * a).Sum(), ["rest"] = new Tree { a * b.Square() } };
    }

    private static double[] Values(Tree tree) => [.. tree.Leaves.SelectMany(leaf => leaf.ToArray<double>())];

    [Fact]
    public void NamedLeaves_JoinNamesAndPlacesByDots() =>
        Assert.Equal(["w", "layers.0", "layers.1.b"], Parameters.NamedLeaves.Select(entry => entry.Key));

    [Fact]
    public void Conversions_FromTuplesAndDictionaries_GiveTrees()
    {
        Tensor a = Tensor.Zeros([2]), b = Tensor.Ones([3]), c = Tensor.Ones([]);
        Tree pair = (a, b), triple = (a, b, c), named = new Dictionary<string, Tensor> { ["x"] = a, ["y"] = b };
        Assert.Equal("[(2,), (3,)]", pair.ToString());
        Assert.Equal("[(2,), (3,), ()]", triple.ToString());
        Assert.Equal("{x: (2,), y: (3,)}", named.ToString());
        var (first, second) = pair;
        var (_, _, third) = triple;
        Assert.Same(a, first.Tensor);
        Assert.Same(b, second.Tensor);
        Assert.Same(c, third.Tensor);
    }

    [Fact]
    public void Vjp_OfTrees_HasTheArgumentsStructure()
    {
        // ∂(c₀Σw·a + c₁ab²): w̄ = c₀a, ā = c₀Σw + c₁b², b̄ = 2c₁ab, for c = (1, 10).
        var cotangent = new Tree { ["sum"] = Tensor.Scalar(1, DType.Float64), ["rest"] = new Tree { Tensor.Scalar(10, DType.Float64) } };
        var (output, gradient) = Vjp(F, Parameters, cotangent);
        Assert.Equal("{sum: (), rest: [()]}", output.ToString());
        Assert.Equal([9, 48], Values(output));
        Assert.Equal(Parameters.ToString(), gradient.ToString());
        Assert.Equal([3, 3, 3 + 160, 240], Values(gradient));
    }

    [Fact]
    public void Jvp_OfTrees_HasTheOutputsStructure()
    {
        // Along w and a by 1, b by 0: Σw·a changes by Σ(a + w) = 9, ab² by b² = 16.
        var tangent = Parameters.Map(leaf => leaf.OnesLike());
        tangent = tangent.WithLeaves([tangent.Leaves[0], tangent.Leaves[1], tangent.Leaves[2] * 0]);
        var (output, derivative) = Jvp(F, Parameters, tangent);
        Assert.Equal([9, 48], Values(output));
        Assert.Equal("{sum: (), rest: [()]}", derivative.ToString());
        Assert.Equal([9, 16], Values(derivative));
    }

    [Fact]
    public void Compile_OfTrees_RecordsOncePerStructure()
    {
        var calls = 0;
        var compiled = Compile((Tree p) =>
        {
            calls++;
            return p.Count == 2 && p.ToString()[0] == '{' ? F(p) : new Tree { p[0].Tensor + 1 };
        });
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal([9, 48], Values(compiled(Parameters)));
            Assert.Equal("{sum: (), rest: [()]}", compiled(Parameters).ToString());
            Assert.Equal([3], Values(compiled(new Tree { Tensor.From<double>(2) })));
        }
        Assert.Equal(2, calls);
    }

    [Fact]
    public void Compile_WhoseResultDependsOnShapes_KeepsEachStructure()
    {
        var split = Compile((Tree p) => p[0].Tensor.Split(p[0].Tensor.Shape[0]));
        Tree Of(int n) => new() { Tensor.Arange(n).AsType(DType.Float64) };
        for (var i = 0; i < 2; i++)
        {
            Assert.Equal("[(1,), (1,)]", split(Of(2)).ToString());
            Assert.Equal("[(1,), (1,), (1,)]", split(Of(3)).ToString());
        }
    }

    [Fact]
    public void Checkpoint_OfTrees_HasTheSameGradient()
    {
        Tensor Loss(Func<Tree, Tree> f, Tree p) => f(p).Leaves.Aggregate((a, b) => a + b);
        Assert.Equal(Values(Grad((Tree p) => Loss(F, p))(Parameters)), Values(Grad((Tree p) => Loss(Checkpoint(F), p))(Parameters)));
    }

    [Fact]
    public void Vmap_WithAxesPerChild_MapsThoseAndPutsThemThere()
    {
        // Weights are the same for all members; the members lie along axis 1 of the inputs.
        var weights = new Tree { ["w"] = Tensor.From<double>(1, 10), ["b"] = Tensor.Scalar(0.5, DType.Float64) };
        var inputs = Tensor.From<double>([1, 2, 3, 4, 5, 6], [2, 3]);
        var mapped = Vmap((Tree v) => new Tree { (v[0]["w"].Tensor * v[1].Tensor).Sum() + v[0]["b"].Tensor, v[1].Tensor * 2 }, [null, 1], [0, 1])(new Tree { weights, inputs });

        Assert.Equal("[(3,), (2, 3)]", mapped.ToString());
        Assert.Equal([41.5, 52.5, 63.5, 2, 4, 6, 8, 10, 12], Values(mapped));
    }

    [Fact]
    public void Vmap_OfGradOfATree_GivesGradientsPerExample()
    {
        // ∂(w·x − y)² = 2(w·x − y)·x for each example, as in a model with named parameters.
        var weights = new Tree { ["w"] = Tensor.From<double>(1, -1) };
        Tensor x = Tensor.From<double>([1, 2, 3, 4, 5, 6], [3, 2]), y = Tensor.From<double>(1, 0, 2);
        var gradients = Vmap((Tree v) => Grad((Tree p) => ((p["w"].Tensor * v[1].Tensor).Sum() - v[2].Tensor).Square())(v[0]), [null, 0, 0])(new Tree { weights, x, y });
        Assert.Equal("{w: (3, 2)}", gradients.ToString());
        Assert.Equal([-4, -8, -6, -8, -30, -36], Values(gradients));
    }
}
