using System.Numerics;
using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>Keeps a round's models until all have come, for rules that must see them side by side; memory grows with the clients.</summary>
/// <param name="state">The round.</param>
/// <param name="combine">Makes the next model of the results, in the order of the tasks; never called without any.</param>
internal sealed class Cohort(RoundState state, Func<RoundState, IReadOnlyList<FitResult>, Parameters?> combine) : FitAggregation
{
    private readonly SortedDictionary<int, FitResult> results = [];

    public override void Add(int place, FitResult result) => results.Add(place, result);

    public override Parameters? Complete(IReadOnlyList<ClientFailure> failures) => results.Count == 0 ? null : combine(state, [.. results.Values]);
}

/// <summary>Work on all clients' values of the same elements: tile by tile, in double precision, on every core.</summary>
internal static class Columns
{
    /// <summary>Elements of one tile; ten clients' tiles of doubles lie in the first-level cache.</summary>
    private const int TileSize = 512;

    /// <summary>Tiles a thread takes at a time.</summary>
    private const int TilesPerPiece = 32;

    /// <summary>Does something with the clients' values of elements, one row a client.</summary>
    /// <param name="rows">One after the other, each of <paramref name="width"/> doubles.</param>
    /// <param name="width">Elements in the tile.</param>
    /// <param name="result">Where the tile's results go.</param>
    public delegate void TileWork(Span<double> rows, int width, Span<double> result);

    /// <summary>A model each element of which is worked from the clients' values of that element.</summary>
    /// <remarks>Results are rounded once to the tensor's type; those of integer tensors half to even, those of bool tensors to 1 from above ½.</remarks>
    public static Parameters Map(IReadOnlyList<IReadOnlyList<NdArray>> models, TileWork work) => new([.. models[0].Select((like, i) =>
    {
        var result = NdArray.Empty(like.Shape, like.DType);
        Run([.. models.Select(model => model[i].Contiguous())], result, work);
        return result;
    })]);

    /// <summary>Sums a quantity of some doubles over all elements, in an order that does not depend on the threads.</summary>
    /// <param name="models">The clients' models.</param>
    /// <param name="size">How many doubles each tile adds.</param>
    /// <param name="work">Adds a tile's part to its last argument.</param>
    public static double[] Sum(IReadOnlyList<IReadOnlyList<NdArray>> models, int size, TileWork work)
    {
        var sums = new double[size];
        for (var i = 0; i < models[0].Count; i++)
        {
            NdArray[] arrays = [.. models.Select(model => model[i].Contiguous())];
            var pieces = new double[Pieces(arrays[0].Count)][];
            Each(arrays[0].Count, arrays.Length, (piece, start, width, rows) =>
            {
                Load(arrays, start, width, rows);
                work(rows, width, pieces[piece] ??= new double[size]);
            });
            GC.KeepAlive(arrays);
            foreach (var piece in pieces) TensorPrimitives.Add(sums, piece, sums);
        }
        return sums;
    }

    private static void Run(NdArray[] arrays, NdArray result, TileWork work)
    {
        Each(result.Count, arrays.Length, (_, start, width, rows) =>
        {
            Load(arrays, start, width, rows);
            Span<double> made = stackalloc double[TileSize];
            work(rows, width, made[..width]);
            Store(made[..width], result, start);
        });
        GC.KeepAlive(arrays);
        GC.KeepAlive(result);
    }

    private delegate void PieceWork(int piece, int start, int width, Span<double> rows);

    private static int Pieces(long count) => (int)((count + TileSize * TilesPerPiece - 1) / (TileSize * TilesPerPiece));

    private static void Each(long count, int clients, PieceWork work)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = CpuDevice.Threads };
        Parallel.For(0, Pieces(count), options, () => new double[clients * TileSize], (piece, _, rows) =>
        {
            var end = (int)Math.Min(count, (piece + 1L) * TileSize * TilesPerPiece);
            for (var start = piece * TileSize * TilesPerPiece; start < end; start += TileSize)
            {
                var width = Math.Min(TileSize, end - start);
                work(piece, start, width, rows.AsSpan(0, clients * width));
            }
            return rows;
        }, static _ => { });
    }

    private static void Load(NdArray[] arrays, int start, int width, Span<double> rows)
    {
        for (var k = 0; k < arrays.Length; k++)
        {
            var row = rows.Slice(k * width, width);
            switch (arrays[k].DType)
            {
                case DType.Float32: Load<float>(arrays[k], start, row); break;
                case DType.Float64: arrays[k].Elements<double>().Slice(start, width).CopyTo(row); break;
                case DType.Int32: Load<int>(arrays[k], start, row); break;
                case DType.Int64: Load<long>(arrays[k], start, row); break;
                case DType.UInt32: Load<uint>(arrays[k], start, row); break;
                case DType.UInt8 or DType.Bool: Load<byte>(arrays[k], start, row); break;
                default: throw Unsupported(arrays[k]);
            }
        }
    }

    private static void Load<T>(NdArray array, int start, Span<double> row) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertTruncating<T, double>(array.Elements<T>().Slice(start, row.Length), row);

    private static void Store(Span<double> made, NdArray result, int start)
    {
        if (!result.DType.IsFloating()) TensorPrimitives.Round(made, MidpointRounding.ToEven, made);
        switch (result.DType)
        {
            case DType.Float32: Store<float>(made, result, start); break;
            case DType.Float64: made.CopyTo(result.Elements<double>()[start..]); break;
            case DType.Int32: Store<int>(made, result, start); break;
            case DType.Int64: Store<long>(made, result, start); break;
            case DType.UInt32: Store<uint>(made, result, start); break;
            case DType.UInt8 or DType.Bool: Store<byte>(made, result, start); break;
            default: throw Unsupported(result);
        }
    }

    private static void Store<T>(Span<double> made, NdArray result, int start) where T : unmanaged, INumberBase<T> =>
        TensorPrimitives.ConvertSaturating<double, T>(made, result.Elements<T>().Slice(start, made.Length));

    private static NotSupportedException Unsupported(NdArray array) =>
        new($"[strategy] tensors of {array.DType.Name()} are not compared across clients; send them as float32");
}

/// <summary>Sorts the rows of a tile against each other: afterwards each column grows from the first row to the last.</summary>
internal static class ColumnSort
{
    /// <summary>Batcher's merge exchange (Knuth, The Art of Computer Programming 3, 5.2.2, algorithm M), a whole row at each step.</summary>
    public static void Sort(Span<double> rows, int width)
    {
        var count = rows.Length / width;
        if (count < 2) return;
        var top = 1 << BitOperations.Log2((uint)count - 1);
        for (var p = top; p > 0; p >>= 1)
        {
            var (q, r, d) = (top, 0, p);
            while (true)
            {
                for (var i = 0; i < count - d; i++)
                {
                    if ((i & p) == r) Exchange(rows.Slice(i * width, width), rows.Slice((i + d) * width, width));
                }
                if (q == p) break;
                (d, q, r) = (q - p, q >> 1, p);
            }
        }
    }

    private static void Exchange(Span<double> low, Span<double> high)
    {
        var i = 0;
        for (; i <= low.Length - Vector<double>.Count; i += Vector<double>.Count)
        {
            var (a, b) = (new Vector<double>(low[i..]), new Vector<double>(high[i..]));
            Vector.Min(a, b).CopyTo(low[i..]);
            Vector.Max(a, b).CopyTo(high[i..]);
        }
        for (; i < low.Length; i++) (low[i], high[i]) = (Math.Min(low[i], high[i]), Math.Max(low[i], high[i]));
    }
}
