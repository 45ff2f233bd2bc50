using Xunit;

namespace ManagedFed.Tests;

/// <summary>Functions that take an axis, of scalars and of axes of size 0.</summary>
public sealed class AxisTests
{
    /// <summary>A function of a tensor and an axis; what it gives of 3 and an axis of a scalar, and its gradient.</summary>
    private static readonly Dictionary<string, (Func<Tensor, int, Tensor> F, double Value, double Gradient)> Scalars = new()
    {
        ["sum"] = (static (x, a) => x.Sum(a), 3, 1),
        ["sum, kept"] = (static (x, a) => x.Sum(a, keepDims: true), 3, 1),
        ["mean"] = (static (x, a) => x.Mean(a), 3, 1),
        ["var"] = (static (x, a) => x.Var([a]), 0, 0),
        ["std"] = (static (x, a) => x.Std(a), 0, 0),
        ["max"] = (static (x, a) => x.Max(a), 3, 1),
        ["min"] = (static (x, a) => x.Min(a), 3, 1),
        ["prod"] = (static (x, a) => x.Prod(a), 3, 1),
        ["all"] = (static (x, a) => x.All([a]), 1, 0),
        ["any"] = (static (x, a) => x.Any([a]), 1, 0),
        ["count_nonzero"] = (static (x, a) => x.CountNonZero(a), 1, 0),
        ["argmax"] = (static (x, a) => x.ArgMax(a), 0, 0),
        ["argmin, kept"] = (static (x, a) => x.ArgMin(a, keepDims: true), 0, 0),
        ["logsumexp"] = (static (x, a) => x.LogSumExp(a), 3, 1),
        ["softmax"] = (static (x, a) => x.Softmax(a), 1, 0),
        ["log_softmax"] = (static (x, a) => x.LogSoftmax(a), 0, 0),
        ["norm"] = (static (x, a) => x.Norm(a), 3, 1),
        ["median"] = (static (x, a) => x.Median(a), 3, 1),
        ["sort"] = (static (x, a) => x.Sort(a), 3, 1),
        ["argsort"] = (static (x, a) => x.ArgSort(a), 0, 0),
        ["partition"] = (static (x, a) => x.Partition(0, a), 3, 1),
        ["argpartition"] = (static (x, a) => x.ArgPartition(-1, a), 0, 0),
        ["topk"] = (static (x, a) => x.TopK(1, a).Values, 3, 1),
        ["places of topk"] = (static (x, a) => x.TopK(1, a).Indices, 0, 0),
        ["cumsum"] = (static (x, a) => x.CumSum(a), 3, 1),
        ["cumsum, exclusive"] = (static (x, a) => x.CumSum(a, exclusive: true), 0, 0),
        ["cumprod"] = (static (x, a) => x.CumProd(a, reverse: true), 3, 1),
        ["cummax"] = (static (x, a) => x.CumMax(a), 3, 1),
        ["cummin"] = (static (x, a) => x.CumMin(a), 3, 1),
        ["logcumsumexp"] = (static (x, a) => x.LogCumSumExp(a), 3, 1),
        ["flip"] = (static (x, a) => x.Flip(a), 3, 1),
        ["flip of axes"] = (static (x, a) => x.Flip([a]), 3, 1),
        ["roll"] = (static (x, a) => x.Roll(5, a), 3, 1),
        ["squeeze"] = (static (x, a) => x.Squeeze(a), 3, 1),
        ["take"] = (static (x, a) => x.Take(Tensor.From<int>([0], []), a), 3, 1),
        ["repeat"] = (static (x, a) => x.Repeat(1, a).Squeeze(), 3, 1),
        ["random_categorical"] = (static (x, a) => Tensor.RandomCategorical(RandomKey.FromSeed(1), x, a), 0, 0),
    };

    /// <summary>Functions of (2, 0) along axis 1, and the shape that they give; null where there is no result.</summary>
    private static readonly Dictionary<string, (Func<Tensor, Tensor> F, Shape? Result)> Empties = new()
    {
        ["sum"] = (static x => x.Sum(1), [2]),
        ["mean"] = (static x => x.Mean(1), [2]),
        ["var"] = (static x => x.Var([1]), [2]),
        ["std"] = (static x => x.Std(1), [2]),
        ["prod"] = (static x => x.Prod(1), [2]),
        ["max"] = (static x => x.Max(1), null),
        ["min"] = (static x => x.Min(1), null),
        ["argmax"] = (static x => x.ArgMax(1), null),
        ["argmin"] = (static x => x.ArgMin(1), null),
        ["logsumexp"] = (static x => x.LogSumExp(1), null),
        ["max of the other axis"] = (static x => x.Max(0), [0]),
        ["argmax of the other axis"] = (static x => x.ArgMax(0), [0]),
        ["logsumexp of the other axis"] = (static x => x.LogSumExp(0), [0]),
        ["all"] = (static x => x.All([1]), [2]),
        ["any"] = (static x => x.Any([1]), [2]),
        ["norm"] = (static x => x.Norm(1), [2]),
        ["norm of all"] = (static x => x.Norm(), []),
        ["norm infinity"] = (static x => x.Norm(1, double.PositiveInfinity), null),
        ["median"] = (static x => x.Median(1), [2]),
        ["softmax"] = (static x => x.Softmax(), [2, 0]),
        ["softmax of the other axis"] = (static x => x.Softmax(0), [2, 0]),
        ["log_softmax"] = (static x => x.LogSoftmax(), [2, 0]),
        ["sort"] = (static x => x.Sort(), [2, 0]),
        ["argsort"] = (static x => x.ArgSort(), [2, 0]),
        ["topk"] = (static x => x.TopK(0).Values, [2, 0]),
        ["partition"] = (static x => x.Partition(0), null),
        ["cumsum"] = (static x => x.CumSum(1), [2, 0]),
        ["cumsum, exclusive"] = (static x => x.CumSum(1, exclusive: true, reverse: true), [2, 0]),
        ["cumprod"] = (static x => x.CumProd(1), [2, 0]),
        ["cummax"] = (static x => x.CumMax(1), [2, 0]),
        ["cummin"] = (static x => x.CumMin(1), [2, 0]),
        ["logcumsumexp"] = (static x => x.LogCumSumExp(1), [2, 0]),
        ["flip"] = (static x => x.Flip(1), [2, 0]),
        ["roll"] = (static x => x.Roll(1, 1), [2, 0]),
        ["take none"] = (static x => x.Take(Tensor.Zeros([0], DType.Int32), 1), [2, 0]),
        ["take_along_axis"] = (static x => x.TakeAlongAxis(Tensor.Zeros([2, 0], DType.Int32), 1), [2, 0]),
        ["at add"] = (static x => x.At[.., Tensor.Zeros([0], DType.Int32)].Add(1), [2, 0]),
        ["slice"] = (static x => x[.., ..0], [2, 0]),
        ["concatenate"] = (static x => Tensor.Concatenate([x, x, Tensor.Ones([2, 3], x.DType)], 1), [2, 3]),
        ["stack"] = (static x => Tensor.Stack([x, x]), [2, 2, 0]),
        ["split"] = (static x => x.Split(3, 1)[2], [2, 0]),
        ["repeat"] = (static x => x.Repeat(3, 1), [2, 0]),
        ["tile"] = (static x => x.Tile(2, 2), [4, 0]),
        ["pad"] = (static x => x.Pad(1), [4, 2]),
        ["matmul over none"] = (static x => x.MatMul(x.T), [2, 2]),
        ["matmul to none"] = (static x => x.T.MatMul(Tensor.Ones([2, 3], x.DType)), [0, 3]),
        ["einsum"] = (static x => Tensor.Einsum("ij,kj->ik", x, x), [2, 2]),
        ["vecdot"] = (static x => Tensor.VecDot(x, x), [2]),
        ["where"] = (static x => Tensor.Where(x > 0, x, x * 2), [2, 0]),
        ["reshape"] = (static x => x.Reshape(0, 5), [0, 5]),
        ["broadcast"] = (static x => x.ExpandDims(0).BroadcastTo([3, 2, 0]), [3, 2, 0]),
        ["maximum"] = (static x => Tensor.Maximum(x, x * 2) + Tensor.Minimum(x, 0), [2, 0]),
        ["elementwise"] = (static x => x.Exp().Log().Sqrt() / x.Power(x) % 2, [2, 0]),
        ["trace"] = (static x => x.Trace(), []),
        ["diagonal"] = (static x => x.Diagonal(), [0]),
        ["searchsorted"] = (static x => x[0].SearchSorted(Tensor.Ones([3], x.DType)), [3]),
        ["categorical"] = (static x => Tensor.RandomCategorical(RandomKey.FromSeed(1), x), null),
    };

    public static TheoryData<string> ScalarNames => [.. Scalars.Keys];

    public static TheoryData<string> EmptyNames => [.. Empties.Keys];

    [Theory]
    [MemberData(nameof(ScalarNames))]
    public void Function_OfAScalarsAxis_IsThatOfAVectorOfOne(string name)
    {
        var (f, value, gradient) = Scalars[name];
        foreach (var dtype in (DType[])[DType.Float32, DType.Float16, DType.Float64])
        {
            foreach (var axis in (int[])[0, -1])
            {
                var x = Tensor.Scalar(3, dtype);
                var y = f(x, axis);
                Assert.Equal(Shape.Create([]), y.Shape);
                Assert.Equal(value, y.AsType(DType.Float64).Item<double>());
                EveryTransform.Equal([gradient], v => f(v, axis).AsType(dtype) + v * 0, x, $"{name} {axis}");
            }
        }
        var error = Assert.ThrowsAny<ArgumentException>(() => f(Tensor.Scalar(3), 1));
        Assert.Contains("axis 1 is out of range for shape (), expected -1 or 0", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(EmptyNames))]
    public void Function_OfAnAxisOfSize0_HasAValueAndAGradientOrNamesTheAxis(string name)
    {
        var (f, result) = Empties[name];
        var x = Tensor.Zeros([2, 0], DType.Float32);
        if (result is not { } shape)
        {
            var error = Assert.ThrowsAny<ArgumentException>(() => f(x));
            Assert.Matches(@"\[\w+\] .*(size 0|0)", error.Message);
            return;
        }
        foreach (var dtype in (DType[])[DType.Float32, DType.Float64, DType.BFloat16])
        {
            x = Tensor.Zeros([2, 0], dtype);
            Assert.Equal(shape, f(x).Shape);
            Assert.Equal(shape.Count, f(x).ToNdArray().Count);
            EveryTransform.Equal([], v => f(v).AsType(dtype).Sum() + v.Sum(), x, name);
        }
    }
}
