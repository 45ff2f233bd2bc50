using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace ManagedFed.IO;

/// <summary>Turns the bytes after an .npy header into an array.</summary>
internal static class NpyData
{
    /// <summary>Memory for the bytes of one message as they are in the file; <see cref="Decode"/> makes the array of it, in place where it can.</summary>
    public static NdArray Allocate(long bytes)
    {
        if (bytes > Array.MaxLength) throw Npy.Malformed($"data of {bytes:N0} bytes is more than the {Array.MaxLength:N0} that one message can hold");
        return ArrayPieces.Allocate(bytes);
    }

    /// <summary>The bytes as they are in the file without a copy; null where they are few, would be changed, or lie where elements cannot.</summary>
    public static unsafe NdArray? TryView(in NpyHeader header, ReadOnlyMemory<byte> bytes)
    {
        // Pinning costs more than copying so few.
        const int Least = 64 << 10;
        if (bytes.Length < Least || header.Type.BigEndian) return null;
        fixed (byte* start = bytes.Span)
        {
            if ((nint)start % header.Type.Size != 0) return null;
        }
        return new(new Storage(bytes), new Layout([bytes.Length]), DType.UInt8);
    }

    /// <summary>The array that the header and its bytes describe: native byte order, row-major.</summary>
    /// <param name="header">The header of the file.</param>
    /// <param name="raw">The bytes that belong to it, from <see cref="ArrayPieces.Allocate"/> or <see cref="TryView"/>; they are used up.</param>
    public static NdArray Decode(in NpyHeader header, NdArray raw)
    {
        var type = header.Type;
        var length = header.DataLength;
        for (var at = 0L; at < length && (type.BigEndian || type.Kind == 'b'); at += ArrayPieces.Size)
        {
            var bytes = ArrayPieces.Span(raw, at, (int)Math.Min(ArrayPieces.Size, length - at));
            if (type.BigEndian) ReverseEndianness(bytes, type.Size);
            var bad = type.Kind == 'b' ? bytes.IndexOfAnyExceptInRange((byte)0, (byte)1) : -1;
            if (bad >= 0) throw Npy.Malformed($"element {at + bad} is neither 0 nor 1, as bool needs");
        }
        var shape = header.FortranOrder ? Shape.Create([.. header.Shape.Reverse()]) : header.Shape;
        var array = new NdArray(raw.Storage, new Layout(shape), type.DType);
        GC.KeepAlive(raw);
        return header.FortranOrder ? array.Transpose().Contiguous() : array;
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
