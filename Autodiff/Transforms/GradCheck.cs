namespace ManagedFed;

/// <summary>Compares derivatives with finite differences, for functions of float64 tensors.</summary>
public static class GradCheck
{
    /// <summary>
    /// Checks that the vector–Jacobian product of f along a random direction agrees with a central difference,
    /// ⟨c, (f(x+εd) − f(x−εd))/2ε⟩ = ⟨Vjp(c), d⟩, and then the same of that product, up to the given order.
    /// </summary>
    /// <param name="f">A function that is smooth near the inputs.</param>
    /// <param name="inputs">float64 tensors.</param>
    /// <param name="order">How many derivatives to check: 1 or more.</param>
    /// <param name="seed">Chooses the directions.</param>
    /// <param name="step">ε.</param>
    /// <param name="tolerance">The largest accepted difference, relative to 1 + |value|.</param>
    /// <exception cref="ArgumentException">An input is not float64.</exception>
    /// <exception cref="InvalidOperationException">A derivative disagrees; the message names the order and both values.</exception>
    public static void Check(
        Func<IReadOnlyList<Tensor>, Tensor> f,
        IReadOnlyList<Tensor> inputs,
        int order = 2,
        int seed = 0,
        double step = 1e-4,
        double tolerance = 1e-5)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(inputs);
        Throw.Unless(order >= 1, "grad_check", nameof(order), order, "1 or more");
        Throw.Unless(step > 0 && double.IsFinite(step), "grad_check", nameof(step), step, "a finite number above 0");
        Throw.Unless(tolerance >= 0, "grad_check", nameof(tolerance), tolerance, "0 or more");
        foreach (var input in inputs)
        {
            if (input.DType != DType.Float64) Throw.DTypeMismatch("grad_check", input.DType, "float64, for finite differences to be accurate");
        }
        var random = new Random(seed);
        for (var level = 1; level <= order; level++)
        {
            CheckOnce(f, inputs, random, level, step, tolerance);
            var inner = f;
            var cotangent = Direction(random, f(inputs).Shape);

            // The next level checks the derivative of this level's product, folded into one output.
            var weights = inputs.Select(x => Direction(random, x.Shape)).ToArray();
            f = x => Transforms.Vjp(v => [inner(v)], x, [cotangent]).Gradients.Zip(weights, (g, w) => (g * w).Sum()).Aggregate((a, b) => a + b);
        }
    }

    private static void CheckOnce(
        Func<IReadOnlyList<Tensor>, Tensor> f, IReadOnlyList<Tensor> inputs, Random random, int level, double step, double tolerance)
    {
        var directions = inputs.Select(x => Direction(random, x.Shape)).ToArray();
        var cotangent = Direction(random, f(inputs).Shape);
        var (_, gradients) = Transforms.Vjp(x => [f(x)], inputs, [cotangent]);
        var analytic = gradients.Zip(directions, (g, d) => (g * d).Sum().Item<double>()).Sum();
        var numeric = (Along(step) - Along(-step)) / (2 * step);
        if (Math.Abs(analytic - numeric) <= tolerance * (1 + Math.Abs(numeric))) return;
        Throw.Invalid("grad_check", $"derivative {level} is {analytic:g10}, finite differences give {numeric:g10}, for inputs {string.Join(", ", inputs.Select(x => x.Shape))}");

        double Along(double t) => (f([.. inputs.Zip(directions, (x, d) => x + d * t)]) * cotangent).Sum().Item<double>();
    }

    private static Tensor Direction(Random random, Shape shape)
    {
        var values = new double[shape.Count];
        for (var i = 0; i < values.Length; i++) values[i] = random.NextDouble() * 2 - 1;
        return Tensor.From<double>(values, shape);
    }
}
