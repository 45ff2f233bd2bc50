using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Models of halves, small and unsigned integers: through the wire, the checks and the rules.</summary>
public sealed class SmallTypeTests
{
    public static TheoryData<DType> Integers => [DType.Int8, DType.Int16, DType.UInt16, DType.UInt64];

    private static NdArray Of(DType dtype, params double[] values) => NdArray.From<double>(values).AsType(dtype);

    private static double[] Doubles(NdArray x) => x.AsType(DType.Float64).ToArray<double>();

    private static NdArray Next(Strategy strategy, NdArray model, params NdArray[] updates)
    {
        var round = strategy.AggregateFit(TestKit.State(model));
        for (var i = 0; i < updates.Length; i++) round.Add(i, TestKit.Fit(1, updates[i]));
        return round.Complete([])!.Parameters.Arrays[0];
    }

    [Theory]
    [MemberData(nameof(Integers))]
    [InlineData(DType.Float16)]
    public void Tensors_OfEveryType_KeepItOnTheWire(DType dtype)
    {
        var sent = new Parameters(Of(dtype, 1, 2, 100));
        var array = Npy.Read(sent.Tensors[0].Span);
        Assert.Equal(dtype, array.DType);
        Assert.Equal([1, 2, 100], Doubles(array));
    }

    // Both are made as NumPy files.
    [Fact]
    public void TensorsAndMeans_OfBFloat16_AreRefusedWithAWayOut()
    {
        const string message = "[npy] dtype is bfloat16, which NumPy has not; write it as safetensors, or convert with AsType";
        var x = NdArray.Zeros([1], DType.BFloat16);
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => new Parameters(x).Tensors).Message);
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => Next(new FedAvg(), x, x)).Message);
    }

    // Of 1, 1 and 1 + 3u, u the distance of numbers from 1, the mean is 1 + u; sums in the type itself would lose it. 3·65504/3 is in range.
    [Fact]
    public void FedAvg_OfHalves_IsRoundedOnce()
    {
        const DType dtype = DType.Float16;
        var (unit, max) = (DTypes.FInfo(dtype).Epsilon, DTypes.FInfo(dtype).Max);
        var mean = Next(new FedAvg(), Of(dtype, 0, 0), Of(dtype, 1, max), Of(dtype, 1, max), Of(dtype, 1 + 3 * unit, max));
        Assert.Equal(dtype, mean.DType);
        Assert.Equal([1 + unit, max], Doubles(mean));
    }

    [Theory]
    [MemberData(nameof(Integers))]
    [InlineData(DType.Float16)]
    public void Rules_OfSmallTypes_GiveTheirNumbers(DType dtype)
    {
        // Means 4 and 101, medians 3 and 100.
        NdArray[] updates = [Of(dtype, 2, 99), Of(dtype, 3, 100), Of(dtype, 7, 104)];
        Assert.Equal([4, 101], Doubles(Next(new FedAvg(), updates[0], updates)));
        var median = Next(new FedMedian(), updates[0], updates);
        Assert.Equal(dtype, median.DType);
        Assert.Equal([3, 100], Doubles(median));
        Assert.Equal([3, 100], Doubles(Next(new Krum { NumMaliciousClients = 0 }, updates[0], updates)));
    }

    // Δ = 2: m = 0.5·2 = 1, v = 0.25·4 = 1, η = √(1 − 0.75²)/(1 − 0.5²): w = η·1/(1 + 1), rounded once.
    [Fact]
    public void FedAdam_OfHalves_KeepsMomentsInFloat32()
    {
        const DType dtype = DType.Float16;
        var strategy = new FedAdam { ServerLearningRate = 1, Beta1 = 0.5, Beta2 = 0.75, Tau = 1 };
        Assert.Equal(Doubles(Of(dtype, Math.Sqrt(0.4375) / 0.75 / 2)), Doubles(Next(strategy, Of(dtype, 0), Of(dtype, 2))));
    }

    [Fact]
    public void Check_OfHalvesThatAreNotFinite_Refuses()
    {
        const DType dtype = DType.Float16;
        var state = TestKit.State(Of(dtype, 1, 2));
        Assert.Null(new FedAvg().Check(state, TestKit.Fit(1, Of(dtype, 1, 3))));
        Assert.Equal(FailureReason.NotFinite, new FedAvg().Check(state, TestKit.Fit(1, Of(dtype, 1, double.NaN)))!.Reason);
        Assert.Equal(FailureReason.NotFinite, new FedAvg().Check(state, TestKit.Fit(1, Of(dtype, double.NegativeInfinity, 1)))!.Reason);
        Assert.Equal(FailureReason.DType, new FedAvg().Check(state, TestKit.Fit(1, TestKit.Floats(1, 2)))!.Reason);
    }
}
