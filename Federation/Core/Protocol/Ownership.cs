using System.Collections.ObjectModel;
using ManagedFed.Kernels;

namespace ManagedFed.Federation;

/// <summary>
/// Copies for the border to user code: what it receives is its own to change, and what it gives may be changed by it later.
/// </summary>
/// <remarks>Paths on which the arrays were made for one receiver alone (a message that was just read) need none of these.</remarks>
internal static class Ownership
{
    /// <summary>An array of the same elements in memory of its own.</summary>
    public static NdArray Own(this NdArray array)
    {
        var copy = NdArray.Empty(array.Shape, array.DType);
        Copy.Run(array, copy);
        return copy;
    }

    /// <summary>Arrays of the same elements, each in memory of its own, also where one array is there twice.</summary>
    public static NdArray[] Own(this IReadOnlyList<NdArray> arrays) => [.. arrays.Select(Own)];

    /// <summary>The same parameters; opaque bytes cannot be changed and are shared.</summary>
    public static Parameters Own(this Parameters parameters) => parameters.HasArrays ? new(parameters.Arrays.Own()) { Schema = parameters.Schema } : parameters;

    /// <summary>The same state, its arrays in memory of their own.</summary>
    public static StrategyState Own(this StrategyState state) =>
        StrategyState.Of(state.Arrays.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Own())), state.Values);

    /// <summary>The same values in a dictionary of their own, in their order; scalars cannot be changed.</summary>
    public static IReadOnlyDictionary<string, Scalar> Own(this IReadOnlyDictionary<string, Scalar> values) =>
        new ReadOnlyDictionary<string, Scalar>(new OrderedDictionary<string, Scalar>(values, StringComparer.Ordinal));

    /// <summary>The same records, the arrays in memory of their own.</summary>
    public static RecordDict Own(this RecordDict records) =>
        new(records.Select(item => (item.Key, item.Value is ArrayRecord arrays ? arrays.Own() : item.Value)));

    /// <summary>The same array record, its arrays in memory of their own.</summary>
    /// <param name="record">The record.</param>
    /// <param name="id">Its id where that is known and the copy is not handed to anyone who changes it.</param>
    public static ArrayRecord Own(this ArrayRecord record, string? id = null) => new(record.Select(item => (item.Key, item.Value.Own()))) { PulledId = id };

    /// <summary>An instruction that one client may change.</summary>
    public static Instruction Own(this Instruction instruction) => instruction switch
    {
        GetPropertiesInstructions get => get with { Config = get.Config.Own() },
        GetParametersInstructions get => get with { Config = get.Config.Own() },
        FitInstructions fit => fit with { Parameters = fit.Parameters.Own(), Config = fit.Config.Own() },
        EvaluateInstructions evaluate => evaluate with { Parameters = evaluate.Parameters.Own(), Config = evaluate.Config.Own() },
        _ => instruction,
    };

    /// <summary>A reply that its client cannot change any more.</summary>
    public static Reply Own(this Reply reply) => reply switch
    {
        GetPropertiesResult get => get with { Properties = get.Properties.Own() },
        GetParametersResult get => get with { Parameters = get.Parameters.Own() },
        FitResult fit => fit with { Parameters = fit.Parameters.Own(), Metrics = fit.Metrics.Own() },
        EvaluateResult evaluate => evaluate with { Metrics = evaluate.Metrics.Own() },
        _ => reply,
    };

    /// <summary>True when both hold the same bits.</summary>
    public static bool IsSame(this Parameters left, Parameters right)
    {
        if (!left.HasArrays || !right.HasArrays || left.Count != right.Count) return ReferenceEquals(left, right);
        for (var i = 0; i < left.Count; i++)
        {
            var (a, b) = (left.Arrays[i], right.Arrays[i]);
            if (a.DType != b.DType || a.Shape != b.Shape || !a.IsContiguous || !b.IsContiguous) return false;
            var same = a.Bytes.SequenceEqual(b.Bytes);
            GC.KeepAlive(a);
            GC.KeepAlive(b);
            if (!same) return false;
        }
        return true;
    }
}
