using System.Numerics;
using CsCheck;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The weighted mean: numbers by hand, exactness against rationals, and independence of the order of arrival.</summary>
public sealed class FedAvgTests
{
    [Fact]
    public void Aggregate_TwoClients_WeighsByExamples()
    {
        // (1·10 + 3·30) / 4 = 25, (1·20 + 3·40) / 4 = 35
        Assert.Equal([25f, 35f], Mean(TestKit.Fit(1, TestKit.Floats(10, 20)), TestKit.Fit(3, TestKit.Floats(30, 40)))[0].ToArray<float>());
    }

    [Fact]
    public void Aggregate_IntegerTensors_AveragesAndRoundsHalfToEven()
    {
        // Means 20, 2.5 -> 2, 3.5 -> 4, -2.5 -> -2, -0.75 -> -1 with equal weights but for the last, where 3 to 1: (3·-1 + 0) / 4.
        var mean = Mean(TestKit.Fit(1, NdArray.From<long>(10, 2, 3, -3, long.MaxValue)), TestKit.Fit(1, NdArray.From<long>(30, 3, 4, -2, long.MaxValue)));
        Assert.Equal([20L, 2, 4, -2, long.MaxValue], mean[0].ToArray<long>());

        Assert.Equal([-1], Mean(TestKit.Fit(3, NdArray.From(-1)), TestKit.Fit(1, NdArray.From(0)))[0].ToArray<int>());
        Assert.Equal([(byte)255, (byte)128], Mean(TestKit.Fit(1, NdArray.From<byte>(255, 1)), TestKit.Fit(1, NdArray.From<byte>(255, 254)))[0].ToArray<byte>());
        Assert.Equal([uint.MaxValue], Mean(TestKit.Fit(7, NdArray.From(uint.MaxValue)), TestKit.Fit(9, NdArray.From(uint.MaxValue)))[0].ToArray<uint>());
    }

    [Fact]
    public void Aggregate_BoolTensors_TakesTheWeightedMajority()
    {
        // Weights 3 : 1, then 1 : 1, where the tie is false.
        Assert.Equal([true, false], Mean(TestKit.Fit(3, NdArray.From(true, false)), TestKit.Fit(1, NdArray.From(false, true)))[0].ToArray<bool>());
        Assert.Equal([false], Mean(TestKit.Fit(1, NdArray.From(true)), TestKit.Fit(1, NdArray.From(false)))[0].ToArray<bool>());
    }

    [Fact]
    public void Aggregate_ValuesThatCancel_LosesNothing()
    {
        // 1e30 - 1e30 + 1e-10 over three clients is 1e-10 / 3, in every order; doubles added one by one give 0 in most.
        var results = new[] { 1e30f, 1e-10f, -1e30f }.Select(value => TestKit.Fit(1, TestKit.Floats(value))).ToArray();
        foreach (var order in Orders) Assert.Equal((float)((double)1e-10f / 3), Mean([.. order.Select(i => results[i])])[0].ToArray<float>()[0]);
    }

    [Fact]
    public void Aggregate_OfOneClient_GivesItsModelBack()
    {
        float[] values = [float.Epsilon, -float.MaxValue, 1 / 3f, 0, 1e-20f];
        Assert.Equal(values, Mean(TestKit.Fit(1_000_000_000, NdArray.From<float>(values)))[0].ToArray<float>());
    }

    [Fact]
    public void Aggregate_StridedModel_ReadsItsElementsInOrder()
    {
        var model = NdArray.From<float>([1, 2, 3, 4, 5, 6], [2, 3]).Transpose();
        var mean = new FedAvg().AggregateFit(TestKit.State(model));
        mean.Add(0, TestKit.Fit(2, model));
        Assert.Equal([1f, 4, 2, 5, 3, 6], mean.Complete([])!.Parameters.Arrays[0].ToArray<float>());
    }

    [Fact]
    public void Aggregate_Payloads_AreTheFilesOfItsArrays()
    {
        var model = new[] { TestKit.Floats(1, 2, 3), NdArray.From(5L), NdArray.From(true, false) };
        var mean = new FedAvg().AggregateFit(TestKit.State(model));
        mean.Add(0, TestKit.Fit(2, model));
        var next = mean.Complete([])!.Parameters;
        Assert.Equal(model.Select(Npy.Write), next.Payloads.Select(payload => payload.ToArray()));
        Assert.Equal(model.Select(Npy.Write), next.Arrays.Select(Npy.Write));
    }

    [Fact]
    public void Aggregate_WithoutResults_KeepsTheModel() =>
        Assert.Null(new FedAvg().AggregateFit(TestKit.State(TestKit.Floats(1))).Complete([]));

    /// <summary>Random bit patterns span all of float32; 5000 elements span two blocks of the sum.</summary>
    [Fact]
    public void Aggregate_InAnyOrder_GivesTheSameBits()
    {
        var random = new Random(1);
        foreach (var wild in new[] { false, true })
        {
            var clients = Enumerable.Range(0, 6).Select(_ => TestKit.Fit(
                random.Next(1, 100_000),
                NdArray.From<float>([.. Enumerable.Range(0, 5000).Select(_ => wild ? Wild(random) : (float)(random.NextDouble() - .5))]),
                NdArray.From<double>([.. Enumerable.Range(0, 100).Select(_ => random.NextDouble() * Math.ScaleB(1, random.Next(-80, 80)))]))).ToArray();
            var first = Mean(clients);
            for (var i = 0; i < 20; i++)
            {
                random.Shuffle(clients);
                var other = Mean(clients);
                Assert.Equal(first[0].ToArray<float>().Select(BitConverter.SingleToInt32Bits), other[0].ToArray<float>().Select(BitConverter.SingleToInt32Bits));
                Assert.Equal(first[1].ToArray<double>().Select(BitConverter.DoubleToInt64Bits), other[1].ToArray<double>().Select(BitConverter.DoubleToInt64Bits));
            }
        }
    }

    /// <summary>Rounds that end in, before and after a pass over the sums, on one thread and on two; 40,001 elements are more than one thread's work.</summary>
    [Fact]
    public void Aggregate_OfAnyNumberOfClients_IsTheExactMeanRoundedOnce()
    {
        var random = new Random(2);
        var values = Enumerable.Range(0, 13).Select(_ => Enumerable.Range(0, 40_001).Select(_ => Wild(random)).ToArray()).ToArray();
        int[] weights = [.. values.Select(_ => random.Next(1, 100_000))];
        int[] looked = [0, 2047, 2048, 4095, 39_999, 40_000];
        var threads = CpuDevice.Threads;
        foreach (var (clients, cores) in from clients in Enumerable.Range(1, 13) from cores in new[] { 1, 2 } select (clients, cores))
        {
            CpuDevice.Threads = cores;
            var results = Enumerable.Range(0, clients).Select(k => TestKit.Fit(weights[k], NdArray.From<float>(values[k]))).ToArray();
            var mean = Mean(results)[0].ToArray<float>();
            CpuDevice.Threads = threads;
            foreach (var i in looked)
            {
                var exact = BigInteger.Zero;
                for (var k = 0; k < clients; k++) exact += weights[k] * Scaled(values[k][i]);
                Assert.Equal((float)(Nearest(exact) / weights.Take(clients).Sum()), mean[i]);
            }
        }
    }

    /// <summary>The sum rounded once to double, compared with integer arithmetic on the values' own bits.</summary>
    [Fact]
    public void Divide_ByOne_IsTheExactSumRoundedOnce() =>
        Gen.Select(Gen.Int[int.MinValue, int.MaxValue].Select(BitConverter.Int32BitsToSingle).Where(float.IsFinite), Gen.Int[1, 1 << 20])
            .Array[1, 8].Sample(
                terms =>
                {
                    var sum = new ExactSum(1);
                    var exact = BigInteger.Zero;
                    foreach (var (value, weight) in terms)
                    {
                        sum.Add(new ExactSum.Term(NdArray.From(value), weight));
                        exact += weight * Scaled(value);
                    }
                    var quotient = NdArray.Zeros([1], DType.Float64);
                    sum.Divide(1, quotient);
                    var result = quotient.ToArray<double>();
                    // |result − exact| is at most half the distance to either neighbour, all times 2¹⁴⁹·2⁶⁰ to stay whole.
                    var error = BigInteger.Abs(Scaled(result[0]) - exact) * 2;
                    return error <= Scaled(Math.BitIncrement(result[0])) - Scaled(result[0])
                        && error <= Scaled(result[0]) - Scaled(Math.BitDecrement(result[0]));
                },
                seed: "0000KOIa1gZ5", iter: 2000);

    [Fact]
    public void Divide_ExactTies_RoundToEvenAndBeyondThemUp()
    {
        // 2⁵³ + 1 lies half-way between doubles and goes to the even 2⁵³; a trace more (2⁻¹⁰⁰) goes up, a trace less stays.
        Assert.Equal(Math.ScaleB(1, 53), Sum(Math.ScaleB(1, 53), 1));
        Assert.Equal(Math.ScaleB(1, 53) + 2, Sum(Math.ScaleB(1, -100), Math.ScaleB(1, 53), 1));
        Assert.Equal(Math.ScaleB(1, 53), Sum(1, Math.ScaleB(-1, -100), Math.ScaleB(1, 53)));
        Assert.Equal(Math.ScaleB(-1, 53) - 2, Sum(-1, Math.ScaleB(-1, 53), Math.ScaleB(-1, -100)));

        static double Sum(params double[] values)
        {
            var sum = new ExactSum(1);
            foreach (var value in values) sum.Add(new ExactSum.Term(NdArray.From(value), 1));
            var result = NdArray.Zeros([1], DType.Float64);
            sum.Divide(1, result);
            return result.ToArray<double>()[0];
        }
    }

    [Fact]
    public void AggregateFit_OfOpaqueParameters_SaysWhy()
    {
        var state = new RoundState(1, Parameters.Opaque("", new byte[] { 1 }), [], default);
        Assert.Contains("opaque", Assert.Throws<InvalidOperationException>(() => new FedAvg().AggregateFit(state)).Message);
    }

    [Fact]
    public void WeightedAverage_OfMetrics_IsByName()
    {
        var mean = Metrics.WeightedAverage([
            new(1, new Dictionary<string, Scalar> { ["accuracy"] = 0.5, ["steps"] = 4, ["name"] = "a" }),
            new(3, new Dictionary<string, Scalar> { ["accuracy"] = 0.9 })]);

        // accuracy: (0.5 + 3·0.9) / 4 = 0.8; steps: only one client has it.
        Assert.Equal(["accuracy", "steps"], mean.Keys);
        Assert.Equal(0.8, mean["accuracy"].AsDouble(), 15);
        Assert.Equal(4.0, mean["steps"].AsDouble());
    }

    private static readonly int[][] Orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

    private static IReadOnlyList<NdArray> Mean(params FitResult[] results)
    {
        var aggregation = new FedAvg().AggregateFit(TestKit.State(results[0].Parameters.Arrays));
        for (var i = 0; i < results.Length; i++) aggregation.Add(i, results[i]);
        return aggregation.Complete([])!.Parameters.Arrays;
    }

    private static float Wild(Random random)
    {
        while (true)
        {
            var value = BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue));
            if (float.IsFinite(value)) return value;
        }
    }

    /// <summary>The double nearest to exact · 2⁻²⁰⁹, halves to even, by bisection of the doubles' bits.</summary>
    private static double Nearest(BigInteger exact)
    {
        var magnitude = BigInteger.Abs(exact);
        var (low, high) = (0L, BitConverter.DoubleToInt64Bits(double.MaxValue));
        while (high - low > 1)
        {
            var middle = low + (high - low) / 2;
            if (Scaled(BitConverter.Int64BitsToDouble(middle)) <= magnitude) low = middle;
            else high = middle;
        }
        var twice = 2 * magnitude - Scaled(BitConverter.Int64BitsToDouble(low)) - Scaled(BitConverter.Int64BitsToDouble(high));
        var nearest = BitConverter.Int64BitsToDouble(twice > 0 || twice == 0 && long.IsOddInteger(low) ? high : low);
        return exact.Sign < 0 ? -nearest : nearest;
    }

    /// <summary>value · 2²⁰⁹ as an integer: exact for every double that is a sum of float32 values, and its neighbours down to 2⁻²⁰⁹.</summary>
    private static BigInteger Scaled(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = (bits & ((1L << 52) - 1)) | (exponent == 0 ? 0 : 1L << 52);
        var shift = Math.Max(exponent, 1) - 1075 + 209;
        var magnitude = shift >= 0 ? (BigInteger)mantissa << shift : (BigInteger)mantissa >> -shift;
        return bits < 0 ? -magnitude : magnitude;
    }
}
