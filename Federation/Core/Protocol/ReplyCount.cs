using System.Buffers;

namespace ManagedFed.Federation;

/// <summary>Counts what a message holds before it is parsed: a few bytes of it can become many objects.</summary>
internal static class ReplyCount
{
    /// <summary>Messages that cannot be walked over are left to Protobuf's parser up to here.</summary>
    private const int Small = 64 << 10;

    /// <summary>Why a reply holds more than allowed; null when it does not.</summary>
    public static string? Problem(in ReadOnlySequence<byte> message, ReplyAllowance allowance)
    {
        var (tensors, others) = (0, 0);
        var outer = new FieldReader(message);
        var walked = true;
        while (outer.TryRead(out var field))
        {
            if (field.Content is not { } body) continue;
            var wanted = FrameReader.ParametersIn(field.Number);
            var inner = new FieldReader(body);
            while (inner.TryRead(out var part))
            {
                others++;
                if (part.Number != wanted || part.Content is not { } parameters) continue;
                var reader = new FieldReader(parameters);
                while (reader.TryRead(out _)) tensors++;
                walked &= reader.AtEnd;
            }
            walked &= inner.AtEnd;
        }
        // One of the fields is the tensors' type.
        return tensors > allowance.Tensors + 1 ? TooManyTensors(tensors - 1, allowance)
            : others > allowance.Metrics + ReplyAllowance.OtherFields ? TooManyMetrics(allowance)
            : !(walked && outer.AtEnd) && message.Length > Small ? $"[wire] {message.Length} bytes are no message"
            : null;
    }

    public static string TooManyTensors(int count, ReplyAllowance allowance) =>
        $"[wire] the reply has {count} tensors or more, at most {allowance.Tensors} are taken; ReplyLimits in the server's options says how many";

    public static string TooManyMetrics(ReplyAllowance allowance) =>
        $"[wire] the reply has more than {allowance.Metrics} metrics or {allowance.MetricsBytes} bytes of them; ReplyLimits in the server's options says how many are taken";

    /// <summary>The fields of a message, as far as it can be walked over.</summary>
    public static int Fields(ReadOnlyMemory<byte> message)
    {
        var count = 0;
        var reader = new FieldReader(new(message));
        while (reader.TryRead(out _)) count++;
        return count;
    }
}
