namespace ManagedFed.Federation;

// Updates count in the order in which they were asked for: what is asked of whom, and when, follows from that order alone.
internal sealed partial class AsyncLoop
{
    /// <summary>What was asked and has not had its turn, the first first.</summary>
    private readonly Queue<Question> open = [];

    /// <summary>True when updates of the step were accepted before the server stopped, by the same clients.</summary>
    private bool goesOn;

    /// <summary>Waits for the clients of a step and notes who they are.</summary>
    private async Task<RoundState> EnterAsync(int round, History history, CancellationToken cancellation)
    {
        var before = ClientsBefore(round);
        goesOn = before is not null;
        var clients = before ?? await WaitForAsync(Math.Max(1, strategy.MinAvailableClients), cancellation).ConfigureAwait(false);
        var state = StateOf(round, Purpose.Fit, history, clients);
        foreach (var asked in round == FirstRound ? AskedBefore : []) Restore(state, asked);
        if (Registry.VirtualCount is null)
        {
            // Whoever is to answer belongs to the step, also when it is away just now.
            state = state with
            {
                Clients = [.. clients.Union(open.Select(question => question.Client), SameClient.Instance)
                    .OrderBy(client => client.StableName is null).ThenBy(client => client.StableName, StringComparer.Ordinal)],
            };
        }
        if (!goesOn) await KeepClientsAsync(state, cancellation).ConfigureAwait(false);
        return state;
    }

    private async Task TrainInOrderAsync(Step now, CancellationToken cancellation)
    {
        while (!IsFull)
        {
            AskInOrder(now, cancellation);
            if (!open.TryPeek(out var first)) return;
            while (first.IsOpen && !IsTooOld(now, first)) await AskOrHearAsync(cancellation).ConfigureAwait(false);
            open.Dequeue();
            await SettleAsync(now, first, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Asks until so many are asked as may be, or nobody is free; each client answers one question at a time.</summary>
    private void AskInOrder(Step now, CancellationToken cancellation)
    {
        foreach (var question in open.Where(question => !question.IsAsked))
        {
            if (!Begin(now, question, cancellation)) question.Failure = new(question.Client, FailureReason.Unexpected, "the strategy passes it over now");
        }
        while (open.Count < strategy.MaxConcurrency && Free(now) is { Count: > 0 } free)
        {
            var choice = now.Choices++;
            var key = KeyFor(Purpose.Ask, now.State.Round).Fold((uint)choice);
            foreach (var client in new RoundState(0, Parameters.Empty, free, key).Sample(strategy.MaxConcurrency - open.Count))
            {
                var question = new Question(client, now.State with { Clients = [client], Key = key }, CountedOf(client), choice);
                if (Begin(now, question, cancellation)) open.Enqueue(question);
                else resting.Add(client);
            }
        }
    }

    private IReadOnlyList<ClientInfo> Free(Step now)
    {
        var busy = new HashSet<ClientInfo>([.. open.Select(question => question.Client), .. resting], SameClient.Instance);
        return Registry.VirtualCount is not null ? Registry.Without(busy) : [.. now.State.Clients.Where(client => !busy.Contains(client))];
    }

    /// <summary>Asks a question, unless its answer is kept; false when the strategy passes the client over.</summary>
    private bool Begin(Step now, Question question, CancellationToken cancellation)
    {
        question.IsAsked = true;
        // By its place among those that have yet to count: a restored one is in the queue already.
        var ahead = open.TakeWhile(other => other != question).Count();
        if (goesOn && AcceptedBefore.FirstOrDefault(update => update.Place == now.Taken + ahead) is { } kept
            && kept.Client == question.Client.StableName && kept.Given == question.Given)
        {
            (question.Result, question.IsKept) = (kept.Result, true);
            return true;
        }
        // Under the connection that it has now.
        var client = question.Client.StableName is { } name && Registry.Named(name) is { } there ? there : question.Client;
        if (TaskOf(client, question.State with { Clients = [client] }, question.Update) is not { } task) return false;
        if (evaluation?.Take(client) is { } judged) Evaluate(evaluation, judged, cancellation);
        Ask<FitInstructions, FitResult>(
            "fit", question.State.Round, task, static _ => null, result =>
            {
                question.Result = result;
                return Task.CompletedTask;
            },
            failure => question.Failure = failure, result => (result.NumExamples, LossIn(result.Metrics)), cancellation);
        return true;
    }

    /// <summary>Those of whom no update is awaited evaluate at once; the others when they are next asked to train.</summary>
    private void EvaluateByTheFree(AsyncEvaluation asked, CancellationToken cancellation)
    {
        foreach (var client in asked.Waiting.Where(client => !open.Any(question => SameClient.Instance.Equals(question.Client, client))).ToArray())
        {
            Evaluate(asked, asked.Take(client)!, cancellation);
        }
    }

    private bool IsTooOld(Step now, Question question) => now.State.Round - question.State.Round > strategy.MaxStaleness;

    /// <summary>A question's turn: its update counts, or what is wrong with it does.</summary>
    private async Task SettleAsync(Step now, Question question, CancellationToken cancellation)
    {
        var (place, client) = (now.Taken++, question.Client);
        if (IsTooOld(now, question))
        {
            // Nobody waits for it: what it depends on is known without.
            Log.Stale(client.Name, now.State.Round - question.State.Round, strategy.MaxStaleness!.Value);
            return;
        }
        if (question.Failure is { } failure)
        {
            resting.Add(client);
            now.Failures.Add(failure);
            return;
        }
        // Only now: what limits learn of an update is not to depend on when it came.
        if (Checked(now.State.Round, result => CheckFit(question.State, question.State, now.Aggregation, result), question.Result!) is { } refusal)
        {
            Refuse(now, client, refusal);
            return;
        }
        if (question.IsKept) Log.UpdateKept(client.Name);
        else await KeepUpdateAsync(now.State.Round, place, client, question.Given, question.Result!, cancellation).ConfigureAwait(false);
        Take(now, client, question.State, question.State.Parameters, question.Result!);
    }

    /// <summary>Puts a question that was open when the server stopped back in its place.</summary>
    private void Restore(RoundState now, StoredQuestion asked)
    {
        // Nobody could tell who it was.
        if (asked.Client.Length == 0) return;
        var client = Registry.Named(asked.Client) ?? ClientInfo.Create("not back yet", asked.Client);
        if (StateBefore(now, asked.Given) is { } state)
        {
            var key = KeyFor(Purpose.Ask, state.Round).Fold((uint)asked.Choice);
            open.Enqueue(new(client, state with { Clients = [client], Key = key }, asked.Update, asked.Choice));
            return;
        }
        open.Enqueue(new(client, now with { Round = asked.Given + 1 }, asked.Update, asked.Choice)
        {
            IsAsked = true,
            Failure = new(client, FailureReason.Unexpected, $"the model of round {asked.Given} is lost"),
        });
    }

    /// <summary>A training that was asked for.</summary>
    /// <param name="client">Of whom.</param>
    /// <param name="state">The step whose model it trains from.</param>
    /// <param name="update">How many updates of the client had counted in that step.</param>
    /// <param name="choice">The number of the choice by which it was asked.</param>
    private sealed class Question(ClientInfo client, RoundState state, int update, int choice)
    {
        public ClientInfo Client => client;

        public RoundState State => state;

        public int Update => update;

        /// <summary>The round whose model it trains from.</summary>
        public int Given => state.Round - 1;

        public StoredQuestion Stored => new(client.StableName ?? "", Given, update, choice);

        public bool IsAsked { get; set; }

        /// <summary>True when the answer is on disk.</summary>
        public bool IsKept { get; set; }

        public FitResult? Result { get; set; }

        public ClientFailure? Failure { get; set; }

        /// <summary>True until the answer is here, or is known not to come.</summary>
        public bool IsOpen => Result is null && Failure is null;
    }
}
