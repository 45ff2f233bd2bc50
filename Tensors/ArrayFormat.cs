using System.Text;
using ManagedFed.Kernels;

namespace ManagedFed;

/// <summary>Arrays as text, as NumPy 2.3 prints them under its default options.</summary>
internal sealed class ArrayFormat
{
    private const int LineWidth = 75;

    /// <summary>An array of more elements is shown by the first and last few of each axis.</summary>
    private const int Threshold = 1000;

    private const int EdgeItems = 3;

    private readonly Shape full, shown;
    private readonly string[] items;
    private readonly string separator;
    private readonly StringBuilder text = new();
    private int next;

    private ArrayFormat(NdArray array, string separator)
    {
        full = array.Shape;
        var part = array.Count > Threshold ? Corners(array) : array;
        shown = part.Shape;
        items = ItemTexts.Of(part);
        this.separator = separator;
    }

    /// <summary>NumPy's <c>str</c>: the values alone.</summary>
    public static string Plain(NdArray array) =>
        array.Shape.Rank == 0 ? ItemTexts.OfScalar(array) : Values(array, " ", indent: 0, LineWidth);

    /// <summary>NumPy's <c>repr</c>, but always with the type and only for empty arrays with the shape.</summary>
    public static string WithType(NdArray array)
    {
        const string Open = "array(";
        var values = Open + Values(array, ", ", Open.Length, LineWidth - 1) + ",";
        var shape = array.Count == 0 && array.Shape.Rank > 1 ? $"shape={array.Shape}, " : "";
        var facts = $"{shape}dtype={array.DType.Name()})";
        var column = values.Length - (values.LastIndexOf('\n') + 1);
        return values + (column + 1 + facts.Length > LineWidth ? "\n" + new string(' ', Open.Length) : " ") + facts;
    }

    private static string Values(NdArray array, string separator, int indent, int width)
    {
        if (array.Count == 0) return "[]";
        var format = new ArrayFormat(array, separator);
        format.Append(axis: 0, indent + 1, width);
        return format.text.ToString();
    }

    /// <summary>The first and last entries of the axes that are shown in part.</summary>
    private static NdArray Corners(NdArray array)
    {
        var corners = NdArray.Empty(Shape.Create([.. array.Shape.Select(size => Math.Min(size, 2 * EdgeItems))]), array.DType);
        CopyCorners(array, corners, 0);
        return corners;
    }

    private static void CopyCorners(NdArray source, NdArray target, int axis)
    {
        if (axis == source.Shape.Rank)
        {
            Copy.Run(source, target);
        }
        else if (source.Shape[axis] == target.Shape[axis])
        {
            CopyCorners(source, target, axis + 1);
        }
        else
        {
            CopyCorners(source.Slice(axis, 0, EdgeItems), target.Slice(axis, 0, EdgeItems), axis + 1);
            CopyCorners(source.Slice(axis, source.Shape[axis] - EdgeItems, EdgeItems), target.Slice(axis, EdgeItems, EdgeItems), axis + 1);
        }
    }

    // Recursion is as deep as the array has axes. A line may have as many characters as are left for closing brackets.
    private void Append(int axis, int indent, int width)
    {
        var left = shown.Rank - axis;
        if (left == 0)
        {
            text.Append(items[next++]);
            return;
        }
        text.Append('[');
        if (left == 1) AppendRow(axis, indent, width - 1);
        else AppendParts(axis, indent, width - 1);
        text.Append(']');
    }

    private void AppendParts(int axis, int indent, int width)
    {
        var between = separator.TrimEnd() + new string('\n', shown.Rank - axis - 1) + new string(' ', indent);
        for (var i = 0; i < shown[axis]; i++)
        {
            if (i > 0) text.Append(between);
            if (IsGap(axis, i)) text.Append("...").Append(between);
            Append(axis + 1, indent + 1, width);
        }
    }

    private void AppendRow(int axis, int indent, int width)
    {
        var column = indent;
        for (var i = 0; i < shown[axis]; i++)
        {
            if (i > 0) AppendSeparator();
            if (IsGap(axis, i))
            {
                AppendWord("...");
                AppendSeparator();
            }
            AppendWord(items[next++]);
        }

        void AppendSeparator()
        {
            text.Append(separator);
            column += separator.Length;
        }

        void AppendWord(string word)
        {
            if (column > indent && column + word.Length > width)
            {
                while (text[^1] == ' ') text.Length--;
                text.Append('\n').Append(' ', indent);
                column = indent;
            }
            text.Append(word);
            column += word.Length;
        }
    }

    private bool IsGap(int axis, int i) => i == EdgeItems && full[axis] != shown[axis];
}
