using System.Numerics;
using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>Arithmetic of updates Δ = wₖ − w over their floating tensors, in double precision.</summary>
/// <remarks>A strategy may have clients send more tensors than the model has; those are differences already.</remarks>
internal static class Updates
{
    /// <summary>Elements at a time; three such tiles of doubles lie in the first-level cache.</summary>
    private const int TileSize = 512;

    /// <summary>‖Δ‖₂; null when the two are not to be compared.</summary>
    public static double? Norm(Parameters model, Parameters update)
    {
        if (!AreAlike(model, update)) return null;
        var sum = 0.0;
        for (var i = 0; i < update.Count; i++)
        {
            if (!update.Arrays[i].DType.IsFloating()) continue;
            var (array, origin) = (update.Arrays[i].Widened(), Origin(model, i));
            sum += array.DType == DType.Float64 ? SumOfSquares<double>(array, origin) : SumOfSquares<float>(array, origin);
        }
        return Math.Sqrt(sum);
    }

    /// <summary>How many elements a model has that are measured, at least 1.</summary>
    public static long Elements(Parameters model) => Math.Max(1, model.Arrays.Where(array => array.DType.IsFloating()).Sum(array => (long)array.Count));

    /// <summary>w + factor·Δ, each element rounded once; tensors of other types stay as they are.</summary>
    public static Parameters Scale(Parameters model, Parameters update, double factor) => new([.. update.Arrays.Select((array, i) => array.DType switch
    {
        var type when !type.IsFloating() => array,
        DType.Float64 => Scale<double>(array.Widened(), Origin(model, i), factor),
        var type => Scale<float>(array.Widened(), Origin(model, i), factor).AsType(type),
    })]);

    private static bool AreAlike(Parameters model, Parameters update) =>
        model.HasArrays && update.HasArrays && update.Count >= model.Count
        && model.Arrays.Zip(update.Arrays).All(pair => pair.First.Shape == pair.Second.Shape && pair.First.DType == pair.Second.DType);

    private static NdArray? Origin(Parameters model, int i) => i < model.Count ? model.Arrays[i].Widened() : null;

    private static double SumOfSquares<T>(NdArray array, NdArray? origin) where T : unmanaged, INumberBase<T>
    {
        Span<double> delta = stackalloc double[TileSize], start = stackalloc double[TileSize];
        var sum = 0.0;
        for (var from = 0; from < array.Count; from += TileSize)
        {
            var width = (int)Math.Min(TileSize, array.Count - from);
            Load<T>(array, origin, from, delta[..width], start[..width]);
            sum += TensorPrimitives.SumOfSquares<double>(delta[..width]);
        }
        return sum;
    }

    private static NdArray Scale<T>(NdArray array, NdArray? origin, double factor) where T : unmanaged, INumberBase<T>
    {
        var result = NdArray.Empty(array.Shape, array.DType);
        Span<double> delta = stackalloc double[TileSize], start = stackalloc double[TileSize];
        for (var from = 0; from < array.Count; from += TileSize)
        {
            var width = (int)Math.Min(TileSize, array.Count - from);
            Load<T>(array, origin, from, delta[..width], start[..width]);
            TensorPrimitives.MultiplyAdd(delta[..width], factor, start[..width], delta[..width]);
            TensorPrimitives.ConvertTruncating<double, T>(delta[..width], result.Elements<T>().Slice(from, width));
        }
        return result;
    }

    /// <summary>Reads a tile of the origin (zeros without one) and of the array's distance from it.</summary>
    private static void Load<T>(NdArray array, NdArray? origin, int from, Span<double> delta, Span<double> start) where T : unmanaged, INumberBase<T>
    {
        TensorPrimitives.ConvertTruncating(array.Elements<T>().Slice(from, delta.Length), delta);
        if (origin is null) start.Clear();
        else TensorPrimitives.ConvertTruncating(origin.Elements<T>().Slice(from, start.Length), start);
        TensorPrimitives.Subtract(delta, start, delta);
        GC.KeepAlive(array);
        GC.KeepAlive(origin);
    }
}
