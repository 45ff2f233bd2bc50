namespace ManagedFed.Graph;

/// <summary>A call of the function that the user gave to a transform.</summary>
internal static class Called
{
    /// <summary>The function's results, none of them null.</summary>
    /// <exception cref="ArgumentException">The function asks for arguments beyond those it was given.</exception>
    /// <exception cref="InvalidOperationException">The function returned null, or a list with null in it.</exception>
    public static Tensor[] Results(string op, Func<Tensor[], IReadOnlyList<Tensor>?> f, Tensor[] arguments)
    {
        IReadOnlyList<Tensor>? results;
        try
        {
            results = f(arguments);
        }
        catch (IndexOutOfRangeException e)
        {
            throw new ArgumentException(
                $"[{op}] the function was called with {arguments.Length} argument{(arguments.Length == 1 ? "" : "s")}, {string.Join(", ", arguments.Select(x => $"{x.Shape} {x.DType.Name()}"))}, and asked for an element beyond the end of an array; does it take more arguments?", e);
        }
        return Checked(op, results);
    }

    /// <summary>Refuses arguments that are null.</summary>
    /// <exception cref="ArgumentException">One is.</exception>
    public static void Expect(string op, ReadOnlySpan<Tensor> arguments, string what = "argument")
    {
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] is null) Throw.Argument(op, $"{what} {i} of {arguments.Length} is null");
        }
    }

    /// <summary>The results, if there are any and none is null.</summary>
    public static Tensor[] Checked(string op, IReadOnlyList<Tensor>? results)
    {
        if (results is null) Throw.Invalid(op, "the function returned null, expected tensors");
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i] is null) Throw.Invalid(op, $"result {i} of {results.Count} of the function is null, expected a tensor");
        }
        return results as Tensor[] ?? [.. results];
    }

    /// <summary>A tree that a function returned, if it is one.</summary>
    public static Tree CheckedTree(string op, Tree? result)
    {
        if (result is null) Throw.Invalid(op, "the function returned null, expected a tree");
        return result;
    }
}
