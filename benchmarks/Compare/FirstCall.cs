using System.Diagnostics;
using System.Globalization;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>How long the first call of a compiled step takes: recording, planning and, in a fresh process, the JIT.</summary>
internal static class FirstCall
{
    /// <summary>The hidden command with which this program measures a fresh process.</summary>
    public const string ChildCommand = "first-call";

    private const int Tries = 7;
    private static readonly Mlp Model = new([784, 32, 32, 10], 256, Rule.SGD);

    /// <summary>Both figures as text.</summary>
    public static string[] Lines()
    {
        var cold = new Timing([.. Enumerable.Range(0, Tries).Select(_ => Child())]);
        var warm = new Timing(Shapes());
        return
        [
            $"First compiled call of {Model.Name}: {Figures.Time(cold.Median)} in a fresh process, JIT included, "
                + $"and {Figures.Time(warm.Median)} for another batch size in a warm one (medians of {Tries}).",
        ];
    }

    /// <summary>The microseconds of this process's first call, after the model was built.</summary>
    public static double Measure() => Time(new(Model, compiled: true), Batch(Model.BatchSize));

    private static double Child()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("This process does not know its program.");
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet") start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        start.ArgumentList.Add(ChildCommand);
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return double.Parse(output, CultureInfo.InvariantCulture);
    }

    private static double[] Shapes()
    {
        var model = new MlpOurs(Model, compiled: true);
        // Each new size also warms the recording itself up.
        for (var size = 32; size < 128; size++) _ = Time(model, Batch(size));
        return [.. Enumerable.Range(0, Tries).Select(i => Time(model, Batch(Model.BatchSize - i)))];
    }

    private static (Tensor, Tensor) Batch(int size) =>
        (Tensor.From<float>(new float[size * Model.Sizes[0]], [size, Model.Sizes[0]]), Tensor.From<int>(new int[size]));

    private static double Time(MlpOurs model, (Tensor Images, Tensor Labels) batch)
    {
        var start = Stopwatch.GetTimestamp();
        model.Step(batch.Images, batch.Labels);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }
}
