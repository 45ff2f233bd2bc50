using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Floating arrays that come in another floating type than the model's are cast to it; other kinds stay as they came, to be refused.</summary>
/// <remarks>Plain NumPy code returns float64 whatever it was given. A finite value beyond the model's range becomes an infinity, which is refused.</remarks>
internal static class FloatCast
{
    /// <summary>The parameters with the model's floating types; the same object when there is nothing to cast.</summary>
    public static Parameters To(Parameters like, Parameters given)
    {
        if (FirstOther(like, given) is null) return given;
        return new([.. given.Arrays.Select((array, i) => IsOther(like.Arrays[i], array) ? array.AsType(like.Arrays[i].DType) : array)]);
    }

    /// <summary>The type that stands where the model has another floating one; null when there is none.</summary>
    public static DType? FirstOther(Parameters like, Parameters given)
    {
        if (!like.HasArrays || !given.HasArrays || like.Count != given.Count) return null;
        for (var i = 0; i < like.Count; i++)
        {
            if (IsOther(like.Arrays[i], given.Arrays[i])) return given.Arrays[i].DType;
        }
        return null;
    }

    private static bool IsOther(NdArray like, NdArray given) =>
        like.DType != given.DType && like.DType.IsFloating() && given.DType.IsFloating() && like.Shape == given.Shape;
}

/// <summary>Casts what clients send, and says so once.</summary>
internal sealed class ReplyCast(ILogger log)
{
    private int said;

    [return: NotNullIfNotNull(nameof(reply))]
    public Reply? Cast(ClientInfo client, Instruction asked, Reply? reply)
    {
        if (asked is not FitInstructions { Parameters: var like } || reply is not FitResult { Parameters: var given } result) return reply;
        if (FloatCast.FirstOther(like, given) is not { } type) return reply;
        if (Interlocked.Exchange(ref said, 1) == 0) log.FloatsCast(client.Name, type.Name());
        return result with { Parameters = FloatCast.To(like, given) };
    }
}
