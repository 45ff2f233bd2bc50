using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace ManagedFed.Federation;

/// <summary>A thread's room for all clients' values of some elements, as doubles.</summary>
/// <remarks>
/// A double holds integers up to 2⁵³. Larger types are therefore loaded as the distance from an even number at the element's
/// median, which storing adds again. So what is worked from values within 2⁵³ of the median is exact, however large they are
/// and whatever attackers send besides.
/// </remarks>
/// <param name="clients">How many values each element has.</param>
internal sealed class ColumnTile(int clients)
{
    /// <summary>The most elements; ten clients' tiles of doubles lie in the first-level cache.</summary>
    public const int Size = 512;

    /// <summary>Distances from here on lead beyond every 64-bit integer.</summary>
    private static readonly double Far = Math.ScaleB(1, 66);

    private readonly double[] rows = new double[clients * Size];
    private readonly Int128[] origin = new Int128[Size];
    private long[]? sorted;

    /// <summary>The values of <paramref name="width"/> elements, one row a client; to be overwritten at will.</summary>
    public Span<double> Load(NdArray[] arrays, int start, int width)
    {
        if (arrays[0].DType == DType.Int64) FindOrigin<long>(arrays, start, width);
        if (arrays[0].DType == DType.UInt64) FindOrigin<ulong>(arrays, start, width);
        for (var k = 0; k < arrays.Length; k++)
        {
            var row = rows.AsSpan(k * width, width);
            switch (arrays[k].DType)
            {
                case DType.Float32: Load<float>(arrays[k], start, row); break;
                case DType.Float64: arrays[k].Elements<double>().Slice(start, width).CopyTo(row); break;
                case DType.Int32: Load<int>(arrays[k], start, row); break;
                case DType.Int64: LoadDistances<long>(arrays[k], start, row); break;
                case DType.UInt64: LoadDistances<ulong>(arrays[k], start, row); break;
                case DType.UInt32: Load<uint>(arrays[k], start, row); break;
                case DType.UInt8 or DType.Bool: Load<byte>(arrays[k], start, row); break;
                default: throw DTypes.Unknown(arrays[k].DType);
            }
        }
        return rows.AsSpan(0, arrays.Length * width);
    }

    /// <summary>Writes results of the elements loaded last, rounded to the array's type.</summary>
    public void Store(Span<double> made, NdArray result, int start)
    {
        if (!result.DType.IsFloating()) TensorPrimitives.Round(made, MidpointRounding.ToEven, made);
        switch (result.DType)
        {
            case DType.Float32: Store<float>(made, result, start); break;
            case DType.Float64: made.CopyTo(result.Elements<double>()[start..]); break;
            case DType.Int32: Store<int>(made, result, start); break;
            case DType.Int64: StoreFromOrigin<long>(made, result, start); break;
            case DType.UInt64: StoreFromOrigin<ulong>(made, result, start); break;
            case DType.UInt32: Store<uint>(made, result, start); break;
            case DType.UInt8 or DType.Bool: Store<byte>(made, result, start); break;
            default: throw DTypes.Unknown(result.DType);
        }
    }

    private static void Load<T>(NdArray array, int start, Span<double> row) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertTruncating<T, double>(array.Elements<T>().Slice(start, row.Length), row);

    private static void Store<T>(Span<double> made, NdArray result, int start) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertSaturating<double, T>(made, result.Elements<T>().Slice(start, made.Length));

    /// <summary>Even, so that a half that is rounded to an even distance is rounded to an even number.</summary>
    private void FindOrigin<T>(NdArray[] arrays, int start, int width) where T : unmanaged, IBinaryInteger<T>
    {
        sorted ??= new long[clients * Size];
        var all = MemoryMarshal.Cast<long, T>(sorted.AsSpan())[..(arrays.Length * width)];
        for (var k = 0; k < arrays.Length; k++) arrays[k].Elements<T>().Slice(start, width).CopyTo(all[(k * width)..]);
        ColumnSort.Sort(all, width);
        var median = all.Slice((arrays.Length - 1) / 2 * width, width);
        for (var i = 0; i < width; i++) origin[i] = Int128.CreateTruncating(median[i]) & ~Int128.One;
    }

    private void LoadDistances<T>(NdArray array, int start, Span<double> row) where T : unmanaged, IBinaryInteger<T>
    {
        var values = array.Elements<T>().Slice(start, row.Length);
        for (var i = 0; i < row.Length; i++) row[i] = (double)(Int128.CreateTruncating(values[i]) - origin[i]);
    }

    private void StoreFromOrigin<T>(Span<double> made, NdArray result, int start) where T : unmanaged, IBinaryInteger<T>
    {
        var values = result.Elements<T>().Slice(start, made.Length);
        for (var i = 0; i < made.Length; i++) values[i] = T.CreateSaturating((Int128)Math.Clamp(made[i], -Far, Far) + origin[i]);
    }
}
