using Xunit;
using static ManagedFed.Transforms;

namespace ManagedFed.Tests;

/// <summary>An index out of range is named as the user gave it, whatever its type and wherever it is found.</summary>
public sealed class IndexMessageTests
{
    private static readonly Tensor X = Tensor.Arange(0, 12, dtype: DType.Float32).Reshape(4, 3);

    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> Uses = new()
    {
        ["take"] = (x, i) => x.Take(i),
        ["take along the last axis"] = (x, i) => x.T.Take(i, 1),
        ["subscript"] = (x, i) => x[i],
        ["two subscripts"] = (x, i) => x[i, i.ZerosLike()],
        ["take_along_axis"] = (x, i) => x.TakeAlongAxis(i.ExpandDims(1), 0),
        ["put_along_axis"] = (x, i) => x.PutAlongAxis(i.ExpandDims(1), Tensor.Scalar(1), 0),
        ["set"] = (x, i) => x.At[i].Set(1),
        ["add"] = (x, i) => x.At[i].Add(1),
        ["multiply"] = (x, i) => x.At[i].Multiply(2),
        ["maximum"] = (x, i) => x.At[i].Maximum(2),
    };

    public static TheoryData<string, DType, string> Rows
    {
        get
        {
            var rows = new TheoryData<string, DType, string>();
            foreach (var name in Uses.Keys)
            {
                rows.Add(name, DType.Int32, "-5");
                rows.Add(name, DType.Int64, "-6000000000");
                rows.Add(name, DType.Int8, "-128");
                rows.Add(name, DType.Int16, "4");
                rows.Add(name, DType.UInt8, "255");
                rows.Add(name, DType.UInt32, "4294967295");
            }
            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Index_OutOfRange_IsNamedAsGiven(string name, DType dtype, string value)
    {
        var use = Uses[name];
        var bad = Tensor.From<long>(0, long.Parse(value)).AsType(dtype);
        Func<Tensor>[] ways =
        [
            () => use(X, bad),
            () => Compile((x, i) => use(x, i))(X, bad),
            () => Vmap((x, i) => use(x, i))(Tensor.Stack([X, X]), Tensor.Stack([bad, bad])),
            () => Vmap((x, i) => use(x, i), null, 0)(X, Tensor.Stack([bad, bad])),
            () => Grad(x => use(x, bad).Square().Sum())(X),
            () => Jvp(x => use(x, bad), X, X).Output,
            () => Grad(x => Checkpoint(v => use(v, bad))(x).Square().Sum())(X),
        ];
        foreach (var way in ways)
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => way().Eval());
            Assert.Contains($"index {value} is out of range for axis", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void NegativeIndex_InRange_CountsFromTheEnd()
    {
        foreach (var (name, use) in Uses)
        {
            var (fromEnd, fromStart) = (use(X, Tensor.From(-1, -4)), use(X, Tensor.From(3, 0)));
            Assert.True(name == "two subscripts" || Tensor.ArrayEqual(fromEnd, fromStart).Item<bool>(), name);
        }
    }
}
