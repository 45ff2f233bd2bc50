using System.Buffers.Binary;
using System.IO.Compression;

namespace ManagedFed.Nn.Tests.Data;

/// <summary>PNG images made by hand.</summary>
internal static class PngFiles
{
    /// <summary>A file of chunks.</summary>
    public static byte[] File(params byte[][] chunks) => [0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. chunks.SelectMany(chunk => chunk)];

    /// <summary>A chunk with its length and its checksum, CRC-32 bit by bit.</summary>
    public static byte[] Chunk(string type, params byte[] data)
    {
        byte[] covered = [.. type.Select(letter => (byte)letter), .. data];
        var crc = uint.MaxValue;
        foreach (var value in covered)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : crc >> 1 ^ 0xEDB88320;
        }
        return [.. Word(data.Length), .. covered, .. Word((int)~crc)];
    }

    public static byte[] Header(int height, int width, byte colour = 0, byte bits = 8, byte interlace = 0) =>
        Chunk("IHDR", [.. Word(width), .. Word(height), bits, colour, 0, 0, interlace]);

    public static byte[] Pixels(params byte[] rows) => Chunk("IDAT", Zlib(rows));

    public static byte[] Zlib(byte[] rows)
    {
        var stream = new MemoryStream();
        using (var zlib = new ZLibStream(stream, CompressionLevel.Optimal, leaveOpen: true)) zlib.Write(rows);
        return stream.ToArray();
    }

    /// <summary>A grey image of rows of equal length, without prediction.</summary>
    public static byte[] Grey(params byte[][] rows) =>
        File(Header(rows.Length, rows[0].Length), Pixels([.. rows.SelectMany(row => row.Prepend((byte)0))]), Chunk("IEND"));

    private static byte[] Word(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
