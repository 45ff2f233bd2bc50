using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.Kernels;

/// <summary>
/// Arithmetic of types that have no loops of their own: operands are widened, exactly, and results brought back. Floats are rounded to
/// the nearest, halves to even; integers keep their low bits, which is all that sums and products of them need.
/// </summary>
internal static unsafe class Narrow
{
    /// <summary>Elements that are widened at a time, and the bytes of the widest.</summary>
    private const int Tile = 512, WideSize = 4;

    /// <summary>Runs a loop over a segment tile by tile.</summary>
    /// <param name="run">The loop; null to pass the first operand on.</param>
    /// <param name="segment">Operands and destination of narrow type where the next two say so.</param>
    /// <param name="operands">The narrow type of all operands; null for none.</param>
    /// <param name="result">The narrow type of the destination; null for none.</param>
    [SkipLocalsInit]
    public static void Run(delegate*<in Segment, void> run, in Segment segment, DType? operands, DType? result)
    {
        var memory = stackalloc byte[4 * Tile * WideSize];
        for (nint start = 0; start < segment.Count; start += Tile)
        {
            var count = nint.Min(Tile, segment.Count - start);
            var part = new Segment { Count = count, StepDestination = segment.StepDestination };
            Set(ref part, 0, segment.A, segment.StepA, start, operands, memory);
            Set(ref part, 1, segment.B, segment.StepB, start, operands, memory + Tile * WideSize);
            Set(ref part, 2, segment.C, segment.StepC, start, operands, memory + 2 * Tile * WideSize);
            var to = segment.Destination + start * segment.StepDestination;
            part.Destination = to;
            if (result is not null)
            {
                part.Destination = memory + 3 * Tile * WideSize;
                part.StepDestination = WideSize;
            }
            if (run is not null) run(part);
            else if (part.StepA == 0) FillKernel.Fill((uint*)part.Destination, *(uint*)part.A, count);
            else Buffer.MemoryCopy(part.A, part.Destination, count * WideSize, count * WideSize);
            if (result is { } narrow) To(narrow, part.Destination, to, (int)count);
        }
    }

    /// <summary>A row-major copy of x in its wide type, and stretched where x is; the caller ends its use with <c>Storage.Release()</c>.</summary>
    public static NdArray Widened(NdArray x)
    {
        var (sizes, strides) = (x.Shape.Sizes.ToArray(), x.Layout.Strides.ToArray());
        for (var axis = 0; axis < sizes.Length; axis++)
        {
            if (strides[axis] == 0) sizes[axis] = Math.Min(sizes[axis], 1);
        }
        var once = x.View(new(Shape.FromOwned(sizes), strides, x.Layout.Offset));
        var wide = NdArray.Rent(once.Shape, x.DType.Wide());
        ConvertKernel.Run(once, wide);
        return wide.Shape == x.Shape ? wide : wide.View(wide.Layout.BroadcastTo(x.Shape));
    }

    private static void Set(ref Segment part, int operand, byte* pointer, nint step, nint start, DType? type, byte* tile)
    {
        pointer += start * step;
        if (pointer is null || type is not { } narrow)
        {
            part.Set(operand, pointer, step);
            return;
        }
        From(narrow, pointer, tile, step == 0 ? ElementPlan.RepeatBytes / WideSize : (int)part.Count);
        part.Set(operand, tile, step == 0 ? 0 : WideSize);
    }

    private static void From(DType type, byte* x, byte* wide, int count)
    {
        switch (type)
        {
            case DType.Int8: Convert<sbyte, int>(x, wide, count); break;
            case DType.Int16: Convert<short, int>(x, wide, count); break;
            case DType.UInt16: Convert<ushort, uint>(x, wide, count); break;
            case DType.Float16: Convert<Half, float>(x, wide, count); break;
            case DType.BFloat16: FromBFloat16((ushort*)x, (uint*)wide, count); break;
            default: throw DTypes.Unknown(type);
        }
    }

    private static void To(DType type, byte* wide, byte* y, int count)
    {
        switch (type)
        {
            case DType.Int8: Convert<int, sbyte>(wide, y, count); break;
            case DType.Int16: Convert<int, short>(wide, y, count); break;
            case DType.UInt16: Convert<uint, ushort>(wide, y, count); break;
            case DType.Float16: Convert<float, Half>(wide, y, count); break;
            case DType.BFloat16: ToBFloat16((uint*)wide, (ushort*)y, count); break;
            default: throw DTypes.Unknown(type);
        }
    }

    private static void Convert<TFrom, TTo>(byte* x, byte* y, int count) where TFrom : INumberBase<TFrom> where TTo : INumberBase<TTo> =>
        TensorPrimitives.ConvertTruncating(new ReadOnlySpan<TFrom>(x, count), new Span<TTo>(y, count));

    private static void FromBFloat16(ushort* x, uint* wide, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = Vector256.Widen(*(Vector256<ushort>*)(x + i));
            *(Vector256<uint>*)(wide + i) = lower << 16;
            *(Vector256<uint>*)(wide + i + Vector256<uint>.Count) = upper << 16;
        }
        for (; i < count; i++) wide[i] = (uint)x[i] << 16;
    }

    private static void ToBFloat16(uint* wide, ushort* y, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (lower, upper) = (Rounded(*(Vector256<uint>*)(wide + i)), Rounded(*(Vector256<uint>*)(wide + i + Vector256<uint>.Count)));
            *(Vector256<ushort>*)(y + i) = Vector256.Narrow(lower, upper);
        }
        for (; i < count; i++) y[i] = BFloat16.Round(wide[i]);
    }

    /// <summary><see cref="BFloat16.Round"/> of each.</summary>
    private static Vector256<uint> Rounded(Vector256<uint> bits)
    {
        var rounded = bits + Vector256.Create(0x7FFFu) + (bits >> 16 & Vector256<uint>.One);
        var isNaN = ~Vector256.Equals(bits.AsSingle(), bits.AsSingle());
        return Vector256.ConditionalSelect(isNaN.AsUInt32(), bits | Vector256.Create(0x0040_0000u), rounded) >> 16;
    }
}
