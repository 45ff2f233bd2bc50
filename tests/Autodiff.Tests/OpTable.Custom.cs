namespace ManagedFed.Tests;

/// <summary>Functions with rules of their own, and checkpoints.</summary>
internal static partial class OpTable
{
    // y₀ = a·sin b, y₁ = a + b², so ā = g₀·sin b + g₁ and b̄ = g₀·a·cos b + 2·g₁·b.
    private static readonly CustomFunction.VjpRule Cotangents = (x, g, _) => [g[0] * x[1].Sin() + g[1], g[0] * x[0] * x[1].Cos() + g[1] * x[1] * 2];

    private static readonly CustomFunction.JvpRule Tangents = (x, t) =>
        [t[0] * x[1].Sin() + x[0] * x[1].Cos() * t[1], t[0] + x[1] * t[1] * 2];

    private static Dictionary<string, OpRow> Custom => new()
    {
        ["custom_function"] = OpRow.Binary((a, b) => Both(new(Pair), a, b)),
        ["custom_function with vjp"] = OpRow.Binary((a, b) => Both(new(Pair) { Vjp = Cotangents }, a, b)),
        ["custom_function with jvp"] = OpRow.Binary((a, b) => Both(new(Pair) { Jvp = Tangents }, a, b)),
        ["custom_function with all rules"] = OpRow.Binary((a, b) => Both(new(Pair) { Vjp = Cotangents, Jvp = Tangents, Vmap = PairOfBatches }, a, b)),
        ["custom_function of one argument"] = OpRow.Unary(x => new CustomFunction(v => [v[0].Exp()]) { Vjp = (_, g, y) => [g[0] * y[0]] }.Invoke(x)[0].Square()),
        ["checkpoint"] = OpRow.Unary(x => Transforms.Checkpoint(v => v.Sin() * v * x.Cos())(x.Square())),
        ["checkpoint of two"] = OpRow.Binary((a, b) => Product(Transforms.Checkpoint(Pair)(a.Tanh(), b))),
        ["checkpoint of a checkpoint"] = OpRow.Unary(Transforms.Checkpoint(x => Transforms.Checkpoint(v => v.Sin() * v)(x.Tanh()) * x)),
    };

    private static Tensor Both(CustomFunction f, Tensor a, Tensor b) => Product(f.Invoke(a, b));

    private static Tensor Product(Tensor[] pair) => pair[0] * pair[1];

    private static Tensor[] Pair(Tensor[] x) => [x[0] * x[1].Sin(), x[0] + x[1].Square()];

    // The members are all of one rank here, and an argument that is the same for all of them broadcasts.
    private static Tensor[] PairOfBatches(Tensor[] x, bool[] mapped) => Pair(x);
}
