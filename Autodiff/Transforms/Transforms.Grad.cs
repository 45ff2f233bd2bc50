using ManagedFed.Graph;

namespace ManagedFed;

/// <summary>Function transformations: each takes a function of tensors and gives a new one. They compose in any order.</summary>
/// <remarks>
/// Losses must be scalars of a floating type. A gradient has the shape and type of its argument, and is zero where the
/// loss does not depend on it. Gradients are lazy tensors and can be differentiated again.
/// Modules that the function reads or changes are seen by other threads as they were until the transform ends, and remain so
/// when it fails: parameters, buffers, random keys, modes, and an optimizer's state and step.
/// </remarks>
public static partial class Transforms
{
    /// <summary>The gradient of a scalar function: x ↦ ∂f/∂x.</summary>
    public static Func<Tensor, Tensor> Grad(Func<Tensor, Tensor> f)
    {
        var both = ValueAndGrad(f);
        return x => both(x).Gradient;
    }

    /// <summary>The gradient of a scalar function of two arguments with respect to one of them, the first if not said otherwise.</summary>
    /// <param name="f">The function.</param>
    /// <param name="argument">0 or 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The function has no such argument.</exception>
    public static Func<Tensor, Tensor, Tensor> Grad(Func<Tensor, Tensor, Tensor> f, int argument = 0)
    {
        ArgumentNullException.ThrowIfNull(f);
        Throw.Unless(argument is 0 or 1, "grad", nameof(argument), argument, "0 or 1");
        return (x, y) => argument == 0 ? Grad(v => f(v, y))(x) : Grad(v => f(x, v))(y);
    }

    /// <summary>The gradients of a scalar function with respect to all its arguments, or to some by their places.</summary>
    public static Func<IReadOnlyList<Tensor>, Tensor[]> GradAll(Func<IReadOnlyList<Tensor>, Tensor> f, params int[] arguments)
    {
        var both = ValueAndGradAll(f, arguments);
        return x => both(x).Gradients;
    }

    /// <summary>The gradient of a scalar function of a tree: a tree of the same structure.</summary>
    public static Func<Tree, Tree> Grad(Func<Tree, Tensor> f)
    {
        var both = ValueAndGrad(f);
        return x => both(x).Gradient;
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

    /// <summary>A scalar function's value, what else it gives, and its gradient; only the first is differentiated.</summary>
    public static Func<Tensor, (Tensor Value, TExtra Extra, Tensor Gradient)> ValueAndGrad<TExtra>(Func<Tensor, (Tensor Value, TExtra Extra)> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var both = ValueAndGrad((Tree x) => f(x.Tensor));
        return x =>
        {
            var (value, extra, gradient) = both(x);
            return (value, extra, gradient.Tensor);
        };
    }

    /// <summary>A scalar function of a tree: its value, and its gradient in a tree of the same structure.</summary>
    public static Func<Tree, (Tensor Value, Tree Gradient)> ValueAndGrad(Func<Tree, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var both = ValueAndGrad((Tree x) => (f(x), 0));
        return x =>
        {
            var (value, _, gradient) = both(x);
            return (value, gradient);
        };
    }

    /// <summary>A scalar function of a tree: its value, what else it gives, and its gradient; only the first is differentiated.</summary>
    public static Func<Tree, (Tensor Value, TExtra Extra, Tree Gradient)> ValueAndGrad<TExtra>(Func<Tree, (Tensor Value, TExtra Extra)> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var extra = default(TExtra)!;
            var (values, gradients) = Differentiate([.. x.Leaves], v =>
            {
                (var value, extra) = f(x.WithLeaves(v));
                return [value];
            }, i => x.NamedLeaves.ElementAt(i).Key is { Length: > 0 } name ? name : "the argument");
            return (values[0], extra, x.WithLeaves(gradients));
        };
    }

    /// <summary>A scalar function's value together with the gradients with respect to all its arguments, or to some by their places.</summary>
    /// <param name="f">The function.</param>
    /// <param name="arguments">The places, from 0, in the order of the gradients wanted; none given means all.</param>
    /// <exception cref="ArgumentException">When called: there is no such argument.</exception>
    public static Func<IReadOnlyList<Tensor>, (Tensor Value, Tensor[] Gradients)> ValueAndGradAll(
        Func<IReadOnlyList<Tensor>, Tensor> f, params int[] arguments)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(arguments);
        return x =>
        {
            ArgumentNullException.ThrowIfNull(x);
            var places = arguments.Length == 0 ? [.. Enumerable.Range(0, x.Count)] : arguments;
            foreach (var place in places)
            {
                if (place < 0 || place >= x.Count) Throw.Argument("grad", $"there is no argument {place}, only {x.Count} from 0 on");
                if (places.Count(other => other == place) > 1) Throw.Argument("grad", $"argument {place} is asked for twice, in ({string.Join(", ", places)})");
            }
            Called.Expect("grad", [.. x]);
            var (values, gradients) = Differentiate(Array.ConvertAll(places, place => x[place]), v =>
            {
                Tensor[] all = [.. x];
                for (var i = 0; i < places.Length; i++) all[places[i]] = v[i];
                return Called.Results("grad", whole => [f(whole)], all);
            }, i => $"argument {places[i]}");
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
        Called.Expect("vjp", [.. primals]);
        Called.Expect("vjp", [.. cotangents], "cotangent");
        return Pull("vjp", [.. primals], v => Called.Results("vjp", f, v), outputs =>
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

    /// <summary>A function's outputs, and its Jacobian–vector products ẏⱼ = Σᵢ ∂yⱼ/∂xᵢ·ẋᵢ, by forward mode.</summary>
    /// <param name="f">Any function of tensors.</param>
    /// <param name="primals">Where to evaluate it.</param>
    /// <param name="tangents">A direction for each argument, of its shape and type.</param>
    /// <exception cref="ArgumentException">The tangents do not match the arguments, or an argument is not floating.</exception>
    public static (Tensor[] Outputs, Tensor[] Tangents) Jvp(
        Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> f, IReadOnlyList<Tensor> primals, IReadOnlyList<Tensor> tangents)
    {
        ArgumentNullException.ThrowIfNull(f);
        ArgumentNullException.ThrowIfNull(primals);
        ArgumentNullException.ThrowIfNull(tangents);
        Called.Expect("jvp", [.. primals]);
        Called.Expect("jvp", [.. tangents], "tangent");
        if (tangents.Count != primals.Count) Throw.Argument("jvp", $"{tangents.Count} tangents given for {primals.Count} arguments");
        for (var i = 0; i < primals.Count; i++)
        {
            if (!primals[i].DType.IsFloating()) Throw.Argument("jvp", $"argument {i} has type {primals[i].DType.Name()}, expected a floating type");
            if (tangents[i].Shape == primals[i].Shape && tangents[i].DType == primals[i].DType) continue;
            Throw.Argument("jvp", $"tangent {i} is {tangents[i].Shape} {tangents[i].DType.Name()}, its argument {primals[i].Shape} {primals[i].DType.Name()}");
        }
        using var scope = StateScope.Open();
        var trace = new Trace();
        try
        {
            Tensor[] aliases = [.. primals.Select(primal => primal.Alias(trace))];
            var outputs = Called.Results("jvp", f, aliases);
            var directions = Tangents.Run(outputs, aliases, [.. tangents]);
            scope.Commit("jvp");
            return (outputs, [.. directions.Select((direction, i) => direction ?? outputs[i].ZerosLike())]);
        }
        finally
        {
            trace.Close();
        }
    }

    /// <summary>A function's output, and its Jacobian–vector product ∂y/∂x·ẋ, by forward mode.</summary>
    /// <exception cref="ArgumentException">The tangent does not match the argument, or that is not floating.</exception>
    public static (Tensor Output, Tensor Tangent) Jvp(Func<Tensor, Tensor> f, Tensor primal, Tensor tangent)
    {
        ArgumentNullException.ThrowIfNull(f);
        var (outputs, tangents) = Jvp(v => [f(v[0])], [primal], [tangent]);
        return (outputs[0], tangents[0]);
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
    internal static (Tensor[] Outputs, Tensor[] Gradients) Differentiate(Tensor[] arguments, Func<Tensor[], Tensor[]> f, Func<int, string>? nameOf = null)
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i].DType.IsFloating()) continue;
            var name = nameOf is null ? "" : $", {nameOf(i)}";
            Throw.Argument("grad", $"cannot differentiate with respect to {arguments[i].DType.Name()} of shape {arguments[i].Shape}{name}, expected a floating type");
        }
        return Pull("grad", arguments, f, outputs =>
        {
            var loss = outputs[0];
            if (loss.Rank != 0) Throw.Argument("grad", $"loss has shape {loss.Shape}, expected a scalar; reduce it with Sum() or Mean()");
            if (!loss.DType.IsFloating()) Throw.Argument("grad", $"loss has type {loss.DType.Name()}, expected a floating type");
            return [loss.OnesLike()];
        });
    }

    /// <param name="op">The transform, for messages.</param>
    /// <param name="arguments">The values to differentiate with respect to.</param>
    /// <param name="f">Called once, with aliases of the arguments.</param>
    /// <param name="cotangentsOf">Gives cotangents for the first outputs; outputs beyond them are not differentiated.</param>
    private static (Tensor[] Outputs, Tensor[] Gradients) Pull(
        string op, Tensor[] arguments, Func<Tensor[], Tensor[]> f, Func<Tensor[], Tensor[]> cotangentsOf)
    {
        using var scope = StateScope.Open();
        var trace = new Trace();
        try
        {
            var aliases = Array.ConvertAll(arguments, argument => argument.Alias(trace));
            var outputs = Called.Checked(op, f(aliases));
            var cotangents = cotangentsOf(outputs);
            var gradients = Backward.Run(outputs.AsSpan(0, cotangents.Length), cotangents, aliases);
            var result = new Tensor[gradients.Length];
            for (var i = 0; i < result.Length; i++) result[i] = gradients[i] ?? arguments[i].ZerosLike();
            scope.Commit(op);
            return (outputs, result);
        }
        finally
        {
            trace.Close();
        }
    }
}
