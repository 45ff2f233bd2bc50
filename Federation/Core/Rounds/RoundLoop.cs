using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fit, central evaluation and evaluation by clients, round after round; a round waits for its clients, see <see cref="Selection"/>.</summary>
internal sealed partial class RoundLoop(ServerConfig config, Strategy strategy, IClientPopulation registry, FederationOptions options, ILogger log)
    : ServerLoop(config, new LimitingStrategy(strategy, options.UpdateLimits, log), registry, options, log)
{
    private Eligibility Eligibility => field ??= new(
        Strategy, Registry, Options.MaxConcurrency, late, PropertiesOfAsync, Options.TimeProvider, client => Log.NoProperties(client.Name, "it takes too long"));

    protected override async Task TrainAsync(History history, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            for (var round = FirstRound; round <= LastRound; round++)
            {
                var start = Options.TimeProvider.GetTimestamp();
                await FitAsync(round, history, stop.Token).ConfigureAwait(false);
                EvaluateCentrally(round, history);
                await EvaluateAsync(round, history, stop.Token).ConfigureAwait(false);
                if (await EndRoundAsync(round, history, start, stop.Token).ConfigureAwait(false)) break;
            }
        }
        finally
        {
            // Whoever is late is not waited for: the goodbye takes the place of the answer.
            await stop.CancelAsync().ConfigureAwait(false);
            await late.WaitAsync().ConfigureAwait(false);
        }
    }

    private async Task FitAsync(int round, History history, CancellationToken cancellation)
    {
        var before = ClientsBefore(round);
        if (before is not null && Registry.VirtualCount is not null) before = await Eligibility.AmongAsync(Strategy.FitSelection, before, cancellation).ConfigureAwait(false);
        var state = before is not null
            ? StateOf(round, Purpose.Fit, history, before)
            : await BeginAsync(round, Purpose.Fit, history, Strategy.FitSelection, cancellation).ConfigureAwait(false);
        if (before is null) await KeepClientsAsync(state, cancellation).ConfigureAwait(false);
        var tasks = Named(Door.Take(Strategy.ConfigureFit(Door.Show(state))), round);
        var shown = Door.Show(state);
        var aggregation = Strategy.AggregateFit(state);
        var claims = new ExampleClaims(Strategy.MaxExamplesRatio, Log);
        var metrics = new ClientMetrics?[tasks.Count];
        var thrown = new List<ClientFailure>();
        var outcome = await AskAllAsync<FitInstructions, FitResult>(
            "fit", state, Strategy.FitSelection, tasks, result => CheckFit(state, shown, aggregation, result),
            (place, result) => KeepUpdateAsync(round, place, tasks[place].Client, round - 1, result, cancellation),
            (place, result) => Add(claims.Exchange(new(place, tasks[place].Client, result))),
            result => (result.NumExamples, LossIn(result.Metrics)), before is not null && IsClosed(round), cancellation).ConfigureAwait(false);
        await KeepClosedAsync(round, outcome.Counted, outcome.Late, cancellation).ConfigureAwait(false);
        Add(claims.TakeLast());

        ClientInfo[] accepted = [.. tasks.Where((_, place) => metrics[place] is not null).Select(task => task.Client)];
        Record(history, state, aggregation, accepted, [.. metrics.OfType<ClientMetrics>()], [.. outcome.Failures, .. thrown], [.. outcome.Late.Select(place => tasks[place].Client)]);
        await ReconsiderAsync(history, round, accepted, outcome.Failures, cancellation).ConfigureAwait(false);

        void Add(ExampleClaims.Claim? claim)
        {
            if (claim is not { Place: var place, Result: var result }) return;
            try
            {
                aggregation.Add(place, result);
                metrics[place] = new(result.NumExamples, result.Metrics);
            }
            catch (Exception exception)
            {
                var refusal = Failed(round, exception);
                Log.ClientFailed("fit", claim.Client.Name, refusal.Reason, refusal.Message, 0, 0);
                thrown.Add(new(claim.Client, refusal.Reason, refusal.Message));
            }
        }
    }

    private async Task EvaluateAsync(int round, History history, CancellationToken cancellation)
    {
        if (Strategy.FractionEvaluate == 0) return;
        var state = await BeginAsync(round, Purpose.Evaluate, history, Strategy.EvaluateSelection, cancellation).ConfigureAwait(false);
        var tasks = Door.Take(Strategy.ConfigureEvaluate(Door.Show(state)));
        var shown = Door.Show(state);
        var evaluations = new ClientEvaluation?[tasks.Count];
        var outcome = await AskAllAsync<EvaluateInstructions, EvaluateResult>(
            "evaluate", state, Strategy.EvaluateSelection, tasks, result => Strategy.Check(shown, result),
            static (_, _) => Task.CompletedTask,
            (place, result) => evaluations[place] = new(tasks[place].Client, result.Loss, result.NumExamples, result.Metrics),
            result => (result.NumExamples, Shown(result.Loss)), isClosed: false, cancellation).ConfigureAwait(false);

        Record(history, shown, [.. evaluations.OfType<ClientEvaluation>()], outcome.Failures, [.. outcome.Late.Select(place => tasks[place].Client)]);
    }

    /// <summary>Waits until a phase can begin: enough clients are there that meet its criterion, and enough of them are free.</summary>
    private async Task<RoundState> BeginAsync(int round, Purpose purpose, History history, Selection selection, CancellationToken cancellation)
    {
        BlockPool.Shared.Reclaim();
        while (true)
        {
            var (changed, wereLate) = (Task.WhenAny(Registry.Changed, late.Changed), !late.IsEmpty);
            var clients = await WaitForAsync(selection.Needed, cancellation).ConfigureAwait(false);
            var eligible = await Eligibility.AmongAsync(selection, clients, cancellation).ConfigureAwait(false);
            var free = late.Without(eligible);
            if (eligible.Count >= selection.Needed && free.Count >= selection.MinClients) return StateOf(round, purpose, history, free);
            if (Registry.IsClosed && eligible.Count < selection.Needed && !wereLate)
            {
                throw new FederationException(
                    $"[server] {eligible.Count} of {clients.Count} client(s) meet the criterion, expected at least {selection.Needed}, and nobody can join{Registry.Departures}");
            }
            Log.WaitingForFree(selection.Needed, selection.MinClients, clients.Count, eligible.Count, free.Count);
            await ChangeAsync(changed, cancellation).ConfigureAwait(false);
        }
    }
}
