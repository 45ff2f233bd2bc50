using ManagedFed.Nn;
using static ManagedFed.Tests.OnnxFile;

namespace ManagedFed.Tests;

/// <summary>Operations that no layer uses, as a model of one's own may, in ONNX Runtime.</summary>
public sealed class OnnxOperationTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Functions = new()
    {
        ["expm1"] = x => x.Expm1(),
        ["log1p"] = x => x.Square().Log1p(),
        ["log2"] = x => x.Abs().Log2(),
        ["log10"] = x => x.Abs().Log10(),
        ["log"] = x => x.Square().Log(),
        ["sqrt"] = x => x.Abs().Sqrt(),
        ["reciprocal"] = x => x.Reciprocal(),
        ["sin and cos"] = x => x.Sin() + x.Cos() * 2,
        ["tan"] = x => (x / 4).Tan(),
        ["arcsin and arccos"] = x => (x / 4).ArcSin() - (x / 5).ArcCos(),
        ["arctan"] = x => x.ArcTan(),
        ["sinh and cosh"] = x => x.Sinh() * 2 + x.Cosh(),
        ["arcsinh"] = x => x.ArcSinh(),
        ["arccosh"] = x => (x.Abs() + 1).ArcCosh(),
        ["arctanh"] = x => (x / 4).ArcTanh(),
        ["floor, ceil and round"] = x => x.Floor() + x.Ceiling() * 10 + (x * 2).Round() * 100,
        ["power"] = x => x.Abs().Power(Tensor.Scalar(1.7)),
        ["floor_divide"] = x => x.FloorDivide(Tensor.Scalar(0.7)),
        ["remainder"] = x => x % -0.7,
        ["floor_divide and remainder of special values"] = x => Special(x, (a, b) => a.FloorDivide(b).NanToNum(7, 8, -9) + (a % b).Sign().NanToNum(3) * 100),
        ["sign of NaN"] = x => x.Log().Sign().NanToNum(7),
        ["maximum"] = x => Tensor.Maximum(x, Tensor.Minimum(x * 2, -x)),
        ["less and greater"] = x => (x < 0.5) & (x > -1) | (x >= 1.5) ^ (x <= -2),
        ["equal"] = x => Tensor.LogicalOr(x.Sign() == 1, x.Round() != 0),
        ["not"] = x => !(x > 0),
        ["tests of numbers"] = x => Tensor.LogicalXor(x.Log().IsNaN(), (x / x.Relu()).IsInfinity()) & x.Log().IsFinite(),
        ["where of truth values"] = x => Tensor.Where(x > 0, x > 1, x < -1),
        ["logaddexp"] = x => Tensor.LogAddExp(x, x.Square()),
        ["logaddexp of equal infinities"] = x => Tensor.LogAddExp(x.Relu().Log(), x.Relu().Log()).Exp(),
        ["sums"] = x => x.Sum([0, 2]) + x.Sum(),
        ["mean of all"] = x => x.Mean(),
        ["variance over the batch"] = x => x.Var([0, 1]),
        ["extremes"] = x => x.Max(1) - x.Min([0, 1]),
        ["product"] = x => x.Prod(2),
        ["all and any"] = x => (x > -2).All([1]) & (x > 1.5).Any([2]).All(),
        ["places of extremes"] = x => Tensor.Stack([x.ArgMax(1), x.ArgMin(1)]),
        ["logsumexp"] = x => x.LogSumExp([1, 2]),
        ["cumsum"] = x => x.CumSum(1),
        ["part of the batch"] = x => x.Slice(0, x.Shape[0] - 1, 1),
        ["batch reversed"] = x => x.Slice(0, x.Shape[0] - 1, x.Shape[0], -1),
        ["rest of the batch"] = x => Tensor.Concatenate([x.Slice(0, 0, 1), x])[1..],
        ["parts"] = x => x[.., 1..3, TensorIndex.Slice(null, null, -2)],
        ["entries"] = x => x.Take(Tensor.From(3, -1, 0), 1),
        ["entries along an axis"] = x => x.TakeAlongAxis(x.ArgMax(2, keepDims: true), 2),
        ["one for each of the batch"] = x => Tensor.Ones([x.Shape[0], 4, 2]),
        ["batch twice"] = x => Tensor.Concatenate([x, Tensor.Zeros([2 * x.Shape[0], 4, 6])]),
        ["batch by batch"] = x => x.Sum([1, 2]).ExpandDims(1).BroadcastTo([x.Shape[0], x.Shape[0]]),
        ["axes merged with the batch"] = x => x.Reshape(-1, 3).MatMul(Tensor.Ones([3, 2])).Reshape(x.Shape[0], 4, 2, 2),
        ["products of stacks"] = x => x.MatMul(x.SwapAxes(1, 2)),
        ["product of a stack and a vector"] = x => x.MatMul(Tensor.From(1f, 2, 3, 4, 5, 6)),
        ["windows of an outer axis"] = x => x.MaxPool([1, 2], [2, 3], [1, 2]),
        ["size of the batch"] = x => x * x.Shape[0],
        ["in other types"] = x => (x * 10).AsType(DType.Int32).AsType(DType.Float64) * 0.5,
        ["stopped and checkpointed"] = x => Transforms.Checkpoint((Tensor v) => v.Exp())(x.StopGradient()),
    };

    private static readonly Dictionary<string, Func<Tensor, Tensor>> IntegerFunctions = new()
    {
        ["arithmetic"] = x => x * x + x - 3,
        ["division"] = x => x.FloorDivide(x % 3 + 2),
        ["division of negative numbers"] = x => (x.AsType(DType.Int64) - 6).FloorDivide(x.AsType(DType.Int64) % 5 - 7),
        ["remainder"] = x => x % 4,
        ["extremes"] = x => Tensor.Maximum(x, x.Max(1, keepDims: true) - x),
        ["reductions"] = x => x.Sum(1) + x.Max(1) - x.Min(1),
        ["order"] = x => (x < 5) | (x == 7),
        ["choice"] = x => Tensor.Where(x > 5, x, x * 2),
        ["as truth"] = x => x.AsType(DType.Bool),
    };

    // All pairs of special values, spread over a batch of zeros.
    private static Tensor Special(Tensor x, Func<Tensor, Tensor, Tensor> f)
    {
        var values = Tensor.From(0, 1, -1, 2.5f, -2.5f, float.PositiveInfinity, float.NegativeInfinity, float.NaN);
        return f(x.Sum([1, 2]).Reshape(-1, 1, 1) * 0 + values.ExpandDims(1), values);
    }

    public static TheoryData<string> Names => [.. Functions.Keys];

    public static TheoryData<string, DType> IntegerNames
    {
        get
        {
            var data = new TheoryData<string, DType>();
            foreach (var name in IntegerFunctions.Keys)
            {
                foreach (var dtype in (DType[])[DType.UInt8, DType.Int8, DType.Int16, DType.UInt16, DType.Int32, DType.UInt32, DType.Int64]) data.Add(name, dtype);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_OfAFunction_ComputesTheSame(string name) =>
        Agrees(new Activation(Functions[name]), batch => (LayerCheck.Random(batch, [batch, 4, 6]) * 3).AsType(DType.Float32));

    [Theory]
    [MemberData(nameof(IntegerNames))]
    public void Export_OfAFunctionOfIntegers_ComputesTheSame(string name, DType dtype) =>
        Agrees(new Activation(IntegerFunctions[name]), batch => Tensor.RandomInt(RandomKey.FromSeed((ulong)batch), 0, 12, [batch, 6]).AsType(dtype), 0);

    [Theory]
    [InlineData(DType.Bool)]
    [InlineData(DType.UInt8)]
    [InlineData(DType.Int8)]
    [InlineData(DType.Int16)]
    [InlineData(DType.UInt16)]
    [InlineData(DType.Int32)]
    [InlineData(DType.UInt32)]
    [InlineData(DType.Int64)]
    [InlineData(DType.UInt64)]
    [InlineData(DType.Float16)]
    [InlineData(DType.BFloat16)]
    [InlineData(DType.Float32)]
    [InlineData(DType.Float64)]
    public void Export_OfMoves_TakesEveryType(DType dtype)
    {
        var model = new Activation(x =>
        {
            var ends = Tensor.Concatenate([x.Take(Tensor.From(4, 1), 1), x[.., 2..4]], 1);
            return Tensor.Concatenate([ends.Reshape(-1, 2, 2), ends.ExpandDims(1).BroadcastTo([x.Shape[0], 2, 4]).SwapAxes(1, 2).Reshape(-1, 4, 2)], 1);
        });
        Agrees(model, batch => Tensor.RandomInt(RandomKey.FromSeed((ulong)batch), 0, 2, [batch, 6]).AsType(dtype), 0);
    }

    // Each result is rounded once here and there, from float32: half's step is 2⁻¹⁰, bfloat16's 2⁻⁷, and errors add up a little.
    [Theory]
    [InlineData(DType.Float16, 0.004)]
    [InlineData(DType.BFloat16, 0.03)]
    public void Export_OfHalves_ComputesTheSame(DType dtype, double tolerance)
    {
        var keys = RandomKey.FromSeed(1).Split(4);
        var model = new Sequential(
            new Conv2d(2, 4, 3, keys[0], padding: 1, dtype: dtype), new MaxPool2d(2), new Gelu(), new Flatten(1), new Linear(16, 6, keys[1], dtype: dtype),
            new LayerNorm(6, dtype: dtype), new Softmax());
        Agrees(model, batch => LayerCheck.Random(batch, [batch, 4, 4, 2]).AsType(dtype), tolerance);
        Agrees(new MultiHeadAttention(6, 2, keys[2], dtype: dtype), batch => LayerCheck.Random(batch, [batch, 5, 6]).AsType(dtype), tolerance);
        Agrees(new Activation(x => Losses.CrossEntropy(x, x.ArgMin(), reduction: Reduction.Mean)), batch => LayerCheck.Random(batch, [batch, 6]).AsType(dtype), tolerance);
    }

    [Fact]
    public void Export_OfFloat64_ComputesTheSame()
    {
        var model = new Sequential(new Linear(4, 5, RandomKey.FromSeed(1), dtype: DType.Float64), new Tanh(), new LayerNorm(5, dtype: DType.Float64), new Softmax());
        Agrees(model, batch => LayerCheck.Random(batch, [batch, 4]), 1e-14);
    }

    // e^(10⁻⁶) − 1 = 10⁻⁶ + 5·10⁻¹³: of e^(10⁻⁶) as a float no more than two digits of it are left.
    [Fact]
    public void Export_OfExpm1_KeepsTheDigitsOfSmallNumbers()
    {
        using var file = new OnnxFile();
        var x = Tensor.From(1e-6f, -1e-6f, 20f, -100f);
        Onnx.Export(new Activation(v => v.Expm1()), x, file.Path);
        using var session = file.Open();
        var y = Run(session, x)[0].ToArray<float>();
        Assert.Equal(1.0000005e-6, y[0], 1e-12);
        Assert.Equal(-0.9999995e-6, y[1], 1e-12);
        Assert.Equal(Math.Exp(20) - 1, y[2], 1e3);
        Assert.Equal(-1, y[3]);
    }

    [Fact]
    public void Export_OfAScalar_HasNoBatch()
    {
        using var file = new OnnxFile();
        Onnx.Export(new Activation(x => x.Mean() * x.Max() + x.Sum()), Tensor.Scalar(0), file.Path);
        using var session = file.Open();
        Assert.Equal(12f, Run(session, Tensor.Scalar(3))[0].Item<float>());
        Assert.Empty(session.InputMetadata["input"].Dimensions);
    }
}
