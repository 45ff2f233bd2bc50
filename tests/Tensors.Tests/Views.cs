using CsCheck;

namespace ManagedFed.Tests;

/// <summary>Arrays of every layout a kernel can meet, and the plain meaning of each.</summary>
internal static class Views
{
    /// <summary>0, 1, 2, … in a row-major array of the shape.</summary>
    public static NdArray Range(Shape shape, DType dtype = DType.Float32)
    {
        var values = new double[shape.Count];
        for (var i = 0; i < values.Length; i++) values[i] = i;
        return NdArray.From<double>(values, shape).AsType(dtype);
    }

    /// <summary>The element at an index, by the definition of a layout alone.</summary>
    public static unsafe T At<T>(NdArray x, params ReadOnlySpan<int> index) where T : unmanaged
    {
        nint offset = 0;
        for (var i = 0; i < index.Length; i++) offset += index[i] * x.Layout.Strides[i];
        var value = ((T*)x.Pointer)[offset];
        GC.KeepAlive(x);
        return value;
    }

    /// <summary>All indices of a shape in row-major order.</summary>
    public static IEnumerable<int[]> Indices(Shape shape)
    {
        var index = new int[shape.Rank];
        for (var n = shape.Count; n > 0; n--)
        {
            yield return index;
            for (var i = index.Length - 1; i >= 0 && ++index[i] == shape[i]; i--) index[i] = 0;
        }
    }

    /// <summary>The elements in row-major order, read one by one.</summary>
    public static T[] Read<T>(NdArray x) where T : unmanaged => [.. Indices(x.Shape).Select(index => At<T>(x, index))];

    /// <summary>The elements as doubles in row-major order.</summary>
    public static double[] Doubles(NdArray x) => x.DType switch
    {
        DType.Bool or DType.UInt8 => [.. Read<byte>(x).Select(v => (double)v)],
        DType.Int32 => [.. Read<int>(x).Select(v => (double)v)],
        DType.UInt32 => [.. Read<uint>(x).Select(v => (double)v)],
        DType.Int64 => [.. Read<long>(x).Select(v => (double)v)],
        DType.Int8 => [.. Read<sbyte>(x).Select(v => (double)v)],
        DType.Int16 => [.. Read<short>(x).Select(v => (double)v)],
        DType.UInt16 => [.. Read<ushort>(x).Select(v => (double)v)],
        DType.UInt64 => [.. Read<ulong>(x).Select(v => (double)v)],
        DType.Float16 => [.. Read<Half>(x).Select(v => (double)v)],
        DType.BFloat16 => [.. Read<BFloat16>(x).Select(v => (double)(float)v)],
        DType.Float32 => [.. Read<float>(x).Select(v => (double)v)],
        _ => Read<double>(x),
    };

    /// <summary>Random views of a row-major array: permuted axes, slices with steps of either sign, stretched axes.</summary>
    public static Gen<NdArray> Gen(DType dtype = DType.Float32, int maxSize = 6, int maxRank = 4) =>
        from sizes in CsCheck.Gen.Int[1, maxSize].Array[0, maxRank]
        from order in CsCheck.Gen.Shuffle(Enumerable.Range(0, sizes.Length).ToArray())
        from kinds in CsCheck.Gen.Int[0, 5].Array[sizes.Length]
            // Doubles, which tests compare, do not tell the largest uint64 apart.
        from values in CsCheck.Gen.Int[dtype == DType.UInt64 ? 0 : -9, 9].Array[checked((int)Shape.Create(sizes).Count)]
        select View(NdArray.From<int>(values, Shape.Create(sizes)).AsType(dtype), order, kinds);

    private static NdArray View(NdArray x, int[] order, int[] kinds)
    {
        x = x.Transpose(order);
        for (var axis = 0; axis < kinds.Length; axis++)
        {
            var size = x.Shape[axis];
            x = kinds[axis] switch
            {
                1 => x.Slice(axis, size - 1, size, -1),
                2 => x.Slice(axis, 0, (size + 1) / 2, 2),
                3 => x.Slice(axis, size / 2, size - size / 2),
                4 => x.Slice(axis, 0, 1).BroadcastTo(x.Shape.With(axis, 3)),
                5 when size > 2 => x.Slice(axis, 0, 0),
                _ => x,
            };
        }
        return x;
    }
}
