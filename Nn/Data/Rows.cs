using System.Buffers;

namespace ManagedFed.Nn.Data;

/// <summary>Selection of rows.</summary>
public static class Rows
{
    /// <summary>A new array of some rows (entries of axis 0) in the order given: result[i, …] = array[indices[i], …].</summary>
    /// <param name="array">Shape (n, …).</param>
    /// <param name="indices">Row numbers 0 … n−1; any may come again.</param>
    /// <exception cref="ArgumentException">The array is a scalar.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside 0 … n−1.</exception>
    public static NdArray GatherRows(this NdArray array, ReadOnlySpan<int> indices)
    {
        if (array.Shape.Rank == 0) throw new ArgumentException("[gather_rows] a scalar has no rows");
        return array.DType switch
        {
            DType.Bool => Gather<bool>(array, indices),
            DType.UInt8 => Gather<byte>(array, indices),
            DType.Int8 => Gather<sbyte>(array, indices),
            DType.Int16 => Gather<short>(array, indices),
            DType.UInt16 => Gather<ushort>(array, indices),
            DType.Int32 => Gather<int>(array, indices),
            DType.UInt32 => Gather<uint>(array, indices),
            DType.Int64 => Gather<long>(array, indices),
            DType.UInt64 => Gather<ulong>(array, indices),
            DType.Float16 => Gather<Half>(array, indices),
            DType.BFloat16 => Gather<BFloat16>(array, indices),
            DType.Float32 => Gather<float>(array, indices),
            _ => Gather<double>(array, indices),
        };
    }

    private static NdArray Gather<T>(NdArray array, ReadOnlySpan<int> indices) where T : unmanaged
    {
        var rows = array.Shape[0];
        foreach (var index in indices)
        {
            if ((uint)index >= (uint)rows)
            {
                throw new ArgumentOutOfRangeException(nameof(indices), index, $"[gather_rows] row {index} is out of range for shape {array.Shape}");
            }
        }
        ReadOnlySpan<T> source = array.Contiguous().AsSpan<T>();
        var width = rows == 0 ? 0 : source.Length / rows;
        // Through a rented buffer: memory once shown as a span cannot be recycled after the batch.
        var length = checked(width * indices.Length);
        var buffer = ArrayPool<T>.Shared.Rent(length);
        for (var i = 0; i < indices.Length; i++) source.Slice(indices[i] * width, width).CopyTo(buffer.AsSpan(i * width));
        var result = NdArray.From<T>(buffer.AsSpan(0, length), [indices.Length, .. array.Shape.Sizes[1..]]);
        ArrayPool<T>.Shared.Return(buffer);
        return result;
    }
}
