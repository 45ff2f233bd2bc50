using ManagedFed.Graph;

namespace ManagedFed;

public sealed partial class Tensor
{
    /// <summary>The operations that are still to be computed for some tensors, inputs before consumers.</summary>
    /// <param name="format">Text or DOT.</param>
    /// <param name="tensors">What is to be computed.</param>
    public static string PrintGraph(GraphFormat format, params ReadOnlySpan<Tensor> tensors)
    {
        foreach (var tensor in tensors) ArgumentNullException.ThrowIfNull(tensor, nameof(tensors));
        var lines = Graph.Printer.Lines(tensors);
        return format == GraphFormat.Dot ? Graph.Printer.Dot(lines) : Graph.Printer.Text(lines);
    }

    /// <summary>
    /// The computed values as NumPy prints them, with the type: <c>array([1.5, 2. ], dtype=float32)</c>; of more than 1000
    /// elements the first and last three of each axis.
    /// </summary>
    public override string ToString()
    {
        var data = Evaluator.Hold(this);
        try
        {
            return ArrayFormat.WithType(data);
        }
        finally
        {
            data.Storage.Release();
        }
    }

    /// <summary>Type and shape, without computing the value.</summary>
    internal string Describe() => $"{DType.Name()} {Shape}";

    /// <summary>What a debugger shows: nothing is computed for it.</summary>
    private string DebugText => $"{Describe()}, {(IsDisposed ? "disposed of" : Data is not null ? "computed" : Op is Ops.Placeholder placeholder ? $"an argument of {placeholder.Transform}" : $"{Op?.Name ?? "value"}, not computed")}";
}
