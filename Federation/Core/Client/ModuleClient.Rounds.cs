using ManagedFed.IO;
using ManagedFed.Nn;

namespace ManagedFed.Federation;

// What lasts from round to round, and going back by one.
public sealed partial class ModuleClient
{
    /// <summary>The round whose answer was given last, and the state before it.</summary>
    private (RoundPlace? Place, ClientState? Before) last;

    /// <summary>Trains, in a round that was answered before from the state before it; what fails leaves the state as it was.</summary>
    private FitOutput Fit(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        var place = RoundPlace.Of(config);
        if (place is null && options.StateFile is null) return Train(parameters, config, cancellation);
        var present = State();
        var before = place is not null && place == last.Place ? last.Before! : present;
        try
        {
            if (!ReferenceEquals(before, present)) GoTo(before);
            var output = Train(parameters, config, cancellation);
            if (options.StateFile is { } file) ClientStateFile.Write(file, new(State(), place, place is null ? null : before));
            last = (place, before);
            return output;
        }
        catch
        {
            GoTo(present);
            throw;
        }
    }

    private ClientState State()
    {
        var shared = local.SharedOf(model);
        var state = new ClientState(
            key,
            new(model.NamedState().Where(entry => !shared.ContainsKey(entry.Key)).Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Value))),
            options.ResetOptimizer ? new([]) : optimizer.State,
            options.ResetOptimizer ? 0 : optimizer.Step,
            memory);
        Tensor.Eval([.. state.Local.Values, .. state.Optimizer.Values]);
        return state;
    }

    private void GoTo(ClientState state)
    {
        model.Update(state.Local, strict: false);
        optimizer.Restore(state.Optimizer, state.Step);
        (key, memory) = (state.Key, state.Memory);
    }

    private void GoOnFrom(string file)
    {
        AtomicFile.CheckWritable(file);
        if (ClientStateFile.Read(file) is not { } history) return;
        try
        {
            var own = State().Local;
            ParameterTree.Refuse("module_client", [.. own.Missing(history.Now.Local), .. own.Extra(history.Now.Local)]);
            GoTo(history.Now);
        }
        catch (ArgumentException exception)
        {
            throw new FormatException($"[module_client] the state file {file} is another model's or optimizer's: {exception.Message}", exception);
        }
        last = (history.Place, history.Before);
    }
}
