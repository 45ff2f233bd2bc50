namespace ManagedFed.Tests;

/// <summary>Numbers from the whole finite range of float16 and bfloat16, and how far apart two of them are.</summary>
internal static class HalfRange
{
    public static TheoryData<string, DType> Cases(IEnumerable<string> names)
    {
        var cases = new TheoryData<string, DType>();
        foreach (var name in names)
        {
            cases.Add(name, DType.Float16);
            cases.Add(name, DType.BFloat16);
        }
        return cases;
    }

    /// <summary>Every finite number of a type.</summary>
    public static Tensor All(DType dtype)
    {
        var bits = Tensor.From<ushort>([.. Enumerable.Range(0, 65536).Select(i => (ushort)i)]).View(dtype);
        return bits[bits.IsFinite()];
    }

    /// <summary>Numbers of both signs whose exponents are spread over the range, up to limit times the largest.</summary>
    public static Tensor Random(Random random, Shape shape, DType dtype, double limit = 1)
    {
        var info = DTypes.FInfo(dtype);
        var (low, high) = (Math.Log2(info.SmallestNormal), Math.Log2(info.Max * limit));
        var values = Enumerable.Range(0, (int)shape.Count).Select(_ => Math.Pow(2, low + (high - low) * random.NextDouble()) * (random.Next(2) * 2 - 1));
        return Tensor.From<double>([.. values], shape).AsType(dtype);
    }

    /// <summary>Each element is at most so many units of its last place from the exact one rounded; infinite where that is beyond the range.</summary>
    public static void Near(Tensor exact, Tensor actual, DType dtype, int units = 1, double absolute = 0)
    {
        Assert.Equal(dtype, actual.DType);
        Assert.Equal(exact.Shape, actual.Shape);
        var wide = exact.ToArray<double>();
        var (e, a) = (Places(exact.AsType(dtype)), Places(actual));
        var got = actual.AsType(DType.Float64).ToArray<double>();
        for (var i = 0; i < e.Length; i++)
        {
            var near = double.IsNaN(wide[i]) ? double.IsNaN(got[i]) : !double.IsNaN(got[i]) && (Math.Abs(e[i] - a[i]) <= units || Math.Abs(wide[i] - got[i]) <= absolute);
            Assert.True(near, $"[{i}] expected {wide[i]:r}, got {got[i]:r}, {Math.Abs(e[i] - a[i])} units apart");
        }
    }

    /// <summary>The place of each number among all of its type, −0 as 0.</summary>
    private static int[] Places(Tensor x) =>
        [.. x.View(DType.UInt16).ToArray<ushort>().Select(bits => (bits & 0x8000) == 0 ? bits : -(bits & 0x7FFF))];
}
