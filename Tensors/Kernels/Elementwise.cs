using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Devices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>One vector of an elementwise kernel: what is loaded from up to three operands, and how the result is stored.</summary>
internal unsafe interface IElementStep
{
    /// <summary>Whether the results are bools, else of the operands' type.</summary>
    static virtual bool IsMask => false;

    static abstract V Compute<T, V, S>(byte* a, byte* b, byte* c) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;

    static abstract void Store<T, V, S>(byte* destination, V result) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>The loop that all elementwise kernels share, and the choice of element type, width and threads.</summary>
internal static unsafe class Elementwise
{
    // Below, handing a piece to another thread costs more than it saves.
    private const int CheapGrain = 32 * 1024, CostlyGrain = 8 * 1024;

    /// <summary>The loop of a step, computing in the vectors of <paramref name="dtype"/>.</summary>
    public static ElementLoop Loop<TStep, TFormula>(DType dtype, SimdWidth width) where TStep : IElementStep where TFormula : IFormula
    {
        if (dtype.IsNarrow()) return Loop<TStep, TFormula>(dtype.Wide(), width) with { Operands = dtype, Result = TStep.IsMask ? null : dtype };

        // Each test is a constant to the compiler: a formula is never compiled for a type it does not take.
        if ((TFormula.Types & ElementTypes.Floats) != 0)
        {
            if (dtype == DType.Float32) return Loop<TStep, TFormula, float>(width);
            if (dtype == DType.Float64) return Loop<TStep, TFormula, double>(width);
        }
        if ((TFormula.Types & ElementTypes.Integers) != 0)
        {
            if (dtype == DType.Int32) return Loop<TStep, TFormula, int>(width);
            if (dtype == DType.UInt32) return Loop<TStep, TFormula, uint>(width);
            if (dtype == DType.Int64) return Loop<TStep, TFormula, long>(width);
            if (dtype == DType.UInt64) return Loop<TStep, TFormula, ulong>(width);
            if (dtype == DType.UInt8) return Loop<TStep, TFormula, byte>(width);
        }
        if ((TFormula.Types & ElementTypes.Bool) != 0 && dtype == DType.Bool) return Loop<TStep, TFormula, byte>(width);
        Throw.DTypeMismatch(typeof(TFormula).Name.ToLowerInvariant(), dtype, (TFormula.Types & ElementTypes.Integers) != 0 ? "a number" : "float32 or float64");
        return default;
    }

    /// <summary>The same for elements of one type.</summary>
    public static ElementLoop Loop<TStep, TFormula, T>(SimdWidth width) where TStep : IElementStep where TFormula : IFormula where T : unmanaged
    {
        var grain = TFormula.IsCostly ? CostlyGrain : CheapGrain;
        return width switch
        {
            SimdWidth.Bits512 => new(&VectorLoop<TStep, TFormula, T, Vector512<T>, Simd512<T>>.Run, grain),
            SimdWidth.Bits256 => new(&VectorLoop<TStep, TFormula, T, Vector256<T>, Simd256<T>>.Run, grain),
            _ => new(&VectorLoop<TStep, TFormula, T, Vector128<T>, Simd128<T>>.Run, grain),
        };
    }

    /// <summary>dst[i] = loop(x[i], …) for operands of dst's shape, stride 0 where broadcast.</summary>
    [SkipLocalsInit]
    public static void Run(ElementLoop loop, NdArray dst, params ReadOnlySpan<NdArray> x)
    {
        var plan = new ElementPlan(dst, x);
        if (plan.Count <= loop.Grain)
        {
            plan.Run(loop, 0, plan.Count);
        }
        else
        {
            var pieces = new Pieces { Plan = &plan, Loop = loop };
            WorkerPool.Shared.Run((int)((plan.Count + loop.Grain - 1) / loop.Grain), ref pieces);
        }
        foreach (var array in x) GC.KeepAlive(array);
        GC.KeepAlive(dst);
    }

    private struct Pieces : IParallelBody
    {
        public ElementPlan* Plan;
        public ElementLoop Loop;

        public readonly void Run(int index, int worker)
        {
            var start = (nint)index * Loop.Grain;
            Plan->Run(Loop, start, Math.Min(start + Loop.Grain, Plan->Count));
        }
    }

    private static class VectorLoop<TStep, TFormula, T, V, S>
        where TStep : IElementStep where TFormula : IFormula where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        public static void Run(in Segment segment)
        {
            if (segment.Count < S.Width)
            {
                RunShort(segment);
                return;
            }
            byte* a = segment.A, b = segment.B, c = segment.C, to = segment.Destination;
            nint stepA = segment.StepA, stepB = segment.StepB, stepC = segment.StepC;

            // The last vector overlaps the one before. It is computed before anything is stored, so that the destination may be an operand.
            var back = segment.Count - S.Width;
            var last = TStep.Compute<T, V, S>(a + back * stepA, b + back * stepB, c + back * stepC);
            var lastTo = to + back * segment.StepDestination;

            stepA *= S.Width;
            stepB *= S.Width;
            stepC *= S.Width;
            var stepTo = segment.StepDestination * S.Width;
            for (; to + stepTo < lastTo; to += 2 * stepTo)
            {
                var first = TStep.Compute<T, V, S>(a, b, c);
                var second = TStep.Compute<T, V, S>(a + stepA, b + stepB, c + stepC);
                TStep.Store<T, V, S>(to, first);
                TStep.Store<T, V, S>(to + stepTo, second);
                a += 2 * stepA;
                b += 2 * stepB;
                c += 2 * stepC;
            }
            if (to < lastTo) TStep.Store<T, V, S>(to, TStep.Compute<T, V, S>(a, b, c));
            TStep.Store<T, V, S>(lastTo, last);
        }

        /// <summary>Less than one vector, through buffers: the same instructions as anywhere else.</summary>
        private static void RunShort(in Segment segment)
        {
            Vector512<byte> a = default, b = default, c = default, result = default;
            var pointerA = Padded(segment.A, segment.StepA * segment.Count, (byte*)&a);
            var pointerB = Padded(segment.B, segment.StepB * segment.Count, (byte*)&b);
            var pointerC = Padded(segment.C, segment.StepC * segment.Count, (byte*)&c);
            TStep.Store<T, V, S>((byte*)&result, TStep.Compute<T, V, S>(pointerA, pointerB, pointerC));
            Unsafe.CopyBlockUnaligned(segment.Destination, &result, (uint)(segment.StepDestination * segment.Count));
        }

        private static byte* Padded(byte* operand, nint bytes, byte* buffer)
        {
            if (bytes == 0) return operand;
            Unsafe.CopyBlockUnaligned(buffer, operand, (uint)bytes);
            return buffer;
        }
    }
}
