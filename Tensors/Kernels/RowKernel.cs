using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>What a kernel does with one dense row of one or two operands.</summary>
internal unsafe interface IRowFormula
{
    /// <summary>The operation's name in messages.</summary>
    static abstract string Name { get; }

    /// <summary>Whether the result is one element for a row, else a row.</summary>
    static abstract bool IsReduction { get; }

    /// <summary>What fills a row shorter than a vector, so that it changes nothing.</summary>
    static abstract double Padding { get; }

    /// <summary>Writes the result of the rows a and b, of n ≥ <c>S.Width</c> elements.</summary>
    static abstract void Invoke<T, V, S>(T* a, T* b, T* dst, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>Runs a row formula along the last axis.</summary>
internal static unsafe class RowKernel
{
    /// <summary>dst = F(a, b) row by row; a and b may be strided, dst is contiguous and may be a or b where they are too.</summary>
    public static void Run<F>(NdArray a, NdArray b, NdArray dst, SimdWidth width) where F : IRowFormula
    {
        Debug.Assert(a.Shape == b.Shape && dst.IsContiguous && dst.DType == a.DType && b.DType == a.DType);
        if (!a.DType.IsFloating()) Throw.DTypeMismatch(F.Name, a.DType, "float32 or float64");
        if (a.Shape.Rank == 0)
        {
            (a, b) = (a.Reshape([1]), b.Reshape([1]));
        }
        if (F.IsReduction && a.Shape[-1] == 0) Throw.EmptyReduction(F.Name, a.Shape.Rank - 1);
        if (a.Count == 0) return;
        var first = Copy.Dense(a);
        var second = ReferenceEquals(a, b) ? first : Copy.Dense(b);
        if (a.DType == DType.Float32) Run<F, float>(first, second, dst, width);
        else Run<F, double>(first, second, dst, width);
        if (!ReferenceEquals(first, second)) second.Storage.Release();
        first.Storage.Release();
        GC.KeepAlive(first);
        GC.KeepAlive(second);
        GC.KeepAlive(dst);
    }

    private static void Run<F, T>(NdArray a, NdArray b, NdArray dst, SimdWidth width)
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T>
    {
        var length = a.Shape[-1];
        if (width == SimdWidth.Bits512 && length >= Vector512<T>.Count) Run<F, T, Vector512<T>, Simd512<T>>(a, b, dst, length);
        else if (width != SimdWidth.Bits128 && length >= Vector256<T>.Count) Run<F, T, Vector256<T>, Simd256<T>>(a, b, dst, length);
        else Run<F, T, Vector128<T>, Simd128<T>>(a, b, dst, length);
    }

    private static void Run<F, T, V, S>(NdArray a, NdArray b, NdArray dst, nint length)
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        var body = new Body<F, T, V, S> { A = (T*)a.Pointer, B = (T*)b.Pointer, Target = (T*)dst.Pointer, Length = length };
        Pieces.Run(a.Layout.Count / length, 4 * length, ref body);
    }

    private struct Body<F, T, V, S> : IRangeBody
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        public T* A, B, Target;
        public nint Length;

        public readonly void Run(nint start, nint end)
        {
            for (var row = start; row < end; row++)
            {
                var to = Target + row * (F.IsReduction ? 1 : Length);
                if (Length >= S.Width) F.Invoke<T, V, S>(A + row * Length, B + row * Length, to, Length);
                else Short(A + row * Length, B + row * Length, to);
            }
        }

        [SkipLocalsInit]
        private readonly void Short(T* a, T* b, T* dst)
        {
            V paddedA = S.Constant(F.Padding), paddedB = paddedA, result;
            for (var i = 0; i < Length; i++) (((T*)&paddedA)[i], ((T*)&paddedB)[i]) = (a[i], b[i]);
            F.Invoke<T, V, S>((T*)&paddedA, (T*)&paddedB, (T*)&result, S.Width);
            for (var i = 0; i < (F.IsReduction ? 1 : Length); i++) dst[i] = ((T*)&result)[i];
        }
    }
}
