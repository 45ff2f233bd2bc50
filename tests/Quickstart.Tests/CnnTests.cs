using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

public sealed partial class CnnTests
{
    [Fact]
    public async Task Cnn_OnAFewImages_Learns()
    {
        var run = await SampleProgram.RunNamedAsync("mnist-cnn", "--images", "2000", "--batch-size", "32", "--epochs", "2");

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        var epochs = Line().Matches(run.Output);
        Assert.Equal(["1", "2"], epochs.Select(line => line.Groups[1].Value));
        double Number(int epoch, int group) => double.Parse(epochs[epoch].Groups[group].Value, CultureInfo.InvariantCulture);
        Assert.True(Number(1, 2) < Number(0, 2) / 2, run.Output);

        // A tenth would be chance; 126 steps reach 0.93 to 0.95.
        Assert.InRange(Number(1, 3), 0.9, 1);
    }

    [Fact]
    public async Task Cnn_WithBadOptions_SaysWhatIsExpected()
    {
        var run = await SampleProgram.RunNamedAsync("mnist-cnn", "--batch-size", "0");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("--batch-size is 0, expected at least 1", run.Error, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"Epoch (\d): training loss (\d\.\d{4}), test accuracy (\d\.\d{4}), \d+\.\d s")]
    private static partial Regex Line();
}
