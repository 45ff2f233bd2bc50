using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Every way an update is refused, with its reason and its words.</summary>
public sealed class UpdateCheckTests
{
    private static readonly RoundState State = TestKit.State(NdArray.From<float>([1, 2, 3, 4], [2, 2]), NdArray.From<long>(5));

    private static readonly NdArray Good = NdArray.From<float>([1, 2, 3, 4], [2, 2]), Counter = NdArray.From<long>(6);

    [Fact]
    public void Check_GoodUpdate_LetsItIn() => Assert.Null(new FedAvg().Check(State, TestKit.Fit(1, Good, Counter)));

    public static TheoryData<string, FailureReason, string> Faults => new()
    {
        { "count", FailureReason.TensorCount, "1 tensors, expected 2" },
        { "shape", FailureReason.Shape, "tensor 0 has shape (4,), expected (2, 2)" },
        { "broadcastable", FailureReason.Shape, "tensor 0 has shape (2, 1), expected (2, 2)" },
        { "dtype", FailureReason.DType, "tensor 1 holds int32, expected int64" },
        { "nan", FailureReason.NotFinite, "tensor 0 of shape (2, 2) holds NaN, an infinity or a value beyond range" },
        { "inf", FailureReason.NotFinite, "tensor 0 of shape (2, 2) holds NaN, an infinity or a value beyond range" },
        { "zero", FailureReason.NumExamples, "0 examples claimed, expected 1..1000000000" },
        { "negative", FailureReason.NumExamples, "-3 examples claimed, expected 1..1000000000" },
        { "absurd", FailureReason.NumExamples, "9223372036854775807 examples claimed, expected 1..1000000000" },
        { "type", FailureReason.TensorType, "tensors are of type 'xgb', expected 'numpy.ndarray'" },
    };

    [Theory, MemberData(nameof(Faults))]
    public void Check_FaultyUpdate_IsRefusedWithReason(string fault, FailureReason reason, string message)
    {
        var update = fault switch
        {
            "count" => TestKit.Fit(1, Good),
            "shape" => TestKit.Fit(1, TestKit.Floats(1, 2, 3, 4), Counter),
            "broadcastable" => TestKit.Fit(1, NdArray.From<float>([1, 2], [2, 1]), Counter),
            "dtype" => TestKit.Fit(1, Good, NdArray.From(6)),
            "nan" => TestKit.Fit(1, NdArray.From<float>([1, 2, float.NaN, 4], [2, 2]), Counter),
            "inf" => TestKit.Fit(1, NdArray.From<float>([1, 2, 3, float.NegativeInfinity], [2, 2]), Counter),
            "zero" => TestKit.Fit(0, Good, Counter),
            "negative" => TestKit.Fit(-3, Good, Counter),
            "absurd" => TestKit.Fit(long.MaxValue, Good, Counter),
            _ => new FitResult(ResultStatus.Success, Parameters.Opaque("xgb", new byte[] { 1 }), 1, TestKit.NoValues),
        };
        Assert.Equal(new Refusal(reason, message), new FedAvg().Check(State, update));
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(-1e300)]
    public void Check_Float64BeyondRange_IsRefused(double value)
    {
        var state = TestKit.State(NdArray.From<double>(1, 2));
        Assert.Equal(FailureReason.NotFinite, new FedAvg().Check(state, TestKit.Fit(1, NdArray.From(1, value)))?.Reason);
        Assert.Null(new FedAvg().Check(state, TestKit.Fit(1, NdArray.From(1, 1e200))));
    }

    [Theory]
    [InlineData(float.NaN, 1, FailureReason.NotFinite)]
    [InlineData(float.PositiveInfinity, 1, FailureReason.NotFinite)]
    [InlineData(.5f, 0, FailureReason.NumExamples)]
    public void Check_FaultyEvaluation_IsRefusedWithReason(float loss, long examples, FailureReason reason) =>
        Assert.Equal(reason, new FedAvg().Check(State, new EvaluateResult(ResultStatus.Success, loss, examples, TestKit.NoValues))?.Reason);

    [Fact]
    public void Check_EmptyTensors_AreFinite()
    {
        var state = TestKit.State(NdArray.Zeros([0]), NdArray.Zeros([0], DType.Float64));
        Assert.Null(new FedAvg().Check(state, TestKit.Fit(1, NdArray.Zeros([0]), NdArray.Zeros([0], DType.Float64))));
    }
}
