using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>Graphs so long, wide or deep that recursion would overflow the stack and anything but linear time would never end.</summary>
[Collection("memory")]
public sealed class ScaleTests
{
    private const int Long = 200_000, Compiled = 20_000;

    // One tensor for all steps, since each costs memory that is not what is looked at here.
    private static readonly Tensor Little = Tensor.Scalar(1e-6, DType.Float64);

    /// <summary>x + steps·10⁻⁶, by so many additions.</summary>
    private static Tensor Chain(Tensor x, int steps)
    {
        for (var i = 0; i < steps; i++) x += Little;
        return x;
    }

    /// <summary>steps·x, by so many additions of one node.</summary>
    private static Tensor Shared(Tensor x, int steps)
    {
        var (shared, sum) = (x * 1, x * 1);
        for (var i = 1; i < steps; i++) sum += shared;
        return sum;
    }

    [Fact]
    public void Jvp_OfALongChain_IsComputed() =>
        Assert.Equal(2.0, Jvp(x => Chain(x * 2, Long), Tensor.Scalar(1, DType.Float64), Tensor.Scalar(1, DType.Float64)).Tangent.Item<double>());

    [Fact]
    public void Vmap_OfALongChain_IsComputed() =>
        Assert.Equal([1.2, 2.2], Vmap(x => Chain(x, Long))(Tensor.From<double>(1, 2)).ToArray<double>().Select(y => Math.Round(y, 9)));

    [Fact]
    public void Grad_OfANodeSharedManyTimes_AddsUp() =>
        Assert.Equal(Long, Grad(x => Shared(x, Long))(Tensor.Scalar(3, DType.Float64)).Item<double>());

    [Fact]
    public void Compile_OfLongAndSharedGraphs_RunsThem()
    {
        var chain = Compile(x => Chain(x, Compiled));
        Assert.Equal(1.02, chain(Tensor.Scalar(1, DType.Float64)).Item<double>(), 1e-9);
        var shared = Compile(x => Shared(x, Compiled));
        Assert.Equal(3.0 * Compiled, shared(Tensor.Scalar(3, DType.Float64)).Item<double>());
    }

    [Fact]
    public void Transforms_NestedDeeply_Compose()
    {
        // Each level adds one derivative of e^(x/2): (1/2)ⁿ·e^(x/2).
        Func<Tensor, Tensor> f = x => (x / 2).Exp();
        for (var i = 0; i < 12; i++) f = Grad(f);
        Assert.Equal(Math.Pow(0.5, 12) * Math.E, f(Tensor.Scalar(2, DType.Float64)).Item<double>(), 1e-12);

        Func<Tensor, Tensor> mapped = x => x + 1;
        for (var i = 0; i < 30; i++) mapped = Vmap(mapped);
        Assert.Equal(6, mapped(Tensor.Scalar(5, DType.Float64).Reshape([.. Enumerable.Repeat(1, 30)])).Item<double>());
    }
}
