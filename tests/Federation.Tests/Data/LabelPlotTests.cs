using System.Globalization;
using System.Xml.Linq;
using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

public sealed class LabelPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    // Partition 0: cat cat dog; partition 1: emu; no one has a fox.
    private static readonly LabelCounts Counts = LabelCounts.Of(
        new SizePartitioner(3, 1).Partition(new Table(("animal", new ArrayColumn(NdArray.From<int>(0, 1, 0, 2)) { ClassNames = ["cat", "dog", "<emu>", "fox"] }))), "animal");

    [Fact]
    public void Of_ClassColumn_CountsByName()
    {
        Assert.Equal(["cat", "dog", "<emu>", "fox"], Counts.Labels);
        Assert.Equal([2, 1, 0, 0], Enumerable.Range(0, 4).Select(label => Counts[0, label]));
        Assert.Equal([0, 0, 1, 0], Enumerable.Range(0, 4).Select(label => Counts[1, label]));
        Assert.Equal((3, 1), (Counts.Total(0), Counts.Total(1)));
        Assert.Equal(2.0 / 3, Counts.Frequency(0, 0));
    }

    // Labels of partitions that are not shown are columns all the same.
    [Fact]
    public void Of_FirstPartition_KnowsAllLabels()
    {
        var counts = LabelCounts.Of(new IidPartitioner(2).Partition(new Table(("x", NdArray.From<double>(1.5, -2, 0.5, 3)))), "x", maxPartitions: 1);
        Assert.Equal(["-2", "0.5", "1.5", "3"], counts.Labels);
        Assert.Equal(1, counts.Partitions);
        Assert.Equal(2, counts.Total(0));
    }

    [Fact]
    public void ToString_Counts_IsATable() => Assert.Equal(
        """
        partition  cat  dog  <emu>  fox  total
                0    2    1      0    0      3
                1    0    0      1    0      1
            total    2    1      1    0      4
        """.ReplaceLineEndings("\n"), Counts.ToString());

    // 30 characters for 3 rows: 20 of cat and 10 of dog, 10 of emu.
    [Fact]
    public void ToText_Letters_AreProportional() => Assert.Equal(
        $"""
        Per Partition Label Distribution
        0 │{new string('a', 20)}{new string('b', 10)} 3
        1 │{new string('c', 10)} 1
        Labels: a cat b dog c <emu> d fox
        """.ReplaceLineEndings("\n"), new LabelPlot().ToText(Counts, width: 30));

    [Fact]
    public void ToText_Colors_HasBlocksAndResets()
    {
        var text = new LabelPlot { Legend = false, Unit = LabelPlotUnit.Percent }.ToText(Counts, width: 12, colors: true);
        Assert.Equal(24, text.Count(letter => letter == '█'));
        Assert.Equal(2, text.Split("\e[0m").Length - 1);
    }

    // The bars stand on the axis, on each other, and their heights are to each other as the counts.
    [Fact]
    public void ToSvg_Bars_AreStackedToScale()
    {
        var bars = Bars(new LabelPlot().ToSvg(Counts));
        Assert.Equal(3, bars.Count);
        var (cat, dog, emu) = (bars["partition 0, cat: 2 (66.7%)"], bars["partition 0, dog: 1 (33.3%)"], bars["partition 1, <emu>: 1 (100.0%)"]);
        Assert.Equal(2, cat.Height / dog.Height, 0.001);
        Assert.Equal(dog.Height, emu.Height, 0.011);
        Assert.Equal(cat.Y, dog.Y + dog.Height, 0.021);
        Assert.Equal(cat.Y + cat.Height, emu.Y + emu.Height, 0.021);
        Assert.Equal(cat.X, dog.X);
        Assert.True(emu.X > cat.X + cat.Width, "bars overlap");
    }

    [Fact]
    public void ToSvg_PercentAcrossY_FillsEveryBar()
    {
        var bars = Bars(new LabelPlot { Unit = LabelPlotUnit.Percent, PartitionAxis = LabelPlotAxis.Y }.ToSvg(Counts));
        var (cat, dog, emu) = (bars["partition 0, cat: 2 (66.7%)"], bars["partition 0, dog: 1 (33.3%)"], bars["partition 1, <emu>: 1 (100.0%)"]);
        Assert.Equal(emu.Width, cat.Width + dog.Width, 0.021);
        Assert.Equal(dog.X, cat.X + cat.Width, 0.021);
        Assert.True(emu.Y > cat.Y + cat.Height, "bars overlap");
    }

    [Theory]
    [InlineData(LabelPlotKind.Bar, LabelPlotAxis.X)]
    [InlineData(LabelPlotKind.Bar, LabelPlotAxis.Y)]
    [InlineData(LabelPlotKind.Heatmap, LabelPlotAxis.X)]
    [InlineData(LabelPlotKind.Heatmap, LabelPlotAxis.Y)]
    public void ToSvg_EveryKind_HasTitleAxesAndLegendInsideThePicture(LabelPlotKind kind, LabelPlotAxis axis)
    {
        var document = XDocument.Parse(new LabelPlot { Kind = kind, PartitionAxis = axis, Title = "Who & what" }.ToSvg(Counts));
        var texts = document.Descendants(Svg + "text").Select(text => text.Value).ToArray();
        Assert.Superset(new HashSet<string> { "Who & what", "Partition ID", "Count", "cat", "dog", "<emu>", "fox", "0", "1" }, texts.ToHashSet());
        var (width, height) = (Number(document.Root!, "width"), Number(document.Root!, "height"));
        foreach (var rectangle in document.Descendants(Svg + "rect").Where(rectangle => rectangle.Attribute("x") is not null))
        {
            Assert.InRange(Number(rectangle, "x") + Number(rectangle, "width"), 0, width);
            Assert.InRange(Number(rectangle, "y") + Number(rectangle, "height"), 0, height);
        }
    }

    [Fact]
    public void ToSvg_Comparison_HasAPanelEach()
    {
        var document = XDocument.Parse(new LabelPlot().ToSvg(("even", Counts), ("skewed", Counts)));
        var texts = document.Descendants(Svg + "text").Select(text => text.Value).ToArray();
        Assert.Contains("even", texts);
        Assert.Contains("skewed", texts);
        Assert.Equal(2, texts.Count(text => text == "Partition ID"));
        Assert.Equal(1, texts.Count(text => text == "Labels"));
    }

    // Five steps or so of 1, 2 or 5 times a power of ten.
    [Theory]
    [InlineData(100, 20)]
    [InlineData(3, 1)]
    [InlineData(7, 2)]
    [InlineData(6400, 2000)]
    [InlineData(23, 5)]
    [InlineData(0.4, 0.1)]
    [InlineData(0, 1)]
    public void TickStep_Maximum_IsRound(double maximum, double step) => Assert.Equal(step, LabelPanel.TickStep(maximum), 1e-12);

    private static Dictionary<string, (double X, double Y, double Width, double Height)> Bars(string svg) => XDocument.Parse(svg).Descendants(Svg + "rect")
        .Where(rectangle => rectangle.Element(Svg + "title") is not null)
        .ToDictionary(bar => bar.Element(Svg + "title")!.Value, bar => (Number(bar, "x"), Number(bar, "y"), Number(bar, "width"), Number(bar, "height")));

    private static double Number(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
}
