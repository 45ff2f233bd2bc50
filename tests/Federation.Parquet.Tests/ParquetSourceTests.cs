using ManagedFed.Federation.Data;
using Parquet;
using Parquet.Schema;
using Xunit;

namespace ManagedFed.Federation.Parquet.Tests;

public sealed class ParquetSourceTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task Load_OneFile_IsTrainWithNumbersTextAndClassNames()
    {
        var path = await Write("a.parquet", [0.5f, 1, 2], ["x", null, "z"], [1, 0, 1], """{"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "size": {"dtype": "float32"}}}}""");
        var splits = new ParquetSource(path, cancellation: Stop).Load();

        Assert.Equal(["train"], splits.Keys);
        var train = splits["train"];
        Assert.Equal(["size", "writer", "label"], train.ColumnNames);
        Assert.Equal([0.5f, 1, 2], train.Array("size").ToArray<float>());
        Assert.Equal(["x", null, "z"], Assert.IsType<TextColumn>(train.Column("writer")).Values);
        Assert.Equal([1L, 0, 1], train.Array("label").ToArray<long>());
        Assert.Equal(["no", "yes"], train.Column("label").ClassNames);
        Assert.Null(train.Column("size").ClassNames);
    }

    [Fact]
    public async Task Load_ChosenColumns_AreReadInTheirOrder()
    {
        var path = await Write("a.parquet", [0.5f], ["x"], [1]);
        Assert.Equal(["label", "size"], new ParquetSource(path, ["label", "size"], Stop).Load()["train"].ColumnNames);
    }

    [Fact]
    public async Task Folder_OfTheHub_JoinsThePartsOfASplitInOrder()
    {
        await Write("train-00001-of-00002.parquet", [3, 4], ["c", "d"], [3, 4]);
        await Write("train-00000-of-00002.parquet", [1, 2], ["a", "b"], [1, 2]);
        await Write("test-00000-of-00001.parquet", [5], ["e"], [5]);
        await Write("extra.parquet", [6], ["f"], [6]);
        var splits = ParquetSource.Folder(folder.FullName, cancellation: Stop).Load();

        Assert.Equal(["extra", "test", "train"], splits.Keys.Order());
        Assert.Equal([1L, 2, 3, 4], splits["train"].Array("label").ToArray<long>());
        Assert.Equal(["a", "b", "c", "d"], ((TextColumn)splits["train"].Column("writer")).Values);
        Assert.Equal([6f], splits["extra"].Array("size").ToArray<float>());
    }

    // Text ids are sorted: ann has rows 1 and 3, bob rows 0 and 2.
    [Fact]
    public async Task FederatedDataset_OfParquet_PartitionsByText()
    {
        var path = await Write("a.parquet", [0, 1, 2, 3], ["bob", "ann", "bob", "ann"], [0, 1, 2, 3]);
        var data = new FederatedDataset(new ParquetSource(path, cancellation: Stop), new() { ["train"] = new NaturalIdPartitioner("writer") }, shuffle: false);

        Assert.Equal([1L, 3], data.LoadPartition(0).Array("label").ToArray<long>());
        Assert.Equal([0L, 2], data.LoadPartition(1).Array("label").ToArray<long>());
    }

    [Fact]
    public async Task Load_WhatDoesNotFit_NamesIt()
    {
        Assert.StartsWith("[parquet] there is no file *.parquet in ", Assert.Throws<FileNotFoundException>(() => ParquetSource.Folder(folder.FullName, cancellation: Stop)).Message, StringComparison.Ordinal);
        await Write("train-00001-of-00003.parquet", [1], ["a"], [1]);
        Assert.StartsWith("[parquet] split 'train' has 1 files in ", Assert.Throws<FileNotFoundException>(() => ParquetSource.Folder(folder.FullName, cancellation: Stop)).Message, StringComparison.Ordinal);
        var path = await Write("a.parquet", [1], ["a"], [1]);
        Assert.StartsWith("[parquet] there is no column image, only size, writer, label (file ", Rejects(path, "image"), StringComparison.Ordinal);
        path = await Write("b.parquet", [1], ["a"], [1], "{");
        Assert.StartsWith("[parquet] the file is damaged or of a kind that is not supported", Rejects(path, "size"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Load_Cancelled_Ends()
    {
        var path = await Write("a.parquet", [1], ["a"], [1]);
        Assert.ThrowsAny<OperationCanceledException>(() => new ParquetSource(path, cancellation: new(canceled: true)).Load());
    }

    private static string Rejects(string path, string column) => Assert.Throws<FormatException>(() => new ParquetSource(path, [column], Stop).Load()).Message;

    /// <summary>A file with the columns size, writer and label, one row to a group, and what Hugging Face says of the columns.</summary>
    private async Task<string> Write(string name, float[] sizes, string?[] writers, long[] labels, string? about = null)
    {
        var (size, writer, label) = (new DataField<float>("size"), new DataField("writer", typeof(string)), new DataField<long>("label"));
        var path = Path.Combine(folder.FullName, name);
        await using var file = File.Create(path);
        await using var parquet = await ParquetWriter.CreateAsync(new ParquetSchema(size, writer, label), file, cancellationToken: Stop);
        if (about is not null) parquet.CustomMetadata = new Dictionary<string, string> { ["huggingface"] = about };
        for (var i = 0; i < labels.Length; i++)
        {
            using var rows = parquet.CreateRowGroup();
            await rows.WriteAsync<float>(size, sizes.AsMemory(i, 1), cancellationToken: Stop);
            await rows.WriteAsync(writer, new string[] { writers[i]! });
            await rows.WriteAsync<long>(label, labels.AsMemory(i, 1), cancellationToken: Stop);
        }
        return path;
    }
}
