using ManagedFed.Devices;

namespace ManagedFed.Kernels;

/// <summary>Work over numbered items of which any range can be done alone, with the same result.</summary>
internal interface IRangeBody
{
    void Run(nint start, nint end);
}

/// <summary>Cuts a range of items into pieces for the worker pool.</summary>
internal static class Pieces
{
    /// <summary>Elements to a piece: some 20 µs of work, far above the cost of handing it out.</summary>
    private const nint PieceCost = 1 << 15;

    /// <summary>Runs the body over 0 … items-1; <paramref name="cost"/> is the number of elements that one item touches.</summary>
    public static void Run<TBody>(nint items, nint cost, ref TBody body) where TBody : unmanaged, IRangeBody
    {
        var perPiece = nint.Max(PieceCost / nint.Max(cost, 1), 1);
        perPiece = nint.Max(perPiece, (items + (1 << 20) - 1) >> 20);
        if (items <= perPiece)
        {
            body.Run(0, items);
            return;
        }
        var pieces = new Body<TBody>(items, perPiece, body);
        WorkerPool.Shared.Run((int)((items + perPiece - 1) / perPiece), ref pieces);
    }

    private struct Body<TBody>(nint items, nint perPiece, TBody body) : IParallelBody where TBody : unmanaged, IRangeBody
    {
        public readonly void Run(int index, int worker) => body.Run(index * perPiece, nint.Min((index + 1) * perPiece, items));
    }
}
