using Xunit;

namespace ManagedFed.Tests;

/// <summary>A gradient by every way that leads to it.</summary>
internal static class EveryTransform
{
    /// <summary>Checks the gradient of Σ f by reverse mode, by forward mode, compiled, mapped, and as computed inside another gradient.</summary>
    public static void Equal(double[] expected, Func<Tensor, Tensor> f, Tensor x, string what)
    {
        Func<Tensor, Tensor> gradient = Transforms.Grad(v => f(v).Sum());
        Same(expected, gradient(x), $"{what}: grad");
        Same(expected, Transforms.Compile(gradient)(x), $"{what}: compiled");
        Same(expected, Transforms.Grad(Transforms.Compile(v => f(v).Sum()))(x), $"{what}: grad of compiled");
        Same(expected, Transforms.Grad(v => Transforms.Checkpoint(f)(v).Sum())(x), $"{what}: checkpointed");
        var both = Transforms.Vmap(gradient)(Tensor.Stack([x, x]));
        Same([.. expected, .. expected], both, $"{what}: mapped");
        for (var i = 0; i < expected.Length; i++)
        {
            var direction = Tensor.From<double>([.. expected.Select((_, k) => k == i ? 1.0 : 0)], x.Shape).AsType(x.DType);
            Same([expected[i]], Transforms.Jvp(v => f(v).Sum(), x, direction).Tangent, $"{what}: jvp {i}");
        }
        Transforms.Grad(v =>
        {
            var inner = gradient(v);
            Same(expected, inner, $"{what}: inner");
            return inner.Sum();
        })(x);
    }

    /// <summary>Within two units of the type's last place; infinities and NaN as they are.</summary>
    public static void Same(double[] expected, Tensor actual, string what)
    {
        var info = DTypes.FInfo(actual.DType);
        var values = actual.AsType(DType.Float64).ToArray<double>();
        Assert.True(expected.Length == values.Length, $"{what}: {values.Length} values, expected {expected.Length}");
        for (var i = 0; i < values.Length; i++)
        {
            var tolerance = 2 * Math.Max(info.Epsilon * Math.Abs(expected[i]), info.SmallestNormal * info.Epsilon);
            var isNear = expected[i].Equals(values[i]) || Math.Abs(expected[i] - values[i]) <= tolerance && double.IsFinite(expected[i]);
            Assert.True(isNear || double.IsNaN(expected[i]) && double.IsNaN(values[i]), $"{what}, element {i}: {values[i]:R}, expected {expected[i]:R} in ({string.Join(", ", values)})");
        }
    }
}
