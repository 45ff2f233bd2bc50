namespace ManagedFed.Federation;

// Where a run's first model comes from, and what its arrays are.
internal abstract partial class ServerLoop
{
    /// <summary>Clients that one factory makes are alike: after so many the others are not asked.</summary>
    private const int MostPassedOver = 100;

    private readonly Dictionary<ClientInfo, ClientFailure> passedOver = [];

    /// <summary>Whose model the run began with, until others have trained it, too; null when it was the strategy's.</summary>
    private ClientInfo? giver;

    private int modelsAsked;

    /// <summary>The strategy's parameters, or those of a client chosen at random; one that gives none is passed over.</summary>
    /// <exception cref="FederationException">No client gives any and nobody can join.</exception>
    private async Task<Parameters> InitialAsync(CancellationToken cancellation)
    {
        if (Strategy.InitialParameters is { } given)
        {
            Log.InitialGiven(given.Count);
            return given.Own();
        }
        // A seed is to choose the same client in whatever order they join.
        if (Options.Seed is not null && Config.NumRounds > 0) await WaitForAsync(Strategy.MinAvailableClients, cancellation).ConfigureAwait(false);
        while (true)
        {
            var clients = await CandidatesAsync(cancellation).ConfigureAwait(false);
            var chosen = new RoundState(0, Parameters.Empty, clients, KeyFor(Purpose.Initial, modelsAsked++)).Sample(1)[0];
            if (Registry.Find(chosen) is { } client && await AskForModelAsync(client, cancellation).ConfigureAwait(false) is { } model) return model;
        }
    }

    /// <summary>Those who were not yet asked for a model; while there are none the log says so.</summary>
    private async Task<IReadOnlyList<ClientInfo>> CandidatesAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var changed = Registry.Changed;
            var connected = await WaitForAsync(1, cancellation).ConfigureAwait(false);
            var candidates = Registry.Without(passedOver.Keys.ToHashSet());
            if (candidates.Count > 0 && (Registry.VirtualCount is null || passedOver.Count < MostPassedOver)) return candidates;
            var reasons = NameList.Summary(passedOver.Values);
            if (Registry.IsClosed)
            {
                throw new FederationException(
                    $"[server] none of {(Registry.VirtualCount is null ? connected.Count : passedOver.Count)} client(s) gave initial parameters: {reasons}; set the strategy's InitialParameters or let a client implement GetParameters");
            }
            Log.InitialMissing(connected.Count, reasons, Registry.Departures);
            await ChangeAsync(changed, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<Parameters?> AskForModelAsync(IClientConnection client, CancellationToken cancellation)
    {
        Log.InitialAsked(client.Info.Name);
        var answer = await AskAsync(client, new GetParametersInstructions(Metrics.None), cancellation).ConfigureAwait(false);
        using var share = answer.Share;
        if (Verdict<GetParametersResult>(answer, static result => Usable(result.Parameters), out var result) is { } failure)
        {
            Log.InitialFailed(client.Info.Name, failure.Reason, failure.Message);
            passedOver[client.Info] = new(client.Info, failure.Reason, failure.Message);
            return null;
        }
        Log.InitialReceived(client.Info.Name, result!.Parameters.Count);
        giver = client.Info;
        return result.Parameters;
    }

    private static Refusal? Usable(Parameters model) => !model.HasArrays
        ? new(FailureReason.TensorType, $"{model.Count} tensors are of type '{PeerText.Harmless(model.TensorType)}', expected '{Parameters.NumpyType}'")
        : model.Count == 0 ? new(FailureReason.TensorCount, "0 tensors, expected at least 1")
        : UpdateCheck.Finite(model);

    /// <summary>What the model's arrays are, by whoever knows: the user, the initial parameters, the client that gave them, or a guess.</summary>
    /// <exception cref="ArgumentException">The user's schema is of another model.</exception>
    private async Task<ParameterSchema?> SchemaAsync(Parameters model, CancellationToken cancellation)
    {
        if ((Strategy.Schema ?? model.Schema) is { } known)
        {
            if (known.Problem(model) is { } problem) throw new ArgumentException($"[server] the schema does not fit the initial parameters: {problem}");
            return Said(known, "the schema says");
        }
        if (!model.HasArrays) return null;
        return await ToldAsync(model, cancellation).ConfigureAwait(false) is { } told ? Said(told, "the client says that gave them")
            : Said(ParameterSchema.Guess(model.Arrays), "guessed; set the strategy's Schema if that is wrong");
    }

    private ParameterSchema Said(ParameterSchema found, string source)
    {
        var count = found.Count(parameter => parameter.Role != ParameterRole.Trainable);
        if (count > 0 && Strategy.MovesParameters) Log.Statistics(count, found.Count, source);
        return found;
    }

    /// <summary>Asks the client that gave the model which arrays are statistics, if the strategy has a use for it; others than ours do not know.</summary>
    private async Task<ParameterSchema?> ToldAsync(Parameters model, CancellationToken cancellation)
    {
        if (!Strategy.MovesParameters || giver is null || Registry.Find(giver) is not { } client) return null;
        var config = new Dictionary<string, Scalar> { [ParameterSchema.ReportKey] = true };
        var answer = await AskAsync(client, new GetPropertiesInstructions(config), cancellation).ConfigureAwait(false);
        using var share = answer.Share;
        if (Verdict<GetPropertiesResult>(answer, static _ => null, out var result) is not null) return null;
        return result!.Properties.TryGetValue(ParameterSchema.StatisticsKey, out var statistics) && statistics.Kind == ScalarKind.String
            && result.Properties.TryGetValue(ParameterSchema.VariancesKey, out var variances) && variances.Kind == ScalarKind.String
            ? ParameterSchema.Told(model.Arrays, statistics.AsString(), variances.AsString()) : null;
    }

    /// <summary>Notices after a round that a client's initial model is one that nobody else has, says so, and asks others for theirs.</summary>
    protected async Task ReconsiderAsync(
        History history, int round, IReadOnlyCollection<ClientInfo> accepted, IReadOnlyList<ClientFailure> failures, CancellationToken cancellation)
    {
        if (giver is not { } first) return;
        if (accepted.Any(client => client != first)) giver = null;
        var others = failures.Where(failure => failure.Client != first && failure.Reason
            is FailureReason.Shape or FailureReason.TensorCount or FailureReason.DType or FailureReason.TensorType or FailureReason.Declined).ToArray();
        if (giver is null || others.Length == 0) return;
        var model = history.FinalParameters;
        // Of two clients either may be the odd one.
        var asks = others.Length >= 2 && Config.NumRounds > round;
        Log.InitialSuspect(
            first.Name, NameList.Few([.. model.Arrays.Select(array => $"{array.Shape}")]), NameList.Summary(others),
            asks ? "others are asked for theirs" : "if it is the wrong one, set the strategy's InitialParameters");
        giver = null;
        passedOver[first] = new(first, FailureReason.Unexpected, "nobody else could train its model");
        foreach (var client in others.Select(failure => failure.Client).Where(client => asks && !passedOver.ContainsKey(client)))
        {
            if (Registry.Find(client) is not { } connection) continue;
            if (await AskForModelAsync(connection, cancellation).ConfigureAwait(false) is not { } other) continue;
            // The same shapes again: the model is not what they fail by.
            if (UpdateCheck.Structure(other, model) is null) giver = null;
            else history.FinalParameters = other;
            schema = await SchemaAsync(history.FinalParameters, cancellation).ConfigureAwait(false);
            return;
        }
    }
}
