using CsCheck;
using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>Random functions under random transforms: those that leave the meaning alone may stand anywhere among those that do not.</summary>
public sealed class CompositionTests
{
    private static readonly Tensor Matrix = Tensor.From<double>([0.5, -0.3, 0.2, 0.1, 0.7, -0.4, 0.3, -0.2, 0.6], [3, 3]);

    private static readonly Tensor Direction = Tensor.From<double>(0.3, -0.8, 0.5);

    /// <summary>Smooth functions of three numbers.</summary>
    private static readonly Func<Tensor, Tensor>[] Steps =
    [
        x => x.Sin(),
        x => x.Tanh() * x,
        x => Matrix.MatMul(x),
        x => x.Softmax() + x,
        x => x.Flip(0) * 0.5 + x.Square(),
        x => x - x.Mean(),
        x => (x * 0.3).Exp(),
        x => Tensor.Concatenate([x[1..], x[..1]]) * x,
        x => x.Take(Tensor.From(2, 0, 0)).Sigmoid(),
        x => x.LogSumExp() * x,
        x => new CustomFunction(v => [v[0] * v[0].Cos()]) { Vjp = (v, g, _) => [g[0] * (v[0].Cos() - v[0] * v[0].Sin())] }.Invoke(x)[0],
    ];

    /// <summary>Derivatives: they change the meaning.</summary>
    private static readonly Func<Func<Tensor, Tensor>, Func<Tensor, Tensor>>[] Derivatives =
    [
        f => Grad(x => (f(x) * Direction).Sum()),
        f => x => Jvp(f, x, Direction).Tangent,
        f => x => Vjp(f, x, Direction).Gradient,
    ];

    /// <summary>Ways to compute the same.</summary>
    private static readonly Func<Func<Tensor, Tensor>, Func<Tensor, Tensor>>[] Detours =
    [
        Compile,
        Checkpoint,
        f => x => Vmap(f)(Tensor.Stack([x * 2, x]))[1],
        f => x => Vmap(f, inAxis: -1, outAxis: 1)(Tensor.Stack([x, x.Cos()], axis: 1)).Slice(1, 0, 1).Squeeze(1),
        f => x => Vmap((_, v) => f(v), 0, null)(Tensor.Zeros([2]), x)[0],
        f => x => new CustomFunction(v => [f(v[0])]).Invoke(x)[0],
        f => x => ValueAndGrad(v => ((v * 0).Sum(), f(v)))(x).Extra,
    ];

    private static readonly Gen<(int[] Program, int[] Transforms, double[] Point)> Cases = Gen.Select(
        Gen.Int[0, Steps.Length - 1].Array[1, 4],
        Gen.Int[0, Derivatives.Length + Detours.Length - 1].Array[1, 6].Where(all => all.Count(t => t < Derivatives.Length) <= 2),
        Gen.Double[-1, 1].Array[3]);

    [Fact]
    public void RandomTransforms_OfRandomFunctions_KeepTheirMeaning() => Cases.Sample(
        row =>
        {
            Func<Tensor, Tensor> plain = x => row.Program.Aggregate(x, (value, step) => Steps[step](value));
            var transformed = plain;
            foreach (var t in row.Transforms)
            {
                if (t < Derivatives.Length) (plain, transformed) = (Derivatives[t](plain), Derivatives[t](transformed));
                else transformed = Detours[t - Derivatives.Length](transformed);
            }
            var point = Tensor.From<double>(row.Point);
            var (expected, actual) = (plain(point).ToArray<double>(), transformed(point).ToArray<double>());
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-9 * (1 + Math.Abs(expected[i])));
        },
        iter: 500, threads: 2);

    [Fact]
    public void RandomTransforms_OfRandomFunctions_AreDifferentiable() => Cases.Sample(
        row =>
        {
            Func<Tensor, Tensor> f = x => row.Program.Aggregate(x, (value, step) => Steps[step](value));
            foreach (var t in row.Transforms) f = t < Derivatives.Length ? Derivatives[t](f) : Detours[t - Derivatives.Length](f);

            // A small step leaves rounding errors of third derivatives, hence the tolerance.
            GradCheck.Check(v => f(v[0]), [Tensor.From<double>(row.Point)], order: 1, tolerance: 1e-4);
        },
        iter: 200, threads: 2);
}
