using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Does what a server asks by calling the user's client.</summary>
/// <remarks>
/// An exception of the user's code is logged here and told to the server as a result that is not OK, with the exception's type
/// alone (its text may hold private data) unless the client allows more: the server counts a failure, names its cause, and the stream lives on.
/// </remarks>
internal sealed class InstructionRunner(ArrayClient client, TimeProvider time, ILogger log, bool tellsMessages = false)
{
    private bool castSaid;

    /// <summary>What a server is told of an exception of the user's code.</summary>
    public static string Told(string task, Exception exception, bool withMessage) => withMessage
        ? PeerText.Harmless($"Client failed to {task}: {exception.GetType().Name}: {exception.Message}")
        : $"Client failed to {task}: {exception.GetType().Name}";

    /// <summary>See <see cref="ArrayClient.SharesArrays"/>.</summary>
    public bool SharesArrays => client.SharesArrays;

    /// <summary>What the user's code threw last, if its last call threw; how often in a row.</summary>
    public (Exception? Exception, int Count) Errors { get; private set; }

    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<Reply> RunAsync(Instruction instruction, CancellationToken cancellation)
    {
        var task = instruction switch
        {
            GetPropertiesInstructions => "get properties",
            GetParametersInstructions => "get parameters",
            FitInstructions => "fit",
            _ => "evaluate",
        };
        log.Asked(task);
        if (client is IRoundClient inRounds) inRounds.Round = instruction.Round;
        var start = time.GetTimestamp();
        ResultStatus failure;
        try
        {
            var reply = await DoAsync(instruction, cancellation).ConfigureAwait(false);
            Errors = default;
            log.Answered(task, time.GetElapsedTime(start).TotalSeconds);
            return reply;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (NotOverriddenException missing)
        {
            failure = new(CodeFor(instruction), missing.Message);
        }
        catch (Exception exception)
        {
            Errors = (exception, Errors.Count + 1);
            log.UserCodeFailed(exception, task);
            failure = new(CodeFor(instruction), Told(task, exception, tellsMessages));
        }
        return instruction switch
        {
            GetPropertiesInstructions => new GetPropertiesResult(failure, Metrics.None),
            GetParametersInstructions => new GetParametersResult(failure, Parameters.Empty),
            FitInstructions => new FitResult(failure, Parameters.Empty, 0, Metrics.None),
            _ => new EvaluateResult(failure, 0, 0, Metrics.None),
        };
    }

    /// <summary>The reply, or, where the stream cannot carry it, one that says so.</summary>
    public Reply Sendable(Reply reply)
    {
        if (MessagePlan.Of(StreamMessages.Replies, reply).Bytes is var bytes && bytes <= int.MaxValue) return reply;
        var problem = new MessageTooLongException(bytes);
        log.TooLong(problem.Message);
        return reply switch
        {
            GetParametersResult => new GetParametersResult(new(ResultCode.GetParametersNotImplemented, problem.Message), Parameters.Empty),
            _ => new FitResult(new(ResultCode.FitNotImplemented, problem.Message), Parameters.Empty, 0, Metrics.None),
        };
    }

    private async Task<Reply> DoAsync(Instruction instruction, CancellationToken cancellation)
    {
        switch (instruction)
        {
            case GetPropertiesInstructions get:
                return new GetPropertiesResult(ResultStatus.Success, Singles(await client.GetPropertiesAsync(get.Config, cancellation).ConfigureAwait(false)));
            case GetParametersInstructions get:
                var arrays = await client.GetParametersAsync(get.Config, cancellation).ConfigureAwait(false);
                return new GetParametersResult(ResultStatus.Success, new Parameters(arrays));
            case FitInstructions { Parameters: var parameters, Config: var config }:
                var fit = await client.FitAsync(parameters.Arrays, config, cancellation).ConfigureAwait(false);
                SayCast(parameters, fit.Parameters);
                return new FitResult(ResultStatus.Success, new Parameters(fit.Parameters), fit.NumExamples, Singles(fit.Metrics));
            case EvaluateInstructions { Parameters: var parameters, Config: var config }:
                var evaluation = await client.EvaluateAsync(parameters.Arrays, config, cancellation).ConfigureAwait(false);
                return new EvaluateResult(
                    ResultStatus.Success, (float)evaluation.Loss, evaluation.NumExamples, Singles(evaluation.Metrics));
            default:
                throw new ArgumentException($"[client] {instruction.GetType().Name} is not work");
        }
    }

    /// <summary>Says once that the server sends another floating type than the client's model has.</summary>
    private void SayCast(Parameters given, IReadOnlyList<NdArray> trained)
    {
        if (castSaid || FloatCast.FirstOther(new(trained), given) is not { } type) return;
        castSaid = true;
        log.ServersFloatsCast(type.Name());
    }

    private static IReadOnlyDictionary<string, Scalar> Singles(IReadOnlyDictionary<string, Scalar>? values)
    {
        foreach (var (name, value) in values ?? Metrics.None) value.Single(name);
        return values ?? Metrics.None;
    }

    private static ResultCode CodeFor(Instruction instruction) => instruction switch
    {
        GetPropertiesInstructions => ResultCode.GetPropertiesNotImplemented,
        GetParametersInstructions => ResultCode.GetParametersNotImplemented,
        FitInstructions => ResultCode.FitNotImplemented,
        _ => ResultCode.EvaluateNotImplemented,
    };
}
