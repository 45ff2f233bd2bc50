using System.Globalization;
using System.Text;
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

    /// <summary>An axis longer than this is printed with its first and last three entries.</summary>
    private const int PrintThreshold = 1000;

    /// <summary>The computed values as MLX prints them: <c>array([1, 2.5], dtype=float32)</c>.</summary>
    public override string ToString()
    {
        var data = Evaluator.Hold(this);
        try
        {
            var text = new StringBuilder("array(");
            var edge = Count > PrintThreshold ? 3 : int.MaxValue;
            Append(text, data, edge, indent: 6);
            return text.Append(", dtype=").Append(DType.Name()).Append(')').ToString();
        }
        finally
        {
            data.Storage.Release();
        }
    }

    // Recursion is as deep as the tensor has axes.
    private static void Append(StringBuilder text, NdArray part, int edge, int indent)
    {
        if (part.Shape.Rank == 0)
        {
            text.Append(Element(part));
            return;
        }
        text.Append('[');
        var size = part.Shape[0];
        var separator = part.Shape.Rank == 1 ? ", " : $",\n{new string(' ', indent + 1)}";
        for (var i = 0; i < size; i++)
        {
            if (i > 0) text.Append(separator);
            if (i >= edge && i < size - edge)
            {
                text.Append("...");
                i = size - edge - 1;
                continue;
            }
            Append(text, part.Slice(0, i, 1).Reshape(part.Shape.Remove(0)), edge, indent + 1);
        }
        text.Append(']');
    }

    private static string Element(NdArray scalar)
    {
        var culture = CultureInfo.InvariantCulture;
        return scalar.DType switch
        {
            DType.Bool => scalar.ToArray<bool>()[0] ? "True" : "False",
            DType.UInt8 => scalar.ToArray<byte>()[0].ToString(culture),
            DType.Int32 => scalar.ToArray<int>()[0].ToString(culture),
            DType.UInt32 => scalar.ToArray<uint>()[0].ToString(culture),
            DType.Int64 => scalar.ToArray<long>()[0].ToString(culture),
            DType.Float32 => scalar.ToArray<float>()[0].ToString("g6", culture),
            _ => scalar.ToArray<double>()[0].ToString("g6", culture),
        };
    }
}
