using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests.Kernels;

/// <summary>The steps of an exact sum at every width, against the same formulas one element at a time.</summary>
public sealed class TwoSumTests
{
    public static TheoryData<int, int> Cases()
    {
        var cases = new TheoryData<int, int>();
        foreach (var width in new[] { 128, 256, 512 })
        {
            foreach (var count in new[] { 1, 2, 7, 8, 9, 31, 64 }) cases.Add(width, count);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AddProducts_AtEveryWidth_KeepsSumAndLoss(int bits, int count)
    {
        var x = Floats(count);
        var sum = Doubles(count);
        var expected = sum[..count].Select((a, i) => WithLoss(a, x[i] * 12345.0)).ToArray();
        var lost = new double[sum.Length];

        Assert.Equal(expected.Any(pair => pair.Lost != 0), TwoSum.AddProducts(x, 12345, sum, lost, Widths.Of(bits)));

        Assert.Equal(expected, sum.Zip(lost).Take(count));
        Assert.All(lost[count..], rest => Assert.Equal(0, rest));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Add_AtEveryWidth_LeavesWhatWasLost(int bits, int count)
    {
        var (x, sum) = (Doubles(count), Doubles(count));
        for (var i = 0; i < x.Length; i++) x[i] /= 3;
        var expected = sum.Select((a, i) => WithLoss(a, x[i])).ToArray();

        Assert.Equal(expected.Any(pair => pair.Lost != 0), TwoSum.Add(sum, x, Widths.Of(bits)));

        Assert.Equal(expected, sum.Zip(x));
        // 1 + 2⁻⁵² is a double: nothing is lost.
        Assert.False(TwoSum.Add(Filled(sum.Length, 1), Filled(sum.Length, Math.ScaleB(1, -52)), Widths.Of(bits)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Products_AtEveryWidth_AreRoundedOnceAndTheirErrorsExact(int bits, int count)
    {
        double[] x = Doubles(count)[..count], products = new double[TwoSum.Padded(count)], errors = new double[products.Length];

        Assert.True(TwoSum.Products(x, 3, products, Widths.Of(bits)));
        Assert.Equal(x.Select(value => value * 3), products[..count]);

        // 3·x is x + 2·x, whose loss the sum tells.
        TwoSum.ProductErrors(x, 3, errors, Widths.Of(bits));
        Assert.Equal(x.Select(value => WithLoss(value, 2 * value).Lost), errors[..count]);

        var floats = Floats(count);
        Assert.True(TwoSum.Products(floats, 3, products, Widths.Of(bits)));
        Assert.Equal(floats.Select(value => value * 3.0), products[..count]);
        Assert.False(TwoSum.Products(new float[count], 3, products, Widths.Of(bits)));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quotients_AtEveryWidth_RoundSumThenQuotientThenType(int bits, int count)
    {
        var (first, second) = (Doubles(count), Doubles(count));
        for (var i = 0; i < second.Length; i++) second[i] = Math.ScaleB(second[i], -30);
        var (floats, doubles) = (new float[count], new double[count]);

        TwoSum.Quotients<float>(first, second, 7, floats, Widths.Of(bits));
        TwoSum.Quotients<double>(first, second, 7, doubles, Widths.Of(bits));

        var expected = first.Zip(second, (a, b) => (a + b) / 7).Take(count).ToArray();
        Assert.Equal(expected, doubles);
        Assert.Equal(expected.Select(value => (float)value), floats);

        TwoSum.Quotients<double>(Filled(first.Length, -0.0), default, 7, doubles, Widths.Of(bits));
        Assert.All(doubles, value => Assert.Equal(0L, BitConverter.DoubleToInt64Bits(value)));
    }

    /// <summary>fl(a + b) and, by the larger summand's subtraction, what it lost.</summary>
    private static (double Sum, double Lost) WithLoss(double a, double b)
    {
        var sum = a + b;
        return (sum, Math.Abs(a) >= Math.Abs(b) ? b - (sum - a) : a - (sum - b));
    }

    private static double[] Filled(int count, double value) => [.. Enumerable.Repeat(value, count)];

    private static float[] Floats(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => MathF.ScaleB((float)(random.NextDouble() - 0.5), random.Next(-40, 40)))];
    }

    /// <summary>As many as memory for the count holds, those past it 0.</summary>
    private static double[] Doubles(int count)
    {
        var random = new Random(count + 1000);
        return [.. Enumerable.Range(0, TwoSum.Padded(count)).Select(i => i < count ? Math.ScaleB(random.NextDouble() - 0.5, random.Next(-30, 60)) : 0)];
    }
}
