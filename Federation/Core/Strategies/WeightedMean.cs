using System.Runtime.InteropServices;

namespace ManagedFed.Federation;

/// <summary>
/// The mean of models weighted by their examples: w = Σ nₖ·wₖ / Σ nₖ, summed exactly as they arrive and rounded once.
/// </summary>
/// <remarks>
/// Integer tensors become the mean rounded half to even, bool tensors the weighted majority (false on a tie).
/// Memory is a fixed multiple of one model, see <see cref="ExactSum"/>.
/// </remarks>
internal sealed class WeightedMean(IReadOnlyList<NdArray> like) : FitAggregation
{
    private readonly object[] sums =
        [.. like.Select(array => array.DType.IsFloating() ? new ExactSum(array.Count) : (object)new IntegerSum(array.Count))];
    private long total;

    /// <inheritdoc/>
    public override void Add(int place, FitResult result)
    {
        var (arrays, weight) = (result.Parameters.Arrays, result.NumExamples);
        total += weight;
        for (var i = 0; i < sums.Length; i++)
        {
            var array = arrays[i].Contiguous();
            switch (array.DType)
            {
                case DType.Float32: ((ExactSum)sums[i]).Add(array.Elements<float>(), weight); break;
                case DType.Float64: ((ExactSum)sums[i]).Add(array.Elements<double>(), weight); break;
                case DType.Int32: ((IntegerSum)sums[i]).Add<int>(array.Elements<int>(), weight); break;
                case DType.Int64: ((IntegerSum)sums[i]).Add<long>(array.Elements<long>(), weight); break;
                case DType.UInt32: ((IntegerSum)sums[i]).Add<uint>(array.Elements<uint>(), weight); break;
                case DType.UInt8: ((IntegerSum)sums[i]).Add<byte>(array.Elements<byte>(), weight); break;
                default: ((IntegerSum)sums[i]).Add<byte>(MemoryMarshal.Cast<bool, byte>(array.Elements<bool>()), weight); break;
            }
            GC.KeepAlive(array);
        }
    }

    /// <inheritdoc/>
    public override Parameters? Complete(IReadOnlyList<ClientFailure> failures) =>
        total == 0 ? null : new Parameters([.. like.Select((array, i) => Mean(sums[i], array))]);

    private NdArray Mean(object sum, NdArray array)
    {
        var mean = NdArray.Empty(array.Shape, array.DType);
        switch (array.DType)
        {
            case DType.Float32: ((ExactSum)sum).Divide(total, mean.Elements<float>()); break;
            case DType.Float64: ((ExactSum)sum).Divide(total, mean.Elements<double>()); break;
            case DType.Int32: ((IntegerSum)sum).Divide(total, mean.Elements<int>()); break;
            case DType.Int64: ((IntegerSum)sum).Divide(total, mean.Elements<long>()); break;
            case DType.UInt32: ((IntegerSum)sum).Divide(total, mean.Elements<uint>()); break;
            case DType.UInt8: ((IntegerSum)sum).Divide(total, mean.Elements<byte>()); break;
            default: ((IntegerSum)sum).Divide(total, MemoryMarshal.Cast<bool, byte>(mean.Elements<bool>())); break;
        }
        (sum as ExactSum)?.Release();
        return mean;
    }
}
