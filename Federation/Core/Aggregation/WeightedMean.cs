using System.Runtime.InteropServices;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>
/// The mean of models weighted by their examples: w = Σ nₖ·wₖ / Σ nₖ, summed exactly as they arrive and rounded once.
/// </summary>
/// <remarks>
/// Integer tensors become the mean rounded half to even, bool tensors the weighted majority (false on a tie).
/// Memory is a fixed multiple of one model: that of <see cref="ExactSum"/>, twice the size of float32 models, and of the one that is
/// held back to be added together with the next. A round of two models needs no sums in memory at all.
/// </remarks>
internal sealed class WeightedMean(IReadOnlyList<NdArray> like) : FitAggregation
{
    /// <summary>Models added at a time, as each pass reads and writes the sums; more than two would take memory and, by measurement, save no time.</summary>
    private const int Batch = 2;

    private readonly object[] sums =
        [.. like.Select(array => array.DType.IsFloating() ? new ExactSum(array.Count) : (object)new IntegerSum(array.Count))];
    private readonly List<ExactSum.Term>[] waiting = [.. like.Select(_ => new List<ExactSum.Term>(Batch))];
    private long total;

    /// <inheritdoc/>
    public override void Add(int place, FitResult result)
    {
        var (arrays, weight) = (result.Parameters.Arrays, result.NumExamples);
        total += weight;
        for (var i = 0; i < sums.Length; i++)
        {
            var array = arrays[i].Widened();
            switch (array.DType)
            {
                case DType.Float32 or DType.Float64: Add((ExactSum)sums[i], waiting[i], new(array, weight)); break;
                case DType.Int32: ((IntegerSum)sums[i]).Add<int>(array.Elements<int>(), weight); break;
                case DType.Int64: ((IntegerSum)sums[i]).Add<long>(array.Elements<long>(), weight); break;
                case DType.UInt64: ((IntegerSum)sums[i]).Add<ulong>(array.Elements<ulong>(), weight); break;
                case DType.UInt32: ((IntegerSum)sums[i]).Add<uint>(array.Elements<uint>(), weight); break;
                case DType.UInt8: ((IntegerSum)sums[i]).Add<byte>(array.Elements<byte>(), weight); break;
                default: ((IntegerSum)sums[i]).Add<byte>(MemoryMarshal.Cast<bool, byte>(array.Elements<bool>()), weight); break;
            }
            GC.KeepAlive(array);
        }
    }

    private static void Add(ExactSum sum, List<ExactSum.Term> terms, ExactSum.Term term)
    {
        // Only now: the last ones are added where the sum is divided.
        if (terms.Count == Batch)
        {
            sum.Add(terms);
            terms.Clear();
        }
        terms.Add(term);
    }

    /// <inheritdoc/>
    public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
        total == 0 ? null : new Parameters(like.Select((array, i) => Mean(i, array)).ToArray());

    private NpyFile Mean(int index, NdArray array) => array.Filled(mean =>
    {
        var sum = sums[index];
        switch (mean.DType)
        {
            case DType.Float32 or DType.Float64: ((ExactSum)sum).Divide(total, mean, waiting[index]); break;
            case DType.Int32: ((IntegerSum)sum).Divide(total, mean.Elements<int>()); break;
            case DType.Int64: ((IntegerSum)sum).Divide(total, mean.Elements<long>()); break;
            case DType.UInt64: ((IntegerSum)sum).Divide(total, mean.Elements<ulong>()); break;
            case DType.UInt32: ((IntegerSum)sum).Divide(total, mean.Elements<uint>()); break;
            case DType.UInt8: ((IntegerSum)sum).Divide(total, mean.Elements<byte>()); break;
            default: ((IntegerSum)sum).Divide(total, MemoryMarshal.Cast<bool, byte>(mean.Elements<bool>())); break;
        }
        (sum as ExactSum)?.Release();
        waiting[index].Clear();
    });
}
