using ManagedFed.Graph;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>What the contract of an operation does for one that says little.</summary>
public sealed class OpRulesTests
{
    /// <summary>x², with a derivative but no rule for batches.</summary>
    private sealed record Bare : Op
    {
        public override string Name => "bare";

        public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x) => (x[0].Shape, x[0].DType);

        protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => Kernels.Zip.Run<Kernels.Multiply>(x[0], x[0], y);

        public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => g * x[0] * 2;
    }

    private static Tensor Apply(Tensor x) => Tensor.Apply(new Bare(), x);

    [Fact]
    public void Vmap_OfAnOperationWithoutARule_NamesItBeforeAnythingIsComputed()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Transforms.Vmap(Apply)(Tensor.From<double>(1, 2)));
        Assert.Equal("[vmap] bare has no rule for a batch; call it outside of the mapped function, or in a loop", error.Message);
    }

    [Fact]
    public void Vmap_WithARuleOfTheFunctionsOwn_NeedsNoneOfTheOperations()
    {
        var f = new CustomFunction(v => [Apply(v[0])]) { Vmap = (v, _) => [Apply(v[0])] };
        Assert.Equal([1, 4], Transforms.Vmap(x => f.Invoke(x)[0])(Tensor.From<double>(1, 2)).ToArray<double>());
    }

    [Fact]
    public void Jvp_OfAnOperationWithoutARule_TransposesItsVjp()
    {
        // d(x²) = 2x·dx, and once more 2·dx².
        var (x, t) = (Tensor.From<double>(1, 2), Tensor.From<double>(3, 4));
        Assert.Equal([6, 16], Transforms.Jvp(Apply, x, t).Tangent.ToArray<double>());
        Assert.Equal([18, 32], Transforms.Jvp(v => Transforms.Jvp(Apply, v, t).Tangent, x, t).Tangent.ToArray<double>());
    }
}
