using System.Globalization;
using System.Numerics.Tensors;

namespace ManagedFed.Federation;

/// <summary>The checks every update passes before it may touch the global model.</summary>
internal static class UpdateCheck
{
    /// <summary>Float64 values up to here can be multiplied by any count of examples and summed without overflow.</summary>
    private static readonly double MaxDouble = Math.ScaleB(1, 900);

    public static Refusal? Examples(long count, long most) => count >= 1 && count <= most
        ? null
        : new(FailureReason.NumExamples, $"{count} examples claimed, expected 1..{most}");

    public static Refusal? Loss(float loss) => float.IsFinite(loss) ? null : new(FailureReason.NotFinite, $"loss is {loss}");

    /// <summary>What is wrong with an update's tensors; null when they are as the model's and finite.</summary>
    public static Refusal? Tensors(Parameters update, Parameters model) => Structure(update, model) ?? (update.HasArrays ? Finite(update) : null);

    /// <summary>What is wrong with the number, shapes and types of an update's tensors; null when they are the model's.</summary>
    public static Refusal? Structure(Parameters update, Parameters model)
    {
        if (update.TensorType != model.TensorType)
        {
            return new(FailureReason.TensorType, $"tensors are of type '{update.TensorType}', expected '{model.TensorType}'");
        }
        if (update.Count != model.Count) return new(FailureReason.TensorCount, $"{update.Count} tensors, expected {model.Count}");
        if (!update.HasArrays) return null;
        for (var i = 0; i < model.Count; i++)
        {
            var (array, like) = (update.Arrays[i], model.Arrays[i]);
            if (array.Shape != like.Shape) return new(FailureReason.Shape, $"tensor {i} has shape {array.Shape}, expected {like.Shape}");
            if (array.DType != like.DType)
            {
                return new(FailureReason.DType, $"tensor {i} holds {array.DType.Name()}, expected {like.DType.Name()}");
            }
        }
        return null;
    }

    /// <summary>Refuses a negative value of an array that is never negative.</summary>
    public static Refusal? Variances(Parameters update, ParameterSchema schema)
    {
        for (var i = 0; update.HasArrays && i < Math.Min(update.Count, schema.Count); i++)
        {
            if (schema[i].Role != ParameterRole.Variance || update.Arrays[i].Count == 0) continue;
            var array = update.Arrays[i].AsType(DType.Float64).Contiguous();
            var least = TensorPrimitives.Min<double>(array.Elements<double>());
            GC.KeepAlive(array);
            if (least < 0) return new(FailureReason.Negative, FormattableString.Invariant($"tensor {i}, a variance, holds {least:G6}, expected at least 0"));
        }
        return null;
    }

    /// <summary>What is wrong with a metric that a strategy weighs by; null when it is a number in its range.</summary>
    public static Refusal? Metric(string name, double? value, double least, double most) => value >= least && value <= most
        ? null
        : new(FailureReason.Metric, FormattableString.Invariant($"metric {name} is {value?.ToString(CultureInfo.InvariantCulture) ?? "missing"}, expected {least:G6} to {most:G6}"));

    public static Refusal? Finite(Parameters parameters)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            var array = parameters.Arrays[i].Widened();
            if (array.Count == 0) continue;
            var finite = array.DType switch
            {
                DType.Float32 => TensorPrimitives.IsFiniteAll(array.Elements<float>()),
                // NaN wins MaxMagnitude and fails the comparison.
                DType.Float64 => Math.Abs(TensorPrimitives.MaxMagnitude(array.Elements<double>())) <= MaxDouble,
                _ => true,
            };
            GC.KeepAlive(array);
            if (!finite) return new(FailureReason.NotFinite, $"tensor {i} of shape {array.Shape} holds NaN, an infinity or a value beyond range");
        }
        return null;
    }
}
