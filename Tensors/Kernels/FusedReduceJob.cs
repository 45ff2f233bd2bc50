using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>The rows of a chain's last step, each reduced to one element in the order of <see cref="ReduceJob{T}"/>.</summary>
internal unsafe struct FusedReduceJob
{
    public FusedProgram Program;
    public nint Rows, Length;
    public byte* Result;

    public readonly void Run<R, T>(SimdWidth width) where R : IReducer where T : unmanaged, INumber<T>
    {
        switch (ReduceJob<T>.WidthOf(Length, width))
        {
            case SimdWidth.Bits512: Run<R, T, Vector512<T>, Simd512<T>>(); break;
            case SimdWidth.Bits256: Run<R, T, Vector256<T>, Simd256<T>>(); break;
            default: Run<R, T, Vector128<T>, Simd128<T>>(); break;
        }
    }

    private readonly void Run<R, T, V, S>() where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        var chunk = ReduceJob<T>.ChunkLength(Length);
        var chunks = (Length + chunk - 1) / chunk;
        if (chunks == 1)
        {
            Run<R, T, V, S>(chunk, 1, (T*)Result);
            return;
        }
        var partial = BlockPool.Shared.Rent(Rows * chunks * sizeof(T));
        Run<R, T, V, S>(chunk, chunks, (T*)partial.Pointer);
        AxisPair rows = default;
        rows.Add(Rows, chunks, 1);
        new ReduceJob<T>((T*)partial.Pointer, rows, chunks, 1, 1, (T*)Result).Run<R, V, S>();
        BlockPool.Shared.Return(partial);
    }

    private readonly void Run<R, T, V, S>(nint chunk, nint chunks, T* target)
        where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        var body = new Body<R, T, V, S> { Job = this, Chunk = chunk, Chunks = chunks, Target = target };
        Pieces.Run(Rows * chunks, chunk * Program.StepCount, ref body);
    }

    /// <summary>Items are (row, chunk of it).</summary>
    private struct Body<R, T, V, S> : IRangeBody where R : IReducer where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        public FusedReduceJob Job;
        public nint Chunk, Chunks;
        public T* Target;

        [SkipLocalsInit]
        public readonly void Run(nint start, nint end)
        {
            var memory = stackalloc byte[Job.Program.ScratchBytes + FusedProgram.Alignment];
            var scratch = FusedProgram.Aligned(memory);
            var (lastRow, lastChunk) = Math.DivRem(end - 1, Chunks);
            var limit = lastRow * Job.Length + nint.Min((lastChunk + 1) * Chunk, Job.Length);
            var reader = new FusedReader<T>(Job.Program, scratch, Job.Length, limit);
            for (var item = start; item < end; item++)
            {
                var (row, index) = Math.DivRem(item, Chunks);
                var from = index * Chunk;
                Target[item] = ReduceLoops<R, T, V, S>.Row(ref reader, row * Job.Length + from, nint.Min(Chunk, Job.Length - from));
            }
        }
    }
}
