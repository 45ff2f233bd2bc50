using System.Globalization;

namespace ManagedFed.Federation.Data;

/// <summary>A grid of partitions and labels.</summary>
internal sealed class HeatmapPanel(LabelPlot plot, LabelCounts counts) : LabelPanel(plot, counts)
{
    public override void Draw(SvgDrawing drawing, double left, double top, string title, bool legend)
    {
        var (partitions, labels) = (Counts.Partitions, Counts.Labels.Count);
        var maximum = 0.0;
        for (var partition = 0; partition < partitions; partition++)
        {
            for (var label = 0; label < labels; label++) maximum = Math.Max(maximum, Value(partition, label));
        }
        if (maximum == 0) maximum = 1;
        var (columns, rows) = AcrossX ? (partitions, labels) : (labels, partitions);
        var texts = SvgDrawing.Width(Text(maximum), 10) + 8;
        var names = Counts.Labels.Max(name => SvgDrawing.Width(name, Small));
        var cellWidth = Math.Max(Plot.Annotate ? texts : Math.Clamp(600.0 / columns, 6, 40), AcrossX ? 0 : Math.Min(names + 8, 120));
        var cellHeight = Plot.Annotate ? 22 : Math.Clamp(400.0 / rows, 6, 28);
        var margin = (AcrossX ? names : SvgDrawing.Width($"{partitions - 1}", Small)) + 34;
        var (x, y) = (left + margin, top);
        var (width, height) = (cellWidth * columns, cellHeight * rows);

        if (title.Length > 0) drawing.Text(x + width / 2, y - 10, title, "middle", 13);
        for (var partition = 0; partition < partitions; partition++)
        {
            for (var label = 0; label < labels; label++)
            {
                var (column, row) = AcrossX ? (partition, label) : (label, partition);
                var value = Value(partition, label);
                var (cellX, cellY) = (x + column * cellWidth, y + row * cellHeight);
                drawing.Rectangle(cellX, cellY, cellWidth, cellHeight, LabelColors.Amount(value / maximum), Tooltip(partition, label), "white");
                if (!Plot.Annotate) continue;
                drawing.Text(cellX + cellWidth / 2, cellY + cellHeight / 2 + 4, Text(value), "middle", 10, value > 0.6 * maximum ? "white" : Ink);
            }
        }
        PartitionTicks(drawing, AcrossX ? x : y, AcrossX ? cellWidth : cellHeight, AcrossX ? y + height : x);
        for (var label = 0; label < labels; label++)
        {
            if (AcrossX) drawing.Text(x - 6, y + (label + 0.5) * cellHeight + 4, Counts.Labels[label], "end", Small);
            else drawing.Text(x + (label + 0.5) * cellWidth, y + height + 16, Counts.Labels[label], "middle", Small);
        }
        drawing.Text(x + width / 2, y + height + 36, AcrossX ? "Partition ID" : Counts.Column, "middle", Normal);
        drawing.Text(left + 12, y + height / 2, AcrossX ? Counts.Column : "Partition ID", "middle", Normal, upwards: true);
        if (legend) Legend(drawing, x + width + 20, y, Math.Max(height, 100), maximum);
    }

    private string Text(double value) => value.ToString(Percent ? "0.00" : "#,0", CultureInfo.InvariantCulture);

    private void Legend(SvgDrawing drawing, double x, double y, double height, double maximum)
    {
        const int shades = 50;
        for (var shade = 0; shade < shades; shade++)
        {
            // Overlapping by a little, so that no seams show.
            drawing.Rectangle(x, y + height * shade / shades, 14, height / shades + (shade < shades - 1 ? 0.5 : 0), LabelColors.Amount(1 - (shade + 0.5) / shades));
        }
        var step = TickStep(maximum);
        var widest = 0.0;
        for (var value = 0.0; value <= maximum * 1.0001; value += step)
        {
            var label = value.ToString("#,0.##", CultureInfo.InvariantCulture);
            widest = Math.Max(widest, SvgDrawing.Width(label, Small));
            drawing.Text(x + 19, y + height * (1 - value / maximum) + 4, label, "start", Small);
        }
        drawing.Text(x + 19 + widest + 14, y + height / 2, Plot.LegendTitle ?? UnitName, "middle", Normal, upwards: true);
    }
}
