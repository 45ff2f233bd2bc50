namespace ManagedFed.Federation;

/// <summary>Gives a rule the trainable arrays alone, and statistics the clients' mean, weighted by examples.</summary>
internal sealed class StatisticsApart : FitAggregation
{
    private readonly ParameterSchema schema;
    private readonly FitAggregation moved;
    private readonly WeightedMean mean;

    private StatisticsApart(ParameterSchema schema, FitAggregation moved, WeightedMean mean) => (this.schema, this.moved, this.mean) = (schema, moved, mean);

    /// <summary>The rule's aggregation of trainable arrays, with the means of the others put back in their places.</summary>
    /// <param name="state">The round, of the whole model.</param>
    /// <param name="rule">Begins the rule's aggregation of a model that has the trainable arrays alone.</param>
    public static FitAggregation Of(RoundState state, Func<RoundState, FitAggregation> rule)
    {
        var schema = state.Schema;
        if (!schema.HasStatistics) return rule(state);
        var trainable = state with { Parameters = Part(state.Parameters, schema, true), Schema = new([.. schema.Where((_, i) => schema.IsTrainable(i))]) };
        return new StatisticsApart(schema, rule(trainable), new(Part(state.Parameters, schema, false).Arrays));
    }

    /// <summary>The arrays that are trainable, or those that are not.</summary>
    public static Parameters Part(Parameters model, ParameterSchema schema, bool trainable) =>
        new([.. model.Arrays.Where((_, i) => schema.IsTrainable(i) == trainable)]);

    /// <summary>A model of trainable arrays and statistics.</summary>
    public static Parameters Join(ParameterSchema schema, Parameters trainable, Parameters statistics)
    {
        var (moved, means) = (new Queue<NdArray>(trainable.Arrays), new Queue<NdArray>(statistics.Arrays));
        return new([.. Enumerable.Range(0, schema.Count).Select(i => (schema.IsTrainable(i) ? moved : means).Dequeue())]);
    }

    public override void Add(int place, FitResult result)
    {
        moved.Add(place, result with { Parameters = Part(result.Parameters, schema, true) });
        mean.Add(place, result with { Parameters = Part(result.Parameters, schema, false) });
    }

    public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) =>
        moved.Complete(failures) is { } trainable
        ? trainable with { Parameters = Join(schema, trainable.Parameters, mean.Complete(failures)!.Parameters) }
        : null;
}
