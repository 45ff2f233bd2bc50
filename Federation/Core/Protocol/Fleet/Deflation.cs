using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>A message as objects: what is pushed or offered for pulling. Pieces of arrays are cut when they are asked for.</summary>
/// <param name="message">The message as it goes ahead of its objects: with its id, and a mark for its content.</param>
/// <param name="tree">The ids of all objects; the root is the message.</param>
internal sealed class DeflatedMessage(Wire.Message message, Wire.ObjectTree tree)
{
    private readonly Dictionary<string, ObjectPart> parts = [];

    /// <summary>What goes into the list of messages.</summary>
    public Wire.Message Message { get; } = message;

    /// <summary>What goes into the list of trees.</summary>
    public Wire.ObjectTree Tree { get; } = tree;

    /// <summary>The message's id.</summary>
    public string Id => Tree.ObjectId;

    /// <summary>All ids, each once.</summary>
    public IReadOnlyCollection<string> Ids => parts.Keys;

    /// <summary>The bytes of an object of this message.</summary>
    public bool TryRead(string id, [MaybeNullWhen(false)] out ByteString content)
    {
        content = parts.TryGetValue(id, out var part) ? part.Read() : null;
        return content is not null;
    }

    internal void Add(IEnumerable<ObjectPart> objects)
    {
        foreach (var part in objects) parts.TryAdd(part.Id, part);
    }
}

/// <summary>One object: its bytes, or where in an array they are cut from.</summary>
internal readonly record struct ObjectPart(string Id, ByteString? Content, ArrayBytes? Array = null, int Chunk = 0)
{
    public ByteString Read() => Content ?? UnsafeByteOperations.UnsafeWrap(Array!.Read(Chunk));
}

/// <summary>A record as objects: its tree, and all objects of it.</summary>
internal sealed record DeflatedRecord(Wire.ObjectTree Tree, IReadOnlyList<ObjectPart> Parts);

/// <summary>An array's bytes on the wire, cut in pieces of 5 MiB.</summary>
internal sealed class ArrayBytes(RecordArray source)
{
    /// <summary>The most bytes of data in one piece.</summary>
    public const int ChunkSize = 5 << 20;

    private readonly NdArray? array = source.HasArray ? source.Array.Contiguous() : null;
    private readonly byte[] header = source.HasArray ? NpyHeader.Format(source.Array.Shape, source.Array.DType) : [];

    public long Length => array is null ? source.Opaque.Length : header.Length + array.ByteCount;

    public int Count => (int)((Length + ChunkSize - 1) / ChunkSize);

    /// <summary>The object of one piece.</summary>
    public byte[] Read(int chunk)
    {
        var start = (long)chunk * ChunkSize;
        var length = (int)Math.Min(ChunkSize, Length - start);
        var prefix = FleetObject.Header(ObjectType.ArrayChunk, [], length);
        var content = new byte[prefix.Length + length];
        prefix.CopyTo(content, 0);
        var body = content.AsSpan(prefix.Length);
        if (array is null)
        {
            source.Opaque.Span.Slice((int)start, length).CopyTo(body);
            return content;
        }
        // Only the first piece holds the header; it is far shorter than a piece.
        var ahead = start == 0 ? header.Length : 0;
        header.AsSpan(0, ahead).CopyTo(body);
        array.Bytes.Slice((int)(start + ahead - header.Length), length - ahead).CopyTo(body[ahead..]);
        GC.KeepAlive(array);
        return content;
    }
}

/// <summary>Takes messages and records apart into objects.</summary>
internal static class Deflation
{
    /// <param name="metadata">Who to whom and what; its message id is set to the one the message has.</param>
    /// <param name="content">The content; null for an error.</param>
    /// <param name="error">What went wrong; null for a content.</param>
    public static DeflatedMessage Deflate(Wire.Metadata metadata, RecordDict? content, Wire.Error? error = null)
    {
        var records = content?.Select(item => (item.Key, Record: DeflateRecord(item.Value))).ToArray() ?? [];
        var dict = content is null ? null : Compose(ObjectType.RecordDict, records);
        var body = new Wire.Message { Metadata = metadata.Clone(), Error = error };
        body.Metadata.MessageId = "";
        var root = Leaf(ObjectType.Message, body.ToByteArray(), dict is null ? [] : [dict.Tree]);
        var message = body.Clone();
        message.Metadata.MessageId = root.Tree.ObjectId;
        if (content is not null) message.Content = new();
        var deflated = new DeflatedMessage(message, root.Tree);
        foreach (var (_, record) in records) deflated.Add(record.Parts);
        deflated.Add([.. dict?.Parts ?? [], .. root.Parts]);
        return deflated;
    }

    /// <summary>An array record with the objects of its arrays.</summary>
    public static DeflatedRecord Deflate(ArrayRecord record)
    {
        var arrays = record.Select(item => (item.Key, Record: Deflate(item.Value))).ToArray();
        var self = Compose(ObjectType.ArrayRecord, arrays);
        return new(self.Tree, [.. arrays.SelectMany(item => item.Record.Parts).DistinctBy(part => part.Id), .. self.Parts]);
    }

    private static DeflatedRecord DeflateRecord(IRecord record) => record is ArrayRecord arrays ? arrays.Deflated
        : Leaf(record.TypeName, RecordCodec.Encode((NamedDictionary<RecordValue>)record), []);

    private static DeflatedRecord Deflate(RecordArray array)
    {
        var bytes = new ArrayBytes(array);
        var chunks = new OrderedDictionary<string, ObjectPart>(bytes.Count);
        var order = new int[bytes.Count];
        for (var i = 0; i < order.Length; i++)
        {
            var id = FleetObject.IdOf(bytes.Read(i));
            chunks.TryAdd(id, new(id, null, bytes, i), out order[i]);
        }
        var body = RecordJson.Format(new RecordJson.ArrayBody(array.DType, array.Shape, array.SType, order));
        var self = Leaf(ObjectType.Array, body, chunks.Keys.Select(id => new Wire.ObjectTree { ObjectId = id }));
        return new(self.Tree, [.. chunks.Values, .. self.Parts]);
    }

    /// <summary>An object whose body names its children.</summary>
    private static DeflatedRecord Compose(string type, (string Key, DeflatedRecord Record)[] items) => Leaf(
        type, RecordJson.Format(items.Select(item => (item.Key, item.Record.Tree.ObjectId))),
        items.Select(item => item.Record.Tree).DistinctBy(tree => tree.ObjectId));

    private static DeflatedRecord Leaf(string type, byte[] body, IEnumerable<Wire.ObjectTree> children)
    {
        var tree = new Wire.ObjectTree { Children = { children } };
        var content = FleetObject.Format(type, [.. tree.Children.Select(child => child.ObjectId)], body);
        tree.ObjectId = FleetObject.IdOf(content);
        return new(tree, [new(tree.ObjectId, UnsafeByteOperations.UnsafeWrap(content))]);
    }
}
