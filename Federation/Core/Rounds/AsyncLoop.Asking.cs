using System.Threading.Channels;

namespace ManagedFed.Federation;

// Who is asked, and what is heard of it.
internal sealed partial class AsyncLoop
{
    private readonly Channel<Func<Task>> mailbox = Channel.CreateUnbounded<Func<Task>>(new() { SingleReader = true });

    /// <summary>What each client does now, or last of what it was asked.</summary>
    private readonly Dictionary<ClientInfo, Task> atWork = new(SameClient.Instance);

    /// <summary>The places of those at work.</summary>
    private SemaphoreSlim? turns;

    private Task? hearing;
    private int choices;

    /// <summary>Asks whoever is free, and waits for an answer or for clients to come or go; false when nobody is at work.</summary>
    private async Task<bool> AskOrHearAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var changed = Registry.Changed;
        AskTheFree(cancellation);
        if (atWork.Count == 0) return false;
        if (mailbox.Reader.TryRead(out var act))
        {
            await act().ConfigureAwait(false);
            return true;
        }
        hearing ??= mailbox.Reader.WaitToReadAsync(cancellation).AsTask();
        await Task.WhenAny(changed, hearing).ConfigureAwait(false);
        if (hearing.IsCompleted) hearing = null;
        return true;
    }

    private void AskTheFree(CancellationToken cancellation)
    {
        // In order, training is asked for by the order's own rule, and evaluation with it.
        if (strategy.Ordered && step is not null) return;
        var clients = Registry.Clients();
        if (Registry.VirtualCount is null && !strategy.Ordered) evaluation?.Forget(clients);
        var mayTrain = step is not null && clients.Count >= strategy.MinAvailableClients;
        var free = mayTrain ? Free(clients) : evaluation is null ? [] : [.. evaluation.Waiting.Where(client => !atWork.ContainsKey(client))];
        if (free.Count == 0) return;
        var key = KeyFor(Purpose.Ask, step?.State.Round ?? Config.NumRounds + 1).Fold((uint)choices++);
        foreach (var client in new RoundState(0, Parameters.Empty, free, key).Sample(strategy.MaxConcurrency - atWork.Count))
        {
            if (evaluation?.Take(client) is { } task) Evaluate(evaluation, task, cancellation);
            else Train(client, step!.State with { Clients = [client], Key = key }, cancellation);
        }
    }

    /// <summary>Who may be asked now. One that came back while its last answer has yet to be taken would only give that answer again.</summary>
    private IReadOnlyList<ClientInfo> Free(IReadOnlyList<ClientInfo> clients)
    {
        var rests = resting.Where(client => evaluation?.Wants(client) != true).ToHashSet();
        return Registry.VirtualCount is null
            ? [.. clients.Where(client => !atWork.ContainsKey(client) && !rests.Contains(client))]
            // Not by going through them: they may be very many.
            : Registry.Without(new HashSet<ClientInfo>([.. atWork.Keys, .. rests]));
    }

    /// <summary>What a client is to train; null when the strategy passes it over.</summary>
    private ClientTask<FitInstructions>? TaskOf(ClientInfo client, RoundState state, int update) =>
        Named(Door.Take(strategy.ConfigureFit(Door.Show(state))), state.Round, update).FirstOrDefault(task => task.Client == client);

    private void Evaluate(AsyncEvaluation asked, ClientTask<EvaluateInstructions> task, CancellationToken cancellation) =>
        Ask<EvaluateInstructions, EvaluateResult>(
            "evaluate", asked.State.Round, task, result => strategy.Check(asked.State, result),
            result =>
            {
                asked.Add(new ClientEvaluation(task.Client, result.Loss, result.NumExamples, result.Metrics));
                return Task.CompletedTask;
            },
            asked.Add,
            result => (result.NumExamples, Shown(result.Loss)), cancellation);

    /// <summary>Asks a client, once it has answered what it was asked before.</summary>
    private void Ask<TInstructions, TResult>(
        string phase, int round, ClientTask<TInstructions> task, Func<TResult, Refusal?> check, Func<TResult, Task> accept, Action<ClientFailure> refuse,
        Func<TResult, (long Examples, string Loss)> report, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        var before = atWork.GetValueOrDefault(task.Client, Task.CompletedTask);
        Task? own = null;
        own = atWork[task.Client] = Task.Run(AskAsync, CancellationToken.None);

        async Task AskAsync()
        {
            try
            {
                await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                await turns!.WaitAsync(cancellation).ConfigureAwait(false);
                TResult? accepted = null;
                ClientFailure? failure;
                try
                {
                    var start = Options.TimeProvider.GetTimestamp();
                    failure = await AskAsync<TInstructions, TResult>(phase, task, CheckAsync, report, round, start, CancellationToken.None, cancellation).ConfigureAwait(false);
                }
                finally
                {
                    turns!.Release();
                }
                Leave(() =>
                {
                    if (failure is null) return accept(accepted!);
                    refuse(failure);
                    return Task.CompletedTask;
                });

                Task<Refusal?> CheckAsync(TResult result)
                {
                    accepted = result;
                    return Task.FromResult(Checked(round, check, result));
                }
            }
            catch (Exception exception)
            {
                // A strategy that throws ends the run.
                Leave(() => Task.FromException(exception));
            }
        }

        void Leave(Func<Task> act) => mailbox.Writer.TryWrite(() =>
        {
            // It may have been asked for more meanwhile.
            if (atWork.GetValueOrDefault(task.Client) == own) atWork.Remove(task.Client);
            return act();
        });
    }

    /// <summary>Clients by their stable name, whatever connection they have, or else by that.</summary>
    private sealed class SameClient : IEqualityComparer<ClientInfo>
    {
        public static SameClient Instance { get; } = new();

        public bool Equals(ClientInfo? one, ClientInfo? other) => one?.StableName is { } name ? name == other?.StableName : one == other;

        public int GetHashCode(ClientInfo client) => (client.StableName ?? client.Id).GetHashCode(StringComparison.Ordinal);
    }
}
