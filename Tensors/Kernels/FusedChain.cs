using System.Diagnostics;
using System.Runtime.CompilerServices;
using ManagedFed.Devices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>
/// Elementwise steps over one shape, run tile by tile: a tile passes through all steps while it lies in the first-level
/// cache, and what only later steps read never leaves it.
/// </summary>
/// <remarks>
/// Each step computes what its operation computes alone, so the results are the same to the bit. An array may be written in
/// the place of one that no later step reads. One run at a time.
/// </remarks>
internal sealed unsafe class FusedChain
{
    /// <summary>Steps of one chain, and registers that they may keep a tile in.</summary>
    public const int MaxSteps = 32, MaxRegisters = 8;

    /// <summary>A tile that holds whatever a reduction of 4- or 8-byte elements reads at once.</summary>
    public const int ReductionTile = 2048;

    /// <summary>The least number of elements to a tile otherwise.</summary>
    public const int ShortestTile = 512;

    private const int CacheBytes = 24 * 1024, LongestTile = 4096;

    private readonly FusedStep[] steps;
    // The steps hold the arrays, and this object is alive during a run.
    private readonly FusedProgram.Step[] program;
    private readonly nint count, tile, grain;
    private readonly int registerBytes, scratchBytes;

    /// <param name="shape">The shape of all steps.</param>
    /// <param name="steps">In order; the arrays may be bound to other memory between runs.</param>
    /// <param name="shortestTile">At least so many elements make a tile.</param>
    public FusedChain(Shape shape, FusedStep[] steps, int shortestTile = ShortestTile)
    {
        Debug.Assert(steps.Length is > 0 and <= MaxSteps);
        this.steps = steps = FusedStep.Pair(steps);
        count = (nint)shape.Count;
        var registers = steps.Select(step => step.Destination).Where(place => place.Array is null).ToArray();
        var used = registers.Length == 0 ? 0 : registers.Max(place => place.Register) + 1;
        var widest = registers.Length == 0 ? 0 : registers.Max(place => place.DType.Size());
        Debug.Assert(used <= MaxRegisters);
        var streams = steps.SelectMany(step => step.Operands.Append(step.Destination)).Select(place => place.Array).OfType<NdArray>()
            .Where(array => array.IsContiguous).DistinctBy(array => array.Storage);
        var perElement = Math.Max(used * widest + streams.Sum(array => array.DType.Size()), 1);
        tile = Math.Clamp(CacheBytes / perElement / ShortestTile * ShortestTile, shortestTile, LongestTile);
        grain = Math.Max((nint)(1 / steps.Sum(step => 1.0 / step.Loop.Grain)) / tile * tile, tile);
        registerBytes = (int)tile * widest;
        scratchBytes = used * registerBytes;
        program = Array.ConvertAll(steps, step => new FusedProgram.Step(new(shape, step, registerBytes), step.Loop));
    }

    /// <summary>Computes all elements.</summary>
    public void Run()
    {
        Bind();
        fixed (FusedProgram.Step* pinned = program)
        {
            var body = new Pieces { Program = Program(pinned), Count = count, Grain = grain };
            if (count <= grain) body.Run(0, 0);
            else WorkerPool.Shared.Run((int)((count + grain - 1) / grain), ref body);
        }
        GC.KeepAlive(this);
    }

    /// <summary>Computes all elements, and reduces the last step's rows to one element each.</summary>
    /// <remarks>For types of 4 and 8 bytes, in a chain of tiles of at least <see cref="ReductionTile"/>.</remarks>
    /// <param name="rows">How many rows the elements make.</param>
    /// <param name="dst">Contiguous, with as many elements, of the last step's type.</param>
    public void Reduce<R>(nint rows, NdArray dst) where R : IReducer => Reduce<R>(rows, dst, SimdLevel.Best);

    internal void Reduce<R>(nint rows, NdArray dst, SimdWidth width) where R : IReducer
    {
        Bind();
        fixed (FusedProgram.Step* pinned = program)
        {
            var job = new FusedReduceJob { Program = Program(pinned), Rows = rows, Length = count / rows, Result = dst.Pointer };
            switch (dst.DType)
            {
                case DType.Int32: job.Run<R, int>(width); break;
                case DType.UInt32: job.Run<R, uint>(width); break;
                case DType.Int64: job.Run<R, long>(width); break;
                case DType.UInt64: job.Run<R, ulong>(width); break;
                case DType.Float32: job.Run<R, float>(width); break;
                default: job.Run<R, double>(width); break;
            }
        }
        GC.KeepAlive(dst);
        GC.KeepAlive(this);
    }

    private FusedProgram Program(FusedProgram.Step* pinned)
    {
        var (array, register, _) = steps[^1].Destination;
        return new()
        {
            Steps = pinned,
            StepCount = steps.Length,
            Tile = tile,
            ScratchBytes = scratchBytes,
            Result = array is null ? null : array.Pointer,
            ResultOffset = register * registerBytes,
        };
    }

    /// <summary>Points the steps at their arrays' present memory.</summary>
    private void Bind()
    {
        for (var i = 0; i < steps.Length; i++)
        {
            var (_, operands, destination) = steps[i];
            ref var plan = ref program[i].Plan;
            if (destination.Array is { } target) plan.SetDestination(target);
            for (var k = 0; k < operands.Length; k++)
            {
                if (operands[k].Array is { } array) plan.SetOperand(k, array);
            }
        }
    }

    private struct Pieces : IParallelBody
    {
        public FusedProgram Program;
        public nint Count, Grain;

        [SkipLocalsInit]
        public readonly void Run(int index, int worker)
        {
            var memory = stackalloc byte[Program.ScratchBytes + FusedProgram.Alignment];
            var scratch = FusedProgram.Aligned(memory);
            var start = index * Grain;
            Program.Run(start, nint.Min(start + Grain, Count), scratch);
        }
    }
}
