using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ManagedFed.Devices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>A matrix in memory: element (i, j) is at <c>Pointer[i·RowStride + j·ColumnStride]</c>.</summary>
internal readonly unsafe record struct MatrixView<T>(nint Pointer, nint RowStride, nint ColumnStride) where T : unmanaged
{
    public T* At(nint row, nint column) => (T*)Pointer + row * RowStride + column * ColumnStride;
}

/// <summary>The leading axes of a batched product; the arrays hold <see cref="Rank"/> entries each.</summary>
internal unsafe struct BatchAxes
{
    public int Rank, Count;
    public fixed int Sizes[Shape.MaxRank];
    public fixed long StridesA[Shape.MaxRank], StridesB[Shape.MaxRank];
}

/// <summary>What to do: C = epilogue(A·B) for matrices of M×K and K×N, C dense.</summary>
internal unsafe struct GemmProduct<T, TEpilogue> where T : unmanaged where TEpilogue : unmanaged, IEpilogue<T>
{
    public MatrixView<T> A, B;
    public T* C;
    public nint M, N, K;
    public TEpilogue Epilogue;
    public BatchAxes Batch;

    /// <summary>True to stay on the calling thread.</summary>
    public bool IsAlone;

    /// <summary>True to add to what is in C; not for vectors.</summary>
    public bool Accumulate;
}

/// <summary>
/// A product in blocks of C, each with all of its K in order, so that the result is the same to the bit for every number of threads.
/// </summary>
/// <remarks>
/// After K. Goto and R. A. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008.
/// The operands' parts in the loops are exchanged: a panel of A stays in L1 while the block of B streams past it from L2. Panels
/// are packed when first used, and not at all where a tile can read the operand as it lies.
/// </remarks>
internal unsafe struct GemmBlocks<T, TKernel, TEpilogue>(in GemmProduct<T, TEpilogue> product) : IParallelBody
    where T : unmanaged where TKernel : struct, IGemmKernel<T> where TEpilogue : unmanaged, IEpilogue<T>
{
    private readonly GemmProduct<T, TEpilogue> product = product;

    // Blocks of C: their size, and how many of them cover it.
    private nint blockRows, blockColumns;
    private int gridRows, gridColumns;

    // How one block is gone through: the sizes of its loops, what is packed, and the bytes it packs into.
    private nint mc, nc, kc, bytesA, bytesB, scratchBytes;
    private bool packA, packB;
    private byte* scratch;

    // A panel of A takes half of a 48 KiB L1, a block of eight panels of B half of L2 (1 MiB with AVX-512, 512 KiB with AVX2), a
    // block of A a part of L3. A smaller depth would cost more than it saves, as C is read and written once for each KC of it.
    private const int KC = 512, BytesOfA = 4 << 20, PanelsOfB = 8;

    // A panel of B in place must serve few tiles, a panel of A in place few of B's panels or lie close together.
    private const int TilesInPlace = 12, PanelsInPlace = 8;

    // Rows so many bytes apart fall into few sets of the caches: nothing of a panel in place is left there for the next tile, and
    // beyond a page not even for the next column.
    private const int Apart = 2048, FarApart = 4096, FewRows = 6;

    // Below the first, waking another thread costs more than it saves; the second leaves pieces to balance unequal cores.
    private const double ParallelFlops = 3e6, PieceFlops = 16e6;

    /// <summary>Runs all blocks.</summary>
    public void Run()
    {
        if (product.M == 0 || product.N == 0 || product.Batch.Count == 0) return;
        var flops = 2.0 * product.M * product.N * Math.Max(product.K, 1) * product.Batch.Count;
        var threads = product.IsAlone || flops < ParallelFlops ? 1 : WorkerPool.Shared.Available;
        Divide(threads == 1 ? 1 : Math.Clamp(flops / PieceFlops, threads, 4 * threads) / product.Batch.Count);
        Plan();
        var pieces = checked(product.Batch.Count * gridRows * gridColumns);
        // Rented here and not by the pieces: how many of them run at once is not known, and their threads keep no blocks warm.
        var workers = Math.Min(threads, pieces);
        var block = BlockPool.Shared.Rent(workers * scratchBytes);
        scratch = block.Pointer;
        WorkerPool.Shared.Run(pieces, workers, ref this);
        BlockPool.Shared.Return(block);
    }

    /// <summary>Cuts C along whole tiles into at least so many blocks, as far as it has tiles.</summary>
    private void Divide(double wanted)
    {
        nint tileRows = (product.M + TKernel.MR - 1) / TKernel.MR, tileColumns = (product.N + TKernel.NR - 1) / TKernel.NR;
        var (rows, columns) = (tileRows, tileColumns);
        while (true)
        {
            gridRows = (int)((tileRows + rows - 1) / rows);
            gridColumns = (int)((tileColumns + columns - 1) / columns);
            if ((double)gridRows * gridColumns >= wanted) break;
            if (rows > 1 && rows * TKernel.MR >= columns * TKernel.NR) rows = (rows + 1) / 2;
            else if (columns > 1) columns = (columns + 1) / 2;
            else if (rows > 1) rows = (rows + 1) / 2;
            else break;
        }
        blockRows = rows * TKernel.MR;
        blockColumns = columns * TKernel.NR;
    }

    /// <summary>Sizes the loops for the largest block; the smaller ones at the edges follow the same plan.</summary>
    private void Plan()
    {
        int mr = TKernel.MR, nr = TKernel.NR;
        kc = Even(product.K, KC, 8);
        mc = Even(blockRows, BytesOfA / sizeof(T) / kc, mr);
        nc = Even(blockColumns, PanelsOfB * nr, nr);

        // A packed panel costs one more pass over its elements and saves strided reading once for each tile that uses it.
        bool rowsRun = product.A.ColumnStride == 1, columnsRun = product.A.RowStride == 1;
        packA = !TKernel.ReadsStridedA ? !columnsRun
            : !(rowsRun || columnsRun) || blockColumns > PanelsInPlace * nr && (columnsRun || product.A.RowStride * sizeof(T) >= Apart);
        packB = product.B.ColumnStride != 1 || Math.Min(product.M, blockRows) > RowsInPlace(product.B.RowStride * sizeof(T));
        bytesA = (packA ? mc + mr : mr) * kc * sizeof(T);
        bytesB = (packB ? nc : nr) * kc * sizeof(T);
        scratchBytes = Math.Max(bytesA + bytesB + mr * nr * sizeof(T), product.K * sizeof(T));
        scratchBytes = (scratchBytes + Block.LineSize - 1) / Block.LineSize * Block.LineSize;
    }

    /// <summary>How many rows of C are served best by panels of B where they lie, given the bytes between two rows of B.</summary>
    private static int RowsInPlace(nint apart) => apart switch
    {
        >= FarApart => FewRows,
        >= Apart => TKernel.MR,
        _ => TilesInPlace * TKernel.MR,
    };

    /// <summary>One block of C of one matrix of the batch.</summary>
    public void Run(int index, int worker)
    {
        var own = scratch + worker * scratchBytes;
        var (batch, block) = Math.DivRem(index, gridRows * gridColumns);
        var (a, b) = (product.A, product.B);
        nint offsetA = 0, offsetB = 0;
        var rest = batch;
        for (var axis = product.Batch.Rank - 1; axis >= 0; axis--)
        {
            (rest, var i) = Math.DivRem(rest, product.Batch.Sizes[axis]);
            offsetA += i * (nint)product.Batch.StridesA[axis];
            offsetB += i * (nint)product.Batch.StridesB[axis];
        }
        var (i0, j0) = (block / gridColumns * blockRows, block % gridColumns * blockColumns);
        a = a with { Pointer = (nint)(product.A.At(i0, 0) + offsetA) };
        b = b with { Pointer = (nint)(product.B.At(0, j0) + offsetB) };
        var (m, n, row) = (Math.Min(blockRows, product.M - i0), Math.Min(blockColumns, product.N - j0), batch * product.M + i0);
        var turned = new MatrixView<T>(b.Pointer, b.ColumnStride, b.RowStride);
        if (product.Accumulate) Tiles(a, b, m, n, row, j0, own);
        else if (product.N == 1 && (a.RowStride == 1 || a.ColumnStride == 1)) Vector(a, turned, m, down: true, row, j0, (T*)own);
        else if (product.M == 1 && (b.RowStride == 1 || b.ColumnStride == 1)) Vector(turned, a, n, down: false, row, j0, (T*)own);
        else Tiles(a, b, m, n, row, j0, own);
    }

    /// <summary>A block that is one row or one column: a matrix times the vector in the first row of <paramref name="x"/>.</summary>
    private readonly void Vector(MatrixView<T> matrix, MatrixView<T> x, nint rows, bool down, nint row, nint column, T* own)
    {
        var vector = x.At(0, 0);
        if (x.ColumnStride != 1)
        {
            for (nint k = 0; k < product.K; k++) own[k] = *x.At(0, k);
            vector = own;
        }
        var dst = product.C + row * product.N + column;
        if (Vector256.IsHardwareAccelerated)
        {
            MatVec.Run<T, Vector256<T>, Simd256<T>, TEpilogue>(matrix, vector, dst, rows, product.K, down, product.Epilogue, row, column);
        }
        else
        {
            MatVec.Run<T, Vector128<T>, Simd128<T>, TEpilogue>(matrix, vector, dst, rows, product.K, down, product.Epilogue, row, column);
        }
    }

    /// <summary>The five loops over one block of m×n elements of C, which starts at (row, column).</summary>
    private readonly void Tiles(MatrixView<T> a, MatrixView<T> b, nint m, nint n, nint row, nint column, byte* own)
    {
        var nr = TKernel.NR;
        var rowsRun = a.ColumnStride == 1;
        T* scratchA = (T*)own, scratchB = (T*)(own + bytesA), buffer = (T*)(own + bytesA + bytesB);
        var c = product.C + row * product.N + column;

        // 5. Rows of A and C, so that a packed block of A stays in the outermost cache.
        for (nint ic = 0; ic < m; ic += mc)
        {
            var endRow = Math.Min(ic + mc, m);
            // 4. Depth, in order: columns of A and rows of B, so that one panel of A stays in L1.
            for (nint pc = 0; pc == 0 || pc < product.K; pc += kc)
            {
                var depth = Math.Min(kc, product.K - pc);
                var accumulate = pc != 0 || product.Accumulate;
                // 3. Columns of B and C, so that a block of B stays in L2.
                for (nint jc = 0; jc < n; jc += nc)
                {
                    var endColumn = Math.Min(jc + nc, n);
                    // The columns from here on are packed: all, or those of a panel that overhangs.
                    var packed = packB ? jc : endColumn - (endColumn - jc) % nr;
                    Pack.Panels(b.At(pc, packed), b.ColumnStride, b.RowStride, endColumn - packed, depth, scratchB, nr);
                    // 2. Rows of the block of A: one panel.
                    int height;
                    for (var ir = ic; ir < endRow; ir += height)
                    {
                        height = TKernel.Rows(endRow - ir);
                        var rows = (int)Math.Min(height, endRow - ir);
                        var panelA = a.At(ir, pc);
                        var (rsa, csa) = (a.RowStride, a.ColumnStride);
                        if (packA || rows < height)
                        {
                            panelA = scratchA + (packA ? (ir - ic) * kc : 0);
                            var stale = jc == 0 || !packA;
                            // A tile that reads A by elements takes it row by row as well, and rows are copied faster.
                            if (TKernel.ReadsStridedA && rowsRun)
                            {
                                (rsa, csa) = (depth, 1);
                                if (stale) Pack.Panel(a.At(ir, pc), 1, a.RowStride, (int)depth, rows, panelA, (int)depth);
                            }
                            else
                            {
                                (rsa, csa) = (1, height);
                                if (stale) Pack.Panel(a.At(ir, pc), a.RowStride, a.ColumnStride, rows, depth, panelA, height);
                            }
                        }
                        // 1. Columns of the block of B: one tile.
                        for (var jr = jc; jr < endColumn; jr += nr)
                        {
                            var columns = (int)Math.Min(nr, endColumn - jr);
                            var panelB = jr < packed ? b.At(pc, jr) : scratchB + (jr - packed) * depth;
                            var strideB = jr < packed ? b.RowStride : nr;
                            var tile = c + ir * product.N + jr;
                            if (pc + depth < product.K)
                            {
                                Tile(height, rows, columns, depth, panelA, rsa, csa, panelB, strideB, tile, accumulate, buffer, default(Product<T>), 0, 0);
                            }
                            else
                            {
                                Tile(height, rows, columns, depth, panelA, rsa, csa, panelB, strideB, tile, accumulate, buffer, product.Epilogue, row + ir, column + jr);
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>A whole tile goes straight to C, one that overhangs by way of a buffer.</summary>
    private readonly void Tile<TFinish>(
        int height, int rows, int columns, nint depth, T* a, nint rsa, nint csa, T* b, nint rsb, T* c, bool accumulate, T* buffer,
        TFinish epilogue, nint row, nint column) where TFinish : unmanaged, IEpilogue<T>
    {
        if (rows == height && columns == TKernel.NR)
        {
            // Here and not in the kernels, whose sums would no longer fit what the compiler is ready to inline.
            TileMath.Prefetch(c, product.N, rows, TKernel.NR);
            TKernel.Tile(height, depth, a, rsa, csa, b, rsb, c, product.N, accumulate, epilogue, row, column);
            return;
        }
        if (accumulate)
        {
            for (var i = 0; i < rows; i++)
            {
                for (var j = 0; j < columns; j++) buffer[i * TKernel.NR + j] = c[i * product.N + j];
            }
        }
        TKernel.Tile(height, depth, a, rsa, csa, b, rsb, buffer, TKernel.NR, accumulate, default(Product<T>), 0, 0);
        TileMath.StoreBlock<T, Vector128<T>, Simd128<T>, TFinish>(buffer, TKernel.NR, c, product.N, rows, columns, epilogue, row, column);
    }

    /// <summary>The size of equal parts of at most <paramref name="limit"/>, rounded up to a multiple of <paramref name="unit"/>.</summary>
    private static nint Even(nint size, nint limit, nint unit)
    {
        var parts = Math.Max(1, (size + limit - 1) / limit);
        return Math.Max(unit, ((size + parts - 1) / parts + unit - 1) / unit * unit);
    }
}
