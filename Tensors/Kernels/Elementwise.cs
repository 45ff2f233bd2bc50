using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Devices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>One vector of an elementwise kernel: what is loaded from up to three operands, and how the result is stored.</summary>
internal unsafe interface IElementStep
{
    static abstract V Compute<T, V, S>(byte* a, byte* b, byte* c) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;

    static abstract void Store<T, V, S>(byte* destination, V result) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>The loop that all elementwise kernels share, and the choice of element type, width and threads.</summary>
internal static unsafe class Elementwise
{
    // Below, handing a piece to another thread costs more than it saves.
    private const int CheapGrain = 32 * 1024, CostlyGrain = 8 * 1024;

    /// <summary>Runs a step for every element, computing in the vectors of <paramref name="dtype"/>.</summary>
    public static void Run<TStep, TFormula>(DType dtype, SimdWidth width, ref ElementPlan plan)
        where TStep : IElementStep where TFormula : IFormula
    {
        // Each test is a constant to the compiler: a formula is never compiled for a type it does not take.
        if ((TFormula.Types & ElementTypes.Floats) != 0)
        {
            if (dtype == DType.Float32) { Run<TStep, TFormula, float>(width, ref plan); return; }
            if (dtype == DType.Float64) { Run<TStep, TFormula, double>(width, ref plan); return; }
        }
        if ((TFormula.Types & ElementTypes.Integers) != 0)
        {
            if (dtype == DType.Int32) { Run<TStep, TFormula, int>(width, ref plan); return; }
            if (dtype == DType.UInt32) { Run<TStep, TFormula, uint>(width, ref plan); return; }
            if (dtype == DType.Int64) { Run<TStep, TFormula, long>(width, ref plan); return; }
            if (dtype == DType.UInt8) { Run<TStep, TFormula, byte>(width, ref plan); return; }
        }
        if ((TFormula.Types & ElementTypes.Bool) != 0 && dtype == DType.Bool)
        {
            Run<TStep, TFormula, byte>(width, ref plan);
            return;
        }
        Throw.DTypeMismatch(typeof(TFormula).Name.ToLowerInvariant(), dtype, (TFormula.Types & ElementTypes.Integers) != 0 ? "a number" : "float32 or float64");
    }

    private static void Run<TStep, TFormula, T>(SimdWidth width, ref ElementPlan plan)
        where TStep : IElementStep where TFormula : IFormula where T : unmanaged
    {
        switch (width)
        {
            case SimdWidth.Bits512: Execute<Loop<TStep, TFormula, T, Vector512<T>, Simd512<T>>>(ref plan); break;
            case SimdWidth.Bits256: Execute<Loop<TStep, TFormula, T, Vector256<T>, Simd256<T>>>(ref plan); break;
            default: Execute<Loop<TStep, TFormula, T, Vector128<T>, Simd128<T>>>(ref plan); break;
        }
    }

    /// <summary>Runs a loop over all elements of a plan, in pieces on several threads where that pays.</summary>
    public static void Execute<TLoop>(ref ElementPlan plan) where TLoop : ISegmentLoop
    {
        if (plan.Count <= TLoop.Grain)
        {
            plan.Run<TLoop>(0, plan.Count);
            return;
        }
        fixed (ElementPlan* pinned = &plan)
        {
            var pieces = new Pieces<TLoop> { Plan = pinned };
            WorkerPool.Shared.Run((int)((plan.Count + TLoop.Grain - 1) / TLoop.Grain), ref pieces);
        }
    }

    private struct Pieces<TLoop> : IParallelBody where TLoop : ISegmentLoop
    {
        public ElementPlan* Plan;

        public readonly void Run(int index, int worker)
        {
            var start = (nint)index * TLoop.Grain;
            Plan->Run<TLoop>(start, Math.Min(start + TLoop.Grain, Plan->Count));
        }
    }

    private readonly struct Loop<TStep, TFormula, T, V, S> : ISegmentLoop
        where TStep : IElementStep where TFormula : IFormula where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        public static int Grain => TFormula.IsCostly ? CostlyGrain : CheapGrain;

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
            while (to < lastTo)
            {
                TStep.Store<T, V, S>(to, TStep.Compute<T, V, S>(a, b, c));
                a += stepA;
                b += stepB;
                c += stepC;
                to += stepTo;
            }
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
