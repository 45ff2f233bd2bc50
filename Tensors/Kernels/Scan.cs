using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace ManagedFed.Kernels;

/// <summary>Running totals along an axis.</summary>
internal static unsafe class Scan
{
    /// <summary>Columns that are run through side by side, so that rows are read in order.</summary>
    private const int Columns = 64;

    /// <summary>dst[…, k, …] = x[…, 0, …] ∘ … ∘ x[…, k, …] along the axis; x may be strided, dst is contiguous, of one type.</summary>
    /// <remarks>Totals of floats are kept in double and rounded once for each element.</remarks>
    public static void Run<TJoin>(NdArray x, int axis, NdArray dst) where TJoin : IJoin
    {
        Debug.Assert(dst.IsContiguous && dst.Shape == x.Shape && dst.DType == x.DType);
        if (x.Count == 0) return;
        using var view = new AxisView(x, axis, 1, denseInner: false);
        var typed = new Typed<TJoin> { View = view, Target = dst.Pointer };
        NumberTypes.Run(x.DType, ref typed);
        GC.KeepAlive(dst);
    }

    private ref struct Typed<TJoin> : INumberBody where TJoin : IJoin
    {
        public AxisView View;
        public byte* Target;

        public readonly void Run<T>() where T : unmanaged, INumber<T>
        {
            if (T.IsInteger(T.One / (T.One + T.One))) Run<T, T>();
            else Run<T, double>();
        }

        private readonly void Run<T, A>() where T : unmanaged, INumber<T> where A : unmanaged, INumber<A>
        {
            var blocks = (View.Inner + Columns - 1) / Columns;
            var body = new Body<TJoin, T, A>
            {
                Source = (T*)View.Pointer,
                OuterStep = View.OuterStep,
                AxisStep = View.MiddleStep,
                InnerStep = View.InnerStep,
                Length = View.Middle,
                Inner = View.Inner,
                Blocks = blocks,
                Target = (T*)Target,
            };
            Pieces.Run(View.Outer * blocks, View.Middle * nint.Min(View.Inner, Columns), ref body);
        }
    }

    /// <summary>Items are the pairs (outer, block of columns).</summary>
    private struct Body<TJoin, T, A> : IRangeBody where TJoin : IJoin where T : unmanaged, INumber<T> where A : unmanaged, INumber<A>
    {
        public T* Source, Target;
        public nint OuterStep, AxisStep, InnerStep, Length, Inner, Blocks;

        [SkipLocalsInit]
        public readonly void Run(nint start, nint end)
        {
            var totals = stackalloc A[Columns];
            for (var item = start; item < end; item++)
            {
                var (outer, block) = Math.DivRem(item, Blocks);
                var column = block * Columns;
                var width = nint.Min(Columns, Inner - column);
                var from = Source + outer * OuterStep + column * InnerStep;
                var to = Target + outer * Length * Inner + column;
                for (nint i = 0; i < width; i++)
                {
                    totals[i] = A.CreateTruncating(from[i * InnerStep]);
                    to[i] = from[i * InnerStep];
                }
                for (nint k = 1; k < Length; k++)
                {
                    from += AxisStep;
                    to += Inner;
                    for (nint i = 0; i < width; i++)
                    {
                        totals[i] = TJoin.Next(totals[i], A.CreateTruncating(from[i * InnerStep]));
                        to[i] = T.CreateTruncating(totals[i]);
                    }
                }
            }
        }
    }
}
