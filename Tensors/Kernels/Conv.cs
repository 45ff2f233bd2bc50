using System.Numerics;
using ManagedFed.Devices;

namespace ManagedFed.Kernels;

/// <summary>Convolutions of images and their two gradients, each a matrix product over windows that are laid out block by block.</summary>
/// <remarks>
/// A block of windows fits into L2 beside the weights, so the matrix of all windows never exists. Blocks and partial sums
/// depend on the sizes alone: results are the same to the bit for every number of threads. All arrays are contiguous, float32
/// or float64.
/// </remarks>
internal static unsafe class Conv
{
    /// <summary>results[n, i, j, o] = Σ images[n, i·stride − padding + k·dilation, …, c]·weights[o, k, …, c] + bias[o].</summary>
    public static void Forward(in ConvWindow window, NdArray images, NdArray weights, NdArray? bias, NdArray results)
    {
        var shape = ConvShape.Of(window, images.Shape, weights.Shape, results.Shape);
        if (results.DType == DType.Float32) Forward<float>(shape, images, weights, bias, results, backward: false);
        else Forward<double>(shape, images, weights, bias, results, backward: false);
    }

    /// <summary>The product of windows and weights, whose rows are turned into columns first, or for <paramref name="backward"/> flipped.</summary>
    private static void Forward<T>(ConvShape shape, NdArray images, NdArray weights, NdArray? bias, NdArray results, bool backward) where T : unmanaged
    {
        var matrix = BlockPool.Shared.Rent(Math.Max(1, (nint)shape.O * shape.Depth * sizeof(T)));
        if (backward) ConvPatches.Flip(shape, (T*)weights.Pointer, (T*)matrix.Pointer);
        else ConvPatches.Turn(shape, (T*)weights.Pointer, (T*)matrix.Pointer);
        Run<T, ForwardBlock<T>>(shape, images, (T*)matrix.Pointer, bias, results);
        BlockPool.Shared.Return(matrix);
        GC.KeepAlive(weights);
    }

    /// <summary>The gradient for the images, given that of the results.</summary>
    public static void ImageGradient(in ConvWindow window, NdArray gradients, NdArray weights, NdArray images)
    {
        var shape = ConvShape.Of(window, images.Shape, weights.Shape, gradients.Shape);
        if (shape.Backward is { } backward)
        {
            if (images.DType == DType.Float32) Forward<float>(backward, gradients, weights, null, images, backward: true);
            else Forward<double>(backward, gradients, weights, null, images, backward: true);
            return;
        }
        images.Fill(0);
        if (images.DType == DType.Float32) Run<float, ImageBlock<float>>(shape, gradients, (float*)weights.Pointer, null, images);
        else Run<double, ImageBlock<double>>(shape, gradients, (double*)weights.Pointer, null, images);
        GC.KeepAlive(weights);
    }

    /// <summary>The gradient for the weights, given that of the results.</summary>
    public static void WeightGradient(in ConvWindow window, NdArray gradients, NdArray images, NdArray weights)
    {
        var shape = ConvShape.Of(window, images.Shape, weights.Shape, gradients.Shape);
        if (weights.DType == DType.Float32) WeightGradient<float>(shape, gradients, images, weights);
        else WeightGradient<double>(shape, gradients, images, weights);
    }

    /// <summary>How a computation is cut into blocks that can be computed in any order.</summary>
    private interface IBlock<T> where T : unmanaged
    {
        static abstract int Count(in ConvShape shape);

        /// <summary>Numbers that a thread needs room for.</summary>
        static abstract nint Scratch(in ConvShape shape);

        static abstract void Run(in Job<T> job, int index, T* scratch);
    }

    private struct Job<T> where T : unmanaged
    {
        public ConvShape Shape;
        public T* A, B, Bias, Result;
    }

    private struct Blocks<T, TBlock> : IParallelBody where T : unmanaged where TBlock : IBlock<T>
    {
        public Job<T> Job;
        public T* Scratch;
        public nint ScratchStep;

        public readonly void Run(int index, int worker) => TBlock.Run(Job, index, Scratch + worker * ScratchStep);
    }

    private static void Run<T, TBlock>(ConvShape shape, NdArray a, T* b, NdArray? bias, NdArray result) where T : unmanaged where TBlock : IBlock<T>
    {
        var count = TBlock.Count(shape);
        if (count == 0) return;
        var workers = Math.Min(WorkerPool.Shared.Available, count);
        var bytes = (TBlock.Scratch(shape) * sizeof(T) + Block.LineSize - 1) / Block.LineSize * Block.LineSize;
        var scratch = BlockPool.Shared.Rent(workers * bytes);
        var blocks = new Blocks<T, TBlock>
        {
            Job = new()
            {
                Shape = shape,
                A = (T*)a.Pointer,
                B = b,
                Bias = bias is null ? null : (T*)bias.Pointer,
                Result = (T*)result.Pointer,
            },
            Scratch = (T*)scratch.Pointer,
            ScratchStep = bytes / sizeof(T),
        };
        WorkerPool.Shared.Run(count, workers, ref blocks);
        BlockPool.Shared.Return(scratch);
        GC.KeepAlive(a);
        GC.KeepAlive(bias);
        GC.KeepAlive(result);
    }

    /// <summary>Windows of a block: their numbers fill half of a 1 MiB L2.</summary>
    private static int BlockWindows<T>(in ConvShape shape) where T : unmanaged =>
        Math.Clamp(512 * 1024 / (Math.Max(shape.Depth, 1) * sizeof(T)) / 12 * 12, 48, 768);

    /// <summary>True when windows are laid out column by column.</summary>
    private static bool InColumns(in ConvShape shape) => shape.C == 1 && shape.Window.Stride.Columns == 1;

    /// <summary>A block of windows, as a matrix of one row for each.</summary>
    private static MatrixView<T> Windows<T>(in ConvShape shape, T* images, int group, nint first, nint count, T* memory) where T : unmanaged
    {
        if (InColumns(shape))
        {
            ConvPatches.GatherColumns(shape, images, first, count, memory);
            return new((nint)memory, 1, count);
        }
        ConvPatches.Gather(shape, images, group, first, count, memory);
        return new((nint)memory, shape.Depth, 1);
    }

    private struct ForwardBlock<T> : IBlock<T> where T : unmanaged
    {
        public static int Count(in ConvShape shape) => (int)(((nint)shape.N * shape.Places + BlockWindows<T>(shape) - 1) / BlockWindows<T>(shape));

        public static nint Scratch(in ConvShape shape) => (nint)BlockWindows<T>(shape) * (shape.Depth + (shape.G > 1 ? shape.GroupO : 0));

        public static void Run(in Job<T> job, int index, T* memory)
        {
            ref readonly var shape = ref job.Shape;
            nint size = BlockWindows<T>(shape), first = index * size;
            var count = nint.Min(size, (nint)shape.N * shape.Places - first);
            for (var group = 0; group < shape.G; group++)
            {
                var windows = Windows(shape, job.A, group, first, count, memory);
                var weights = new MatrixView<T>((nint)(job.B + (nint)group * shape.GroupO * shape.Depth), shape.GroupO, 1);
                var bias = job.Bias is null ? null : job.Bias + group * shape.GroupO;
                var dense = shape.G == 1;
                var to = dense ? job.Result + first * shape.O : memory + size * shape.Depth;
                Gemm.RunAlone(windows, weights, bias, to, count, shape.GroupO, shape.Depth);
                if (!dense) Spread(to, shape.GroupO, job.Result + first * shape.O + group * shape.GroupO, shape.O, count, shape.GroupO);
            }
        }
    }

    /// <summary>Blocks of whole images, so that no two threads add to one.</summary>
    private struct ImageBlock<T> : IBlock<T> where T : unmanaged, INumber<T>
    {
        public static int Count(in ConvShape shape) => shape.N;

        public static nint Scratch(in ConvShape shape) => (nint)BlockWindows<T>(shape) * shape.Depth;

        public static void Run(in Job<T> job, int index, T* memory)
        {
            ref readonly var shape = ref job.Shape;
            nint size = BlockWindows<T>(shape);
            for (nint place = 0; place < shape.Places; place += size)
            {
                nint first = (nint)index * shape.Places + place, count = nint.Min(size, shape.Places - place);
                for (var group = 0; group < shape.G; group++)
                {
                    var gradients = new MatrixView<T>((nint)(job.A + first * shape.O + group * shape.GroupO), shape.O, 1);
                    var weights = new MatrixView<T>((nint)(job.B + (nint)group * shape.GroupO * shape.Depth), shape.Depth, 1);
                    Gemm.RunAlone(gradients, weights, null, memory, count, shape.Depth, shape.GroupO);
                    ConvPatches.Scatter(shape, memory, group, first, count, job.Result);
                }
            }
        }
    }

    /// <summary>Sums over some blocks of windows each, added up in order afterwards.</summary>
    private struct WeightBlock<T> : IBlock<T> where T : unmanaged, INumber<T>
    {
        // A fixed number, whatever the threads; each has the weights' size once more.
        private const int Most = 8;

        public static int Count(in ConvShape shape) => (int)nint.Min(Most, ((nint)shape.N * shape.Places + BlockWindows<T>(shape) - 1) / BlockWindows<T>(shape));

        public static nint Scratch(in ConvShape shape) => (nint)BlockWindows<T>(shape) * shape.Depth;

        public static void Run(in Job<T> job, int index, T* memory)
        {
            ref readonly var shape = ref job.Shape;
            nint size = BlockWindows<T>(shape), all = (nint)shape.N * shape.Places, weights = (nint)shape.GroupO * shape.Depth;
            nint blocks = (all + size - 1) / size, sums = Count(shape);
            for (var group = 0; group < shape.G; group++)
            {
                var sum = job.Result + (index * shape.G + group) * weights;
                for (var block = index * blocks / sums; block < (index + 1) * blocks / sums; block++)
                {
                    nint first = block * size, count = nint.Min(size, all - first);
                    var windows = Windows(shape, job.B, group, first, count, memory);
                    var gradients = new MatrixView<T>((nint)(job.A + first * shape.O + group * shape.GroupO), 1, shape.O);
                    Gemm.RunAlone(gradients, windows, null, sum, shape.GroupO, shape.Depth, count, accumulate: block > index * blocks / sums);
                }
            }
        }
    }

    private static void WeightGradient<T>(ConvShape shape, NdArray gradients, NdArray images, NdArray weights) where T : unmanaged, INumber<T>
    {
        nint size = weights.Layout.Count, sums = WeightBlock<T>.Count(shape);
        if (sums == 0)
        {
            weights.Fill(0);
            return;
        }
        var partial = NdArray.Rent([(int)sums, .. weights.Shape.Sizes], weights.DType);
        Run<T, WeightBlock<T>>(shape, gradients, (T*)images.Pointer, null, partial);
        GC.KeepAlive(images);
        var (from, to) = ((nint)partial.Pointer, (nint)weights.Pointer);
        Buffer.MemoryCopy((T*)from, (T*)to, size * sizeof(T), size * sizeof(T));
        for (nint i = 1; i < sums; i++) Accumulate.Line((T*)from + i * size, (T*)to, size);
        partial.Storage.Release();
        GC.KeepAlive(weights);
    }

    private static void Spread<T>(T* from, nint fromStep, T* to, nint toStep, nint rows, nint columns) where T : unmanaged
    {
        for (nint i = 0; i < rows; i++) Buffer.MemoryCopy(from + i * fromStep, to + i * toStep, columns * sizeof(T), columns * sizeof(T));
    }
}
