using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>The client's half of a strategy: what <see cref="ModuleClient"/> does between gradient and update, and adds to its answer.</summary>
/// <remarks>
/// A term is a set of functions and holds no state: what its steps read are the values that <see cref="Begin"/> makes, and what lasts from
/// round to round is the memory that <see cref="Complete"/> returns. So the client can go back to an earlier round, keep the memory in a file
/// (<see cref="ModuleClientOptions.StateFile"/>), and compile the step: <see cref="Update"/> is recorded once and replayed with the values of
/// each round. Terms apply in order; those for <see cref="FedProx"/>, <see cref="FedNova"/> and <see cref="Scaffold"/> come first,
/// then those of <see cref="ModuleClientOptions.Terms"/>.
/// </remarks>
/// <example>
/// <code>
/// // Gradients are weighed by the server's `gradient_weight`; without it the term has no part.
/// sealed class WeightTerm : ClientTerm
/// {
///     public override string Name => "weight";
///
///     public override ParameterTree? Begin(FitStart start) => start.Config.Setting("gradient_weight") is { } weight
///         ? new([new("weight", Tensor.Scalar(weight.AsDouble()))])
///         : null;
///
///     public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) =>
///         (gradients.Map(gradient => gradient * values["weight"].AsType(gradient.DType)), values);
/// }
/// </code>
/// </example>
public abstract class ClientTerm
{
    /// <summary>The name under which its memory is kept: not empty, without a dot, unique in a client.</summary>
    public abstract string Name { get; }

    /// <summary>True when, as the config says, as many arrays as the model's travel behind it for this term; see <see cref="FitStart.Behind"/>.</summary>
    public virtual bool TakesArrays(IReadOnlyDictionary<string, Scalar> config) => false;

    /// <summary>Begins the training of one round.</summary>
    /// <returns>The values that the steps read, perhaps none; null when the config does not ask for this term.</returns>
    public abstract ParameterTree? Begin(FitStart start);

    /// <summary>One step. It must be made of operations on tensors alone, since a compiled step records it once for all rounds.</summary>
    /// <param name="gradients">The gradients so far, by the names of the trainable parameters, local ones included.</param>
    /// <param name="parameters">The parameters and persistent buffers before the update.</param>
    /// <param name="values">What <see cref="Begin"/> gave, or the step before.</param>
    /// <returns>Gradients and values of the same names, shapes and types.</returns>
    public virtual (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) => (gradients, values);

    /// <summary>The weight μ of a term μ/2·‖w − w₀‖² by which <see cref="Update"/> changes the loss, for <see cref="FitEnd.EffectiveSteps"/>; 0 for others.</summary>
    /// <param name="values">What <see cref="Begin"/> gave.</param>
    public virtual double Pull(ParameterTree values) => 0;

    /// <summary>Ends the training of one round.</summary>
    /// <param name="end">How it began and ended.</param>
    /// <param name="output">The answer so far.</param>
    /// <returns>The answer with what this term adds, and what it remembers.</returns>
    public virtual FitOutcome Complete(FitEnd end, FitOutput output)
    {
        ArgumentNullException.ThrowIfNull(end);
        return new(output, end.Start.Memory);
    }

    /// <summary>The terms that every client knows: one line for each of the library's strategies with a client's half.</summary>
    internal static IReadOnlyList<ClientTerm> Known { get; } = [new FedProxTerm(), new FedNovaTerm(), new ScaffoldTerm()];
}

/// <summary>An answer, and what its maker remembers until the next round.</summary>
/// <param name="Output">The answer.</param>
/// <param name="Memory">The memory; it replaces the one before.</param>
public sealed record FitOutcome(FitOutput Output, StrategyState Memory);
