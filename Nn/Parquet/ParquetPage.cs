namespace ManagedFed.Nn.Data;

/// <summary>What the header of a page says: its bytes in the file with the header, its bytes unpacked, and its values, 0 for a dictionary.</summary>
internal readonly record struct ParquetPage(long Length, long Unpacked, long Values)
{
    private const int DataPage = 0, DictionaryPage = 2, DataPage2 = 3;

    // Headers are some dozen bytes, more with long texts as least and greatest values.
    private const int Window = 1024, Growth = 16;

    /// <exception cref="FormatException">There is no page, or it does not lie before the end.</exception>
    public static ParquetPage Read(Stream file, long at, long end)
    {
        for (var window = Math.Min(Window, end - at); ; window = Math.Min(window * Growth, end - at))
        {
            try
            {
                return Parse(ParquetFooter.ReadAt(file, at, (int)Math.Min(window, Array.MaxLength)), end - at);
            }
            // The header may go on behind the window.
            catch (FormatException) when (window < Math.Min(end - at, Array.MaxLength))
            {
            }
        }
    }

    private static ParquetPage Parse(ReadOnlySpan<byte> bytes, long left)
    {
        // PageHeader: type 1, uncompressed_page_size 2, compressed_page_size 3, data_page_header 5, dictionary_page_header 7, data_page_header_v2 8.
        var reader = new ThriftReader(bytes);
        long kind = -1, unpacked = -1, packed = -1, data = -1, dictionary = -1, data2 = -1;
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 1: kind = reader.Number(type); break;
                case 2: unpacked = reader.Number(type); break;
                case 3: packed = reader.Number(type); break;
                case 5 when type == ThriftReader.Struct: data = ReadValues(ref reader); break;
                case 7 when type == ThriftReader.Struct: dictionary = ReadValues(ref reader); break;
                case 8 when type == ThriftReader.Struct: data2 = ReadValues(ref reader); break;
                default: reader.Skip(type); break;
            }
        }
        var values = kind switch { DataPage => data, DictionaryPage => dictionary, DataPage2 => data2, _ => 0 };
        // Each entry of a dictionary has bytes of its own.
        if (values < 0 || unpacked is < 0 or > int.MaxValue || packed < 0 || packed > left - reader.Position || (kind == DictionaryPage && values > unpacked))
        {
            throw ParquetFooter.Damaged($"a page of {values:N0} values, {packed:N0} bytes and {unpacked:N0} unpacked, where {left - reader.Position:N0} bytes are left");
        }
        return new(reader.Position + packed, unpacked, kind == DictionaryPage ? 0 : values);
    }

    /// <summary>The number of values, which all three kinds of headers have as field 1.</summary>
    private static long ReadValues(ref ThriftReader reader)
    {
        var values = -1L;
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            if (field == 1) values = reader.Number(type);
            else reader.Skip(type);
        }
        return values is >= 0 and <= int.MaxValue ? values : throw ParquetFooter.Damaged($"a page of {values} values");
    }
}
