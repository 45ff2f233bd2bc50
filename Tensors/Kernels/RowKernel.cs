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

    /// <summary>Writes the result of the rows a and b, of n ≥ <c>S.Width</c> elements.</summary>
    static abstract void Invoke<T, V, S>(T* a, T* b, T* dst, nint n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>;

    /// <summary>The same for <c>S.Width</c> short rows side by side: a[i] holds element i of each.</summary>
    static abstract void InvokeSideBySide<T, V, S>(V* a, V* b, V* dst, int n)
        where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>Runs a row formula along the last axis.</summary>
internal static unsafe class RowKernel
{
    /// <summary>Rows shorter than this, such as the scores of ten classes, are worked on a vector of rows at a time.</summary>
    private const int LongRow = 32;

    /// <summary>dst = F(a, b) row by row; a and b may be strided, dst is contiguous and may be a or b where they are too.</summary>
    public static void Run<F>(NdArray a, NdArray b, NdArray dst, SimdWidth width) where F : IRowFormula
    {
        Debug.Assert(a.Shape == b.Shape && dst.IsContiguous && dst.DType == a.DType && b.DType == a.DType);
        if (a.DType is not (DType.Float32 or DType.Float64)) Throw.DTypeMismatch(F.Name, a.DType, "float32 or float64");
        if (a.Shape.Rank == 0)
        {
            (a, b) = (a.Reshape([1]), b.Reshape([1]));
        }
        if (F.IsReduction && a.Shape[-1] == 0) Throw.EmptyReduction(F.Name, a.Shape.Rank - 1);
        if (a.Count == 0) return;
        var first = Copy.Dense(a);
        var second = ReferenceEquals(a, b) ? first : Copy.Dense(b);
        nint length = a.Shape[-1];
        if (a.DType == DType.Float32) Run<F, float>((float*)first.Pointer, (float*)second.Pointer, (float*)dst.Pointer, a.Layout.Count / length, length, width);
        else Run<F, double>((double*)first.Pointer, (double*)second.Pointer, (double*)dst.Pointer, a.Layout.Count / length, length, width);
        if (!ReferenceEquals(first, second)) second.Storage.Release();
        first.Storage.Release();
        GC.KeepAlive(first);
        GC.KeepAlive(second);
        GC.KeepAlive(dst);
    }

    /// <summary>The same for dense rows at addresses; the caller keeps them alive.</summary>
    public static void Run<F, T>(T* a, T* b, T* dst, nint rows, nint length, SimdWidth width)
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (width)
        {
            case SimdWidth.Bits512: Run<F, T, Vector512<T>, Simd512<T>>(a, b, dst, rows, length); break;
            case SimdWidth.Bits256: Run<F, T, Vector256<T>, Simd256<T>>(a, b, dst, rows, length); break;
            default: Run<F, T, Vector128<T>, Simd128<T>>(a, b, dst, rows, length); break;
        }
    }

    private static void Run<F, T, V, S>(T* a, T* b, T* dst, nint rows, nint length)
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        if (length < LongRow)
        {
            var body = new ShortRows<F, T, V, S> { A = a, B = b, Target = dst, Length = (int)length, Rows = rows };
            Pieces.Run((rows + S.Width - 1) / S.Width, 4 * length * S.Width, ref body);
        }
        else
        {
            var body = new LongRows<F, T, V, S> { A = a, B = b, Target = dst, Length = length };
            Pieces.Run(rows, 4 * length, ref body);
        }
    }

    private struct LongRows<F, T, V, S> : IRangeBody
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        public T* A, B, Target;
        public nint Length;

        public readonly void Run(nint start, nint end)
        {
            for (var row = start; row < end; row++)
            {
                F.Invoke<T, V, S>(A + row * Length, B + row * Length, Target + row * (F.IsReduction ? 1 : Length), Length);
            }
        }
    }

    private struct ShortRows<F, T, V, S> : IRangeBody
        where F : IRowFormula where T : unmanaged, IFloatingPointIeee754<T> where V : unmanaged where S : ISimd<T, V>
    {
        public T* A, B, Target;
        public int Length;
        public nint Rows;

        [SkipLocalsInit]
        public readonly void Run(nint start, nint end)
        {
            var second = A == B ? 0 : LongRow;
            var columns = stackalloc V[3 * LongRow];
            V* a = columns, b = columns + second, dst = columns + 2 * LongRow;
            for (var group = start; group < end; group++)
            {
                var row = group * S.Width;
                var count = (int)Math.Min(S.Width, Rows - row);
                Load(A + row * Length, a, count);
                if (second != 0) Load(B + row * Length, b, count);
                F.InvokeSideBySide<T, V, S>(a, b, dst, Length);
                Store(dst, Target + row * (F.IsReduction ? 1 : Length), count, F.IsReduction ? 1 : Length);
            }
        }

        // Lane r of column i is element i of row r; lanes without a row are zero.
        private readonly void Load(T* rows, V* columns, int count) =>
            Pack.Panel(rows, stride: Length, depthStride: 1, count, depth: Length, (T*)columns, S.Width);

        private static void Store(V* columns, T* rows, int count, int length) =>
            Pack.Panel((T*)columns, stride: S.Width, depthStride: 1, length, depth: count, rows, length);
    }
}
