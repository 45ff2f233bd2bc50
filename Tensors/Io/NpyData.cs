using System.Buffers.Binary;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace ManagedFed.IO;

/// <summary>Turns the bytes after an .npy header into an array.</summary>
internal static class NpyData
{
    /// <summary>Memory for bytes as they are in the file; <see cref="Decode"/> makes the array of it, in place where it can.</summary>
    public static NdArray Allocate(long bytes)
    {
        if (bytes > Array.MaxLength) throw Npy.Malformed($"data of {bytes:N0} bytes is more than one array can hold");
        return NdArray.Empty([(int)bytes], DType.UInt8);
    }

    /// <summary>The array that the header and its bytes describe: native byte order, row-major.</summary>
    /// <param name="header">The header of the file.</param>
    /// <param name="raw">Exactly the bytes that belong to it, from <see cref="Allocate"/>; they are used up.</param>
    public static NdArray Decode(in NpyHeader header, NdArray raw)
    {
        var bytes = raw.Bytes;
        var type = header.Type;
        if (type.BigEndian) ReverseEndianness(bytes, type.Size);
        var shape = header.FortranOrder ? Shape.Create([.. header.Shape.Reverse()]) : header.Shape;
        var array = (type.Kind, type.Size) switch
        {
            ('b', _) => Reinterpret(Checked(raw, bytes.IndexOfAnyExceptInRange((byte)0, (byte)1), "is neither 0 nor 1, as bool needs"), shape, DType.Bool),
            ('u', 8) => Reinterpret(
                Checked(raw, MemoryMarshal.Cast<byte, long>(bytes).IndexOfAnyInRange(long.MinValue, -1), "does not fit int64, which holds uint64 here"),
                shape,
                DType.Int64),
            ('f', 2) => Widen<Half, float>(bytes, shape),
            ('i', 1) => Widen<sbyte, int>(bytes, shape),
            ('i', 2) => Widen<short, int>(bytes, shape),
            ('u', 2) => Widen<ushort, int>(bytes, shape),
            _ => Reinterpret(raw, shape, type.DType),
        };
        GC.KeepAlive(raw);
        return header.FortranOrder ? array.Transpose().Contiguous() : array;
    }

    private static NdArray Reinterpret(NdArray raw, Shape shape, DType dtype) => new(raw.Storage, new Layout(shape), dtype);

    private static NdArray Checked(NdArray raw, int bad, string why) => bad < 0 ? raw : throw Npy.Malformed($"element {bad} {why}");

    private static NdArray Widen<TFrom, TTo>(ReadOnlySpan<byte> bytes, Shape shape)
        where TFrom : unmanaged, INumberBase<TFrom>
        where TTo : unmanaged, INumberBase<TTo>
    {
        var array = NdArray.Empty(shape, DTypes.Of<TTo>());
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, TFrom>(bytes), MemoryMarshal.Cast<byte, TTo>(array.Bytes));
        GC.KeepAlive(array);
        return array;
    }

    private static void ReverseEndianness(Span<byte> bytes, int size)
    {
        var shorts = MemoryMarshal.Cast<byte, ushort>(bytes);
        var ints = MemoryMarshal.Cast<byte, uint>(bytes);
        var longs = MemoryMarshal.Cast<byte, ulong>(bytes);
        if (size == 2) BinaryPrimitives.ReverseEndianness(shorts, shorts);
        else if (size == 4) BinaryPrimitives.ReverseEndianness(ints, ints);
        else if (size == 8) BinaryPrimitives.ReverseEndianness(longs, longs);
    }
}
