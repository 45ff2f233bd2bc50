using ManagedFed.Graph;

namespace ManagedFed;

/// <summary>Function transformations: each takes a function of tensors and gives a new one. They compose in any order.</summary>
/// <remarks>
/// Losses must be scalars of a floating type. A gradient has the shape and type of its argument, and is zero where the
/// loss does not depend on it. Gradients are lazy tensors and can be differentiated again.
/// </remarks>
public static class Transforms
{
    /// <summary>The gradient of a scalar function: x ↦ ∂f/∂x.</summary>
    public static Func<Tensor, Tensor> Grad(Func<Tensor, Tensor> f)
    {
        var both = ValueAndGrad(f);
        return x => both(x).Gradient;
    }

    /// <summary>The gradient of a scalar function of two arguments with respect to the first.</summary>
    public static Func<Tensor, Tensor, Tensor> Grad(Func<Tensor, Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return (x, y) => Grad(v => f(v, y))(x);
    }

    /// <summary>The gradients of a scalar function with respect to all its arguments.</summary>
    public static Func<IReadOnlyList<Tensor>, Tensor[]> GradAll(Func<IReadOnlyList<Tensor>, Tensor> f)
    {
        var both = ValueAndGradAll(f);
        return x => both(x).Gradients;
    }

    /// <summary>A scalar function's value together with its gradient.</summary>
    public static Func<Tensor, (Tensor Value, Tensor Gradient)> ValueAndGrad(Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var (values, gradients) = Differentiate([x], v => [f(v[0])]);
            return (values[0], gradients[0]);
        };
    }

    /// <summary>A scalar function's value together with the gradients with respect to all its arguments.</summary>
    public static Func<IReadOnlyList<Tensor>, (Tensor Value, Tensor[] Gradients)> ValueAndGradAll(Func<IReadOnlyList<Tensor>, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var (values, gradients) = Differentiate([.. x], v => [f(v)]);
            return (values[0], gradients);
        };
    }

    /// <summary>A function's outputs, and its vector–Jacobian products vᵢ = Σⱼ cⱼ·∂yⱼ/∂xᵢ.</summary>
    /// <param name="f">Any function of tensors.</param>
    /// <param name="primals">Where to evaluate it.</param>
    /// <param name="cotangents">One for each output, of its shape.</param>
    /// <exception cref="ArgumentException">The cotangents do not match the outputs.</exception>
    public static (Tensor[] Outputs, Tensor[] Gradients) Vjp(
        Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> f, IReadOnlyList<Tensor> primals, IReadOnlyList<Tensor> cotangents)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(primals);
        ArgumentNullException.ThrowIfNull(cotangents);
        return Pull([.. primals], v => [.. f(v)], outputs =>
        {
            if (cotangents.Count != outputs.Length)
            {
                Throw.Argument("vjp", $"{cotangents.Count} cotangents given for {outputs.Length} outputs");
            }
            for (var i = 0; i < outputs.Length; i++)
            {
                if (cotangents[i].Shape == outputs[i].Shape) continue;
                Throw.Argument("vjp", $"cotangent {i} has shape {cotangents[i].Shape}, its output has {outputs[i].Shape}");
            }
            return [.. cotangents];
        });
    }

    /// <summary>A function's output, and its vector–Jacobian product c·∂y/∂x.</summary>
    /// <exception cref="ArgumentException">The cotangent does not match the output.</exception>
    public static (Tensor Output, Tensor Gradient) Vjp(Func<Tensor, Tensor> f, Tensor primal, Tensor cotangent)
    {
        ArgumentNullException.ThrowIfNull(f);
        var (outputs, gradients) = Vjp(v => [f(v[0])], [primal], [cotangent]);
        return (outputs[0], gradients[0]);
    }

    /// <summary>Records a function once for each shape and type of its argument and replays it; see <see cref="CompiledFunction"/>.</summary>
    public static Func<Tensor, Tensor> Compile(Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var compiled = Compile((Tensor[] v) => [f(v[0])]);
        return x => compiled.Invoke(x)[0];
    }

    /// <summary>Records a function once for each shapes and types of its arguments and replays it; see <see cref="CompiledFunction"/>.</summary>
    public static Func<Tensor, Tensor, Tensor> Compile(Func<Tensor, Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var compiled = Compile((Tensor[] v) => [f(v[0], v[1])]);
        return (x, y) => compiled.Invoke(x, y)[0];
    }

    /// <summary>Records a function of any number of tensors once for each shapes and types, and replays it.</summary>
    public static CompiledFunction Compile(Func<Tensor[], Tensor[]> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return new(f, []);
    }

    /// <summary>Differentiates the first output, a loss, with respect to the arguments; other outputs pass through.</summary>
    internal static (Tensor[] Outputs, Tensor[] Gradients) Differentiate(Tensor[] arguments, Func<Tensor[], Tensor[]> f)
    {
        foreach (var argument in arguments)
        {
            if (!argument.DType.IsFloating())
            {
                Throw.Argument("grad", $"cannot differentiate with respect to {argument.DType.Name()} of shape {argument.Shape}, expected a floating type");
            }
        }
        return Pull(arguments, f, outputs =>
        {
            var loss = outputs[0];
            if (loss.Rank != 0) Throw.Argument("grad", $"loss has shape {loss.Shape}, expected a scalar; reduce it with Sum() or Mean()");
            if (!loss.DType.IsFloating()) Throw.Argument("grad", $"loss has type {loss.DType.Name()}, expected a floating type");
            return [loss.OnesLike()];
        });
    }

    /// <param name="arguments">The values to differentiate with respect to.</param>
    /// <param name="f">Called once, with aliases of the arguments.</param>
    /// <param name="cotangentsOf">Gives cotangents for the first outputs; outputs beyond them are not differentiated.</param>
    private static (Tensor[] Outputs, Tensor[] Gradients) Pull(
        Tensor[] arguments, Func<Tensor[], Tensor[]> f, Func<Tensor[], Tensor[]> cotangentsOf)
    {
        var trace = new Trace();
        try
        {
            var aliases = Array.ConvertAll(arguments, argument => argument.Alias(trace));
            var outputs = f(aliases);
            var cotangents = cotangentsOf(outputs);
            var gradients = Backward.Run(outputs.AsSpan(0, cotangents.Length), cotangents, aliases);
            var result = new Tensor[gradients.Length];
            for (var i = 0; i < result.Length; i++) result[i] = gradients[i] ?? arguments[i].ZerosLike();
            return (outputs, result);
        }
        finally
        {
            trace.Close();
        }
    }
}
