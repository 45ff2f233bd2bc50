namespace ManagedFed.Federation;

// Updates count as they come, and whoever has answered is asked again at once.
internal sealed partial class AsyncLoop
{
    /// <summary>The round whose model each client at work trains from.</summary>
    private readonly Dictionary<ClientInfo, int> given = [];

    private async Task TrainAsTheyComeAsync(Step now, CancellationToken cancellation)
    {
        if (!WasOpen(now.State.Round)) await KeepClientsAsync(now.State, cancellation).ConfigureAwait(false);
        if (now.State.Round == FirstRound)
        {
            foreach (var update in AcceptedBefore) TakeKept(now.State, update);
            // A lost update's place and number stay its own.
            now.Taken = Math.Max(now.Taken, NextPlace);
            foreach (var (name, last) in NumbersBefore) now.Numbers[ClientInfo.Create("before", name)] = last + 1;
        }
        while (!IsFull)
        {
            if (await AskOrHearAsync(cancellation).ConfigureAwait(false)) continue;
            // Nobody is left to ask in this step, unless too few are there to begin with.
            var clients = await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), cancellation).ConfigureAwait(false);
            if (clients.All(resting.Contains)) break;
        }
    }

    private void Train(ClientInfo client, RoundState state, CancellationToken cancellation)
    {
        var number = step!.Numbers.GetValueOrDefault(client);
        if (TaskOf(client, state, number) is not { } task)
        {
            resting.Add(client);
            return;
        }
        given[client] = state.Round - 1;
        Ask<FitInstructions, FitResult>(
            "fit", state.Round, task, result => CheckFit(state, state, step?.Aggregation, result), result => TakeAsync(task, number, state, result, cancellation), failure =>
            {
                given.Remove(client);
                resting.Add(client);
                step?.Failures.Add(failure);
            },
            result => (result.NumExamples, LossIn(result.Metrics)), cancellation);
    }

    /// <summary>Folds an update into the present step, unless it is too old or comes after the last.</summary>
    private async Task TakeAsync(ClientTask<FitInstructions> task, int number, RoundState state, FitResult result, CancellationToken cancellation)
    {
        given.Remove(task.Client);
        if (step is null) return;
        var staleness = step.State.Round - state.Round;
        if (staleness > strategy.MaxStaleness)
        {
            Log.Stale(task.Client.Name, staleness, strategy.MaxStaleness.Value);
            return;
        }
        // One of an older model has its number among those of another step.
        if (staleness == 0) step.Numbers[task.Client] = number + 1;
        await KeepUpdateAsync(step.State.Round, step.Taken++, task.Client, state.Round - 1, result, cancellation, number).ConfigureAwait(false);
        Take(step, task.Client, state, task.Instructions.Parameters, result);
    }

    /// <summary>Folds in an update that was accepted before the server stopped.</summary>
    private void TakeKept(RoundState now, StoredUpdate update)
    {
        var client = ClientInfo.Create("before", update.Client);
        step!.Taken = update.Place + 1;
        if (StateBefore(now, update.Given) is not { } state) return;
        if (CheckFit(state, state, step.Aggregation, update.Result with { From = client.Name }) is { } refusal)
        {
            step.Failures.Add(new(client, refusal.Reason, refusal.Message));
            return;
        }
        Log.UpdateKept(update.Client);
        Take(step, client, state, state.Parameters, update.Result);
    }
}
