using System.Globalization;

namespace ManagedFed.Federation.Data;

/// <summary>One plot of a drawing: what bars and heatmaps share.</summary>
internal abstract class LabelPanel(LabelPlot plot, LabelCounts counts)
{
    protected const double Small = 11, Normal = 12;
    protected const string Ink = "#222", Grid = "#e4e4e4", Frame = "#888";

    protected LabelPlot Plot { get; } = plot;

    protected LabelCounts Counts { get; } = counts ?? throw new ArgumentNullException(nameof(counts));

    protected bool Percent => Plot.Unit == LabelPlotUnit.Percent;

    protected bool AcrossX => Plot.PartitionAxis == LabelPlotAxis.X;

    protected string UnitName => Percent ? "Percent %" : "Count";

    public abstract void Draw(SvgDrawing drawing, double left, double top, string title, bool legend);

    protected double Value(int partition, int label) => Percent ? 100 * Counts.Frequency(partition, label) : Counts[partition, label];

    protected string Tooltip(int partition, int label) => string.Create(
        CultureInfo.InvariantCulture, $"partition {partition}, {Counts.Labels[label]}: {Counts[partition, label]:N0} ({Counts.Frequency(partition, label):0.0%})");

    /// <summary>The numbers of partitions along an axis, as many as have room, and what they are.</summary>
    protected void PartitionTicks(SvgDrawing drawing, double start, double step, double across)
    {
        var room = AcrossX ? SvgDrawing.Width($"{Counts.Partitions - 1}", Small) + 6 : Small + 2;
        var every = Math.Max(1, (int)Math.Ceiling(room / step));
        for (var partition = 0; partition < Counts.Partitions; partition += every)
        {
            var middle = start + (partition + 0.5) * step;
            if (AcrossX) drawing.Text(middle, across + 16, $"{partition}", "middle", Small);
            else drawing.Text(across - 6, middle + 4, $"{partition}", "end", Small);
        }
    }

    /// <summary>Round steps so that there are about five up to a maximum: 1, 2 or 5 times a power of ten.</summary>
    internal static double TickStep(double maximum)
    {
        if (!(maximum > 0)) return 1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(maximum / 5)));
        var steps = maximum / 5 / power * 0.999;
        return power * (steps <= 1 ? 1 : steps <= 2 ? 2 : steps <= 5 ? 5 : 10);
    }
}
