using System.Globalization;

namespace ManagedFed.Federation.Data;

/// <summary>Stacked bars.</summary>
internal sealed class BarPanel(LabelPlot plot, LabelCounts counts) : LabelPanel(plot, counts)
{
    public override void Draw(SvgDrawing drawing, double left, double top, string title, bool legend)
    {
        var along = Math.Clamp(Counts.Partitions * 24.0, AcrossX ? 380 : 160, 900);
        var (width, height) = AcrossX ? (along, 280.0) : (420.0, along);
        // A little room above the longest bar.
        var maximum = Percent ? 100 : 1.04 * Math.Max(1, Enumerable.Range(0, Counts.Partitions).Max(Counts.Total));
        var step = TickStep(maximum);
        var margin = SvgDrawing.Width((AcrossX ? maximum : Counts.Partitions).ToString("N0", CultureInfo.InvariantCulture), Small) + 30;
        var (x, y) = (left + margin, top);

        if (title.Length > 0) drawing.Text(x + width / 2, y - 10, title, "middle", 13);
        for (var value = 0.0; value <= maximum * 1.0001; value += step)
        {
            var label = value.ToString("#,0.##", CultureInfo.InvariantCulture);
            var place = value / maximum;
            if (AcrossX)
            {
                drawing.Line(x, y + height * (1 - place), x + width, y + height * (1 - place), Grid);
                drawing.Text(x - 6, y + height * (1 - place) + 4, label, "end", Small);
            }
            else
            {
                drawing.Line(x + width * place, y, x + width * place, y + height, Grid);
                drawing.Text(x + width * place, y + height + 16, label, "middle", Small);
            }
        }
        Bars(drawing, x, y, width, height, maximum);
        drawing.Line(x, y, x, y + height, Frame);
        drawing.Line(x, y + height, x + width, y + height, Frame);
        PartitionTicks(drawing, AcrossX ? x : y, (AcrossX ? width : height) / Counts.Partitions, AcrossX ? y + height : x);
        drawing.Text(x + width / 2, y + height + 36, AcrossX ? "Partition ID" : UnitName, "middle", Normal);
        drawing.Text(left + 12, y + height / 2, AcrossX ? UnitName : "Partition ID", "middle", Normal, upwards: true);
        if (legend) Legend(drawing, x + width + 20, y, height);
    }

    private void Bars(SvgDrawing drawing, double x, double y, double width, double height, double maximum)
    {
        var step = (AcrossX ? width : height) / Counts.Partitions;
        var thickness = step * 0.8;
        for (var partition = 0; partition < Counts.Partitions; partition++)
        {
            var start = (partition + 0.1) * step;
            var sum = 0.0;
            for (var label = 0; label < Counts.Labels.Count; label++)
            {
                var value = Value(partition, label);
                if (value == 0) continue;
                var (from, length) = (sum / maximum, value / maximum);
                sum += value;
                var (fill, tooltip) = (LabelColors.Hex(label, Counts.Labels.Count), Tooltip(partition, label));
                if (AcrossX) drawing.Rectangle(x + start, y + height * (1 - from - length), thickness, height * length, fill, tooltip);
                else drawing.Rectangle(x + width * from, y + start, width * length, thickness, fill, tooltip);
            }
        }
    }

    // The top of a stack first, as it is seen; in columns where there are many labels.
    private void Legend(SvgDrawing drawing, double x, double y, double height)
    {
        const double line = 18;
        drawing.Text(x, y + 10, Plot.LegendTitle ?? "Labels", "start", Normal);
        var perColumn = Math.Max(8, (int)((height - 20) / line));
        var column = SvgDrawing.Width(Counts.Labels.MaxBy(name => name.Length) ?? "", Small) + 34;
        for (var i = 0; i < Counts.Labels.Count; i++)
        {
            var label = AcrossX ? Counts.Labels.Count - 1 - i : i;
            var (left, top) = (x + i / perColumn * column, y + 20 + i % perColumn * line);
            drawing.Rectangle(left, top, 13, 13, LabelColors.Hex(label, Counts.Labels.Count));
            drawing.Text(left + 19, top + 11, Counts.Labels[label], "start", Small);
        }
    }
}
