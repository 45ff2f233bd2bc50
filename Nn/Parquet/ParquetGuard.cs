namespace ManagedFed.Nn.Data;

/// <summary>
/// Holds what a parquet file claims against the file, before the library sees it: the footer's structure, and the place, sizes and values of
/// every page. The library believes claims, and takes memory or time for them without end.
/// </summary>
internal static class ParquetGuard
{
    // Equal values take next to no bytes, so that honest files may claim much more than they hold.
    private const long FreeBytes = 32 << 20, Ratio = 4096;

    private const int BytesPerValue = 8;

    /// <summary>The most bytes that what a file claims may take.</summary>
    public static long MostClaimed(long fileLength) => FreeBytes + (fileLength < long.MaxValue / Ratio - FreeBytes ? fileLength * Ratio : long.MaxValue / 2);

    /// <exception cref="FormatException">The file is damaged, or claims more than <see cref="MostClaimed"/>.</exception>
    public static void Check(Stream file)
    {
        var footer = ParquetFooter.Read(file);
        var (claimed, walked) = (0L, 0L);
        foreach (var chunk in footer.Chunks)
        {
            Claim(ref claimed, chunk.Values, BytesPerValue, file.Length);
            var (at, values) = (chunk.Start, 0L);
            while (values < chunk.Values)
            {
                var page = ParquetPage.Read(file, at, footer.PagesEnd);
                Claim(ref claimed, page.Unpacked, 1, file.Length);
                values += page.Values;
                walked += page.Length;
                at += page.Length;
                // No page belongs to two columns, so that the whole walk is no longer than the file.
                if (walked > file.Length) throw ParquetFooter.Damaged("its columns overlap");
            }
            if (values != chunk.Values) throw ParquetFooter.Damaged($"the pages of a column hold {values:N0} values, its footer says {chunk.Values:N0}");
        }
    }

    private static void Claim(ref long claimed, long count, int size, long fileLength)
    {
        var most = MostClaimed(fileLength);
        if (count > (most - claimed) / size) throw new FormatException($"[parquet] {fileLength:N0} bytes claim to hold more than {most:N0} of data");
        claimed += count * size;
    }
}
