using ManagedFed.Nn.Data;
using ManagedFed.Nn.Tests.Data;
using Parquet;
using Parquet.Schema;
using Xunit;

namespace ManagedFed.Nn.Parquet.Tests;

public sealed class HuggingFaceTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Writes files as the hub has them: image.bytes, image.path and label, some rows to a group.</summary>
    private static async Task<MemoryStream> Images(long[] labels, byte[]?[] files, int group = 2)
    {
        var bytes = new DataField("bytes", typeof(byte[]));
        var path = new DataField("path", typeof(string));
        var label = new DataField<long>("label");
        var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(new StructField("image", bytes, path), label), stream, cancellationToken: Stop))
        {
            for (var start = 0; start < labels.Length; start += group)
            {
                var range = start..Math.Min(start + group, labels.Length);
                using var rows = writer.CreateRowGroup();
                await rows.WriteAsync(bytes, files[range]!);
                await rows.WriteAsync(path, labels[range].Select(value => $"{value}.png").ToArray());
                await rows.WriteAsync<long>(label, labels[range], cancellationToken: Stop);
            }
        }
        stream.Position = 0;
        return stream;
    }

    private static async Task<MemoryStream> Column<T>(string name, T[] values) where T : struct
    {
        var (x, y) = (new DataField<T>(name), new DataField<double>("y"));
        var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(x, y), stream, cancellationToken: Stop))
        {
            using var rows = writer.CreateRowGroup();
            await rows.WriteAsync<T>(x, values, cancellationToken: Stop);
            await rows.WriteAsync<double>(y, new double[values.Length], cancellationToken: Stop);
        }
        stream.Position = 0;
        return stream;
    }

    private static async Task Rejects(string message, MemoryStream file, string inputs = "image", string labels = "label")
    {
        var error = await Assert.ThrowsAsync<FormatException>(() => HuggingFace.ReadAsync(file, inputs, labels, Stop));
        Assert.StartsWith("[parquet] " + message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_OfImages_GivesPixelsAndLabels()
    {
        var file = await Images([3, 1, 4], [PngFiles.Grey([0, 255], [51, 102]), PngFiles.Grey([1, 2], [3, 4]), PngFiles.Grey([0, 0], [0, 255])]);
        var data = await HuggingFace.ReadAsync(file, cancellation: Stop);
        Assert.Equal([3, 2, 2], data.Inputs.Shape);
        Assert.Equal([0f, 1, 0.2f, 0.4f], data.Inputs.AsSpan<float>()[..4].ToArray());
        Assert.Equal([0f, 0, 0, 1], data.Inputs.AsSpan<float>()[8..].ToArray());
        Assert.Equal([3, 1, 4], data.Labels.AsSpan<int>().ToArray());
    }

    [Fact]
    public async Task Read_OfNumbers_KeepsTheirTypes()
    {
        var data = await HuggingFace.ReadAsync(await Column<float>("x", [1.5f, 2]), "x", "y", Stop);
        Assert.Equal([1.5f, 2], data.Inputs.AsSpan<float>().ToArray());
        Assert.Equal([0.0, 0], data.Labels.AsSpan<double>().ToArray());
        data = await HuggingFace.ReadAsync(await Column<int>("x", [7, 8]), "x", "x", Stop);
        Assert.Equal([7, 8], data.Labels.AsSpan<int>().ToArray());
    }

    [Fact]
    public async Task Read_OfWhatDoesNotFit_NamesIt()
    {
        var image = PngFiles.Grey([1]);
        await Rejects("there is no column text, only image/bytes, image/path, label", await Images([1], [image]), "text");
        await Rejects("image 1 of column image has shape (1, 2), the first (1, 1)", await Images([1, 2], [image, PngFiles.Grey([1, 2])]));
        await Rejects("image 0 of column image: [png] not a PNG image", await Images([1], [[1, 2, 3]]));
        await Rejects("row 1 of column image/bytes has no value", await Images([1, 2], [image, null]));
        await Rejects("column image has no images", await Images([], []));
        await Rejects("label 3000000000 in row 1 of column label does not fit int32", await Images([1, 3_000_000_000], [image, image]));
        await Rejects("column d is of type DateTime, expected bool", await Column("d", [DateTime.UnixEpoch]), "d", "y");
    }

    [Fact]
    public async Task Read_OfMissingNumbers_NamesTheRow()
    {
        var field = new DataField<long?>("x");
        var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(field), stream, cancellationToken: Stop))
        {
            using var rows = writer.CreateRowGroup();
            await rows.WriteAsync<long>(field, new long?[] { 1, null }, cancellationToken: Stop);
        }
        stream.Position = 0;
        await Rejects("row 1 of column x has no value", stream, "x", "x");
    }

    [Fact]
    public async Task Load_OfAFile_ReadsItOrNamesIt()
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, (await Images([5], [PngFiles.Grey([255])])).ToArray(), Stop);
            var data = await HuggingFace.LoadAsync(path, cancellation: Stop);
            Assert.Equal([5], data.Labels.AsSpan<int>().ToArray());
            await File.WriteAllBytesAsync(path, "PAR1 is not enough"u8.ToArray(), Stop);
            var error = await Assert.ThrowsAsync<FormatException>(() => HuggingFace.LoadAsync(path, cancellation: Stop));
            Assert.EndsWith($"(file {path})", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task Read_CutAnywhere_IsAFormatException()
    {
        var file = (await Images([3, 1], [PngFiles.Grey([9]), PngFiles.Grey([8])])).ToArray();
        for (var length = 0; length < file.Length; length += 7)
        {
            var part = new MemoryStream(file[..length]);
            await Assert.ThrowsAsync<FormatException>(() => HuggingFace.ReadAsync(part, cancellation: Stop));
        }
    }

    /// <summary>Every byte changed in several ways, in the footer too: a result or the documented error, soon and with little memory.</summary>
    [Fact]
    public async Task Read_OfAnyChangedByte_EndsSoonWithAResultOrAFormatException()
    {
        byte[][] files =
        [
            (await Images([3, 1, 4], [PngFiles.Grey([9]), PngFiles.Grey([8]), PngFiles.Grey([7])])).ToArray(),
            (await Column<int>("x", [7, 8, 8, 8])).ToArray(),
        ];
        foreach (var whole in files)
        {
            foreach (var change in new byte[] { 0x01, 0x80, 0xFF, 0x7F, 0x0C })
            {
                for (var i = 0; i < whole.Length; i++)
                {
                    var damaged = (byte[])whole.Clone();
                    damaged[i] ^= change;
                    await Ends(damaged);
                }
            }
        }
    }

    [Fact]
    public async Task Read_OfAnOverwrittenFooter_EndsSoonWithAFormatException()
    {
        var whole = (await Images([3, 1, 4], [PngFiles.Grey([9]), PngFiles.Grey([8]), PngFiles.Grey([7])])).ToArray();
        var footer = BitConverter.ToInt32(whole, whole.Length - 8);
        var random = new Random(5);
        for (var round = 0; round < 3000; round++)
        {
            var damaged = (byte[])whole.Clone();
            var start = whole.Length - 8 - footer + random.Next(footer);
            var length = Math.Min(1 + random.Next(40), whole.Length - 8 - start);
            if (round % 2 == 0) random.NextBytes(damaged.AsSpan(start, length));
            else damaged.AsSpan(start, length).Fill((byte)random.Next(256));
            await Ends(damaged);
        }
    }

    private static async Task Ends(byte[] file)
    {
        var before = GC.GetTotalAllocatedBytes();
        try
        {
            await Task.Run(() => HuggingFace.ReadColumnsAsync(new MemoryStream(file), cancellation: Stop), Stop).WaitAsync(TimeSpan.FromMinutes(1), Stop);
        }
        catch (FormatException e)
        {
            Assert.Contains("[p", e.Message, StringComparison.Ordinal);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"reading does not end: {Convert.ToBase64String(file)}");
        }
        var allocated = GC.GetTotalAllocatedBytes() - before;
        Assert.True(allocated < 200 << 20, $"{allocated:N0} bytes for {Convert.ToBase64String(file)}");
    }

    // Four million equal numbers take some kilobytes, and are honest.
    [Fact]
    public async Task Read_OfManyEqualNumbers_GivesThem()
    {
        var data = await HuggingFace.ReadAsync(await Column<int>("x", new int[4_000_000]), "x", "y", Stop);
        Assert.Equal([4_000_000], data.Inputs.Shape);
        Assert.Equal(-1, data.Inputs.AsSpan<int>().IndexOfAnyExcept(0));
    }

    // The claim of a footer of 2³¹−1 bytes in a file of some hundred bytes.
    [Fact]
    public async Task Read_OfGreatClaims_IsRefusedBeforeMemoryIsTaken()
    {
        var error = await Assert.ThrowsAsync<FormatException>(() => HuggingFace.ReadAsync(new MemoryStream([.. "PAR1"u8, .. new byte[20], 0xFF, 0xFF, 0xFF, 0x7F, .. "PAR1"u8]), cancellation: Stop));
        Assert.Equal("[parquet] the file is damaged: a footer of 2,147,483,647 bytes in a file of 32", error.Message);
        error = await Assert.ThrowsAsync<FormatException>(() => HuggingFace.ReadAsync(new MemoryStream([1, 2, 3]), cancellation: Stop));
        Assert.Equal("[parquet] the file is damaged: 3 bytes are no parquet file", error.Message);
    }
}
