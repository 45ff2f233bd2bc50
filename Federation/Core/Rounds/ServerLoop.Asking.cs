namespace ManagedFed.Federation;

// How a client is asked, and what its answer must be.
internal abstract partial class ServerLoop
{
    /// <summary>How often a client that is lost again and again is asked again in one round.</summary>
    private const int MostReturns = 10;

    /// <summary>What is wrong with a result for which nobody waits any more; no failure of its client.</summary>
    protected static readonly Refusal TooLate = new(FailureReason.TimedOut, "came when its round did not wait for it any more");

    /// <summary>Asks one client; what keeps it from giving a result, or what <paramref name="take"/> says is wrong with that, is returned.</summary>
    /// <param name="phase">The phase, for people.</param>
    /// <param name="task">Whom to ask what.</param>
    /// <param name="take">Takes a result, or says what is wrong with it.</param>
    /// <param name="report">A result in numbers, for people.</param>
    /// <param name="round">The round.</param>
    /// <param name="start">When the phase began.</param>
    /// <param name="over">Cancelled when nobody waits for the answer any more: it is acknowledged and dropped.</param>
    /// <param name="cancellation">Ends the question.</param>
    protected async Task<ClientFailure?> AskAsync<TInstructions, TResult>(
        string phase, ClientTask<TInstructions> task, Func<TResult, Task<Refusal?>> take,
        Func<TResult, (long Examples, string Loss)> report, int round, long start, CancellationToken over, CancellationToken cancellation)
        where TInstructions : Instruction where TResult : Result
    {
        Instruction instruction = task.Instructions;
        var answer = KeptAnswer(task, round) ?? await AskAsync(task.Client, instruction with { Round = round }, over, cancellation).ConfigureAwait(false);
        using var share = answer.Share;
        var seconds = Options.TimeProvider.GetElapsedTime(start).TotalSeconds;
        TResult? result = null;
        var refusal = TooLate;
        if (!over.IsCancellationRequested)
        {
            var reply = caster.Cast(task.Client, instruction, answer.Reply);
            answer = answer with { Reply = reply is FitResult trained ? trained with { From = task.Client.Name } : reply };
            refusal = Verdict(answer, static _ => null, out result) ?? await take(result!).ConfigureAwait(false);
        }
        if (ReferenceEquals(refusal, TooLate))
        {
            Log.AnsweredLate(phase, task.Client.Name, answer.Failure is { } failure ? $"{failure.Reason}: {failure.Message}" : "a reply", seconds);
            return null;
        }
        if (refusal is not null)
        {
            // Whatever rule refused it: the sentence may quote the client.
            var message = PeerText.Harmless(refusal.Message, 512);
            Log.ClientFailed(phase, task.Client.Name, refusal.Reason, message, answer.Bytes, seconds);
            return new(task.Client, refusal.Reason, message);
        }
        var (examples, loss) = report(result!);
        Log.ClientDone(phase, task.Client.Name, examples, loss, answer.Bytes, seconds);
        return null;
    }

    /// <summary>A client's properties: none when it gives none, which the log says, and null when it is lost.</summary>
    protected async Task<IReadOnlyDictionary<string, Scalar>?> PropertiesOfAsync(IClientConnection client, CancellationToken cancellation)
    {
        var answer = await AskAsync(client, new GetPropertiesInstructions(Metrics.None), cancellation).ConfigureAwait(false);
        using var share = answer.Share;
        if (Verdict<GetPropertiesResult>(answer, static _ => null, out var result) is not { } refusal) return result!.Properties;
        Log.NoProperties(client.Info.Name, $"{refusal.Reason}: {PeerText.Harmless(refusal.Message, 512)}");
        return refusal.Reason is FailureReason.Disconnected or FailureReason.TimedOut ? null : Metrics.None;
    }

    /// <summary>What updates must keep to: the strategy's own check, that variances are such, and what the round's aggregation says.</summary>
    /// <param name="state">The round.</param>
    /// <param name="shown">The same as the strategy sees it.</param>
    /// <param name="aggregation">The aggregation that it is for; null when there is none any more.</param>
    /// <param name="result">The update.</param>
    protected Refusal? CheckFit(RoundState state, RoundState shown, FitAggregation? aggregation, FitResult result) => Strategy.Check(shown, result)
        ?? (schema is null ? null : UpdateCheck.Variances(result.Parameters, schema)) ?? aggregation?.Check(state, result);

    /// <summary>A strategy's check; one that throws refuses the result.</summary>
    protected Refusal? Checked<TResult>(int round, Func<TResult, Refusal?> check, TResult result)
    {
        try
        {
            return check(result);
        }
        catch (Exception exception)
        {
            return Failed(round, exception);
        }
    }

    /// <summary>Says that a strategy threw on a result; the run goes on without that result.</summary>
    protected Refusal Failed(int round, Exception exception)
    {
        Log.StrategyFailed(exception, round);
        thrown = exception;
        return new(FailureReason.Aggregation, $"the strategy failed on it: {exception.GetType().Name}: {PeerText.Harmless(exception.Message)}");
    }

    /// <summary>Asks a client, and again when it was lost and comes back in time.</summary>
    private async Task<Answer> AskAsync(ClientInfo asked, Instruction instruction, CancellationToken over, CancellationToken cancellation)
    {
        var answer = Answer.Failed(FailureReason.Disconnected, "left before the round began");
        var client = Registry.Find(asked);
        for (var returns = 0; returns <= MostReturns; returns++)
        {
            client ??= await ReturnAsync(asked, instruction, over, cancellation).ConfigureAwait(false);
            if (client is null) return answer;
            answer = await AskAsync(client, instruction, cancellation).ConfigureAwait(false);
            if (answer.Failure?.Reason != FailureReason.Disconnected) return answer;
            (asked, client) = (client.Info, null);
        }
        return answer;
    }

    /// <summary>Asks one client within the round's timeout; a client that takes longer loses its stream.</summary>
    private async Task<Answer> AskAsync(IClientConnection client, Instruction instruction, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(Config.RoundTimeout ?? Timeout.InfiniteTimeSpan, Options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            return await client.AskAsync(instruction, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            var message = FormattableString.Invariant($"Timeout of {Config.RoundTimeout!.Value.TotalSeconds:0.0##} sec was exceeded.");
            client.Abort(message);
            Registry.Leave(client, message);
            return Answer.Failed(FailureReason.TimedOut, message);
        }
    }

    /// <summary>Null and the result when the answer is of the right kind, done, and passes the check; else what is wrong.</summary>
    private static Refusal? Verdict<TResult>(Answer answer, Func<TResult, Refusal?> check, out TResult? result) where TResult : Result
    {
        result = answer.Reply as TResult;
        if (answer.Failure is not null) return answer.Failure;
        if (result is null)
        {
            return new(FailureReason.Unexpected, $"answered with {answer.Reply?.GetType().Name}, expected {typeof(TResult).Name}");
        }
        if (result.Status.Code != ResultCode.Ok) return new(FailureReason.Declined, $"{result.Status.Code}: {PeerText.Harmless(result.Status.Message)}");
        return check(result);
    }
}
