namespace ManagedFed;

// What float16 and bfloat16 mean: they hold values. A function of them is computed in float32 and rounded once, however many
// steps it takes, and so are its derivatives: the casts at its ends are part of the graph.
public sealed partial class Tensor
{
    /// <summary>True where the steps of a computation are kept in float32.</summary>
    private bool IsHalf => DType.IsHalf();

    /// <summary>f of this tensor, as <see cref="InWide(ReadOnlySpan{Tensor}, Func{Tensor[], Tensor})"/> computes it.</summary>
    internal Tensor InWide(Func<Tensor, Tensor> f) => IsHalf ? Narrowed(f(AsType(DType.Float32)), DType) : f(this);

    /// <summary>f of two tensors, as <see cref="InWide(ReadOnlySpan{Tensor}, Func{Tensor[], Tensor})"/> computes it.</summary>
    internal static Tensor InWide(Tensor a, Tensor b, Func<Tensor, Tensor, Tensor> f) => InWide([a, b], v => f(v[0], v[1]));

    /// <summary>
    /// f with the steps of float16 and bfloat16 taken in float32: where the tensors promote to one of these, f gets float32, and a
    /// float32 result is rounded once to what they promote to. Of other types it is f itself.
    /// </summary>
    internal static Tensor InWide(ReadOnlySpan<Tensor> x, Func<Tensor[], Tensor> f)
    {
        var dtype = x[0].DType;
        foreach (var tensor in x[1..]) dtype = DTypes.Promote(dtype, tensor.DType);
        return dtype.IsHalf()
            ? Narrowed(f(Array.ConvertAll(x.ToArray(), tensor => tensor.DType == dtype ? tensor.AsType(DType.Float32) : tensor)), dtype)
            : f(x.ToArray());
    }

    private static Tensor Narrowed(Tensor result, DType dtype) => result.DType == DType.Float32 ? result.AsType(dtype) : result;
}
