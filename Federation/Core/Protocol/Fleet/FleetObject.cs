using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The names of objects' types on the wire.</summary>
internal static class ObjectType
{
    public const string Message = "Message", RecordDict = "RecordDict", ArrayRecord = "ArrayRecord", MetricRecord = "MetricRecord",
        ConfigRecord = "ConfigRecord", Array = "Array", ArrayChunk = "ArrayChunk";
}

/// <summary>A piece of a message that is known by what it holds: its id is the SHA-256 of its bytes.</summary>
/// <remarks>The bytes are <c>type child,child,... length</c>, a zero, and a body of that length.</remarks>
/// <param name="Type">One of <see cref="ObjectType"/>.</param>
/// <param name="Children">The ids of the objects this one refers to.</param>
/// <param name="Body">What stands behind the zero.</param>
internal sealed record FleetObject(string Type, IReadOnlyList<string> Children, ReadOnlyMemory<byte> Body)
{
    /// <summary>The characters of an id: 32 bytes as lower-case hexadecimal digits.</summary>
    public const int IdLength = 64;

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789abcdef");

    public static string IdOf(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, hash);
        return Convert.ToHexStringLower(hash);
    }

    public static bool IsId(string text) => text.Length == IdLength && !text.AsSpan().ContainsAnyExcept(Digits);

    /// <summary>An id as errors show it.</summary>
    public static string Shown(string id) => id.Length > 12 ? $"{id[..12]}…" : id;

    /// <summary>The bytes before the body.</summary>
    public static byte[] Header(string type, IReadOnlyList<string> children, int bodyLength) =>
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{type} {string.Join(',', children)} {bodyLength}\0"));

    public static byte[] Format(string type, IReadOnlyList<string> children, ReadOnlySpan<byte> body) =>
        [.. Header(type, children, body.Length), .. body];

    /// <summary>Reads an object whose bytes must be those the id stands for.</summary>
    /// <exception cref="FormatException">The bytes are others, or do not have an object's form.</exception>
    public static FleetObject Parse(string id, ReadOnlyMemory<byte> content)
    {
        var hash = IdOf(content.Span);
        if (hash != id) throw Malformed(id, $"its {content.Length} bytes hash to {Shown(hash)}; it was changed on its way");
        return Parse(content, id);
    }

    private static FleetObject Parse(ReadOnlyMemory<byte> content, string id)
    {
        var end = content.Span.IndexOf((byte)0);
        if (end < 0) throw Malformed(id, "it has no zero that ends a header");
        var parts = Encoding.ASCII.GetString(content.Span[..end]).Split(' ');
        if (parts.Length != 3) throw Malformed(id, $"its header has {parts.Length} parts, expected 3: type, children, length");
        var children = parts[1].Length == 0 ? [] : parts[1].Split(',');
        if (Array.Find(children, child => !IsId(child)) is { } wrong)
        {
            throw Malformed(id, $"its child '{Shown(wrong)}' is not {IdLength} lower-case hexadecimal digits");
        }
        var body = content[(end + 1)..];
        if (!int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length != body.Length)
        {
            throw Malformed(id, $"its body is {body.Length} bytes, its header says '{Shown(parts[2])}'");
        }
        return new(parts[0], children, body);
    }

    public static FormatException Malformed(string id, string what) => new($"[fleet] object {Shown(id)} cannot be read: {what}");
}
