namespace ManagedFed.Federation;

/// <summary>
/// Bagging of XGBoost models: the trees that each client grew are appended to the global model's. Models are XGBoost's JSON, one
/// payload of tensor type <c>""</c>, and are not evaluated here.
/// </summary>
/// <remarks>
/// A client's answer holds only the trees it grew this round. With no model yet, the first answer becomes the model. Trees that XGBoost could
/// not have written, or of another number of features, outputs or targets than the model's, are refused.
/// </remarks>
public sealed class FedXgbBagging : Strategy
{
    /// <summary>A strategy that starts from no trees.</summary>
    public FedXgbBagging() => InitialParameters = Parameters.Opaque("");

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient) ?? Problem(state, result.Parameters);
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) =>
        {
            var model = Model(state);
            foreach (var result in results)
            {
                var grown = XgbModel.Parse(result.Parameters.Payloads[0]);
                // With no model yet two clients may differ from each other.
                if (model is null) model = grown;
                else if (model.Problem(grown) is null) model.Append(grown);
            }
            return Parameters.Opaque("", model!.ToBytes());
        });
    }

    private static XgbModel? Model(RoundState state) => state.Parameters.Count == 0 ? null : XgbModel.Parse(state.Parameters.Payloads[0]);

    /// <summary>All that could go wrong with the trees later, while it is one client's fault alone.</summary>
    private static Refusal? Problem(RoundState state, Parameters grown)
    {
        if (grown.HasArrays || grown.Count != 1) return XgbModel.NotOnePayload(grown);
        try
        {
            var trees = XgbModel.Parse(grown.Payloads[0]);
            return Model(state)?.Problem(trees) is { } problem ? new(FailureReason.Malformed, problem) : null;
        }
        catch (FormatException error)
        {
            return new(FailureReason.Malformed, error.Message);
        }
    }
}

/// <summary>XGBoost passed from client to client: each round one client, in turn, trains on, and its model is the next.</summary>
/// <remarks>The model is one payload of tensor type <c>""</c> in any of XGBoost's formats.</remarks>
public sealed class FedXgbCyclic : Strategy
{
    /// <summary>A strategy that starts from no trees.</summary>
    public FedXgbCyclic() => InitialParameters = Parameters.Opaque("");

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return [new(InTurn(state), new FitInstructions(state.Parameters, FitConfig(state)))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return [new(InTurn(state), new EvaluateInstructions(state.Parameters, OnEvaluateConfig?.Invoke(state.Round) ?? Metrics.None))];
    }

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient)
            ?? (result.Parameters is { HasArrays: false, Count: 1 } ? null : XgbModel.NotOnePayload(result.Parameters));
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state) => new Cohort(state, static (_, results) => results[0].Parameters);

    private static ClientInfo InTurn(RoundState state) => state.Clients[(state.Round - 1) % state.Clients.Count];
}
