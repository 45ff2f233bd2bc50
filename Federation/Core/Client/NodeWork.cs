using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What a message's work came to: records, or an error in their place.</summary>
internal readonly record struct NodeAnswer(RecordDict? Content, Wire.Error? Error);

/// <summary>The numbers of Flower's errors that a node reports.</summary>
internal enum NodeError
{
    Unknown = 0,
    ClientAppRaisedException = 2,
    MessageUnavailable = 3,
}

/// <summary>Does what a message asks: by the older interface's instructions where a client has that, else over records.</summary>
/// <remarks>As in <see cref="InstructionRunner"/> the server hears an exception's type alone unless the client allows more: its text may hold private data.</remarks>
internal sealed class NodeWork(IRecordClient records, InstructionRunner? legacy, TimeProvider time, ILogger log, bool tellsMessages = false)
{
    private (Exception? Exception, int Count) errors;

    /// <summary>What the user's code threw last, if its last call threw; how often in a row.</summary>
    public (Exception? Exception, int Count) Errors => legacy?.Errors.Count > errors.Count ? legacy.Errors : errors;

    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<NodeAnswer> RunAsync(Wire.Metadata metadata, RecordDict content, CancellationToken cancellation)
    {
        var type = metadata.MessageType;
        if (legacy is not null && LegacyRecords.IsInstruction(type, content))
        {
            Instruction instruction;
            try
            {
                instruction = LegacyRecords.DecodeInstruction(type, content);
            }
            catch (FormatException exception)
            {
                log.Unreadable(PeerText.Harmless(metadata.MessageId), PeerText.Harmless(exception.Message));
                return Failed(NodeError.Unknown, exception.Message);
            }
            var reply = await legacy.RunAsync(instruction, cancellation).ConfigureAwait(false);
            return new(LegacyRecords.Encode((Result)reply.Own()), null);
        }
        return await OverRecordsAsync(metadata, content, cancellation).ConfigureAwait(false);
    }

    public static NodeAnswer Failed(NodeError code, string reason) => new(null, new() { Code = (long)code, Reason = PeerText.Harmless(reason, 512) });

    private async Task<NodeAnswer> OverRecordsAsync(Wire.Metadata metadata, RecordDict content, CancellationToken cancellation)
    {
        var type = metadata.MessageType;
        var point = type.IndexOf('.', StringComparison.Ordinal);
        var request = new RecordRequest(point < 0 ? "default" : type[(point + 1)..], content, metadata.RunId, metadata.GroupId);
        var category = point < 0 ? type : type[..point];
        Func<RecordRequest, CancellationToken, ValueTask<RecordDict>>? method = category switch
        {
            LegacyRecords.Train => records.TrainAsync,
            LegacyRecords.Evaluate => records.EvaluateAsync,
            LegacyRecords.Query => records.QueryAsync,
            _ => null,
        };
        if (method is null) return Failed(NodeError.Unknown, $"Message type '{PeerText.Harmless(type)}' is none of train, evaluate and query.");
        log.Asked(PeerText.Harmless(type));
        var start = time.GetTimestamp();
        try
        {
            // Its objects are read while they are pushed, and their ids are kept: nobody may change it any more.
            var answer = (await method(request, cancellation).ConfigureAwait(false)).Own();
            errors = default;
            log.Answered(PeerText.Harmless(type), time.GetElapsedTime(start).TotalSeconds);
            return new(answer, null);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (NotOverriddenException missing)
        {
            return Failed(NodeError.ClientAppRaisedException, missing.Message);
        }
        catch (Exception exception)
        {
            errors = (exception, errors.Count + 1);
            log.UserCodeFailed(exception, PeerText.Harmless(type));
            return Failed(NodeError.ClientAppRaisedException, InstructionRunner.Told(PeerText.Harmless(type), exception, tellsMessages));
        }
    }
}
