using Xunit;

namespace ManagedFed.Tests;

/// <summary>float16 and bfloat16 hold values: a function of them and its derivatives are computed in float32 and rounded once.</summary>
public sealed class WideTests
{
    private static readonly Func<Tensor, Tensor> Cube = x => x.InWide(v => v.Square() * v / 1e6);

    // 300³ = 2.7e7 is no float16, 27 is; 3·300²/10⁶ = 0.27.
    [Theory]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    public void InWide_OfStepsThatLeaveTheRange_HasAFiniteValueAndDerivatives(DType dtype)
    {
        var x = Tensor.Full([2], 300, dtype);
        AssertAll(27, dtype, Cube(x));
        AssertAll(0.27, dtype, Transforms.Grad(v => Cube(v).Sum())(x));
        AssertAll(0.27, dtype, Transforms.Jvp(Cube, x, x.OnesLike()).Tangent);
        AssertAll(27, dtype, Transforms.Vmap(Cube)(x));
        AssertAll(0.27, dtype, Transforms.Compile(Transforms.Grad(v => Cube(v).Sum()))(x));
        AssertAll(0.0018, dtype, Transforms.Grad(v => Transforms.Grad(u => Cube(u).Sum())(v).Sum())(x));
    }

    [Fact]
    public void InWide_OfTypesThatPromote_RoundsToWhatTheyPromoteTo()
    {
        static Tensor Product(Tensor a, Tensor b) => Tensor.InWide(a, b, (x, y) => x * y);
        var (half, brain, integer) = (Tensor.Full([], 3, DType.Float16), Tensor.Full([], 3, DType.BFloat16), Tensor.Full([], 3, DType.Int32));
        Assert.Equal(DType.Float16, Product(half, integer).DType);
        Assert.Equal(DType.Float32, Product(half, brain).DType);
        Assert.Equal(DType.Float64, Product(half, Tensor.Full([], 3, DType.Float64)).DType);
        Assert.Equal(DType.Bool, Tensor.InWide(half, half, (x, y) => x == y).DType);
    }

    // The rule of an operation is several steps: −½·x^(−3/2) through y³ = 2²⁴, −1/x² with x² = 2⁻²⁴, and y·(1 − y) with y rounded to 1 first.
    [Fact]
    public void Gradients_OfOneOperation_RoundOnce()
    {
        var tiny = Tensor.Full([], Math.ScaleB(1, -10), DType.Float16);
        Assert.Equal(-16384, (double)Transforms.Grad(x => x.Rsqrt())(tiny).Item<Half>());
        var small = Tensor.Full([], 200, DType.Float16);
        Assert.Equal((double)(Half)(-1.0 / 40000), (double)Transforms.Grad(x => x.Reciprocal())(small).Item<Half>());
        var nine = Tensor.Full([], 9, DType.Float16);
        Assert.Equal(1.2338e-4, (double)Transforms.Grad(x => x.Sigmoid())(nine).Item<Half>(), 1e-7);
        Assert.Equal(1.2338e-4, (double)Transforms.Jvp(x => x.Sigmoid(), nine, nine.OnesLike()).Tangent.Item<Half>(), 1e-7);
    }

    // 70000 is more than float16 holds, and 300 more than bfloat16 counts.
    [Theory]
    [InlineData(DType.Float16, 70000)]
    [InlineData(DType.Float16, 4099)]
    [InlineData(DType.BFloat16, 300)]
    [InlineData(DType.BFloat16, 70000)]
    public void Gradients_OfReductionsOfManyEquals_ShareExactly(DType dtype, int count)
    {
        var share = Tensor.Scalar(1.0 / count, dtype).AsType(DType.Float64).Item<double>();
        foreach (var fold in (Func<Tensor, Tensor>[])[x => x.Max(), x => x.Min(), x => x.Mean(), x => x.LogSumExp(), x => x.Norm([], double.PositiveInfinity)])
        {
            AssertAll(share, dtype, Transforms.Grad(fold)(Tensor.Ones([count], dtype)));
        }
    }

    private static void AssertAll(double expected, DType dtype, Tensor actual)
    {
        Assert.Equal(dtype, actual.DType);
        var tolerance = Math.Abs(expected) * DTypes.FInfo(dtype).Epsilon;
        foreach (var value in actual.AsType(DType.Float64).ToArray<double>()) Assert.Equal(expected, value, tolerance);
    }
}
