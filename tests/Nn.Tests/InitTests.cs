using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class InitTests
{
    // Shape (out 200, in 300): fan_in 300, fan_out 200. 60,000 draws.
    private static readonly Shape Matrix = [200, 300];
    private static readonly RandomKey Key = RandomKey.FromSeed(9);

    public static TheoryData<string, double> Bounds => new()
    {
        { "glorot", Math.Sqrt(6.0 / 500) },
        { "glorot2", 2 * Math.Sqrt(6.0 / 500) },
        { "he", Math.Sqrt(3.0 / 300) },
        { "he_out", Math.Sqrt(3.0 / 200) },
    };

    [Theory]
    [MemberData(nameof(Bounds))]
    public void UniformRules_OfAMatrix_FillTheirBound(string rule, double bound)
    {
        var values = (rule switch
        {
            "glorot" => Init.GlorotUniform(Key, Matrix),
            "glorot2" => Init.GlorotUniform(Key, Matrix, gain: 2),
            "he" => Init.HeUniform(Key, Matrix),
            _ => Init.HeUniform(Key, Matrix, FanMode.Out),
        }).ToArray<float>();
        Assert.InRange(values.Max(), 0.999 * bound, bound);
        Assert.InRange(values.Min(), -bound, -0.999 * bound);
        Assert.Equal(bound * bound / 3, values.Average(v => (double)v * v), 0.02 * bound * bound);
    }

    public static TheoryData<string, double> Deviations => new()
    {
        { "glorot", Math.Sqrt(2.0 / 500) },
        { "he", 1 / Math.Sqrt(300) },
        { "he_out", Math.Sqrt(2) / Math.Sqrt(200) },
    };

    // The deviation estimated from 60,000 draws has itself a relative deviation of 1/√120,000 = 0.3 %; 5 of them.
    [Theory]
    [MemberData(nameof(Deviations))]
    public void NormalRules_OfAMatrix_HaveTheirDeviation(string rule, double deviation)
    {
        var values = (rule switch
        {
            "glorot" => Init.GlorotNormal(Key, Matrix),
            "he" => Init.HeNormal(Key, Matrix),
            _ => Init.HeNormal(Key, Matrix, FanMode.Out, gain: Math.Sqrt(2)),
        }).ToArray<float>();
        Assert.Equal(deviation, Math.Sqrt(values.Average(v => (double)v * v)), 0.015 * deviation);
        Assert.Equal(0, values.Average(), deviation * 5 / Math.Sqrt(60_000));
    }

    // Shape (out 8, height 5, width 5, in 6): fan_in 6·25 = 150, fan_out 8·25 = 200.
    [Fact]
    public void Fans_OfAConvolution_CountTheReceptiveField()
    {
        var bound = Math.Sqrt(6.0 / 350);
        Assert.InRange(Init.GlorotUniform(Key, [8, 5, 5, 6]).Max().Item<float>(), 0.99 * bound, bound);
    }

    [Fact]
    public void Rules_OfAVector_AreRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Init.HeNormal(Key, [3]));
        Assert.Equal("[he_normal] shape (3,) has 1 axes, expected at least 2 to count connections", error.Message);
    }

    [Fact]
    public void Plain_Rules_FollowTheirParameters()
    {
        Assert.Equal([2.5, 2.5], Init.Constant([2], 2.5, DType.Float64).ToArray<double>());
        Assert.All(Init.Uniform(Key, [1000], 3, 4).ToArray<float>(), v => Assert.InRange(v, 3f, 4f));
        var normal = Init.Normal(Key, [100_000], 5, 2).ToArray<float>();
        Assert.Equal(5, normal.Average(v => (double)v), 0.032);
        Assert.Equal(4, normal.Average(v => Math.Pow(v - 5, 2)), 0.1);
    }
}
