using Xunit;

namespace ManagedFed.Tests;

/// <summary>Runs alone, since the hook is the process's.</summary>
[Collection(nameof(DiagnosticsTests))]
[CollectionDefinition(nameof(DiagnosticsTests), DisableParallelization = true)]
public sealed class DiagnosticsTests : IDisposable
{
    private readonly List<string> warnings = [];

    public DiagnosticsTests() => TensorDiagnostics.Warning = warnings.Add;

    public void Dispose() => TensorDiagnostics.Warning = null;

    private static Tensor Step(Tensor w) => w - Transforms.Grad(v => (v * v).Sum())(w) * 1e-3;

    [Fact]
    public void ALoopThatNeverEvaluates_IsWarnedAboutOnceWithTheNumberOfOperations()
    {
        var w = Tensor.From<double>(1, 2);
        for (var i = 0; i < 20_000; i++) w = Step(w);

        // The graph is counted at depths of 4096, 8192, …: the first such with more than 100,000 operations.
        var warning = Assert.Single(warnings);
        var count = int.Parse(warning.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(count, TensorDiagnostics.ManyOperations, 4 * TensorDiagnostics.ManyOperations);
        Assert.Equal($"[graph] {count} operations are recorded and not computed; a loop that never evaluates grows without end: call Tensor.Eval or read a value once in each step", warning);
    }

    [Fact]
    public void ASumOfLossesThatIsNeverRead_IsWarnedAbout()
    {
        var w = Tensor.From<double>(1, 2);
        var total = Tensor.Scalar(0, DType.Float64);
        for (var i = 0; i < 33_000; i++) total += (w * w + w).Sum().Square();
        Assert.Single(warnings);
    }

    [Fact]
    public void ALoopThatEvaluates_IsNotWarnedAbout()
    {
        var w = Tensor.From<double>(1, 2);
        for (var i = 0; i < 12_000; i++)
        {
            w = Step(w);
            if (i % 2_000 == 0) w.Eval();
        }
        Assert.Empty(warnings);
    }

    [Fact]
    public void AFunctionBeingRecorded_IsNotWarnedAbout()
    {
        var (during, one) = (-1, Tensor.Scalar(1, DType.Float64));
        Transforms.Vmap(x =>
        {
            for (var i = 0; i < 140_000; i++) x += one;
            during = warnings.Count;
            return x;
        })(Tensor.From<double>(1, 2));

        // What the recording is good for then is as long, and could be evaluated.
        Assert.Equal(0, during);
        Assert.Single(warnings);
    }
}
