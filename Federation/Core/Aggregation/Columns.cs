using System.Numerics.Tensors;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>Work on all clients' values of the same elements: tile by tile, in double precision, on every core.</summary>
internal static class Columns
{
    /// <summary>Elements a thread takes at a time: 32 tiles.</summary>
    private const int PieceSize = 32 * ColumnTile.Size;

    /// <summary>Does something with the clients' values of elements, one row a client.</summary>
    /// <param name="rows">One after the other, each of <paramref name="width"/> doubles.</param>
    /// <param name="width">Elements in the tile.</param>
    /// <param name="result">Where the tile's results go.</param>
    public delegate void TileWork(Span<double> rows, int width, Span<double> result);

    /// <summary>A model each element of which is worked from the clients' values of that element.</summary>
    /// <remarks>
    /// Results are rounded once to the tensor's type; those of integer tensors half to even, those of bool tensors to 1 from above ½.
    /// The work must commute with adding a number to all of an element's values, see <see cref="ColumnTile"/>.
    /// </remarks>
    public static Parameters Map(IReadOnlyList<IReadOnlyList<NdArray>> models, TileWork work) => new(models[0].Select((like, i) =>
        like.Filled(result => Run([.. models.Select(model => model[i].Widened())], result, work))).ToArray());

    /// <summary>Sums a quantity of some doubles over all elements, in an order that does not depend on the threads.</summary>
    /// <param name="models">The clients' models.</param>
    /// <param name="size">How many doubles each tile adds.</param>
    /// <param name="work">Adds a tile's part to its last argument.</param>
    public static double[] Sum(IReadOnlyList<IReadOnlyList<NdArray>> models, int size, TileWork work)
    {
        var sums = new double[size];
        for (var i = 0; i < models[0].Count; i++)
        {
            NdArray[] arrays = [.. models.Select(model => model[i].Widened())];
            var pieces = new double[Pieces(arrays[0].Count)][];
            Each(arrays[0].Count, arrays.Length, (piece, start, width, tile) =>
                work(tile.Load(arrays, start, width), width, pieces[piece] ??= new double[size]));
            GC.KeepAlive(arrays);
            foreach (var piece in pieces) TensorPrimitives.Add(sums, piece, sums);
        }
        return sums;
    }

    private static void Run(NdArray[] arrays, NdArray result, TileWork work)
    {
        Each(result.Count, arrays.Length, (_, start, width, tile) =>
        {
            Span<double> made = stackalloc double[ColumnTile.Size];
            work(tile.Load(arrays, start, width), width, made[..width]);
            tile.Store(made[..width], result, start);
        });
        GC.KeepAlive(arrays);
        GC.KeepAlive(result);
    }

    private delegate void PieceWork(int piece, int start, int width, ColumnTile tile);

    private static int Pieces(long count) => (int)((count + PieceSize - 1) / PieceSize);

    private static void Each(long count, int clients, PieceWork work)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = CpuDevice.Threads };
        Parallel.For(0, Pieces(count), options, () => new ColumnTile(clients), (piece, _, tile) =>
        {
            var end = (int)Math.Min(count, (piece + 1L) * PieceSize);
            for (var start = piece * PieceSize; start < end; start += ColumnTile.Size)
            {
                work(piece, start, Math.Min(ColumnTile.Size, end - start), tile);
            }
            return tile;
        }, static _ => { });
    }
}
