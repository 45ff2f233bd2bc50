namespace ManagedFed.Federation;

/// <summary>What makes a message the reply to an instruction.</summary>
internal static class ReplyRules
{
    /// <summary>The node that a server is to its nodes.</summary>
    public const ulong ServerId = 1;

    /// <summary>How long a message is valid unless said otherwise, in seconds.</summary>
    public const double DefaultTtl = 43_200;

    // 22 February 2025, before which no message of this form was sent.
    private const double Earliest = 1_740_700_800;

    private const double TtlTolerance = 0.1;

    /// <summary>What is wrong with a reply; null when nothing is.</summary>
    public static string? Problem(Wire.Metadata reply, Wire.Metadata instruction)
    {
        var expected = instruction.Ttl - (reply.CreatedAt - instruction.CreatedAt);
        return reply.RunId != instruction.RunId ? Differs("run", reply.RunId, instruction.RunId)
            : reply.SrcNodeId != instruction.DstNodeId ? Differs("source node", reply.SrcNodeId, instruction.DstNodeId)
            : reply.DstNodeId != instruction.SrcNodeId ? Differs("destination node", reply.DstNodeId, instruction.SrcNodeId)
            : reply.ReplyToMessageId != instruction.MessageId ? Differs("replied-to message", reply.ReplyToMessageId, instruction.MessageId)
            : reply.GroupId != instruction.GroupId ? Differs("group", reply.GroupId, instruction.GroupId)
            : reply.MessageType != instruction.MessageType ? Differs("type", reply.MessageType, instruction.MessageType)
            // Written so that NaN is refused too.
            : !(reply.CreatedAt >= Earliest && reply.CreatedAt >= instruction.CreatedAt && double.IsFinite(reply.CreatedAt))
                ? Fault($"created at {reply.CreatedAt}, the instruction at {instruction.CreatedAt}; does the node's clock run right?")
            : !(reply.Ttl > 0 && reply.Ttl <= expected + TtlTolerance)
                ? Fault($"valid for {reply.Ttl} s, at most {expected} s are left of the instruction's {instruction.Ttl}")
            : null;
    }

    private static string Differs<T>(string what, T got, T wanted) => FormattableString.Invariant($"the reply's {what} is '{got}', expected '{wanted}'");

    private static string Fault(FormattableString what) => $"the reply is {FormattableString.Invariant(what)}";
}
