using System.Globalization;
using System.Security;
using System.Text;

namespace ManagedFed.Federation.Data;

/// <summary>An SVG document that grows with what is drawn.</summary>
internal sealed class SvgDrawing
{
    private const double Margin = 10;
    private readonly StringBuilder body = new();

    /// <summary>The right edge of what is drawn so far.</summary>
    public double Right { get; private set; }

    private double bottom;

    public void Rectangle(double x, double y, double width, double height, string fill, string? tooltip = null, string stroke = "none")
    {
        Reach(x + width, y + height);
        body.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:0.##}\" y=\"{y:0.##}\" width=\"{width:0.##}\" height=\"{height:0.##}\" fill=\"{fill}\" stroke=\"{stroke}\"");
        body.Append(tooltip is null ? "/>\n" : $"><title>{SecurityElement.Escape(tooltip)}</title></rect>\n");
    }

    public void Line(double x1, double y1, double x2, double y2, string stroke)
    {
        Reach(Math.Max(x1, x2), Math.Max(y1, y2));
        body.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x1:0.##}\" y1=\"{y1:0.##}\" x2=\"{x2:0.##}\" y2=\"{y2:0.##}\" stroke=\"{stroke}\"/>\n");
    }

    /// <param name="x">Where the text is, see <paramref name="anchor"/>.</param>
    /// <param name="y">The line the letters stand on.</param>
    /// <param name="text">The text.</param>
    /// <param name="anchor"><c>start</c>, <c>middle</c> or <c>end</c>: the part of the text that is at x.</param>
    /// <param name="size">The height of the letters.</param>
    /// <param name="fill">The colour.</param>
    /// <param name="upwards">Whether the text runs from bottom to top.</param>
    public void Text(double x, double y, string text, string anchor = "start", double size = 12, string fill = "#222", bool upwards = false)
    {
        Reach(upwards ? x + size / 2 : x + Width(text, size) * (anchor == "start" ? 1 : anchor == "middle" ? 0.5 : 0), y + size / 4);
        body.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.##}\" y=\"{y:0.##}\" text-anchor=\"{anchor}\" font-size=\"{size:0.#}\" fill=\"{fill}\"");
        if (upwards) body.Append(CultureInfo.InvariantCulture, $" transform=\"rotate(-90 {x:0.##} {y:0.##})\"");
        body.Append('>').Append(SecurityElement.Escape(text)).Append("</text>\n");
    }

    /// <summary>About how wide a text is.</summary>
    public static double Width(string text, double size = 12) => text.Length * size * 0.6;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{Right + Margin:0}" height="{bottom + Margin:0}" viewBox="0 0 {Right + Margin:0} {bottom + Margin:0}" font-family="Helvetica, Arial, sans-serif">
        <rect width="100%" height="100%" fill="white"/>
        {body}</svg>

        """);

    private void Reach(double x, double y) => (Right, bottom) = (Math.Max(Right, x), Math.Max(bottom, y));
}
