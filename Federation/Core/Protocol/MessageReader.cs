using System.Buffers;
using System.Collections.ObjectModel;

namespace ManagedFed.Federation;

/// <summary>
/// Reads one message as its bytes come, by the table of its kinds: tensors go to their memory part by part, every other field is small and
/// waited for. What a message holds is counted before anything is allocated for it.
/// </summary>
/// <remarks>
/// Fields may come in any order and again, as Protobuf allows, but the parameters of a large message once. A message that breaks a limit is
/// read over, one whose tensors or scalars cannot be used is told of at its end: either way the stream goes on.
/// </remarks>
/// <param name="table">The kinds of messages that may come.</param>
/// <param name="length">The bytes of the message.</param>
/// <param name="allowance">What it may hold.</param>
internal sealed class MessageReader<T>(MessageTable<T> table, long length, ReplyAllowance allowance) where T : class
{
    /// <summary>A message above this is large.</summary>
    private const int Large = 1 << 20;

    /// <summary>The most bytes of a field that has no length before it.</summary>
    private const int MaxUnmeasured = 64 << 10;

    private readonly long length = length;
    private readonly List<TensorReader> tensors = [];
    private MessageParts parts = new();
    private OrderedDictionary<string, Scalar> values = new(StringComparer.Ordinal);
    private MessageRow<T>? kind;
    private TensorReader? tensor;
    private string? type, problem;
    private int others, seenTensors;
    private long left = length, skip, beside;
    private long? kindEnd, parametersEnd;
    private bool refused;

    private bool ArraysOnly => length > Large && allowance.Arrays;

    /// <summary>True when all bytes have been taken.</summary>
    public bool IsDone => left == 0;

    /// <summary>How many bytes have been taken.</summary>
    public long Taken => length - left;

    /// <summary>A message that is too long to be looked into.</summary>
    public void Refuse(string why)
    {
        problem = problem is null ? why : $"{problem}; {why}";
        refused = true;
        tensors.Clear();
        values.Clear();
        tensor = null;
    }

    /// <summary>Takes what it can of the bytes that have come.</summary>
    /// <returns>How many bytes were taken.</returns>
    /// <exception cref="BrokenMessageException">The bytes are no message.</exception>
    public long Read(ReadOnlySequence<byte> arrived)
    {
        var before = left;
        if (arrived.Length > left) arrived = arrived.Slice(0, left);
        while (!arrived.IsEmpty && Step(arrived) is > 0 and var taken)
        {
            left -= taken;
            arrived = arrived.Slice(taken);
        }
        return before - left;
    }

    /// <summary>The message, all of whose bytes have been taken.</summary>
    public Frame<T> Finish()
    {
        if (kind is null) problem ??= $"[wire] the message holds no {table.Name} that this version knows";
        if (problem is null && parts.Parameters is not null && ArraysOnly && type != Parameters.NumpyType)
        {
            problem = $"[wire] tensors are of type '{PeerText.Harmless(type)}', expected '{Parameters.NumpyType}'";
        }
        if (problem is not null) return new(problem, length);
        try
        {
            parts.Status ??= new(ResultCode.Ok, "");
            parts.Values = new ReadOnlyDictionary<string, Scalar>(values);
            parts.Parameters = parts.Parameters is null ? Parameters.Empty
                : type == Parameters.NumpyType ? new(tensors.ConvertAll(item => item.ToArray()))
                : new(type ?? "", tensors.ConvertAll(item => item.ToBytes()));
            return new(kind!.Make(parts), length);
        }
        catch (FormatException exception)
        {
            return new(exception.Message, length);
        }
    }

    /// <summary>Takes one thing of what has come: a part of a tensor, a field, or what stands before one; 0 when more must come first.</summary>
    private long Step(in ReadOnlySequence<byte> arrived)
    {
        if (refused) return arrived.Length;
        if (skip > 0)
        {
            var over = Math.Min(skip, arrived.Length);
            skip -= over;
            return over;
        }
        if (tensor is not null) return StepTensor(arrived);
        if (left == parametersEnd) parametersEnd = null;
        if (left == kindEnd) kindEnd = null;
        var inside = left - (parametersEnd ?? kindEnd ?? 0);
        var level = arrived.Length > inside ? arrived.Slice(0, inside) : arrived;
        var reader = new FieldReader(level);
        if (!reader.TryReadHead(out var number, out var wire, out var content)) return More(reader, level.Length, inside);
        if (wire != WireType.Bytes) return Plain(level, inside);
        var head = reader.Consumed;
        if (content > inside - head) throw new BrokenMessageException("a field is longer than what holds it");
        if (parametersEnd is not null) return InParameters(level.Slice(head), number, head, content);
        if (kindEnd is not null) return InKind(level.Slice(head), number, head, content);
        if (table.Find(number) is { } found) Enter(found, left - head - content);
        else skip = content;
        return head;
    }

    private void Enter(MessageRow<T> found, long end)
    {
        if (found != kind)
        {
            // Of several kinds the last one counts, as Protobuf says.
            (kind, parts, values, type, problem) = (found, new(), new(StringComparer.Ordinal), null, null);
            tensors.Clear();
        }
        kindEnd = end;
    }

    private long InKind(in ReadOnlySequence<byte> rest, int number, long head, long content)
    {
        var what = kind!.Find(number);
        if (what == FieldKind.Parameters)
        {
            if (parts.Parameters is not null && length > Large) throw new BrokenMessageException("a large message has its parameters more than once");
            parts.Parameters ??= Parameters.Empty;
            parametersEnd = left - head - content;
            return head;
        }
        if (what is not (FieldKind.Status or FieldKind.Values))
        {
            if (CountOther()) skip = content;
            return head;
        }
        if (!TryGather(rest, content, out var body)) return refused ? head : 0;
        if (!CountOther()) return head;
        if (what == FieldKind.Status) parts.Status = MessageFields.ReadStatus(body, parts.Status);
        else if (MessageFields.ReadValue(body, values) is { } why) problem ??= why;
        return head + content;
    }

    private long InParameters(in ReadOnlySequence<byte> rest, int number, long head, long content)
    {
        const int Tensor = 1, Type = 2;
        if (number == Tensor)
        {
            if (++seenTensors > allowance.Tensors) Refuse(allowance.TooManyTensors(seenTensors));
            else if (problem is not null) skip = content;
            else if (content > 0) tensor = new(content, ArraysOnly);
            else AddEmpty();
            return head;
        }
        if (number != Type)
        {
            skip = content;
            return head;
        }
        if (!TryGather(rest, content, out var text)) return refused ? head : 0;
        type = MessageFields.Text(text);
        return head + content;
    }

    private void AddEmpty()
    {
        var empty = new TensorReader(0, ArraysOnly);
        empty.Read(ReadOnlySequence<byte>.Empty);
        Add(empty);
    }

    private long StepTensor(in ReadOnlySequence<byte> arrived)
    {
        var taken = tensor!.Read(arrived);
        if (tensor.IsDone)
        {
            Add(tensor);
            tensor = null;
        }
        return taken;
    }

    private void Add(TensorReader done)
    {
        if (ArraysOnly) problem ??= done.Problem;
        if (problem is null) tensors.Add(done);
    }

    /// <summary>A field that has no length before it: a number, or a group of fields that nobody knows.</summary>
    private long Plain(in ReadOnlySequence<byte> level, long inside)
    {
        var reader = new FieldReader(level);
        if (!reader.TryRead(out var field)) return More(reader, level.Length, inside);
        if (kindEnd is null || parametersEnd is not null || !CountOther()) return reader.Consumed;
        var what = kind!.Find(field.Number);
        if (what == FieldKind.Number && field.Type == WireType.Varint) parts.Number = (long)field.Value;
        else if (what == FieldKind.Loss && field.Type == WireType.Fixed32) parts.Loss = BitConverter.UInt32BitsToSingle((uint)field.Value);
        return reader.Consumed;
    }

    /// <summary>What a field that has not come whole means: wait, unless it can never come.</summary>
    private static long More(in FieldReader reader, long come, long inside) =>
        reader.Problem is { } why ? throw new BrokenMessageException(why)
        : come == inside ? throw new BrokenMessageException("it ends inside a field")
        : come > MaxUnmeasured ? throw new BrokenMessageException("a group of fields is too long")
        : 0;

    /// <summary>Counts a field beside the parameters; false when there are too many.</summary>
    private bool CountOther()
    {
        if (++others > allowance.Metrics + ReplyAllowance.OtherFields) Refuse(allowance.TooManyMetrics());
        return !refused;
    }

    /// <summary>A field's content once it has come whole; it is refused when it is, with those before it, too long.</summary>
    private bool TryGather(in ReadOnlySequence<byte> rest, long content, out ReadOnlySequence<byte> body)
    {
        body = default;
        if (beside + content > allowance.MetricsBytes)
        {
            Refuse(allowance.TooManyMetrics());
            return false;
        }
        if (rest.Length < content) return false;
        beside += content;
        body = rest.Slice(0, content);
        return true;
    }
}
