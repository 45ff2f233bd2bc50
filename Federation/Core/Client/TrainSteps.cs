using ManagedFed.Nn;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>The training steps of a client: one compiled for each chain of terms, kept over rounds.</summary>
/// <remarks>
/// A program whose model or loss cannot be recorded, because it reads a value or changes what is no state of the module, runs operation by
/// operation from then on: with the same numbers, only slower.
/// </remarks>
/// <param name="model">The model.</param>
/// <param name="optimizer">Its optimizer.</param>
/// <param name="loss">Of inputs and labels: the loss, and how many predictions are right, or null.</param>
/// <param name="compile">False to run operation by operation from the start.</param>
/// <param name="log">Told when that becomes so.</param>
internal sealed class TrainSteps(Module model, Optimizer optimizer, Func<Tensor, Tensor, (Tensor Loss, Tensor? Right)> loss, bool compile, ILogger log)
{
    /// <summary>Beyond so many batch shapes or chains a server, or clients of many sizes, vary them without end, and more of them only hold memory.</summary>
    private const int MostPlans = 16;

    /// <summary>After so many steps of other shapes than the recorded ones it is these that are rare.</summary>
    private const int MostStrays = 256;

    private readonly Dictionary<string, CompiledStep> steps = [];
    private bool isCompiled = compile;
    private bool isFull;
    private int strays;
    private CompiledStep? now;

    /// <summary>Begins a round.</summary>
    /// <param name="terms">The round's terms and their values.</param>
    /// <exception cref="ArgumentException">The optimizer serves another model.</exception>
    public void Begin(IReadOnlyList<(ClientTerm Term, ParameterTree Values)> terms)
    {
        var chain = string.Join('|', terms.Select(entry =>
            $"{entry.Term.Name}({string.Join(',', entry.Values.Select(value => $"{value.Key} {value.Value.Shape} {value.Value.DType}"))})"));
        if (steps.TryGetValue(chain, out now) && now.IsCurrent && strays < MostStrays)
        {
            isFull = isCompiled && now.Statistics.Traces >= MostPlans;
            foreach (var (gradientTerm, entry) in now.Terms.Zip(terms)) gradientTerm.Values = entry.Values;
            return;
        }
        if (steps.Count >= MostPlans) steps.Clear();
        (isFull, strays) = (false, 0);
        steps[chain] = now = new(
            model, optimizer, batch => loss(batch[0], batch[1]),
            [.. terms.Select(entry => new GradientTerm(entry.Term.Name, entry.Values, entry.Term.Update))]);
    }

    /// <summary>Trains on a batch; its loss, and how many predictions are right, NaN where that is not known.</summary>
    public (double Loss, double Right) Run(Tensor inputs, Tensor labels)
    {
        if (!isCompiled) return now!.RunUncompiled(inputs, labels);
        if (isFull && !now!.IsRecorded(inputs, labels))
        {
            strays++;
            return now.RunUncompiled(inputs, labels);
        }
        try
        {
            return now!.Run(inputs, labels);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && !now!.IsRecorded(inputs, labels))
        {
            // What is wrong with the program itself is thrown here again.
            var result = now.RunUncompiled(inputs, labels);
            log.NotCompiled(exception.Message);
            isCompiled = false;
            steps.Clear();
            return result;
        }
    }

    /// <summary>The values of each term after the last step.</summary>
    public IReadOnlyList<ParameterTree> Values => [.. now!.Terms.Select(term => term.Values)];
}
