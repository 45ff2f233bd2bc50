using System.Globalization;
using System.Text;

namespace ManagedFed.IO;

/// <summary>
/// The checksums that we keep in a file's metadata under <see cref="Key"/>, as text that other readers pass over: eight hexadecimal digits
/// for the other metadata and for each tensor, in the order of the bytes, separated by spaces.
/// </summary>
/// <remarks>
/// Each is the CRC-32 of zip files: of the metadata's names and values in ordinal order of the names, every text followed by a zero; and of a
/// tensor's name, dtype and sizes, each followed by a zero, and then its bytes. So it finds any damage of up to 32 bits in a row.
/// </remarks>
internal static class SafetensorsChecksum
{
    public const string Key = "managedfed.crc32";

    /// <summary>What a tensor's checksum begins with.</summary>
    public static uint Start(string name, string type, Shape shape) => Append(0, name, type, string.Join(',', shape.Sizes.ToArray()));

    public static uint Of(IEnumerable<KeyValuePair<string, string>> metadata) =>
        metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Aggregate(0u, (crc, entry) => Append(crc, entry.Key, entry.Value));

    public static uint Of(string name, NdArray array)
    {
        var crc = Start(name, SafetensorsData.NameOf(array.DType), array.Shape);
        ArrayPieces.Read(array, bytes => crc = Crc32.Append(crc, bytes));
        return crc;
    }

    public static string Format(IEnumerable<uint> sums) => string.Join(' ', sums.Select(sum => sum.ToString("x8", CultureInfo.InvariantCulture)));

    /// <summary>The checksums of the tensors of a header by name; null if it has none or they are not wanted.</summary>
    /// <exception cref="FormatException">They are damaged, or the metadata beside them are.</exception>
    public static Dictionary<string, uint>? Read(SafetensorsHeader header, SafetensorsLimits limits)
    {
        if (!limits.VerifyChecksums || header.Checksums is not { } text) return null;
        var parts = text.Split(' ');
        var sums = new uint[parts.Length];
        for (var i = 0; i < sums.Length; i++)
        {
            if (parts[i].Length != 8 || !uint.TryParse(parts[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out sums[i])) throw Damaged("the checksums themselves are no hexadecimal numbers");
        }
        if (sums.Length != header.Entries.Count + 1) throw Damaged($"there are {sums.Length} checksums for {header.Entries.Count} tensors and the metadata");
        var metadata = Of(header.Metadata);
        if (metadata != sums[0]) throw Damaged($"the metadata have checksum {metadata:x8}, not {sums[0]:x8}");
        return header.Entries.Select((entry, i) => (entry.Name, Sum: sums[i + 1])).ToDictionary(entry => entry.Name, entry => entry.Sum);
    }

    /// <summary>Damage, or another program that changed the file and kept what it did not know.</summary>
    public static FormatException Damaged(string message) => Safetensors.Malformed(
        $"{message}: the file is damaged, or a program that kept the metadata entry {Key} has changed it (SafetensorsLimits.VerifyChecksums = false reads it as it is)");

    private static uint Append(uint crc, params ReadOnlySpan<string> texts)
    {
        foreach (var text in texts) crc = Crc32.Append(Crc32.Append(crc, Encoding.UTF8.GetBytes(text)), [0]);
        return crc;
    }
}
