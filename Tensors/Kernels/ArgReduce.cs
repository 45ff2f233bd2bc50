using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>The position of the largest or smallest element along an axis.</summary>
internal static unsafe class ArgReduce
{
    /// <summary>dst = the index along the axis of the element that R (Max or Min) gives; dst is contiguous uint32.</summary>
    /// <remarks>The first of equal elements. Where NaN occurs, its first index, as NumPy, PyTorch and JAX have it; MLX passes over NaN.</remarks>
    /// <exception cref="ArgumentException">The axis has size 0, or the elements are bools.</exception>
    public static void Run<R>(NdArray x, int axis, NdArray dst) where R : IReducer => Run<R>(x, axis, dst, SimdLevel.Best);

    /// <summary>The same at a given vector width.</summary>
    public static void Run<R>(NdArray x, int axis, NdArray dst, SimdWidth width) where R : IReducer
    {
        Debug.Assert(dst.IsContiguous && dst.DType == DType.UInt32);
        if (x.DType == DType.Bool) Throw.DTypeMismatch("arg" + R.Name, x.DType, "a number");
        if (x.Shape[axis] == 0) Throw.EmptyReduction("arg" + R.Name, axis);
        var rows = Copy.Dense(AxisLast(x, axis));
        switch (x.DType)
        {
            case DType.UInt8: Run<R, byte>(rows, dst, width); break;
            case DType.Int32: Run<R, int>(rows, dst, width); break;
            case DType.UInt32: Run<R, uint>(rows, dst, width); break;
            case DType.Int64: Run<R, long>(rows, dst, width); break;
            case DType.UInt64: Run<R, ulong>(rows, dst, width); break;
            case DType.Float32: Run<R, float>(rows, dst, width); break;
            case DType.Float64: Run<R, double>(rows, dst, width); break;
            default: throw DTypes.Unknown(x.DType);
        }
        rows.Storage.Release();
        GC.KeepAlive(rows);
        GC.KeepAlive(dst);
    }

    private static NdArray AxisLast(NdArray x, int axis)
    {
        if (axis == x.Shape.Rank - 1) return x;
        var order = new int[x.Shape.Rank];
        for (var i = 0; i < order.Length; i++) order[i] = i < axis ? i : i + 1;
        order[^1] = axis;
        return x.View(x.Layout.Transpose(order));
    }

    private static void Run<R, T>(NdArray rows, NdArray dst, SimdWidth width) where R : IReducer where T : unmanaged, INumber<T>
    {
        var length = (nint)rows.Shape[-1];
        if (width == SimdWidth.Bits512 && length >= Vector512<T>.Count) Run<R, T, Vector512<T>, Simd512<T>>(rows, length, dst);
        else if (width != SimdWidth.Bits128 && length >= Vector256<T>.Count) Run<R, T, Vector256<T>, Simd256<T>>(rows, length, dst);
        else Run<R, T, Vector128<T>, Simd128<T>>(rows, length, dst);
    }

    private static void Run<R, T, V, S>(NdArray rows, nint length, NdArray dst)
        where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        var body = new Body<R, T, V, S> { Source = (T*)rows.Pointer, Length = length, Target = (uint*)dst.Pointer };
        Pieces.Run(dst.Layout.Count, length, ref body);
    }

    private struct Body<R, T, V, S> : IRangeBody where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        public T* Source;
        public uint* Target;
        public nint Length;

        public readonly void Run(nint start, nint end)
        {
            for (var row = start; row < end; row++)
            {
                var x = Source + row * Length;
                Target[row] = (uint)IndexOf(x, ReduceLoops<R, T, V, S>.Row(x, Length));
            }
        }

        /// <summary>The first index of a value that occurs.</summary>
        private static nint IndexOf(T* x, T value)
        {
            nint i = 0;
            if (T.IsNaN(value))
            {
                while (!T.IsNaN(x[i])) i++;
            }
            else
            {
                while (x[i] != value) i++;
            }
            return i;
        }
    }
}
