using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

/// <summary>What a compiled function did so far.</summary>
/// <param name="Traces">Times the function itself was called: once for each combination of shapes and types.</param>
/// <param name="Replays">Times its recorded graph was run.</param>
/// <param name="Nodes">Operations in the graphs, after simplification.</param>
/// <param name="Kernels">Passes over memory that the graphs take, after fusion.</param>
public readonly record struct CompileStatistics(int Traces, long Replays, int Nodes, int Kernels);

/// <summary>
/// A function of tensors that is recorded once for each combination of argument shapes and types, simplified, and then
/// replayed in memory planned beforehand.
/// </summary>
/// <remarks>
/// Elementwise operations of one shape run in one pass, with several results and a reduction of whole rows if there is one;
/// relu, tanh, sigmoid and their gradients join the matrix product before them. Each value is that of the operations alone.
/// The function must give the same graph for the same shapes: it is not called again. Tensors it captures are constants;
/// capturing a module's parameters, or drawing random numbers from a fixed key, is refused. Calls from several threads
/// take turns. Inside another transform, if it takes or captures tensors of that or was compiled with a module, the function runs
/// as if it were not compiled.
/// </remarks>
public sealed class CompiledFunction
{
    private readonly Func<Tensor[], Tensor[]> function;
    private readonly TensorCell[] cells;
    private readonly Compiler compiler;

    internal CompiledFunction(Func<Tensor[], Tensor[]> function, TensorCell[] cells)
    {
        this.function = function;
        this.cells = cells;
        compiler = new(cells, scalars: 0, (arguments, _) => function(arguments));
    }

    /// <summary>Traces, replays and graph sizes.</summary>
    public CompileStatistics Statistics => compiler.Statistics;

    /// <summary>The graphs recorded so far, after simplification and fusion: which operations each pass over memory computes.</summary>
    /// <remarks><see cref="Tensor.PrintGraph"/> shows what the function records before that.</remarks>
    /// <param name="format">Text or DOT.</param>
    /// <param name="fused">False to show the simplified graph without its passes.</param>
    public string PrintGraph(GraphFormat format = GraphFormat.Text, bool fused = true) => compiler.Print(format, fused);

    /// <summary>What it did so far.</summary>
    public override string ToString() => $"{nameof(CompiledFunction)} {Statistics}";

    /// <summary>Computes the function's results.</summary>
    public Tensor[] Invoke(params ReadOnlySpan<Tensor> arguments)
    {
        // What the function changes of a module is true only when the transform around it has ended.
        var isTraced = cells.Length > 0 && StateScope.Current is not null;
        Called.Expect("compile", arguments);
        foreach (var argument in arguments) isTraced |= argument.IsTraced || argument.Op is Placeholder;
        return (isTraced ? null : compiler.Results(arguments)) ?? Called.Results("compile", function, arguments.ToArray());
    }
}
