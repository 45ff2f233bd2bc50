using Xunit;

namespace ManagedFed.Tests;

/// <summary>Sums of products against the definition: a loop over every label.</summary>
public sealed class EinsumTests
{
    private static readonly Dictionary<char, int> Sizes = new() { ['a'] = 2, ['b'] = 3, ['c'] = 4, ['d'] = 1, ['e'] = 2, ['i'] = 3, ['j'] = 2 };

    [Theory]
    [InlineData("ab->ba")]
    [InlineData("ab->")]
    [InlineData("ab->b")]
    [InlineData("ii->i")]
    [InlineData("ii->")]
    [InlineData("iaib->ba")]
    [InlineData("iiii->i")]
    [InlineData("ab,bc->ac")]
    [InlineData("ab,bc->ca")]
    [InlineData("ab,cb->abc")]
    [InlineData("ab,ab->")]
    [InlineData("ab,ab->ab")]
    [InlineData("abc,cbe->ae")]
    [InlineData("abc,abe->aec")]
    [InlineData("a,b->ab")]
    [InlineData("a,b,c->cab")]
    [InlineData("ab,c->a")]
    [InlineData("ab,bc,ce,e->a")]
    [InlineData("abc,bd,ad,ij->dci")]
    [InlineData("iab,ii,b->a")]
    [InlineData("a,a,a->a")]
    [InlineData(",a->a")]
    [InlineData(",->")]
    [InlineData(" ab , b c -> a c ")]
    public void Run_AnyEquation_FollowsTheDefinition(string equation)
    {
        var (inputs, output) = (equation.Replace(" ", "", StringComparison.Ordinal).Split("->")[0].Split(','), equation.Replace(" ", "", StringComparison.Ordinal).Split("->")[1]);
        var random = new Random(5);
        var operands = inputs.Select(labels => OpRow.Uniform(random, Shape.Create([.. labels.Select(label => Sizes[label])]), -1, 1)).ToArray();

        var actual = Tensor.Einsum(equation, operands);

        Assert.Equal(Shape.Create([.. output.Select(label => Sizes[label])]), actual.Shape);
        var expected = ByDefinition(inputs, output, [.. operands.Select(operand => operand.ToArray<double>())]);
        Assert.All(expected.Zip(actual.ToArray<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    private static double[] ByDefinition(string[] inputs, string output, double[][] operands)
    {
        char[] labels = [.. inputs.SelectMany(input => input).Distinct()];
        var result = new double[Place(output, label => Sizes[label] - 1) + 1];
        var index = labels.ToDictionary(label => label, _ => 0);
        var count = labels.Aggregate(1, (n, label) => n * Sizes[label]);
        for (var n = 0; n < count; n++)
        {
            var rest = n;
            foreach (var label in labels) (rest, index[label]) = Math.DivRem(rest, Sizes[label]);
            var product = 1.0;
            for (var k = 0; k < inputs.Length; k++) product *= operands[k][Place(inputs[k], label => index[label])];
            result[Place(output, label => index[label])] += product;
        }
        return result;
    }

    private static int Place(string labels, Func<char, int> index) => labels.Aggregate(0, (place, label) => place * Sizes[label] + index(label));

    [Fact]
    public void Run_WithoutOutput_KeepsLettersThatOccurOnce()
    {
        var (a, b) = (Tensor.Arange(6).Reshape(2, 3), Tensor.Arange(6).Reshape(3, 2));
        Assert.Equal(a.T.ToArray<int>(), Tensor.Einsum("ba", a).ToArray<int>());
        Assert.Equal([10, 13, 28, 40], Tensor.Einsum("ij,jk", a, b).ToArray<int>());
        Assert.Equal(4, Tensor.Einsum("ii", Tensor.From(new[,] { { 1, 2 }, { 5, 3 } })).Item<int>());
    }

    [Fact]
    public void Run_WithEllipsis_Broadcasts()
    {
        var random = new Random(2);
        var (a, b) = (OpRow.Uniform(random, [5, 1, 2, 3], -1, 1), OpRow.Uniform(random, [4, 3, 2], -1, 1));
        Assert.All(a.MatMul(b).ToArray<double>().Zip(Tensor.Einsum("...ij,...jk", a, b).ToArray<double>()), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
        Assert.Equal(Shape.Create([2, 3, 5, 1]), Tensor.Einsum("...ij->ij...", a).Shape);
        Assert.Equal(Shape.Create([5, 1]), Tensor.Einsum("...ij->...", a).Shape);
        Assert.Equal(a.Sum([2, 3]).ToArray<double>(), Tensor.Einsum("...ij->...", a).ToArray<double>());
        Assert.Equal([2, 4], Tensor.Einsum("..., ...", Tensor.From(1, 2), Tensor.From<int>([2], [])).ToArray<int>());
    }

    [Fact]
    public void Run_OfIntegersAndEmptyAxes_IsExact()
    {
        Assert.Equal([3_000_000_000], Tensor.Einsum("ij,j->i", Tensor.From<long>([1_000_000_000, 2_000_000_000], [1, 2]), Tensor.From<long>(1, 1)).ToArray<long>());
        Assert.Equal(new float[4], Tensor.Einsum("ij,jk->ik", Tensor.Zeros([2, 0]), Tensor.Zeros([0, 2])).ToArray<float>());
        Assert.Equal(Shape.Create([0, 2]), Tensor.Einsum("ij,jk->ik", Tensor.Zeros([0, 3]), Tensor.Zeros([3, 2])).Eval().Shape);
    }

    [Fact]
    public void Run_OfAChain_JoinsTheCheapPairFirst()
    {
        // (1000×2)·(2×1000)·(1000×1): from the right 4·10³ products, from the left 3·10⁶. The count of what is computed tells.
        var (a, b, c) = (Tensor.Ones([1000, 2]), Tensor.Ones([2, 1000]), Tensor.Ones([1000, 1]));
        var result = Tensor.Einsum("ij,jk,kl->il", a, b, c);
        var largest = 0L;
        var stack = new Stack<Tensor>([result]);
        while (stack.TryPop(out var node))
        {
            if (node.Op is Ops.MatMul) largest = Math.Max(largest, node.Count);
            foreach (var input in node.Inputs) stack.Push(input);
        }
        Assert.Equal(1000, largest);
        Assert.Equal(2000, result[0, 0].Item<float>());
    }

    [Fact]
    public void TensorDotAndOtherProducts_FollowNumPy()
    {
        var a = Tensor.Arange(24).Reshape(2, 3, 4).AsType(DType.Float32);
        Assert.Equal(Shape.Create([2, 2]), Tensor.TensorDot(a, a.Transpose(1, 2, 0)).Shape);
        Assert.Equal(Shape.Create([3, 3]), Tensor.TensorDot(a, a, [0, -1], [0, 2]).Shape);
        Assert.Equal(Shape.Create([2, 3, 4, 2, 3, 4]), Tensor.TensorDot(a, a, 0).Shape);
        Assert.Equal((a * a).Sum().Item<float>(), Tensor.TensorDot(a, a, 3).Item<float>());
        Assert.Equal([5, 9], Tensor.VecDot(Tensor.From(new[,] { { 0, 1, 2 }, { 1, 2, 3 } }), Tensor.From(1, 1, 2)).ToArray<int>());
        Assert.Equal([5, 11, 17], Tensor.Inner(Tensor.From(new[,] { { 1, 2 }, { 3, 4 }, { 5, 6 } }), Tensor.From(1, 2)).ToArray<int>());
        Assert.Equal([2, 4], Tensor.Inner(Tensor.From(1, 2), Tensor.From<int>([2], [])).ToArray<int>());
        Assert.Equal([3, 4, 6, 8], Tensor.Outer(Tensor.From(1, 2), Tensor.From(3, 4)).ToArray<int>());
        Assert.Equal([1, 2, 10, 20], Tensor.Kron(Tensor.From(1, 10), Tensor.From(1, 2)).ToArray<int>());
        Assert.Equal(Shape.Create([2, 6]), Tensor.Kron(Tensor.Ones([2, 2]), Tensor.Ones([3])).Shape);

        // 2·1 + 3·(1·1 + 1·1) = 8.
        Assert.Equal([8, 8], Tensor.AddMM(Tensor.Ones([2]), Tensor.Ones([1, 2]), Tensor.Ones([2, 2]), alpha: 3, beta: 2).ToArray<float>());
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[einsum] 'ij,jk->ik' has 2 operands, 1 tensors given", () => Tensor.Einsum("ij,jk->ik", Tensor.Zeros([2, 3])) },
        { "[einsum] 'ijk->i' names 3 axes in 'ijk', the tensor has shape (2, 3)", () => Tensor.Einsum("ijk->i", Tensor.Zeros([2, 3])) },
        { "[einsum] 'i->i' names 1 axes in 'i', the tensor has shape (2, 3)", () => Tensor.Einsum("i->i", Tensor.Zeros([2, 3])) },
        { "[einsum] 'ij,jk->ik' gives 'j' size 4 in operand 1 of shape (4, 5), and 3 before", () => Tensor.Einsum("ij,jk->ik", Tensor.Zeros([2, 3]), Tensor.Zeros([4, 5])) },
        { "[einsum] 'ij->ik' has 'k' in its output and in no operand", () => Tensor.Einsum("ij->ik", Tensor.Zeros([2, 3])) },
        { "[einsum] 'ij->ii' has 'i' twice in its output", () => Tensor.Einsum("ij->ii", Tensor.Zeros([2, 3])) },
        { "[einsum] 'i1->i' contains '1'; axes are letters, operands are separated by ','", () => Tensor.Einsum("i1->i", Tensor.Zeros([2, 3])) },
        { "[einsum] 'ii' takes the diagonal of axes 'i' that differ in operand 0 of shape (2, 3)", () => Tensor.Einsum("ii", Tensor.Zeros([2, 3])) },
        { "[tensordot] axis 1 of (2, 3) and axis 0 of (2, 3) differ in size", () => Tensor.TensorDot(Tensor.Zeros([2, 3]), Tensor.Zeros([2, 3]), 1) },
        { "[tensordot] 3 axes asked for of shapes (2, 3) and (2, 3)", () => Tensor.TensorDot(Tensor.Zeros([2, 3]), Tensor.Zeros([2, 3]), 3) },
        { "[tensordot] axis 0 of (2, 3) or axis 1 of (3, 2) appears twice", () => Tensor.TensorDot(Tensor.Zeros([2, 3]), Tensor.Zeros([3, 2]), [0, 0], [1, 1]) },
        { "[vecdot] axis -1 differs in size: (2,) and (3,)", () => Tensor.VecDot(Tensor.Zeros([2]), Tensor.Zeros([3])) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
