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

    public static Refusal? Tensors(Parameters update, Parameters model)
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
        return Finite(update);
    }

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
