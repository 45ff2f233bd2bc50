using Google.Protobuf;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>Gives an object's bytes; whether they are the right ones is checked by who asks.</summary>
internal delegate ValueTask<ReadOnlyMemory<byte>> ObjectSource(string id, CancellationToken cancellation);

/// <summary>What a peer may ask of our memory.</summary>
/// <param name="MaxObjects">The most objects of one message, and of its tree.</param>
/// <param name="MaxBytes">The most bytes of one message's arrays.</param>
/// <param name="MaxMetricsBytes">The most bytes of its other records.</param>
/// <param name="MaxMetrics">The most values of those.</param>
/// <param name="MaxReceived">The most bytes of all objects.</param>
internal sealed record ObjectLimits(
    int MaxObjects = 1 << 18, long MaxBytes = 16L << 30, long MaxMetricsBytes = 64 << 20, int MaxMetrics = 1 << 20, long MaxReceived = long.MaxValue)
{
    public static ObjectLimits Default { get; } = new();
}

/// <summary>A message put together.</summary>
/// <param name="Metadata">Who to whom and what.</param>
/// <param name="Content">The content; null for an error.</param>
/// <param name="Error">What went wrong; null for a content.</param>
internal sealed record FleetMessage(Wire.Metadata Metadata, RecordDict? Content, Wire.Error? Error);

/// <summary>Puts one message together from its objects, each fetched when its place comes: only one piece is in memory beside the arrays.</summary>
/// <remarks>
/// Ids are hashes, so the message's id vouches for everything below it and no cycle can exist; what can hurt is size, and that
/// is counted. A tree that came with the message is not needed.
/// </remarks>
/// <param name="source">Where objects come from.</param>
/// <param name="limits">How large the message may be.</param>
/// <param name="known">An array record from earlier, not fetched again when the message holds the same one; what is read is a copy.</param>
internal sealed class Inflation(ObjectSource source, ObjectLimits limits, ArrayRecord? known = null)
{
    private readonly Dictionary<string, RecordArray> arrays = [];
    private int objects, values;
    private long bytes, beside;

    /// <exception cref="FormatException">An object is not what its id or its place says, or the message is too large.</exception>
    public async Task<FleetMessage> ReadAsync(string id, CancellationToken cancellation)
    {
        var root = await FetchAsync(id, cancellation, ObjectType.Message).ConfigureAwait(false);
        Wire.Message message;
        try
        {
            message = Wire.Message.Parser.ParseFrom(root.Body.Span);
        }
        catch (InvalidProtocolBufferException exception)
        {
            throw FleetObject.Malformed(id, $"its body is no message: {exception.Message}");
        }
        if (message.Metadata is null) throw FleetObject.Malformed(id, "the message has no metadata");
        if (root.Children.Count > 1 || root.Children.Count == 1 == message.Error is not null)
        {
            throw FleetObject.Malformed(
                id, $"the message has {root.Children.Count} contents and {(message.Error is null ? "no" : "an")} error, expected one of the two");
        }
        message.Metadata.MessageId = id;
        var content = root.Children.Count == 0 ? null : await DictAsync(root.Children[0], cancellation).ConfigureAwait(false);
        return new(message.Metadata, content, message.Error);
    }

    private async Task<RecordDict> DictAsync(string id, CancellationToken cancellation)
    {
        var dict = await FetchAsync(id, cancellation, ObjectType.RecordDict).ConfigureAwait(false);
        var records = new List<(string, IRecord)>();
        foreach (var (name, child) in RecordJson.ReadIds(id, dict))
        {
            records.Add((name, await RecordAsync(child, cancellation).ConfigureAwait(false)));
        }
        return new(records);
    }

    private async Task<IRecord> RecordAsync(string id, CancellationToken cancellation)
    {
        if (id == known?.Id)
        {
            foreach (var array in known.Values) Count(id, array.ByteCount);
            return known.Own();
        }
        var record = await FetchAsync(id, cancellation, ObjectType.ArrayRecord, ObjectType.MetricRecord, ObjectType.ConfigRecord).ConfigureAwait(false);
        if (record.Type == ObjectType.ConfigRecord) return new ConfigRecord(Values(id, record.Body));
        if (record.Type == ObjectType.MetricRecord)
        {
            try
            {
                return new MetricRecord(Values(id, record.Body));
            }
            catch (ArgumentException exception)
            {
                throw FleetObject.Malformed(id, exception.Message);
            }
        }
        var items = new List<(string, RecordArray)>();
        foreach (var (name, child) in RecordJson.ReadIds(id, record))
        {
            items.Add((name, await ArrayAsync(child, cancellation).ConfigureAwait(false)));
        }
        return new ArrayRecord(items) { PulledId = id };
    }

    /// <summary>The values of a record that is not of arrays, counted before they are made.</summary>
    private IReadOnlyList<(string Name, RecordValue Value)> Values(string id, ReadOnlyMemory<byte> body)
    {
        beside += body.Length;
        values += FieldReader.Count(body);
        if (beside > limits.MaxMetricsBytes || values > limits.MaxMetrics)
        {
            throw FleetObject.Malformed(
                id, $"with it the message's records have {beside} bytes and {values} values, at most {limits.MaxMetricsBytes} and {limits.MaxMetrics} are taken");
        }
        return RecordCodec.Decode(body.Span);
    }

    private async Task<RecordArray> ArrayAsync(string id, CancellationToken cancellation)
    {
        if (arrays.TryGetValue(id, out var seen))
        {
            Count(id, seen.ByteCount);
            return seen.Own();
        }
        var item = await FetchAsync(id, cancellation, ObjectType.Array).ConfigureAwait(false);
        var body = RecordJson.ReadArray(id, item);
        var chunks = body.Chunks.Select(index => index >= 0 && index < item.Children.Count ? item.Children[index]
            : throw FleetObject.Malformed(id, $"piece {index} is not among its {item.Children.Count} children")).ToArray();
        var array = body.SType == Parameters.NumpyType && chunks.Length > 0
            ? new RecordArray(await NumpyAsync(id, body, chunks, cancellation).ConfigureAwait(false), body.DType, body.Shape)
            : new RecordArray(await OpaqueAsync(id, chunks, cancellation).ConfigureAwait(false), body.SType, body.DType, body.Shape);
        arrays.Add(id, array);
        return array;
    }

    private async Task<NdArray> NumpyAsync(string id, RecordJson.ArrayBody declared, string[] chunks, CancellationToken cancellation)
    {
        var piece = await ChunkAsync(chunks[0], cancellation).ConfigureAwait(false);
        try
        {
            var (header, start) = Npy.ReadHeader(piece.Span);
            if (Contradiction(declared, header) is { } other) throw FleetObject.Malformed(id, other);
            // No more memory than the pieces that are said to come can fill.
            if (header.DataLength > (long)chunks.Length * ArrayBytes.ChunkSize - start) throw Incomplete(header.DataLength);
            Count(id, header.DataLength);
            var raw = NpyData.Allocate(header.DataLength);
            var filled = 0;
            piece = piece[start..];
            for (var i = 0; ;)
            {
                if (piece.Length > raw.Count - filled) throw FleetObject.Malformed(id, $"its pieces hold more than the {raw.Count} bytes of {header.Shape}");
                piece.Span.CopyTo(raw.Bytes[filled..]);
                filled += piece.Length;
                if (++i == chunks.Length) break;
                if (chunks[i] != chunks[i - 1] || i == 1) piece = await ChunkAsync(chunks[i], cancellation).ConfigureAwait(false);
            }
            if (filled != raw.Count) throw Incomplete(raw.Count);
            return NpyData.Decode(header, raw);
        }
        catch (FormatException exception) when (exception.Message.StartsWith("[npy]", StringComparison.Ordinal))
        {
            throw FleetObject.Malformed(id, exception.Message);
        }

        FormatException Incomplete(long needed) => FleetObject.Malformed(id, $"its {chunks.Length} pieces hold fewer than the {needed} bytes it needs");
    }

    /// <summary>Where what is said of an array differs from what its data say; Flower's older interface says nothing.</summary>
    private static string? Contradiction(RecordJson.ArrayBody declared, in NpyHeader header)
    {
        if (declared.DType.Length == 0 && declared.Shape.Count == 0) return null;
        var type = header.Type;
        return declared.DType != type.DType.Name() && declared.DType != $"{(type.BigEndian ? '>' : '<')}{type.Kind}{type.Size}"
            ? $"it is declared as '{PeerText.Harmless(declared.DType)}', its data are {type.DType.Name()}"
            : !declared.Shape.SequenceEqual([.. header.Shape]) ? $"it is declared with shape ({string.Join(", ", declared.Shape.Take(32))}), its data have {header.Shape}"
            : null;
    }

    private async Task<ByteString> OpaqueAsync(string id, string[] chunks, CancellationToken cancellation)
    {
        using var whole = new MemoryStream();
        foreach (var chunk in chunks)
        {
            var piece = await ChunkAsync(chunk, cancellation).ConfigureAwait(false);
            Count(id, piece.Length);
            if (whole.Length + piece.Length > Array.MaxLength) throw FleetObject.Malformed(id, $"it is longer than {Array.MaxLength} bytes");
            whole.Write(piece.Span);
        }
        return UnsafeByteOperations.UnsafeWrap(whole.GetBuffer().AsMemory(0, (int)whole.Length));
    }

    private async Task<ReadOnlyMemory<byte>> ChunkAsync(string id, CancellationToken cancellation)
    {
        var chunk = await FetchAsync(id, cancellation, ObjectType.ArrayChunk).ConfigureAwait(false);
        return chunk.Body.Length <= ArrayBytes.ChunkSize ? chunk.Body
            : throw FleetObject.Malformed(id, $"the piece has {chunk.Body.Length} bytes, at most {ArrayBytes.ChunkSize} are allowed");
    }

    private async Task<FleetObject> FetchAsync(string id, CancellationToken cancellation, params string[] types)
    {
        if (++objects > limits.MaxObjects) throw new FormatException($"[fleet] the message has more than {limits.MaxObjects} objects");
        var item = FleetObject.Parse(id, await source(id, cancellation).ConfigureAwait(false));
        return types.Contains(item.Type) ? item
            : throw FleetObject.Malformed(id, $"it is of type '{FleetObject.Shown(item.Type)}', expected {string.Join(" or ", types)}");
    }

    private void Count(string id, long more)
    {
        bytes += more;
        if (bytes > limits.MaxBytes)
        {
            throw FleetObject.Malformed(id, $"with it the message's arrays have {bytes} bytes, at most {limits.MaxBytes} are allowed");
        }
    }
}

/// <summary>The trees of ids that go ahead of objects.</summary>
internal static class ObjectTrees
{
    // Message, record dict, record, array, piece.
    private const int Depth = 5;

    /// <summary>All ids of a tree, each once, children before parents.</summary>
    /// <exception cref="FormatException">The tree is too large or too deep, or an id is not one.</exception>
    public static IReadOnlyList<string> Ids(Wire.ObjectTree tree, ObjectLimits limits)
    {
        var ids = new OrderedDictionary<string, bool>(StringComparer.Ordinal);
        var visited = 0;
        Visit(tree, 1);
        return [.. ids.Keys];

        void Visit(Wire.ObjectTree node, int depth)
        {
            if (depth > Depth) throw new FormatException($"[fleet] the tree of objects is deeper than {Depth}");
            if (++visited > limits.MaxObjects) throw new FormatException($"[fleet] the tree has more than {limits.MaxObjects} objects");
            if (!FleetObject.IsId(node.ObjectId))
            {
                throw new FormatException(
                    $"[fleet] '{FleetObject.Shown(node.ObjectId)}' is no object id: {FleetObject.IdLength} lower-case hexadecimal digits");
            }
            foreach (var child in node.Children) Visit(child, depth + 1);
            ids.TryAdd(node.ObjectId, true);
        }
    }

    /// <summary>The ids in the order in which a message is put together, parents before children.</summary>
    /// <param name="tree">A tree whose size was checked.</param>
    /// <param name="except">The id of a branch to leave out; null for none.</param>
    public static IEnumerable<string> InOrder(Wire.ObjectTree tree, string? except) => tree.ObjectId == except ? []
        : tree.Children.SelectMany(child => InOrder(child, except)).Prepend(tree.ObjectId);
}
