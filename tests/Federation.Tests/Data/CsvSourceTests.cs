using ManagedFed.Federation.Data;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.Data;

public sealed class CsvSourceTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Load_OneFile_IsTrainWithEachColumn()
    {
        var splits = new CsvSource(Write("a.csv", "length,species,known\n1.5,rose,true\n2,iris,false\n3,rose,true\n")).Load();

        Assert.Equal(["train"], splits.Keys);
        var train = splits["train"];
        Assert.Equal(["length", "species", "known"], train.ColumnNames);
        Assert.Equal([1.5, 2, 3], train.Array("length").ToArray<double>());
        Assert.Equal([1, 0, 1], train.Array("species").ToArray<int>());
        Assert.Equal(["iris", "rose"], train.Column("species").ClassNames);
        Assert.Equal([true, false, true], train.Array("known").ToArray<bool>());
    }

    // Alone, test would number moss 0 and rose 1; and its lengths would be whole numbers.
    [Fact]
    public void Load_TwoSplits_ShareClassesAndTypes()
    {
        var splits = Splits("length,species\n1.5,rose\n2,iris\n", "length,species\n3,rose\n4,moss\n").Load();

        Assert.Equal([2, 0], splits["train"].Array("species").ToArray<int>());
        Assert.Equal([2, 1], splits["test"].Array("species").ToArray<int>());
        Assert.All(splits.Values, table => Assert.Equal(["iris", "moss", "rose"], table.Column("species").ClassNames));
        Assert.Equal([3.0, 4], splits["test"].Array("length").ToArray<double>());
    }

    [Fact]
    public void Load_SplitWithoutRows_TakesTypesFromTheOther()
    {
        var splits = Splits("length,species\n1.5,rose\n", "length,species\n").Load();

        Assert.Equal((DType.Float64, DType.Int32), (splits["test"].Array("length").DType, splits["test"].Array("species").DType));
        Assert.Equal(0, splits["test"].Count);
    }

    [Fact]
    public void Load_Features_StandSideBySide()
    {
        var source = new CsvSource(Write("a.csv", "y,b,a\n0,1,2\n1,3,4.5\n")) { Features = ["a", "b"] };
        var train = source.Load()["train"];

        Assert.Equal(["features", "y"], train.ColumnNames);
        Assert.Equal([2, 2], train.Array("features").Shape);
        Assert.Equal([2f, 1, 4.5f, 3], train.Array("features").ToArray<float>());
        Assert.Equal(2, train.ToDataset("features", "y").Count);
    }

    // Each partition holds one class; iris comes first by its name.
    [Fact]
    public void FederatedDataset_OfCsv_PartitionsByText()
    {
        var source = new CsvSource(Write("a.csv", "x,species\n0,rose\n1,iris\n2,rose\n3,iris\n4,rose\n5,iris\n"));
        var data = new FederatedDataset(source, new() { ["train"] = new NaturalIdPartitioner("species") }, shuffle: false);

        Assert.Equal([1L, 3, 5], data.LoadPartition(0).Array("x").ToArray<long>());
        Assert.Equal([0L, 2, 4], data.LoadPartition(1).Array("x").ToArray<long>());
    }

    [Fact]
    public void Load_OptionsOfTheReader_AreUsed()
    {
        var source = new CsvSource(Write("a.csv", "7;8\n9;10\n"), new() { HasHeader = false, Separator = ';', Types = new Dictionary<string, DType> { ["1"] = DType.Float32 } });
        Assert.Equal([8f, 10], source.Load()["train"].Array("1").ToArray<float>());
    }

    [Fact]
    public void Load_WhatDoesNotFit_NamesIt()
    {
        var (train, test) = (Path.Combine(folder.FullName, "train.csv"), Path.Combine(folder.FullName, "test.csv"));
        const string Hint = "is no number, but other fields of column x are; give the column's type in CsvOptions.Types, its classes in CsvOptions.Classes, or leave it out by CsvOptions.Columns";
        Rejects($"[csv] the columns are x, z (file {test}), and x, y (file {train})", Splits("x,y\n1,2\n", "x,z\n1,2\n"));
        Rejects($"[csv] line 2, column 1: 'many' {Hint} (file {test})", Splits("x\n1\n", "x\nmany\n"));
        Rejects($"[csv] line 2, column 1: 'true' {Hint} (file {test})", Splits("x\n1\n", "x\ntrue\n"));

        var error = Assert.Throws<ArgumentException>(() => new CsvSource(Write("b.csv", "x,y\n1,a\n")) { Features = ["x", "z"] }.Load());
        Assert.Equal("[csv] there is no column z for the features, only x, y", error.Message);
        error = Assert.Throws<ArgumentException>(() => new CsvSource(Write("b.csv", "x,y\n1,a\n")) { Features = ["x", "y"] }.Load());
        Assert.Equal("[csv] column y of the features holds text, such as 'a'", error.Message);
        error = Assert.Throws<ArgumentException>(() => new CsvSource(Write("b.csv", "x,features\n1,2\n")) { Features = ["x"] }.Load());
        Assert.StartsWith("[csv] a column is called features already", error.Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => new CsvSource(Path.Combine(folder.FullName, "none.csv")).Load());

        static void Rejects(string message, CsvSource source) => Assert.Equal(message, Assert.Throws<FormatException>(() => source.Load()).Message);
    }

    // Two clients, each with a file of its own and other species.
    [Fact]
    public void Load_WithGivenClasses_NumbersAlikeInEveryFile()
    {
        var options = new CsvOptions { Classes = new Dictionary<string, IReadOnlyList<string>?> { ["species"] = ["iris", "moss", "rose"] } };
        var first = new CsvSource(Write("1.csv", "species\nrose\niris\n"), options).Load()["train"];
        var second = new CsvSource(Write("2.csv", "species\nmoss\nrose\n"), options).Load()["train"];
        Assert.Equal([2, 0], first.Array("species").ToArray<int>());
        Assert.Equal([1, 2], second.Array("species").ToArray<int>());
        Assert.Equal(first.Column("species").ClassNames, second.Column("species").ClassNames);
        Assert.Equal([2, 0, 1, 2], Table.Concatenate(first, second).Array("species").ToArray<int>());

        // Without it each file numbers for itself, and the two must not be mixed.
        second = new CsvSource(Write("2.csv", "species\nmoss\nrose\n")).Load()["train"];
        Assert.StartsWith("[concatenate] the classes differ: iris, moss, rose and moss, rose", Assert.Throws<ArgumentException>(() => Table.Concatenate(first, second)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MissingNumber_IsNaNInEverySplit()
    {
        var splits = Splits("x,y\n1,0\n,1\n", "x,y\n3,1\n").Load();
        Assert.Equal([1, double.NaN], splits["train"].Array("x").ToArray<double>());
        Assert.Equal([3.0], splits["test"].Array("x").ToArray<double>());
        Assert.Equal("Table of 2 rows\n    x: (2,) float64\n    y: (2,) int64", splits["train"].ToString());
        Assert.Equal("Table of 1 rows\n    x: rows of (2,) float64\n    y: rows of (2,) int64", splits["train"].Select(1).ToString());
        Assert.Equal("(2,) float64", splits["train"].Column("x").ToString());
    }

    private CsvSource Splits(string train, string test) =>
        new(new Dictionary<string, string> { ["train"] = Write("train.csv", train), ["test"] = Write("test.csv", test) });

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
