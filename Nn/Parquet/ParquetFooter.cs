using System.Buffers.Binary;

namespace ManagedFed.Nn.Data;

/// <summary>A run of pages of one column: where it begins, its bytes and its values.</summary>
internal readonly record struct ParquetChunk(long Start, long Length, long Values);

/// <summary>What the footer of a parquet file says about its parts, as far as it has to be held against the file.</summary>
/// <remarks>Format: https://github.com/apache/parquet-format, parquet.thrift.</remarks>
internal sealed class ParquetFooter
{
    private const int HeadLength = 4, TailLength = 8;

    public List<ParquetChunk> Chunks { get; } = [];

    /// <summary>Where the pages end.</summary>
    public long PagesEnd { get; private init; }

    /// <exception cref="FormatException">There is no footer, or it breaks the format.</exception>
    public static ParquetFooter Read(Stream file)
    {
        if (file.Length < HeadLength + TailLength) throw Damaged($"{file.Length} bytes are no parquet file");
        var (head, tail) = (ReadAt(file, 0, HeadLength), ReadAt(file, file.Length - TailLength, TailLength));
        if (!head.AsSpan().SequenceEqual("PAR1"u8) || !tail.AsSpan(4).SequenceEqual("PAR1"u8)) throw Damaged("it does not begin and end with PAR1");
        var length = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (length == 0 || length > Math.Min(file.Length - HeadLength - TailLength, Array.MaxLength)) throw Damaged($"a footer of {length:N0} bytes in a file of {file.Length:N0}");
        var footer = new ParquetFooter { PagesEnd = file.Length - TailLength - length };
        var reader = new ThriftReader(ReadAt(file, footer.PagesEnd, (int)length));
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            // FileMetaData: row_groups 4.
            if (field == 4) footer.Groups(ref reader, type);
            else reader.Skip(type);
        }
        return footer;
    }

    public static byte[] ReadAt(Stream file, long offset, int length)
    {
        var bytes = new byte[length];
        file.Position = offset;
        return file.ReadAtLeast(bytes, length, throwOnEndOfStream: false) == length ? bytes : throw Damaged("it ends early");
    }

    public static FormatException Damaged(string message) => new($"[parquet] the file is damaged: {message}");

    private void Groups(ref ThriftReader reader, int type)
    {
        var left = reader.Elements(type, out var element);
        for (Expect(element, left); left > 0; left--)
        {
            // RowGroup: columns 1, num_rows 3.
            var (rows, first) = (-1L, Chunks.Count);
            for (var field = 0; reader.Next(ref field, out type);)
            {
                if (field == 1) Columns(ref reader, type);
                else if (field == 3) rows = reader.Number(type);
                else reader.Skip(type);
            }
            if (rows < 0) throw Damaged($"a group of {rows} rows");
            // A list has several values to a row, and one where it is empty.
            if (Chunks.Skip(first).Any(chunk => chunk.Values < rows)) throw Damaged($"a column has fewer values than the {rows:N0} rows of its group");
        }
    }

    private void Columns(ref ThriftReader reader, int type)
    {
        var left = reader.Elements(type, out var element);
        for (Expect(element, left); left > 0; left--)
        {
            // ColumnChunk: meta_data 3.
            var before = Chunks.Count;
            for (var field = 0; reader.Next(ref field, out type);)
            {
                if (field == 3 && type == ThriftReader.Struct) Chunks.Add(Chunk(ref reader));
                else reader.Skip(type);
            }
            if (Chunks.Count != before + 1) throw Damaged("a column does not say where its pages are");
        }
    }

    private ParquetChunk Chunk(ref ThriftReader reader)
    {
        // ColumnMetaData: num_values 5, total_compressed_size 7, data_page_offset 9, dictionary_page_offset 11.
        long values = -1, length = -1, data = -1, dictionary = 0;
        for (var field = 0; reader.Next(ref field, out var type);)
        {
            switch (field)
            {
                case 5: values = reader.Number(type); break;
                case 7: length = reader.Number(type); break;
                case 9: data = reader.Number(type); break;
                case 11: dictionary = reader.Number(type); break;
                default: reader.Skip(type); break;
            }
        }
        var start = dictionary > 0 ? Math.Min(dictionary, data) : data;
        if (values < 0 || start < HeadLength || start > PagesEnd || length < 0 || length > PagesEnd - start)
        {
            throw Damaged($"a column of {values:N0} values in {length:N0} bytes at {start:N0}, where the pages end at {PagesEnd:N0}");
        }
        return new(start, length, values);
    }

    private static void Expect(int element, int count)
    {
        if (count > 0 && element != ThriftReader.Struct) throw Damaged($"a list of structs has elements of type {element}");
    }
}
