namespace ManagedFed;

// What float16 and bfloat16 mean: they hold values. A function of them is computed in a wider type and rounded once, however many
// steps it takes, and so are its derivatives: the casts at its ends are part of the graph. float32 has the digits, and the range
// for all steps that stay in that of the arguments; float64 has it for products and sums of any numbers.
public sealed partial class Tensor
{
    /// <summary>True where the steps of a computation are kept in float32.</summary>
    private bool IsHalf => DType.IsHalf();

    /// <summary>f of this tensor, as <see cref="InWide(ReadOnlySpan{Tensor}, Func{Tensor[], Tensor}, DType)"/> computes it.</summary>
    internal Tensor InWide(Func<Tensor, Tensor> f, DType wide = DType.Float32) => IsHalf ? Narrowed(f(AsType(wide)), wide, DType) : f(this);

    /// <summary>f of two tensors, as <see cref="InWide(ReadOnlySpan{Tensor}, Func{Tensor[], Tensor}, DType)"/> computes it.</summary>
    internal static Tensor InWide(Tensor a, Tensor b, Func<Tensor, Tensor, Tensor> f) => InWide([a, b], v => f(v[0], v[1]));

    /// <summary>
    /// f with the steps of float16 and bfloat16 taken in a wider type: where the tensors promote to one of these, f gets that type, and
    /// a result of that type is rounded once to what they promote to. Of other types it is f itself; halves among them are promoted.
    /// </summary>
    internal static Tensor InWide(ReadOnlySpan<Tensor> x, Func<Tensor[], Tensor> f, DType wide = DType.Float32)
    {
        var dtype = x[0].DType;
        foreach (var tensor in x[1..]) dtype = DTypes.Promote(dtype, tensor.DType);
        var (given, type) = (x.ToArray(), dtype.IsHalf() ? wide : dtype);
        var result = f(Array.ConvertAll(given, tensor => tensor.IsHalf ? tensor.AsType(type) : tensor));
        return dtype.IsHalf() ? Narrowed(result, wide, dtype) : result;
    }

    private static Tensor Narrowed(Tensor result, DType wide, DType dtype) => result.DType == wide ? result.AsType(dtype) : result;
}
