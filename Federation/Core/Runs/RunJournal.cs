using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>
/// What happened in a run, in order, one line of JSON each behind its CRC-32: readable by people, and what a crash tore is told
/// from what was written whole.
/// </summary>
internal sealed class RunJournal(IRunDisk disk)
{
    private const string Name = "journal";

    /// <summary>Eight hexadecimal digits and a space.</summary>
    private const int Prefix = 9;

    /// <summary>Set when an append failed: a part of the line may be there, so the next one begins a line of its own.</summary>
    private bool torn;

    /// <summary>Reads all whole lines; a torn end is cut off, damaged lines before it are passed over and counted.</summary>
    /// <returns>The events in order, how many lines were damaged, and how many bytes were cut off.</returns>
    public (IReadOnlyList<JsonElement> Events, int Damaged, long Cut) Open()
    {
        var events = new List<JsonElement>();
        var (damaged, end) = (0, 0);
        var bytes = All();
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0) break;
            if (Parse(bytes.AsMemory(start, length)) is { } line) events.Add(line);
            else damaged++;
            end = start += length + 1;
        }
        var cut = bytes.Length - end;
        if (cut > 0) disk.Truncate(Name, end);
        return (events, damaged, cut);
    }

    /// <summary>Adds events; on disk when this returns.</summary>
    /// <exception cref="IOException">There is no room; of the events the first few count, or none.</exception>
    public void Append(params ReadOnlySpan<Action<Utf8JsonWriter>> events)
    {
        var lines = new ArrayBufferWriter<byte>();
        // What a failed append left is a line of its own, and a damaged one.
        if (torn) lines.Write("\n"u8);
        var json = new ArrayBufferWriter<byte>();
        foreach (var write in events)
        {
            json.ResetWrittenCount();
            using (var writer = new Utf8JsonWriter(json))
            {
                writer.WriteStartObject();
                write(writer);
                writer.WriteEndObject();
            }
            Encoding.ASCII.GetBytes($"{Crc32.Append(0, json.WrittenSpan):x8} ", lines);
            lines.Write(json.WrittenSpan);
            lines.Write("\n"u8);
        }
        torn = true;
        disk.Append(Name, lines.WrittenSpan);
        torn = false;
    }

    private byte[] All()
    {
        using var stream = disk.Read(Name);
        if (stream is null) return [];
        using var all = new MemoryStream();
        stream.CopyTo(all);
        return all.ToArray();
    }

    private static JsonElement? Parse(ReadOnlyMemory<byte> line)
    {
        if (line.Length <= Prefix || line.Span[Prefix - 1] != ' ') return null;
        if (!uint.TryParse(line.Span[..(Prefix - 1)], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var crc)) return null;
        var json = line[Prefix..];
        if (Crc32.Append(0, json.Span) != crc) return null;
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
