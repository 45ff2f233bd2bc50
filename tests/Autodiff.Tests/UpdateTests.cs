using Xunit;
using static ManagedFed.TensorIndex;

namespace ManagedFed.Tests;

/// <summary>Updating parts: repeated indices, masks, types, broadcasting, gradients of what is overwritten, errors.</summary>
public sealed class UpdateTests
{
    private static Tensor Grid(params int[] sizes) => Tensor.Arange((int)Shape.Create(sizes).Count).Reshape(sizes);

    private static float[] Gradient(Func<Tensor, Tensor> f, params float[] x) => Transforms.Grad(v => f(v).Sum())(Tensor.From<float>(x)).ToArray<float>();

    [Fact]
    public void Set_OfParts_LeavesTheRestAndTheOldTensor()
    {
        var x = Grid(2, 3);
        Assert.Equal([0, 1, 2, 9, 9, 9], x.At[1].Set(9).ToArray<int>());
        Assert.Equal([0, 7, 2, 3, 8, 5], x.At[.., 1].Set(Tensor.From(7, 8)).ToArray<int>());
        Assert.Equal([7, 1, 8, 7, 4, 8], x.At[.., Slice(step: 2)].Set(Tensor.From(7, 8)).ToArray<int>());
        Assert.Equal([6, 1, 7, 8, 4, 9], x.At[.., Slice(step: 2)].Set(Tensor.From(new[,] { { 6, 7 }, { 8, 9 } })).ToArray<int>());
        Assert.Equal([3, 2, 1, 3, 2, 1], x.At[.., Slice(step: -1)].Set(Tensor.From(1, 2, 3)).ToArray<int>());
        Assert.Equal([5, 5, 5, 5, 5, 5], x.At[Ellipsis].Set(5).ToArray<int>());
        Assert.Equal([0, 1, 2, 3, 4, 5], x.ToArray<int>());
        Assert.Equal([0, 1, 2, 3, 4, 5], x.At[1..1].Set(9).ToArray<int>());
        Assert.Equal(4, Tensor.Scalar(3).At[Ellipsis].Add(1).Item<float>());
    }

    [Fact]
    public void Update_AtRepeatedIndices_JoinsEveryValue()
    {
        var (x, at, v) = (Tensor.From<float>(10, 20, 30), Tensor.From(2, 0, 2), Tensor.From<float>(2, 3, 4));
        Assert.Equal([3, 20, 4], x.At[at].Set(v).ToArray<float>());
        Assert.Equal([13, 20, 36], x.At[at].Add(v).ToArray<float>());
        Assert.Equal([7, 20, 24], x.At[at].Subtract(v).ToArray<float>());
        Assert.Equal([30, 20, 240], x.At[at].Multiply(v).ToArray<float>());
        Assert.Equal([10 / 3f, 20, 3.75f], x.At[at].Divide(v).ToArray<float>());
        Assert.Equal([10, 20, 40], x.At[at].Maximum(Tensor.From<float>(40, 3, 31)).ToArray<float>());
        Assert.Equal([3, 20, 2], x.At[at].Minimum(v).ToArray<float>());
        Assert.Equal([11, 20, 32], x.At[at].Add(1).ToArray<float>());
    }

    [Fact]
    public void Update_WithCombinedIndices_ReachesWhatReadingDoes()
    {
        var x = Grid(2, 3, 4);
        var (i, j) = (Tensor.From(1, 0), Tensor.From(-1, 2));
        var set = x.At[i, 1.., j].Set(Tensor.From(new[,] { { 100, 101 }, { 102, 103 } }));
        Assert.Equal([100, 101, 102, 103], set[i, 1.., j].ToArray<int>());
        Assert.Equal(x.Sum().Item<int>() + 406 - x[i, 1.., j].Sum().Item<int>(), set.Sum().Item<int>());
        var row = x.At[1, .., Tensor.From(0, 0)].Add(Tensor.From(new[,] { { 1 }, { 10 } }));
        Assert.Equal([23, 27, 31], row[1, .., 0].ToArray<int>());
    }

    [Fact]
    public void Update_AtAMask_NeedsNoEvaluationForOneValue()
    {
        var x = Tensor.From<float>(1, -2, float.NaN, 4);
        Assert.Equal([1, 0, float.NaN, 4], x.At[x < 0].Set(0).ToArray<float>());
        Assert.Equal([1, -2, 0, 4], x.At[x.IsNaN()].Set(0).ToArray<float>());
        Assert.Equal([2, -2, float.NaN, 8], x.At[x > 0].Multiply(2).ToArray<float>());
        Assert.Equal([7, -2, float.NaN, 8], x.At[x > 0].Set(Tensor.From<float>(7, 8)).ToArray<float>());
        Assert.Equal([0, 1, 2, 9, 8, 7], Grid(2, 3).At[Tensor.From(false, true)].Set(Tensor.From(9, 8, 7)).ToArray<int>());
        Assert.Equal([false, true], Tensor.From(true, true).At[Tensor.From(true, false)].Set(Tensor.From(false)[0]).ToArray<bool>());
    }

    [Fact]
    public void Update_OfIntegers_KeepsTheirType()
    {
        var bytes = Tensor.From<byte>(250, 1);
        Assert.Equal([4, 1], bytes.At[0].Add(10).ToArray<byte>().Select(b => (int)b));
        Assert.Equal([true, true], Tensor.From(true, false).At[1].Set(1).ToArray<bool>());
        Assert.Equal([1, 2.5f], Tensor.From<float>(1, 2).At[1].Set(2.5).ToArray<float>());
    }

    [Fact]
    public void Gradients_OfUpdates_ReachWhatCounts()
    {
        // Overwritten elements get none; of two values at one place the last has won.
        Assert.Equal([1, 0, 1], Gradient(x => x.At[1].Set(5), 1, 2, 3));
        Assert.Equal([1, 0, 1], Gradient(x => x.At[Tensor.From(1, 1)].Set(5), 1, 2, 3));
        Assert.Equal([1, 0, 1], Gradient(x => x.At[x == 2.0].Set(5), 1, 2, 3));
        Assert.Equal([0, 1], Gradient(v => Tensor.Zeros([3]).At[Tensor.From(2, 2)].Set(v), 8, 9));
        Assert.Equal([1, 1], Gradient(v => Tensor.Zeros([3]).At[Tensor.From(2, 2)].Add(v), 8, 9));

        // y = 5·v₀·v₁: ∂v₀ = 5·v₁, also where a factor is zero.
        Assert.Equal([5 * 3, 0], Gradient(v => Tensor.Full([2], 5).At[Tensor.From(1, 1)].Multiply(v), 0, 3));
        Assert.Equal([0, 0], Gradient(v => Tensor.Zeros([2]).At[Tensor.From(1, 1)].Multiply(v), 0, 3));

        // Three ties share.
        Assert.Equal([1 / 3f, 1 / 3f], Gradient(v => Tensor.Full([2], 4).At[Tensor.From(1, 1)].Maximum(v), 4, 4));
    }

    [Fact]
    public void Multiply_WhereFactorsAreZero_HasDerivativesOfEveryOrder()
    {
        // y₂ = x₂·v₀·v₁·v₃ and y₀ = x₀·v₂: ∂²y₂/∂v₀∂v₁ = x₂·v₃ = 15 at v = (0, 0, 7, 3), the other second derivatives have a zero factor.
        var (x, v, at) = (Tensor.From<float>(2, 4, 5), Tensor.From<float>(0, 0, 7, 3), Tensor.From(2, -1, 0, 2));
        Func<Tensor, Tensor> ofValues = v => x.At[at].Multiply(v).Sum(), ofTensor = x => x.At[at].Multiply(v).Sum();
        Assert.Equal([0, 0, 2, 0], Transforms.Grad(ofValues)(v).ToArray<float>());
        Assert.Equal([0, 15, 0, 0], Row(Transforms.Grad(ofValues), v, 0));
        Assert.Equal([15, 0, 0, 0], Row(Transforms.Grad(ofValues), v, 1));
        Assert.Equal([0, 0, 0, 0], Row(Transforms.Grad(ofValues), v, 3));
        Assert.Equal([0, 0, 0, 5], Row(u => Transforms.Grad(w => Transforms.Grad(ofValues)(w)[0])(u), v, 1));

        // ∂²y₂/∂x₂∂v₀ = v₁·v₃, also where x₂ is zero.
        var values = Tensor.From<float>(0, 2, 7, 3);
        Assert.Equal([0, 0, 6], Row(x => Transforms.Grad(v => x.At[at].Multiply(v).Sum())(values), Tensor.Zeros([3]), 0));
        Assert.Equal([7, 1, 0], Transforms.Grad(ofTensor)(x).ToArray<float>());

        static float[] Row(Func<Tensor, Tensor> gradient, Tensor at, int i) => Transforms.Grad(u => gradient(u)[i])(at).ToArray<float>();
    }

    [Fact]
    public void PutAlongAxis_SetsOneElementPerIndex()
    {
        var x = Grid(2, 3);
        Assert.Equal([9, 1, 2, 3, 4, 9], x.PutAlongAxis(Tensor.From(new[,] { { 0 }, { -1 } }), Tensor.From(9), 1).ToArray<int>());
        Assert.Equal([0, 1, 2, 7, 8, 9], x.PutAlongAxis(Tensor.From(new[,] { { 1, 1, 1 } }), Tensor.From(7, 8, 9), 0).ToArray<int>());
    }

    public static TheoryData<string, Action> Errors => new()
    {
        { "[at.set] shapes (3,) and (2,) cannot be broadcast", () => Grid(4).At[1..3].Set(Tensor.From(1, 2, 3)) },
        { "[at.set] values are float32, the tensor holds int32; convert one of them with AsType", () => Grid(4).At[0].Set(Tensor.Scalar(1)) },
        { "[at.add] value is 0.5, the tensor holds int32; convert with AsType", () => Grid(4).At[0].Add(0.5) },
        { "[at.divide] dtype is int32, expected a floating type; convert with AsType", () => Grid(4).At[0].Divide(2) },
        { "[at.add] dtype is bool, expected a number; convert with AsType", () => Tensor.From(true).At[0].Add(1) },
        { "[index] index 4 is out of range for axis 0 of shape (4,)", () => Grid(4).At[4].Set(1) },
        { "[scatter_multiply] index 4 is out of range for axis 0 of size 4", () => Grid(4).At[Tensor.From(4)].Multiply(2).Eval() },
        { "[put_along_axis] indices (2,) and array (2, 3) differ in an axis other than 1", () => Grid(2, 3).PutAlongAxis(Tensor.From(0, 0), Tensor.From(1), 1) },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Update_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
