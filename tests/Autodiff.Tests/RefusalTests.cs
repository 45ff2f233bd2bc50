using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>What is asked for and cannot be: an error of the library's, by the operation's name, with the value that was wrong.</summary>
public sealed class RefusalTests
{
    private static readonly Tensor Six = Tensor.Arange(0, 6, dtype: DType.Float32).Reshape(2, 3);
    private static readonly Tensor Whole = Tensor.Arange(6).Reshape(2, 3);
    private static readonly Tensor Vector = Tensor.From<float>(1, 2, 3);
    private static readonly Tensor One = Tensor.Scalar(1);
    private static readonly Tensor Deep = Tensor.Zeros(Shape.Create(Enumerable.Repeat(1, 32).ToArray()));
    private static readonly Tensor Vast = Tensor.Zeros([1 << 30, 1 << 10], DType.UInt8);
    private static readonly Tensor Key = RandomKey.FromSeed(0);

    /// <summary>By the text of a call: the call, and what its message begins with and contains.</summary>
    private static readonly Dictionary<string, (Func<object?> Call, string Op, string[] Values)> Calls = new()
    {
        // Making tensors.
        ["eye(-1)"] = (() => Tensor.Eye(-1), "eye", ["-1"]),
        ["eye(2, -3)"] = (() => Tensor.Eye(2, -3), "eye", ["-3"]),
        ["identity(-2)"] = (() => Tensor.Identity(-2), "eye", ["-2"]),
        ["tri(-1)"] = (() => Tensor.Tri(-1), "tri", ["-1"]),
        ["tri(1, -4)"] = (() => Tensor.Tri(1, -4), "tri", ["-4"]),
        ["arange step 0"] = (() => Tensor.Arange(0, 5, 0), "arange", ["by 0"]),
        ["arange step NaN"] = (() => Tensor.Arange(0, 5, double.NaN), "arange", ["NaN"]),
        ["arange from NaN"] = (() => Tensor.Arange(double.NaN, 5), "arange", ["NaN"]),
        ["arange to infinity"] = (() => Tensor.Arange(0, double.PositiveInfinity), "arange", ["Infinity"]),
        ["arange of 3e9"] = (() => Tensor.Arange(0, 3e9), "arange", ["3,000,000,000", "2,147,483,647"]),
        ["linspace count -1"] = (() => Tensor.LinSpace(0, 1, -1), "linspace", ["-1"]),
        ["full of a negative size"] = (() => Tensor.Full([2, -1], 0), "shape", ["-1"]),
        ["zeros of 33 axes"] = (() => Tensor.Zeros(Shape.Create(new int[33])), "shape", ["33", "32"]),
        ["zeros of 2^93 elements"] = (() => Tensor.Zeros([int.MaxValue, int.MaxValue, int.MaxValue]), "shape", ["2147483647", "2^62"]),
        ["full of no type"] = (() => Tensor.Full([2], 1, (DType)99), "dtype", ["99"]),
        ["from too few"] = (() => Tensor.From<float>([1, 2], [3]), "array", ["2", "3"]),
        ["diag of a vector on a far diagonal"] = (() => Vector.Diag(int.MaxValue), "diag", ["2,147,483,647"]),
        ["random of a negative size"] = (() => Tensor.RandomUniform(Key, [-1]), "shape", ["-1"]),
        ["random_split(-1)"] = (() => Tensor.RandomSplit(Key, -1), "random_split", ["-1"]),
        ["key.Split(-1)"] = (() => RandomKey.FromSeed(0).Split(-1), "random_split", ["-1"]),
        ["random_uniform low NaN"] = (() => Tensor.RandomUniform(Key, [2], double.NaN), "random_uniform", ["NaN"]),
        ["random_normal std -1"] = (() => Tensor.RandomNormal(Key, [2], 0, -1), "random_normal", ["-1"]),
        ["random_uniform of a key of three"] = (() => Tensor.RandomUniform(Vector, [2]), "random_bits", ["(3,)", "float32"]),

        // Shapes.
        ["expand_dims to 33 axes"] = (() => Deep.ExpandDims(0), "shape", ["33", "32"]),
        ["expand_dims(4)"] = (() => Six.ExpandDims(4), "expand_dims", ["4"]),
        ["stack to 33 axes"] = (() => Tensor.Stack([Deep, Deep]), "shape", ["33", "32"]),
        ["stack of none"] = (() => Tensor.Stack([]), "stack", ["no tensors"]),
        ["stack of unlike"] = (() => Tensor.Stack([Six, Vector]), "stack", ["(2, 3)", "(3,)"]),
        ["stack at axis 5"] = (() => Tensor.Stack([Six, Six], 5), "stack", ["5"]),
        ["concatenate of none"] = (() => Tensor.Concatenate([]), "concatenate", ["no tensors"]),
        ["concatenate at axis 2"] = (() => Tensor.Concatenate([Six, Six], 2), "concatenate", ["2"]),
        ["concatenate of one at axis 2"] = (() => Tensor.Concatenate([Six], 2), "concatenate", ["2"]),
        ["concatenate beyond an axis"] = (() => Tensor.Concatenate([Vast, Vast, Vast]), "concatenate", ["3,221,225,472", "2,147,483,647"]),
        ["broadcast to 33 axes"] = (() => Vector.BroadcastTo(Shape.Create([.. Enumerable.Repeat(1, 32), 3])), "shape", ["33", "32"]),
        ["broadcast to smaller"] = (() => Six.BroadcastTo([3]), "broadcast_to", ["(2, 3)", "(3,)"]),
        ["outer of vast"] = (() => Vast.Reshape(1 << 30, 1 << 10, 1, 1, 1) + Tensor.Zeros([1, 1 << 10, 1 << 30, 1 << 10], DType.UInt8).ExpandDims(0), "add", ["2^62"]),
        ["reshape to -2"] = (() => Six.Reshape(-2, 3), "shape", ["-2"]),
        ["reshape to two -1"] = (() => Six.Reshape(-1, -1), "reshape", ["-1", "(2, 3)"]),
        ["reshape to another count"] = (() => Six.Reshape(4, 2), "reshape", ["(4, 2)", "(2, 3)"]),
        ["reshape to -1 and 0"] = (() => Six.Reshape(-1, 0), "reshape", ["0"]),
        ["reshape of vast to -1"] = (() => Vast.Reshape(-1), "reshape", ["1,099,511,627,776", "2,147,483,647"]),
        ["reshape to -1 and beyond"] = (() => Six.Reshape(-1, int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue), "reshape", ["2147483647"]),
        ["reshape to 33 axes with -1"] = (() => One.Reshape([-1, .. Enumerable.Repeat(1, 32)]), "shape", ["33", "32"]),
        ["flatten of vast"] = (() => Vast.Flatten(), "flatten", ["1,099,511,627,776", "2,147,483,647"]),
        ["flatten backwards"] = (() => Six.Flatten(1, 0), "flatten", ["1", "0"]),
        ["unflatten"] = (() => Six.Unflatten(1, 2, 2), "unflatten", ["(2, 2)"]),
        ["unflatten to -2"] = (() => Six.Unflatten(1, -2, -1), "unflatten", ["-2"]),
        ["transpose twice the same"] = (() => Six.Transpose(0, 0), "transpose", ["0"]),
        ["transpose of too few"] = (() => Six.Transpose(0), "transpose", ["1", "2"]),
        ["swapaxes(0, 2)"] = (() => Six.SwapAxes(0, 2), "swapaxes", ["2"]),
        ["moveaxis(-3, 0)"] = (() => Six.MoveAxis(-3, 0), "moveaxis", ["-3"]),
        ["squeeze(0)"] = (() => Six.Squeeze(0), "squeeze", ["0", "2"]),
        ["split 0"] = (() => Six.Split(0), "split", ["0"]),
        ["split -1"] = (() => Six.Split(-1), "split", ["-1"]),
        ["split at 9"] = (() => Six.Split([9]), "split", ["9"]),
        ["repeat -1"] = (() => Six.Repeat(-1, 0), "repeat", ["-1"]),
        ["repeat of vast"] = (() => Vast.Repeat(4, 0), "repeat", ["4,294,967,296", "2,147,483,647"]),
        ["repeat by too few"] = (() => Six.Repeat([1], 0), "repeat", ["1", "2"]),
        ["tile -2"] = (() => Six.Tile(-2, 1), "tile", ["-2"]),
        ["tile of vast"] = (() => Vast.Tile(3, 1), "tile", ["3,221,225,472", "2,147,483,647"]),
        ["tile to 33 axes"] = (() => One.Tile(Enumerable.Repeat(1, 33).ToArray()), "tile", ["33", "32"]),
        ["pad -1"] = (() => Six.Pad(-1), "pad", ["-1"]),
        ["pad of vast"] = (() => Vast.Pad([(int.MaxValue, 0), (0, 0)]), "pad", ["3,221,225,471", "2,147,483,647"]),
        ["pad of both ends beyond"] = (() => Six.Pad([(int.MaxValue, int.MaxValue), (0, 0)], PadMode.Edge), "pad", ["4,294,967,296"]),
        ["pad by too few"] = (() => Six.Pad([(1, 1)]), "pad", ["1", "(2, 3)"]),
        ["roll by unlike"] = (() => Six.Roll([1, 2], [0]), "roll", ["2", "1"]),
        ["flip(2)"] = (() => Six.Flip(2), "flip", ["2"]),
        ["diagonal of one axis"] = (() => Six.Diagonal(0, 1, 1), "diagonal", ["1"]),
        ["diagonal of a vector"] = (() => Vector.Diagonal(), "diagonal", ["1"]),
        ["view of a row that does not divide"] = (() => Vector.View(DType.Float64), "view", ["(3,)", "float32"]),
        ["slice outside"] = (() => Six.Slice(1, 2, 5), "slice", ["2", "5", "(2, 3)"]),
        ["slice step 0"] = (() => Six.Slice(1, 0, 2, 0), "slice", ["step 0"]),
        ["einsum of unlike"] = (() => Tensor.Einsum("ij,jk->ik", Six, Six), "einsum", ["(2, 3)"]),
        ["meshgrid of a matrix"] = (() => Tensor.MeshGrid([Six]), "meshgrid", ["(2, 3)"]),

        // Indices.
        ["[2]"] = (() => Six[2], "index", ["2", "(2, 3)"]),
        ["[-3]"] = (() => Six[-3], "index", ["-3", "(2, 3)"]),
        ["[^3]"] = (() => Six[^3], "index", ["-3", "(2, 3)"]),
        ["[int.MinValue]"] = (() => Six[int.MinValue], "index", ["-2147483648"]),
        ["[0, 3]"] = (() => Six[0, 3], "index", ["3", "(2, 3)"]),
        ["[0, 0, 0]"] = (() => Six[0, 0, 0], "index", ["3", "(2, 3)"]),
        ["[1..4]"] = (() => Six[1..4], "index", ["1..4"]),
        ["[floats]"] = (() => Six[Vector], "index", ["float32"]),
        ["[mask of another shape]"] = (() => Six[Vector > 1], "index", ["(3,)", "(2,)"]),
        ["[unlike tensors]"] = (() => Six[Tensor.Arange(2), Tensor.Arange(3)], "index", ["(2,)", "(3,)"]),
        ["slice index step 0"] = (() => Six[TensorIndex.Slice(step: 0)], "index", ["0"]),
        ["take along axis 7"] = (() => Six.Take(Tensor.Arange(1), 7), "take", ["7"]),
        ["take by floats"] = (() => Six.Take(Vector), "take", ["float32"]),
        ["take_along_axis of another rank"] = (() => Six.TakeAlongAxis(Tensor.Arange(2), 0), "take_along_axis", ["(2,)", "(2, 3)"]),
        ["topk(-1)"] = (() => Vector.TopK(-1), "topk", ["-1"]),
        ["topk(4)"] = (() => Vector.TopK(4), "topk", ["4"]),
        ["partition(3)"] = (() => Vector.Partition(3), "argpartition", ["3"]),
        ["partition(-4)"] = (() => Vector.ArgPartition(-4), "argpartition", ["-4"]),
        ["nonzero of a scalar"] = (() => One.NonZero(), "nonzero", ["scalar"]),
        ["at.set of fractions"] = (() => Whole.At[0].Set(0.5), "at.set", ["0.5", "int32"]),

        // Reductions and products.
        ["sum over axis 2"] = (() => Six.Sum(2), "sum", ["2", "(2, 3)"]),
        ["sum over an axis twice"] = (() => Six.Sum([0, -2]), "sum", ["0", "(2, 3)"]),
        ["max of nothing"] = (() => Tensor.Zeros([0]).Max(), "max", ["0"]),
        ["argmax of nothing"] = (() => Tensor.Zeros([2, 0]).ArgMax(), "argmax", ["0"]),
        ["softmax along axis 2"] = (() => Six.Softmax(2), "softmax", ["2"]),
        ["matmul of unlike"] = (() => Six.MatMul(Six), "matmul", ["(2, 3)"]),
        ["matmul of integers"] = (() => Whole.MatMul(Whole.T), "matmul", ["int32"]),
        ["matmul of a scalar"] = (() => One.MatMul(Six), "matmul", ["()"]),
        ["add of unlike"] = (() => Six + Tensor.Ones([2]), "add", ["(2, 3)", "(2,)"]),
        ["norm of order NaN"] = (() => Six.Norm([], double.NaN), "norm", ["NaN"]),

        // Reading.
        ["item of six"] = (() => Six.Item<float>(), "item", ["(2, 3)", "6"]),
        ["item of another type"] = (() => One.Item<int>(), "", ["float32", "int32"]),
        ["toarray of vast"] = (() => Vast.ToArray<byte>(), "to_array", ["1,099,511,627,776"]),
        ["tondarray span of a view"] = (() => Six.T.ToNdArray().AsSpan<float>().Length, "as_span", ["(3, 2)"]),

        // Transforms.
        ["grad of a vector"] = (() => Grad(x => x * 2)(Vector), "grad", ["(3,)"]),
        ["grad of an integer loss"] = (() => Grad(x => x.Sum().AsType(DType.Int32))(Vector), "grad", ["int32"]),
        ["grad by integers"] = (() => Grad(x => x.Sum())(Whole), "grad", ["int32", "(2, 3)"]),
        ["grad by one of several integers"] = (() => GradAll(x => x[0].Sum())([Vector, Whole]), "grad", ["int32", "argument 1"]),
        ["grad giving null"] = (() => Grad((Tensor _) => null!)(Vector), "grad", ["null"]),
        ["grad of null"] = (() => GradAll(x => x[0].Sum())([null!]), "grad", ["argument 0", "null"]),
        ["grad by argument 2"] = (() => GradAll(x => x[0].Sum(), 2)([Vector]), "grad", ["2", "1"]),
        ["grad by argument -1"] = (() => GradAll(x => x[0].Sum(), -1)([Vector]), "grad", ["-1"]),
        ["grad by an argument twice"] = (() => GradAll(x => x[0].Sum(), 0, 0)([Vector]), "grad", ["argument 0", "twice"]),
        ["grad of two by argument 2"] = (() => Grad((x, y) => (x * y).Sum(), 2), "grad", ["2"]),
        ["grad of a tree giving null"] = (() => Grad((Tree _) => null!)(Vector), "grad", ["null"]),
        ["vjp with too few cotangents"] = (() => Vjp(v => [v[0], v[0]], [Vector], [Vector]), "vjp", ["1", "2"]),
        ["vjp with an unlike cotangent"] = (() => Vjp(v => v, Vector, One), "vjp", ["()", "(3,)"]),
        ["vjp giving null"] = (() => Vjp(v => (Tensor[])[null!], [Vector], [Vector]), "vjp", ["null", "0"]),
        ["vjp giving no list"] = (() => Vjp(v => (Tensor[])null!, [Vector], [Vector]), "vjp", ["null"]),
        ["vjp with a null cotangent"] = (() => Vjp(v => [v[0]], [Vector], [null!]), "vjp", ["null", "0"]),
        ["jvp with too few tangents"] = (() => Jvp(v => [v[0]], [Vector, Vector], [Vector]), "jvp", ["1", "2"]),
        ["jvp with an unlike tangent"] = (() => Jvp(v => v, Vector, One), "jvp", ["()", "(3,)"]),
        ["jvp by integers"] = (() => Jvp(v => v, Whole, Whole), "jvp", ["int32"]),
        ["jvp giving null"] = (() => Jvp(v => (Tensor[])[null!], [Vector], [Vector]), "jvp", ["null", "0"]),
        ["jvp with a null tangent"] = (() => Jvp(v => [v[0]], [Vector], [null!]), "jvp", ["null", "0"]),
        ["vmap over axis 3"] = (() => Vmap((Tensor x) => x, 3)(Six), "vmap", ["3", "(2, 3)"]),
        ["vmap to axis 7"] = (() => Vmap((Tensor x) => x, 0, 7)(Six), "vmap", ["7"]),
        ["vmap of a scalar"] = (() => Vmap((Tensor x) => x)(One), "vmap", ["()"]),
        ["vmap of unlike members"] = (() => Vmap((x, y) => x + y)(Six, Vector), "vmap", ["2", "3"]),
        ["vmap over nothing"] = (() => Vmap((x, y) => x + y, null, null)(Six, Six), "vmap", ["no argument"]),
        ["vmap giving null"] = (() => Vmap((Tensor _) => null!)(Six), "vmap", ["null", "0"]),
        ["vmap giving no list"] = (() => Vmap((Tensor[] _) => null!)(Six), "vmap", ["null"]),
        ["vmap of null"] = (() => Vmap((Tensor[] v) => v)([null!]), "vmap", ["argument 0", "null"]),
        ["vmap with too few axes"] = (() => Vmap((Tensor[] v) => v, [0])(Six, Six), "vmap", ["1", "2"]),
        ["vmap with too few result axes"] = (() => Vmap((Tensor[] v) => v, null, [0])(Six, Six), "vmap", ["1", "2"]),
        ["vmap with too many result axes"] = (() => Vmap((Tensor[] v) => v, null, [0, 0, 0])(Six, Six), "vmap", ["3", "2"]),
        ["vmap reading a value"] = (() => Vmap((Tensor x) => x * x.Sum().Item<float>())(Six), "vmap", ["value"]),
        ["compile giving null"] = (() => Compile((Tensor _) => null!)(Six), "compile", ["null", "0"]),
        ["compile giving no list"] = (() => Compile((Tensor[] _) => null!).Invoke(Six), "compile", ["null"]),
        ["compile of null"] = (() => Compile((Tensor x) => x)(null!), "compile", ["argument 0", "null"]),
        ["compile with a missing argument"] = (() => Compile((Tensor[] v) => [v[0] + v[1]]).Invoke(Six), "compile", ["1 argument"]),
        ["compile reading a value"] = (() => Compile(x => x * x.Sum().Item<float>())(Six), "compile", ["value"]),
        ["checkpoint giving null"] = (() => Checkpoint((Tensor _) => null!)(Six), "checkpoint", ["null", "0"]),
        ["checkpoint with a missing argument"] = (() => Checkpoint((Tensor[] v) => [v[0] + v[1]])(Six), "checkpoint", ["1 argument"]),
        ["vmap with a missing argument"] = (() => Vmap((Tensor[] v) => [v[0] + v[1]])(Six), "vmap", ["1 argument"]),
        ["custom_function giving null"] = (() => new CustomFunction(v => [null!]).Invoke(Six), "custom_function", ["null", "0"]),
        ["custom_function with a missing argument"] = (() => new CustomFunction(v => [v[0] + v[1]]).Invoke(Six), "custom_function", ["1 argument"]),
        ["custom_function whose rule gives too few"] = (() => Grad(x => new CustomFunction(v => [v[0].Sum()]) { Vjp = (_, _, _) => [] }.Invoke(x)[0])(Vector), "custom_function", ["0", "1"]),
        ["custom_function whose rule gives null"] = (() => Grad(x => new CustomFunction(v => [v[0].Sum()]) { Vjp = (_, _, _) => null! }.Invoke(x)[0])(Vector), "custom_function", ["null"]),
        ["grad_check of float32"] = (() => { GradCheck.Check(v => v[0].Sum(), [Vector]); return null; }, "grad_check", ["float32"]),
        ["grad_check of order 0"] = (() => { GradCheck.Check(v => v[0].Sum(), [Vector.AsType(DType.Float64)], order: 0); return null; }, "grad_check", ["0"]),
        ["grad_check of step 0"] = (() => { GradCheck.Check(v => v[0].Sum(), [Vector.AsType(DType.Float64)], step: 0); return null; }, "grad_check", ["step", "0"]),

        // Trees.
        ["tree child 3"] = (() => new Tree { Vector }[3], "tree", ["3", "1"]),
        ["tree child -1"] = (() => new Tree { Vector }[-1], "tree", ["-1"]),
        ["tree with too few leaves"] = (() => new Tree { Vector, Vector }.WithLeaves([Vector]), "tree", ["1", "2"]),
#pragma warning disable CA2244 // The double name is what is refused.
        ["tree of names twice"] = (() => new Tree { ["a"] = Vector, ["a"] = Vector }, "tree", ["a"]),
#pragma warning restore CA2244
        ["tree that is no tensor"] = (() => new Tree { Vector }.Tensor, "tree", ["(3,)"]),
        ["vjp of trees of other structure"] = (() => Vjp(t => t, new Tree { ["a"] = Vector }, new Tree { ["b"] = Vector }), "vjp", ["{a: (3,)}", "{b: (3,)}"]),
        ["jvp of trees of other structure"] = (() => Jvp(t => t, new Tree { ["a"] = Vector }, new Tree { Vector }), "jvp", ["{a: (3,)}", "[(3,)]"]),
        ["grad of a tree of integers"] = (() => Grad((Tree t) => t["a"].Tensor.Sum())(new Tree { ["a"] = Whole }), "grad", ["int32", "a"]),
        ["vmap giving a null tree"] = (() => Vmap((Tree _) => null!)(Six), "vmap", ["null"]),
        ["compile giving a null tree"] = (() => Compile((Tree _) => null!)(Six), "compile", ["null"]),
        ["checkpoint giving a null tree"] = (() => Checkpoint((Tree _) => null!)(Six), "checkpoint", ["null"]),
    };

    public static TheoryData<string> Names => [.. Calls.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Call_IsRefusedByNameWithTheValue(string name)
    {
        var (call, op, values) = Calls[name];
        var error = Record.Exception(call);
        Assert.True(error is ArgumentException or InvalidOperationException, $"{error?.GetType().Name ?? "no error"}: {error?.Message}");
        Assert.StartsWith(op.Length == 0 ? "[" : $"[{op}] ", error!.Message, StringComparison.Ordinal);
        Assert.All(values, value => Assert.Contains(value, error.Message, StringComparison.Ordinal));
    }
}
