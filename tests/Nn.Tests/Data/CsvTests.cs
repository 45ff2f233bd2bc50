using System.Globalization;
using CsCheck;
using ManagedFed.Nn.Data;

namespace ManagedFed.Nn.Tests.Data;

public sealed class CsvTests
{
    private static CsvTable Read(string text, CsvOptions? options = null) => Csv.Read(new StringReader(text), options);

    private static void Rejects(string message, string text, CsvOptions? options = null) =>
        Assert.StartsWith("[csv] " + message, Assert.Throws<FormatException>(() => Read(text, options)).Message, StringComparison.Ordinal);

    [Fact]
    public void Read_OfEveryKindOfColumn_InfersTheTypes()
    {
        var table = Read("whole,real,truth,text,near\r\n1,1.5,true,b,9223372036854775808\r\n-2,-1e3,False,a,1\r\n 3 ,NaN,TRUE,b,-inf\r\n");
        Assert.Equal(3, table.Count);
        Assert.Equal(["whole", "real", "truth", "text", "near"], table.Columns.Select(column => column.Name));
        Assert.Equal([1L, -2, 3], table["whole"].Values.AsSpan<long>().ToArray());
        Assert.Equal([1.5, -1000, double.NaN], table["real"].Values.AsSpan<double>().ToArray());
        Assert.Equal([true, false, true], table["truth"].Values.AsSpan<bool>().ToArray());
        Assert.Equal([1, 0, 1], table["text"].Values.AsSpan<int>().ToArray());
        Assert.Equal(["a", "b"], table["text"].Classes);
        Assert.Equal([9223372036854775808.0, 1, double.NegativeInfinity], table["near"].Values.AsSpan<double>().ToArray());
        Assert.Null(table["near"].Classes);
    }

    [Fact]
    public void Read_QuotedFields_KeepsWhatIsInside()
    {
        var table = Read("\"a,b\",c\n\"x \"\"y\"\"\",\"1\"\n\"two\nlines\",2\n");
        Assert.Equal(["two\nlines", "x \"y\""], table["a,b"].Classes);
        Assert.Equal([1L, 2], table["c"].Values.AsSpan<long>().ToArray());
    }

    [Fact]
    public void Read_WithoutHeader_NumbersTheColumns()
    {
        var table = Read("1;2\n\n3;4", new() { HasHeader = false, Separator = ';' });
        Assert.Equal([2L, 4], table["1"].Values.AsSpan<long>().ToArray());
        Assert.Equal(0, Read("a,b\n").Count);
    }

    [Fact]
    public void Read_InAnotherCulture_IsTheSame()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new("") { NumberFormat = new() { NumberDecimalSeparator = ",", NumberGroupSeparator = "." } };
            Assert.Equal([1.5], Read("a\n1.5\n")["a"].Values.AsSpan<double>().ToArray());
            Assert.Equal(["1.234,5"], Read("a\n\"1.234,5\"\n")["a"].Classes);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Read_WithGivenTypes_UsesThem()
    {
        var types = new Dictionary<string, DType> { ["a"] = DType.UInt8, ["b"] = DType.Float32 };
        var table = Read("a,b\n255,1\n0,2\n", new() { Types = types });
        Assert.Equal([255, 0], table["a"].Values.AsSpan<byte>().ToArray());
        Assert.Equal([1f, 2], table["b"].Values.AsSpan<float>().ToArray());
        Rejects("line 3, column 1: '256' is not of type uint8", "a,b\n1,1\n256,2\n", new() { Types = types });
        Rejects("line 2, column 1: '-1' is not of type uint8", "a,b\n-1,1\n", new() { Types = types });
        Rejects("line 2, column 2: '' is not of type float32", "a,b\n1,\n", new() { Types = types });
        var error = Assert.Throws<ArgumentException>(() => Read("a\n1\n", new() { Types = types }));
        Assert.Equal("[csv] a type is given for column b, but there are only a", error.Message);
    }

    [Fact]
    public void Read_OfBrokenText_NamesLineAndColumn()
    {
        Rejects("line 1, column 1: the text is empty", "");
        Rejects("line 1, column 3: column 'a' is named twice", "a,b,a\n");
        Rejects("line 3, column 2: the record has 1 fields, expected 2", "a,b\n1,2\n3\n");
        Rejects("line 2, column 3: the record has 3 fields, expected 2", "a,b\n1,2,3\n");
        Rejects("line 2, column 2: a quote stands inside a field", "a,b\n1,2\"\n");
        Rejects("line 2, column 1: text follows the closing quote", "a,b\n\"1\"x,2\n");
        Rejects("line 3, column 2: the quote is never closed", "a,b\n1,2\n1,\"2\n\n");
        Rejects("line 4, column 2: the record has 1 fields", "a,b\n\"x\ny\",2\n3\n");
        Rejects("line 2, column 1: the field has more than 3 characters", "a\n1234\n", new() { MaxFieldLength = 3 });
        Assert.Throws<ArgumentException>(() => Read("a", new() { Separator = '"' }));
    }

    [Fact]
    public void Load_OfAFile_ReadsItOrNamesIt()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. "gr\u00f6\u00dfe\n1\n"u8]);
            Assert.Equal([1L], Csv.Load(path)["gr\u00f6\u00dfe"].Values.AsSpan<long>().ToArray());
            Assert.StartsWith("[csv] 13 bytes, expected at most 3", Assert.Throws<FormatException>(() => Csv.Load(path, new() { MaxBytes = 3 })).Message, StringComparison.Ordinal);
            File.WriteAllBytes(path, [(byte)'a', 0xFF]);
            Assert.Equal($"[csv] the text is not valid UTF-8 (file {path})", Assert.Throws<FormatException>(() => Csv.Load(path)).Message);
            File.WriteAllText(path, "a\n\"");
            Assert.EndsWith($"(file {path})", Assert.Throws<FormatException>(() => Csv.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void ToDataset_OfATable_SeparatesInputsAndLabels()
    {
        var table = Read("x,kind,y\n1,cat,0.5\n2,dog,1.5\n3,cat,2.5\n");
        var data = table.ToDataset("kind");
        Assert.Equal([3, 2], data.Inputs.Shape);
        Assert.Equal([1f, 0.5f, 2, 1.5f, 3, 2.5f], data.Inputs.AsSpan<float>().ToArray());
        Assert.Equal([0, 1, 0], data.Labels.AsSpan<int>().ToArray());
        Assert.Equal([0.5, 1.5, 2.5], table.ToDataset("y", ["x"], DType.Float64).Labels.AsSpan<double>().ToArray());
        Assert.Equal([1, 2, 3], table.ToDataset("x", ["y"]).Labels.AsSpan<int>().ToArray());
        Assert.Throws<KeyNotFoundException>(() => table.ToDataset("z"));
        Assert.Throws<ArgumentException>(() => Read("a\n1\n").ToDataset("a"));
        Assert.Throws<ArgumentException>(() => Read("a,b\n3000000000,1\n").ToDataset("a"));
    }

    private static readonly Gen<string> Field = Gen.Char["ab\"\n\r,; 1"].Array[0, 6].Select(letters => new string(letters));

    [Fact]
    public void Read_OfWhatWasQuoted_GivesItBack() => Gen.Select(Field, Field).Array[1, 5].Sample(
        rows =>
        {
            var text = string.Concat(rows.Select(row => $"\"x{Doubled(row.Item1)}\",\"x{Doubled(row.Item2)}\"\n"));
            var table = Read(text, new() { HasHeader = false });
            Assert.Equal(rows.Select(row => "x" + row.Item1), table["0"].Values.AsSpan<int>().ToArray().Select(i => table["0"].Classes![i]));
            Assert.Equal(rows.Select(row => "x" + row.Item2), table["1"].Values.AsSpan<int>().ToArray().Select(i => table["1"].Classes![i]));

            static string Doubled(string field) => field.Replace("\"", "\"\"", StringComparison.Ordinal);
        },
        iter: 200);

    [Fact]
    public void Read_OfAnyText_GivesATableOrAFormatException() => Gen.Char["ab\"\n\r,1."].Array[0, 30].Sample(
        letters =>
        {
            try
            {
                Assert.All(Read(new string(letters)).Columns, column => Assert.Equal(1, column.Values.Shape.Rank));
            }
            catch (FormatException e)
            {
                Assert.StartsWith("[csv] line ", e.Message, StringComparison.Ordinal);
            }
        },
        iter: 2000);
}
