namespace ManagedFed.Federation;

/// <summary>Changes the result of training before it leaves the client, such as clipping, noise, quantising or masking.</summary>
/// <remarks>
/// A transform holds no state: its chance comes from <see cref="FitStart.DrawKey"/>, and what lasts from round to round is the memory that it returns, so
/// that a round that is asked for again gets the same answer. Transforms stack in the order of <see cref="ModuleClientOptions.ResultTransforms"/>, each on what the one
/// before gave, and all of them after the terms: so clipping goes before noise, and quantising or masking, which arithmetic would undo, last. The arrays that
/// a term sends behind the model's, such as those of <see cref="Scaffold"/>, pass through them, too.
/// </remarks>
/// <example>
/// <code>
/// sealed class Rounded : ResultTransform
/// {
///     public override string Name => "rounded";
///
///     public override FitOutcome Apply(FitOutput output, FitStart start) =>
///         new(output with { Parameters = [.. output.Parameters.Select(array => ((Tensor)array).Round().Eval().ToNdArray())] }, start.Memory);
/// }
/// </code>
/// </example>
public abstract class ResultTransform
{
    /// <summary>The name under which its memory is kept: not empty, without a dot, unique in a client.</summary>
    public abstract string Name { get; }

    /// <summary>The changed result.</summary>
    /// <param name="output">What training gave, after the terms and the transforms before this one.</param>
    /// <param name="start">The parameters that training began from, the config, and this transform's memory.</param>
    /// <returns>The result that goes on, and what this transform remembers.</returns>
    public abstract FitOutcome Apply(FitOutput output, FitStart start);
}
