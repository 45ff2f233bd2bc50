using System.Buffers.Binary;
using System.IO.Compression;
using ManagedFed.IO;

namespace ManagedFed.Nn.Data;

/// <summary>Reads PNG images of 8 bits a channel, grey or RGB, not interlaced: the form in which image data sets come.</summary>
/// <remarks>
/// Checksums are verified, and the pixels must be exactly as many as the header says; no more is ever unpacked. Palettes, alpha, 16 bits and
/// interlacing are refused by name. Gamma, colour profiles and a transparent colour are passed over.
/// Source: PNG specification, third edition, https://www.w3.org/TR/png-3/
/// </remarks>
public static class Png
{
    /// <summary>The most pixels of one image, 2²⁶.</summary>
    private const long MaxPixels = 1 << 26;

    // Deflate cannot pack more than 1032 bytes into one.
    private const long MaxRatio = 1032;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', (byte)'\r', (byte)'\n', 0x1A, (byte)'\n'];

    /// <summary>The pixels of an image, uint8 of shape (height, width) for grey or (height, width, 3) for RGB.</summary>
    /// <param name="file">The whole file and nothing else.</param>
    /// <exception cref="FormatException">The bytes are no such image, or are damaged.</exception>
    public static NdArray Read(ReadOnlySpan<byte> file)
    {
        if (!file.StartsWith(Signature)) throw Malformed("not a PNG image: it does not begin with \\x89PNG");
        var rest = file[Signature.Length..];
        var header = Chunk(ref rest, out var type);
        if (type != "IHDR" || header.Length != 13) throw Malformed("the image does not begin with a header of 13 bytes");
        var (height, width, channels) = Header(header);

        using var packed = new MemoryStream();
        var (started, ended) = (false, false);
        while (true)
        {
            var data = Chunk(ref rest, out type);
            if (type == "IEND") break;
            if (type == "IDAT")
            {
                if (ended) throw Malformed("the chunks of pixels do not follow one another");
                started = true;
                packed.Write(data);
                continue;
            }
            ended = started;
            // A capital letter marks what a reader must understand; the palette of an RGB image is a suggestion only.
            if (char.IsAsciiLetterUpper(type[0]) && !(type == "PLTE" && channels == 3)) throw Malformed($"chunk {type} is not supported");
        }
        if (!rest.IsEmpty) throw Malformed("the file goes on after the image");
        var length = (long)height * (1 + (long)width * channels);
        if (length > MaxRatio * packed.Length) throw Malformed($"{height} x {width} pixels cannot lie in {packed.Length} bytes");
        packed.Position = 0;
        var pixels = Unfilter(Inflate(packed, (int)length), height, width * channels, channels);
        return NdArray.From<byte>(pixels, channels == 1 ? [height, width] : [height, width, channels]);
    }

    private static (int Height, int Width, int Channels) Header(ReadOnlySpan<byte> header)
    {
        var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header[4..]));
        if (width == 0 || height == 0 || (ulong)width * height > MaxPixels) throw Malformed($"{height} x {width} pixels, expected 1 to {MaxPixels:N0}");
        var (bits, colour) = (header[8], header[9]);
        if (bits != 8) throw Malformed($"{bits} bits a channel are not supported, expected 8");
        if (colour is not (0 or 2)) throw Malformed($"colour type {colour} is not supported, expected 0 (grey) or 2 (RGB)");
        if (header[10] != 0 || header[11] != 0) throw Malformed($"compression {header[10]} and filter {header[11]} are unknown, expected 0 and 0");
        if (header[12] != 0) throw Malformed($"interlacing {header[12]} is not supported, expected 0");
        return ((int)height, (int)width, colour == 0 ? 1 : 3);
    }

    private static ReadOnlySpan<byte> Chunk(ref ReadOnlySpan<byte> rest, out string type)
    {
        const int Around = 12;
        if (rest.Length < Around) throw Malformed("the file is cut short");
        var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
        if (length > (uint)(rest.Length - Around)) throw Malformed($"a chunk of {length} bytes, but only {rest.Length - Around} are left");
        var covered = rest.Slice(4, 4 + (int)length);
        foreach (var letter in covered[..4])
        {
            if (!char.IsAsciiLetter((char)letter)) throw Malformed("a chunk's name is not of letters");
        }
        type = System.Text.Encoding.ASCII.GetString(covered[..4]);
        var (crc, expected) = (Crc32.Append(0, covered), BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]));
        if (crc != expected) throw Malformed($"chunk {type} has checksum {crc:x8}, not {expected:x8}: it is damaged");
        rest = rest[(Around + (int)length)..];
        return covered[4..];
    }

    private static byte[] Inflate(Stream packed, int length)
    {
        var bytes = new byte[length];
        try
        {
            using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
            var read = unpacked.ReadAtLeast(bytes, length, throwOnEndOfStream: false);
            if (read < length) throw Malformed($"the pixels have {read} bytes, the image needs {length}");
            if (unpacked.ReadByte() >= 0) throw Malformed($"the pixels have more than the {length} bytes that the image needs");
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"[png] the pixels are damaged: {e.Message}", e);
        }
        return bytes;
    }

    /// <summary>Undoes the prediction of each row from the pixel to the left, the row above, and the pixel left of that.</summary>
    private static byte[] Unfilter(byte[] filtered, int height, int rowLength, int pixel)
    {
        var result = new byte[height * rowLength];
        ReadOnlySpan<byte> above = new byte[rowLength];
        for (var y = 0; y < height; y++)
        {
            var filter = filtered[y * (rowLength + 1)];
            if (filter > 4) throw Malformed($"row {y} has filter {filter}, expected 0 to 4");
            var row = result.AsSpan(y * rowLength, rowLength);
            filtered.AsSpan(y * (rowLength + 1) + 1, rowLength).CopyTo(row);
            for (var x = 0; x < rowLength && filter != 0; x++)
            {
                int left = x < pixel ? 0 : row[x - pixel], up = above[x], corner = x < pixel ? 0 : above[x - pixel];
                row[x] += (byte)(filter switch
                {
                    1 => left,
                    2 => up,
                    3 => (left + up) / 2,
                    _ => Paeth(left, up, corner),
                });
            }
            above = row;
        }
        return result;
    }

    /// <summary>Of the three neighbours the one nearest to left + up − corner; of equals the first.</summary>
    private static int Paeth(int left, int up, int corner)
    {
        var (toLeft, toUp, toCorner) = (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - 2 * corner));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    private static FormatException Malformed(string message) => new($"[png] {message}");
}
