using System.Globalization;
using System.Text;

namespace ManagedFed.Federation.Data;

/// <summary>The kind of a label plot.</summary>
public enum LabelPlotKind
{
    /// <summary>A bar per partition, stacked of labels.</summary>
    Bar,

    /// <summary>A cell per partition and label, the darker the more.</summary>
    Heatmap,
}

/// <summary>What a label plot measures.</summary>
public enum LabelPlotUnit
{
    /// <summary>Numbers of rows.</summary>
    Absolute,

    /// <summary>Percent of the partition's rows.</summary>
    Percent,
}

/// <summary>The axis that partitions are on.</summary>
public enum LabelPlotAxis
{
    /// <summary>From left to right.</summary>
    X,

    /// <summary>From top to bottom.</summary>
    Y,
}

/// <summary>How labels are plotted: Flower Datasets' <c>plot_label_distributions</c>.</summary>
public sealed record LabelPlot
{
    /// <summary>Bars or a heatmap.</summary>
    public LabelPlotKind Kind { get; init; } = LabelPlotKind.Bar;

    /// <summary>Numbers of rows or percent.</summary>
    public LabelPlotUnit Unit { get; init; } = LabelPlotUnit.Absolute;

    /// <summary>Where partitions are.</summary>
    public LabelPlotAxis PartitionAxis { get; init; } = LabelPlotAxis.X;

    /// <summary>The title.</summary>
    public string Title { get; init; } = "Per Partition Label Distribution";

    /// <summary>Whether a legend tells which colour is which label, or how much.</summary>
    public bool Legend { get; init; } = true;

    /// <summary>The title of the legend; by default <c>Labels</c> for bars and the unit for a heatmap.</summary>
    public string? LegendTitle { get; init; }

    /// <summary>Whether the cells of a heatmap have their value written in them.</summary>
    public bool Annotate { get; init; } = true;

    /// <summary>The plot as an SVG document.</summary>
    public string ToSvg(LabelCounts counts) => ToSvg([("", counts)]);

    /// <summary>Several plots beside each other under one title, each with its own.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public string ToSvg(params IReadOnlyList<(string Title, LabelCounts Counts)> plots)
    {
        ArgumentNullException.ThrowIfNull(plots);
        if (plots.Count == 0) throw new ArgumentException("[label_plot] there is nothing to plot");
        var drawing = new SvgDrawing();
        var panels = plots.Select(plot => Kind == LabelPlotKind.Bar ? (LabelPanel)new BarPanel(this, plot.Counts) : new HeatmapPanel(this, plot.Counts)).ToArray();
        var (left, top) = (10.0, plots.Any(plot => plot.Title.Length > 0) ? 66.0 : 44.0);
        var right = left;
        foreach (var (panel, plot) in panels.Zip(plots))
        {
            panel.Draw(drawing, right, top, plot.Title, legend: Legend && (Kind == LabelPlotKind.Heatmap || plot == plots[^1]));
            right = drawing.Right + 16;
        }
        drawing.Text((left + drawing.Right) / 2, 26, Title, "middle", 16);
        return drawing.ToString();
    }

    /// <summary>The plot for a terminal: a bar per partition of blocks and letters, with a legend.</summary>
    /// <param name="counts">What to plot.</param>
    /// <param name="width">Characters of the longest bar, at least 10.</param>
    /// <param name="colors">Whether labels have colours by ANSI codes, for terminals that know them; else they are letters.</param>
    public string ToText(LabelCounts counts, int width = 60, bool colors = false)
    {
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 10);
        var text = new StringBuilder(Title).Append('\n');
        var largest = Enumerable.Range(0, counts.Partitions).Max(counts.Total);
        var margin = Math.Max(1, $"{counts.Partitions - 1}".Length);
        for (var partition = 0; partition < counts.Partitions; partition++)
        {
            var total = counts.Total(partition);
            text.Append($"{partition}".PadLeft(margin)).Append(" │");
            var scale = (double)width / Math.Max(1, Unit == LabelPlotUnit.Percent ? total : largest);
            var (sum, drawn) = (0, 0);
            for (var label = 0; label < counts.Labels.Count; label++)
            {
                // Ends are rounded, not lengths, so that the bar has the length of its sum.
                sum += counts[partition, label];
                var end = (int)Math.Round(sum * scale);
                if (end == drawn) continue;
                if (colors) text.Append(CultureInfo.InvariantCulture, $"\e[38;2;{LabelColors.Rgb(label, counts.Labels.Count)}m");
                text.Append(colors ? '█' : Letter(label), end - drawn);
                drawn = end;
            }
            if (colors) text.Append("\e[0m");
            text.Append(CultureInfo.InvariantCulture, $" {total:N0}\n");
        }
        if (!Legend) return text.ToString().TrimEnd('\n');
        text.Append(LegendTitle ?? "Labels").Append(':');
        for (var label = 0; label < counts.Labels.Count; label++)
        {
            text.Append(' ').Append(
                colors ? $"\e[38;2;{LabelColors.Rgb(label, counts.Labels.Count)}m█\e[0m {counts.Labels[label]}" : $"{Letter(label)} {counts.Labels[label]}");
        }
        return text.ToString();
    }

    private static char Letter(int label) => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[label % 62];
}
