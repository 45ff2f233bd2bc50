using System.Globalization;
using System.Text.RegularExpressions;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Quickstart.Tests;

/// <summary>
/// The README's programs compile as printed, run and learn; they run in a folder of their own, so no other test may run meanwhile.
/// </summary>
[Collection("current directory")]
public sealed partial class ReadmeTests : IDisposable
{
    private readonly string before = Directory.GetCurrentDirectory();
    private readonly ReducedMnist data = new("samples/Mnist/data");

    public ReadmeTests() => Directory.SetCurrentDirectory(data.Root);

    public void Dispose()
    {
        Directory.SetCurrentDirectory(before);
        data.Dispose();
    }

    [Fact]
    public void Programs_AllCompileAsPrinted()
    {
        Assert.Equal(5, Documents.Programs.Count);
        Assert.All(Documents.Programs, text => Compiled.From(text));
    }

    [Fact]
    public async Task Training_ReducedData_SavesTheModel()
    {
        await Run("model.SaveWeights(\"model.npz\")");

        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.2.weight", "layers.2.bias"], Npz.Load("model.npz").Keys);
    }

    // Products of uniform numbers vary by 7/144 = 0.049; the model must explain nearly all of it.
    [Fact]
    public async Task Compiled_ProductsOfTwoNumbers_AreLearnt() =>
        Assert.InRange(double.Parse(await Run("CompileStep("), CultureInfo.CurrentCulture), 0, 0.001);

    [Fact]
    public async Task Federation_ReducedData_LossFalls()
    {
        var history = await Run("new FederatedDataset(");

        var losses = Round().Matches(history[..history.IndexOf("metrics", StringComparison.Ordinal)]);
        Assert.Equal(["1", "2", "3"], losses.Select(loss => loss.Groups[1].Value));
        double Loss(int round) => double.Parse(losses[round - 1].Groups[2].Value, CultureInfo.InvariantCulture);
        Assert.True(Loss(3) < Loss(1), history);
    }

    [Fact]
    public async Task Simulation_ReducedData_TrainsAThousandClients()
    {
        var history = await Run("VirtualClients.Of(");

        Assert.Contains("accuracy", history, StringComparison.Ordinal);
        Assert.Contains("round 20: ", history, StringComparison.Ordinal);
    }

    private static Task<string> Run(string part) =>
        Compiled.RunAsync(Compiled.From(Assert.Single(Documents.Programs, text => text.Contains(part, StringComparison.Ordinal))));

    [GeneratedRegex(@"round (\d): (\d\S*)")]
    private static partial Regex Round();
}

/// <summary>Runs alone.</summary>
[CollectionDefinition("current directory", DisableParallelization = true)]
public sealed class CurrentDirectoryCollection;
