namespace ManagedFed.Tests;

/// <summary>
/// A program of some operations that a seed determines: what it does depends on the seed and on shapes and types alone, so that it
/// can be recorded, mapped and differentiated.
/// </summary>
/// <param name="Seed">Chooses inputs and operations.</param>
/// <param name="IsSmooth">Only operations of float64 that have a derivative almost everywhere.</param>
internal sealed record RandomProgram(int Seed, bool IsSmooth)
{
    private const int MaxCount = 300;

    /// <summary>Inputs with values of no special kind, for the member of a batch.</summary>
    public Tensor[] Inputs(int member = 0)
    {
        var shapes = new Random(Seed);
        var values = new Random(Seed * 31 + member);
        return [.. Enumerable.Range(0, shapes.Next(1, 4)).Select(_ =>
        {
            var shape = Shape.Create([.. Enumerable.Range(0, shapes.Next(0, 4)).Select(_ => shapes.Next(1, 5))]);
            var dtype = IsSmooth ? DType.Float64 : Pick(shapes, DType.Float64, DType.Float32, DType.Float32, DType.Int32, DType.Int64, DType.UInt8, DType.Bool, DType.Int16);
            var x = Tensor.From<double>([.. Enumerable.Range(0, (int)shape.Count).Select(_ => values.NextDouble() * 4 - 2)], shape);
            return (dtype.IsFloating() ? x.AsType(dtype) : (x * 3 + (dtype == DType.UInt8 ? 7 : 0)).AsType(DType.Int32).AsType(dtype)).Eval();
        })];
    }

    /// <summary>The last values that the program computes.</summary>
    public Tensor[] Run(Tensor[] inputs)
    {
        var random = new Random(Seed * 17 + 5);
        var pool = new List<Tensor>(inputs);
        var steps = random.Next(2, 9);
        for (var i = 0; i < steps; i++)
        {
            var x = pool[^random.Next(1, Math.Min(pool.Count, 4) + 1)];
            var y = pool[random.Next(pool.Count)];
            pool.Add(Small(random, IsSmooth ? Smooth(random, x, y) : random.Next(3) == 0 ? Discrete(random, x, y) : Smooth(random, Real(x), Real(y))));
        }
        return [.. pool.Skip(inputs.Length).TakeLast(random.Next(1, 4))];
    }

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];

    private static Tensor Real(Tensor x) => x.DType.IsFloating() ? x : x.AsType(DType.Float32);

    private static Tensor Small(Random random, Tensor x)
    {
        while (x.Count > MaxCount) x = x.Sum(random.Next(x.Rank));
        return x;
    }

    private static Tensor Smooth(Random random, Tensor x, Tensor y)
    {
        var axis = x.Rank == 0 ? 0 : random.Next(-x.Rank, x.Rank);
        if (x.Count == 0) return Empty(random, x, axis);
        switch (random.Next(x.Rank == 0 ? 22 : 62))
        {
            case 0: return x.Sin();
            case 1: return x.Tanh() * 2;
            case 2: return x.Sigmoid();
            case 3: return (x * 0.5).Tanh().Exp();
            case 4: return (x.Square() + 0.5).Sqrt();
            case 5: return (x.Square() + 0.3).Log();
            case 6: return x.Abs();
            case 7: return x.Relu() - 0.3;
            case 8: return -x;
            case 9: return x.Erf();
            case 10: return 1 / (x.Square() + 1);
            case 11: return x.Clip(-1.1, 1.3);
            case 12: return x.Cos() + x;
            case 13: return Tensor.Where(x > 0.25, x * 2, x.Square());
            case 14: return x.Floor().StopGradient() * 0.1 + x;
            case 15: return (x.Square() + 0.7).Rsqrt();
            case 16: return x.Square().Log1p();
            case 17: return x.ExpandDims(random.Next(x.Rank + 1));
            case 18 when Fits(x, y): return x + y;
            case 19 when Fits(x, y): return x * y.Tanh();
            case 20 when Fits(x, y): return x / (y.Square() + 1);
            case 21 when Fits(x, y): return x - y * 0.5;
            case 22 when Fits(x, y): return Tensor.Maximum(x, y);
            case 23 when Fits(x, y): return Tensor.Minimum(x * 2, y);
            case 24 when Fits(x, y): return Tensor.Where(x > y, x.Sin(), y);
            case 25 when Fits(x, y): return Tensor.LogAddExp(x, y);
            case 26: return x.Softmax(axis);
            case 27: return x.LogSoftmax(axis) * 0.3;
            case 28: return x.CumSum(axis, reverse: random.Next(2) == 0, exclusive: random.Next(2) == 0) * 0.5;
            case 29: return x.Tanh().CumProd(axis);
            case 30: return x.Sort(axis);
            case 31: return x.Flatten();
            case 32: return x.Transpose();
            case 33: return x.SwapAxes(axis, random.Next(x.Rank));
            case 34: return x.MoveAxis(axis, random.Next(x.Rank));
            case 35: return x.Flip(axis);
            case 36: return x.Squeeze();
            case 37: return Part(random, x, axis);
            case 38: return Tensor.Concatenate([x, x * 0.5, x.Slice(axis, 0, 1)], axis);
            case 39: return Tensor.Stack([x, x.Sin()], random.Next(x.Rank + 1));
            case 40: return x.Pad([.. Enumerable.Range(0, x.Rank).Select(_ => (random.Next(2), random.Next(3)))], Pick(random, PadMode.Constant, PadMode.Edge, PadMode.Reflect), 0.5);
            case 41: return x.Tile([.. Enumerable.Range(0, x.Rank).Select(_ => random.Next(1, 3))]);
            case 42: return x.Repeat(random.Next(1, 3), axis);
            case 43: return x.Roll(random.Next(-5, 6), random.Next(2) == 0 ? null : axis);
            case 44: return Reduced(random, x.Sum);
            case 45: return Reduced(random, x.Mean);
            case 46: return x.Max(axis, random.Next(2) == 0);
            case 47: return x.Min(axis, random.Next(2) == 0);
            case 48: return x.Tanh().Prod(axis, random.Next(2) == 0);
            case 49: return x.LogSumExp(axis, random.Next(2) == 0);
            case 50: return x.Var([axis], random.Next(2) == 0);
            case 51: return (x + 3).Norm(axis, Pick(random, 1.0, 2.0, 3.0), random.Next(2) == 0);
            case 52 when x.Rank >= 2: return x.MatMul(x.MatrixTranspose()) * 0.25;
            case 53 when x.Rank >= 2: return Tensor.Einsum("...ij,...kj->...ik", x, x.Sin()) * 0.25;
            case 54: return x.Take(Indices(random, [random.Next(1, 5)], x.Shape[axis]), axis);
            case 55: return x.TakeAlongAxis(x.StopGradient().ArgSort(axis).AsType(DType.Int32), axis);
            case 56: return x.At[Indices(random, [3], x.Shape[0])].Add(x.Slice(0, 0, 1) * 0.5);
            case 57: return x.At[x > 0.4].Set(0.7);
            case 58: return x[Indices(random, [2, 2], x.Shape[0]), TensorIndex.Ellipsis] * 0.5;
            case 59 when x.Rank >= 2: return x.Diagonal(random.Next(-1, 2), 0, 1) + 0.1;
            case 60: return x.At[random.Next(-x.Shape[0], x.Shape[0])].Multiply(0.5);
            case 61: return x.BroadcastTo([2, .. x.Shape.Sizes]);
            default: return x.Sin() + 0.25;
        }
    }

    /// <summary>Operations that take an empty tensor.</summary>
    private static Tensor Empty(Random random, Tensor x, int axis) => random.Next(11) switch
    {
        0 => x.Sum(axis),
        1 => x.Prod(axis),
        2 => x.Transpose(),
        3 => x.Pad(1, value: 0.5),
        4 => Tensor.Concatenate([x, x.Sin()], axis),
        5 => Tensor.Stack([x, x], axis),
        6 => x.CumSum(axis),
        7 => x.Sort(axis),
        8 => x.Softmax(axis),
        9 => x.Prod() + 0.5,
        _ => x.Sum() + 0.25,
    };

    /// <summary>Operations of integers, bools and casts.</summary>
    private static Tensor Discrete(Random random, Tensor x, Tensor y)
    {
        var axis = x.Rank == 0 ? 0 : random.Next(-x.Rank, x.Rank);
        if (x.Count == 0) return x.Sum([], keepDims: true);
        var whole = x.DType.IsFloating() ? x.Floor().AsType(DType.Int32) : x.DType == DType.Bool ? x.AsType(DType.UInt8) : x;
        switch (random.Next(20))
        {
            case 0: return whole / Tensor.Full([], 3, whole.DType);
            case 1: return whole.FloorDivide(Tensor.Full([], 3, whole.DType));
            case 2: return whole % Tensor.Full([], 3, whole.DType);
            case 3 when Fits(x, y): return x < y;
            case 4 when Fits(x, y): return x == y;
            case 5 when Fits(x, y): return Tensor.Where(x >= y, x, y);
            case 6: return x.AsType(Pick(random, DType.Int16, DType.Int64, DType.Float32, DType.Float16, DType.BFloat16, DType.Bool, DType.Float64));
            case 7: return x.Sum([], keepDims: random.Next(2) == 0);
            case 8 when x.Rank > 0: return x.Sum(axis);
            case 9 when x.Rank > 0: return x.Any([axis]);
            case 10 when x.Rank > 0: return x.All([axis], keepDims: true);
            case 11 when x.Rank > 0: return whole.ArgMax(axis);
            case 12 when x.Rank > 0: return whole.ArgMin(axis, keepDims: true);
            case 13 when x.Rank > 0: return whole.Max(axis);
            case 14 when x.Rank > 0: return whole.ArgSort(axis);
            case 15 when x.Rank > 0: return whole.CumSum(axis);
            case 16 when x.Rank > 0: return x.Take(Indices(random, [3], x.Shape[axis]), axis);
            case 17 when x.Rank > 0: return whole.Prod(axis);
            case 18 when Fits(whole, y): return whole * Tensor.Where(y > 0, Tensor.Full([], 2, whole.DType), Tensor.Full([], 1, whole.DType));
            default: return whole + Tensor.Full([], 1, whole.DType);
        }
    }

    private static Tensor Reduced(Random random, Reduction reduce)
    {
        var keep = random.Next(2) == 0;
        return random.Next(3) == 0 ? reduce([], keep) : reduce([0], keep);
    }

    private static Tensor Part(Random random, Tensor x, int axis)
    {
        var size = x.Shape[axis];
        var count = random.Next(1, size + 1);
        var step = count > 1 ? Math.Max(1, (size - 1) / (count - 1)) : 1;
        var start = random.Next(size - (count - 1) * step);
        return random.Next(2) == 0 ? x.Slice(axis, start, count, step) : x.Slice(axis, start + (count - 1) * step, count, -step);
    }

    private static Tensor Indices(Random random, Shape shape, int size) =>
        Tensor.From<int>([.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.Next(-size, size))], shape);

    private static bool Fits(Tensor x, Tensor y)
    {
        for (var i = 1; i <= Math.Min(x.Rank, y.Rank); i++)
        {
            if (x.Shape[-i] != y.Shape[-i] && x.Shape[-i] != 1 && y.Shape[-i] != 1) return false;
        }
        return true;
    }

    private delegate Tensor Reduction(ReadOnlySpan<int> axes, bool keepDims);
}
