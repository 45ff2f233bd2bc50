using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using ManagedFed.Federation.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

/// <summary>Compares with what NumPy 1.24.2 drew, to the last bit, and with the distributions' moments.</summary>
public sealed class NumpyGeneratorTests
{
    private static readonly JsonElement Bits = VectorFiles.Json("numpy", "pcg64.json");
    private static readonly JsonElement[] Draws = [.. VectorFiles.Json("numpy", "draws.json").GetProperty("draws").EnumerateArray()];

    public static TheoryData<string> Methods => [.. Draws.Select(Method).Distinct()];

    [Fact]
    public void NextUInt64_Seed42_IsNumpys()
    {
        var generator = new NumpyGenerator(42);
        foreach (var word in Bits.GetProperty("seed42").GetProperty("raw_uint64").EnumerateArray()) Assert.Equal(word.GetUInt64(), generator.NextUInt64());
    }

    [Fact]
    public void Permutation_EveryRecordedLengthAndSeed_IsNumpys()
    {
        foreach (var vector in Bits.GetProperty("permutations").EnumerateArray())
        {
            var order = new NumpyGenerator(vector.GetProperty("seed").GetUInt64()).Permutation(vector.GetProperty("n").GetInt32());
            Assert.Equal(vector.GetProperty("first20").EnumerateArray().Select(v => v.GetInt32()), order.Take(20));
            var bytes = MemoryMarshal.AsBytes<long>(order.Select(i => (long)i).ToArray());
            Assert.Equal(vector.GetProperty("sha256_of_int64_le").GetString(), Hash(bytes));
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Draw_EveryRecordedArgument_IsNumpys(string method)
    {
        foreach (var vector in Draws.Where(vector => Method(vector) == method))
        {
            var generator = new NumpyGenerator(vector.GetProperty("seed").GetUInt64());
            var what = $"{method}({vector.GetProperty("args")}) of seed {vector.GetProperty("seed")}";
            var arguments = vector.GetProperty("args").EnumerateArray().ToArray();
            var values = Enumerable.Range(0, vector.GetProperty("n").GetInt32()).SelectMany(_ => Draw(generator, method, arguments));
            if (Whole(method))
            {
                var integers = values.Select(v => (long)v).ToArray();
                Assert.Equal(vector.GetProperty("first").EnumerateArray().Select(v => v.GetInt64()), integers.Take(20));
                Assert.True(Hash(MemoryMarshal.AsBytes<long>(integers)) == vector.GetProperty("sha256").GetString(), what);
            }
            else
            {
                var numbers = values.Select(v => (double)v).ToArray();
                Assert.Equal(vector.GetProperty("first").EnumerateArray().Select(v => v.GetDouble()), numbers.Take(20));
                Assert.True(Hash(MemoryMarshal.AsBytes<double>(numbers)) == vector.GetProperty("sha256").GetString(), what);
            }
            Assert.True(generator.Integers(0, 1L << 32) == vector.GetProperty("next_uint32").GetInt64(), $"bits used by {what}");
        }
    }

    private static bool Whole(string method) =>
        method is "integers" or "permutation" or "shuffle" || method.StartsWith("choice", StringComparison.Ordinal);

    private static IEnumerable<object> Draw(NumpyGenerator generator, string method, JsonElement[] arguments)
    {
        var numbers = arguments.Select(v => v.GetDouble()).ToArray();
        int Whole(int i) => arguments[i].GetInt32();
        return method switch
        {
            "random" => [generator.Random()],
            "integers" => [generator.Integers(arguments[0].GetInt64(), arguments[1].GetInt64())],
            "standard_normal" => [generator.StandardNormal()],
            "standard_exponential" => [generator.StandardExponential()],
            "normal" => [generator.Normal(numbers[0], numbers[1])],
            "lognormal" => [generator.LogNormal(numbers[0], numbers[1])],
            "standard_gamma" => [generator.StandardGamma(numbers[0])],
            "beta" => [generator.Beta(numbers[0], numbers[1])],
            "dirichlet" => generator.Dirichlet(numbers).Cast<object>(),
            "permutation" => Longs(generator.Permutation(Whole(0))),
            "shuffle" => Longs(Shuffled(generator, Whole(0))),
            "choice" => Longs(generator.Choice(Whole(0), Whole(1))),
            "choice_distinct" => Longs(generator.Choice(Whole(0), Whole(1), replace: false)),
            "choice_distinct_unshuffled" => Longs(generator.Choice(Whole(0), Whole(1), replace: false, shuffle: false)),
            "choice_p_one" => Longs([generator.Choice(numbers)]),
            "choice_p" => Longs(generator.Choice(numbers.Length, 40, p: numbers)),
            "choice_p_distinct" => Longs(generator.Choice(numbers.Length, numbers.Length, replace: false, p: numbers)),
            _ => throw new ArgumentOutOfRangeException(nameof(method), method, "no such method"),
        };
    }

    private static IEnumerable<object> Longs(int[] values) => values.Select(v => (object)(long)v);

    private static int[] Shuffled(NumpyGenerator generator, int n)
    {
        var items = Enumerable.Range(0, n).ToArray();
        generator.Shuffle(items.AsSpan());
        return items;
    }

    // Where b and c are in the wrong place a goodness-of-fit test fails long before a mean does: the empirical distribution
    // function of n draws is within 1.95/√n of the true one with probability 0.999 (Kolmogorov).
    [Fact]
    public void StandardExponential_ManyDraws_FollowTheDistribution() =>
        Assert.InRange(Distance(g => g.StandardExponential(), x => 1 - Math.Exp(-x)), 0, 1.95);

    // The gamma distribution of shape 2 is that of the sum of two exponentials: F(x) = 1 − (1 + x)e⁻ˣ.
    [Fact]
    public void StandardGamma_ShapeTwo_FollowsTheDistribution() =>
        Assert.InRange(Distance(g => g.StandardGamma(2), x => 1 - (1 + x) * Math.Exp(-x)), 0, 1.95);

    // Beta(a, 1) has F(x) = xᵃ.
    [Theory]
    [InlineData(0.3)]
    [InlineData(4.0)]
    public void Beta_BIsOne_FollowsTheDistribution(double a) =>
        Assert.InRange(Distance(g => g.Beta(a, 1), x => Math.Pow(x, a)), 0, 1.95);

    // Nearly all draws are 0 or 1 then, the mean stays a/(a+b) = 1/3; its deviation over 20,000 draws is at most √(2/9/20000) = 0.0033.
    [Fact]
    public void Beta_TinyParameters_KeepsTheMean()
    {
        var generator = new NumpyGenerator(11);
        Assert.InRange(Enumerable.Range(0, 20_000).Average(_ => generator.Beta(1e-5, 2e-5)), 0.3200, 0.3467);
    }

    private static double Distance(Func<NumpyGenerator, double> draw, Func<double, double> distribution)
    {
        const int n = 20_000;
        var generator = new NumpyGenerator(7);
        var values = Enumerable.Range(0, n).Select(_ => draw(generator)).Order().Select(distribution).ToArray();
        return Math.Sqrt(n) * values.Select((f, i) => Math.Max(f - i / (double)n, (i + 1) / (double)n - f)).Max();
    }

    // log(1 + x) where 1 + x is exact, and 1 − u and 1 + u are: the nearest double to log of that, within one unit in the last place.
    [Fact]
    public void Log1p_ExactArguments_AgreesWithLog()
    {
        var generator = new NumpyGenerator(3);
        for (var i = 0; i < 10_000; i++)
        {
            var u = generator.Random();
            foreach (var x in new[] { -u, Math.Round(u * (1L << 52)) / (1L << 52) })
            {
                var (expected, actual) = (Math.Log(1 + x), NumpyGenerator.Log1p(x));
                Assert.True(Math.Abs(expected - actual) <= 2 * Math.BitIncrement(Math.Abs(expected)) - 2 * Math.Abs(expected), $"log1p({x:R})");
            }
        }
    }

    // For small x: log(1 + x) = x − x²/2 + x³/3 − …
    [Theory]
    [InlineData(0.0)]
    [InlineData(-1e-18)]
    [InlineData(-1e-10)]
    [InlineData(-1e-8)]
    public void Log1p_SmallArguments_FollowsTheSeries(double x) => Assert.Equal(x - x * x / 2 + x * x * x / 3, NumpyGenerator.Log1p(x), Math.Abs(x) * 3e-16);

    [Fact]
    public void Methods_BadArguments_Throw()
    {
        var generator = new NumpyGenerator(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => generator.Integers(3, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => generator.StandardGamma(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => generator.Beta(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => generator.Choice(3, 4, replace: false));
        Assert.Throws<ArgumentException>(() => generator.Dirichlet([1, 0]));
        Assert.Throws<ArgumentException>(() => generator.Choice([0.5, 0.6]));
        Assert.Throws<ArgumentException>(() => generator.Choice([1.5, -0.5]));
        Assert.Throws<ArgumentException>(() => generator.Choice(3, 2, p: [0.5, 0.5]));
        Assert.Throws<ArgumentException>(() => generator.Choice(3, 2, replace: false, p: [1, 0, 0]));
    }

    private static string Method(JsonElement vector) => vector.GetProperty("method").GetString()!;

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
