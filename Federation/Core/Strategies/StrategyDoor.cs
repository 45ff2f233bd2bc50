namespace ManagedFed.Federation;

/// <summary>Between a run and its strategy: what a strategy of the user's own receives or returns it may change, and the run's model stays as it is.</summary>
/// <remarks>The library's own strategies only read, and are handed the model itself: its wire form is made once for all clients.</remarks>
internal sealed class StrategyDoor(Strategy strategy)
{
    private readonly bool isForeign = IsForeign(strategy);
    private Parameters? model, shown;

    private static bool IsForeign(Strategy strategy) =>
        strategy.GetType().Assembly != typeof(Strategy).Assembly || strategy is DelegatingStrategy { Inner: var inner } && IsForeign(inner);

    /// <summary>A round as the strategy may see it. The copy is made again when the model is another one, or the strategy has changed it.</summary>
    public RoundState Show(RoundState state)
    {
        if (!isForeign) return state;
        if (shown is null || !ReferenceEquals(model, state.Parameters) || !shown.IsSame(state.Parameters))
        {
            (model, shown) = (state.Parameters, state.Parameters.Own());
        }
        return state with { Parameters = shown };
    }

    /// <summary>The tasks as they are sent, whatever becomes later of what the strategy made them of.</summary>
    public IReadOnlyList<ClientTask<T>> Take<T>(IReadOnlyList<ClientTask<T>> tasks) where T : Instruction
    {
        var taken = new Dictionary<T, T>(ReferenceEqualityComparer.Instance);
        var models = new Dictionary<Parameters, Parameters>(ReferenceEqualityComparer.Instance);
        return [.. tasks.Select(task => task with { Instructions = Taken(task.Instructions) })];

        T Taken(T instructions)
        {
            if (taken.TryGetValue(instructions, out var known)) return known;
            return taken[instructions] = instructions switch
            {
                FitInstructions fit => (fit with { Parameters = Model(fit.Parameters), Config = fit.Config.Own() } as T)!,
                EvaluateInstructions evaluate => (evaluate with { Parameters = Model(evaluate.Parameters), Config = evaluate.Config.Own() } as T)!,
                _ => instructions,
            };
        }

        Parameters Model(Parameters given)
        {
            if (!isForeign) return given;
            if (models.TryGetValue(given, out var known)) return known;
            return models[given] = model is not null && ReferenceEquals(given, shown) && given.IsSame(model) ? model : given.Own();
        }
    }

    /// <summary>A model that the strategy gave, and may change later.</summary>
    public FitAggregate? Take(FitAggregate? given) => given is null ? null : given with { Parameters = Copy(given.Parameters), State = Take(given.State) };

    /// <summary>What a strategy remembers, and may change later.</summary>
    public StrategyState? Take(StrategyState? given) => isForeign ? given?.Own() : given;

    /// <summary>A model from the strategy, or one for it.</summary>
    public Parameters Copy(Parameters given) => isForeign ? given.Own() : given;
}
