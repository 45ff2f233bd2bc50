using System.Globalization;
using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>
/// Random programs give the same values however they are computed. <c>MANAGEDFED_PROGRAMS</c> sets how many of them, from
/// <c>MANAGEDFED_PROGRAMS_FROM</c> on; some hundreds else.
/// </summary>
public sealed class RandomProgramTests
{
    private static readonly int Count = Setting("MANAGEDFED_PROGRAMS", 300);
    private static readonly int From = Setting("MANAGEDFED_PROGRAMS_FROM", 0);

    [Fact]
    public void Programs_CompiledTwice_GiveTheEagerValues() => ForEach(isSmooth: false, program =>
    {
        var inputs = program.Inputs();
        var expected = program.Run(inputs);
        var compiled = Compile(program.Run);
        Same("compiled", expected, compiled.Invoke(inputs));
        Same("replayed", expected, compiled.Invoke(inputs));
        var others = program.Inputs(member: 1);
        Same("replayed with other values", program.Run(others), compiled.Invoke(others));
    });

    [Fact]
    public void Programs_Mapped_GiveTheValuesOfALoop() => ForEach(isSmooth: false, program =>
    {
        const int Members = 3;
        var members = Enumerable.Range(0, Members).Select(program.Inputs).ToArray();
        var expected = Array.ConvertAll(members, program.Run);
        var stacked = Enumerable.Range(0, members[0].Length).Select(i => Tensor.Stack([.. members.Select(member => member[i])])).ToArray();
        var mapped = Vmap(program.Run);
        Same("mapped", Loop(expected), mapped(stacked));
        Same("mapped and compiled", Loop(expected), Compile(v => mapped(v)).Invoke(stacked));

        static Tensor[] Loop(Tensor[][] results) => [.. Enumerable.Range(0, results[0].Length).Select(i => Tensor.Stack([.. results.Select(result => result[i])]))];
    });

    [Fact]
    public void Programs_Differentiated_AgreeWithFiniteDifferences() => ForEach(isSmooth: true, program =>
    {
        var inputs = program.Inputs();
        var directions = program.Inputs(member: 9);
        var f = Loss(program);
        var slopes = new[] { 1e-5, 1e-6 }.Select(h => (Along(h) - Along(-h)) / (2 * h)).ToArray();

        // Where the slopes differ a kink lies between.
        if (!Close(slopes[0], slopes[1], 1e-4)) return;
        var gradients = GradAll(x => f([.. x]))(inputs);
        var analytic = gradients.Zip(directions, (g, d) => (g * d).Sum().Item<double>()).Sum();
        Assert.True(Close(slopes[0], analytic, 1e-4), $"the gradient gives {analytic:r}, finite differences {slopes[0]:r}");

        double Along(double t) => f([.. inputs.Zip(directions, (x, d) => x + d * t)]).Item<double>();
    });

    [Fact]
    public void Programs_Differentiated_GiveTheSameInEveryWay() => ForEach(isSmooth: true, program =>
    {
        var inputs = program.Inputs();
        var directions = program.Inputs(member: 9);
        var f = Loss(program);
        var gradients = GradAll(x => f([.. x]));
        var expected = gradients(inputs);

        var (_, tangents) = Jvp(v => [f([.. v])], inputs, directions);
        var product = expected.Zip(directions, (g, d) => (g * d).Sum().Item<double>()).Sum();
        Assert.True(Close(product, tangents[0].Item<double>(), 1e-9), $"the tangent is {tangents[0].Item<double>():r}, the gradient along it {product:r}");

        var checkpointed = Checkpoint(program.Run);
        Same("checkpoint", expected, GradAll(x => Scalar(checkpointed([.. x])))(inputs));
        var compiled = Compile(v => gradients(v));
        Same("compiled gradient", expected, compiled.Invoke(inputs));
        Same("replayed gradient", expected, compiled.Invoke(inputs));
        var other = program.Inputs(member: 1);
        var mapped = Vmap(v => gradients(v))([.. inputs.Zip(other, (a, b) => Tensor.Stack([a, b]))]);
        Same("mapped gradient", [.. expected.Zip(gradients(other), (a, b) => Tensor.Stack([a, b]))], mapped);
    });

    private static Func<Tensor[], Tensor> Loss(RandomProgram program) => x => Scalar(program.Run(x));

    /// <summary>One number of all results, in which no two elements weigh alike.</summary>
    private static Tensor Scalar(Tensor[] results) => results
        .Select((y, i) => (y * (Tensor.Arange(0, y.Count, dtype: DType.Float64) * 0.7 + i + 1).Sin().Reshape(y.Shape)).Sum())
        .Aggregate((a, b) => a + b);

    private static void ForEach(bool isSmooth, Action<RandomProgram> check)
    {
        var failures = new List<string>();
        for (var seed = From; seed < From + Count && failures.Count < 20; seed++)
        {
            try
            {
                check(new(seed, isSmooth));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failures.Add($"seed {seed}: {e.GetType().Name} {e.Message.ReplaceLineEndings(" ")} {e.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("RandomProgram", StringComparison.Ordinal))}");
            }
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    private static void Same(string way, Tensor[] expected, Tensor[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(expected[i].Shape == actual[i].Shape && expected[i].DType == actual[i].DType, $"{way}: result {i} is {actual[i].Shape} {actual[i].DType}, not {expected[i].Shape} {expected[i].DType}");
            var tolerance = expected[i].DType switch { DType.Float64 => 1e-9, DType.Float32 => 1e-4, DType.Float16 => 4e-3, DType.BFloat16 => 3e-2, _ => 0 };
            var (a, b) = (expected[i].AsType(DType.Float64).ToArray<double>(), actual[i].AsType(DType.Float64).ToArray<double>());
            for (var k = 0; k < a.Length; k++) Assert.True(Close(a[k], b[k], tolerance), $"{way}: element {k} of result {i} {expected[i].Shape} is {b[k]:r}, not {a[k]:r}");
        }
    }

    private static bool Close(double a, double b, double tolerance) =>
        a.Equals(b) || Math.Abs(a - b) <= tolerance * (1 + Math.Max(Math.Abs(a), Math.Abs(b)));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
