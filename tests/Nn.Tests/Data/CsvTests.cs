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
            Assert.Equal([1.5], Read("a;b\n1,5;x\n", new() { Separator = ';', DecimalSeparator = ',' })["a"].Values.AsSpan<double>().ToArray());
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
        Rejects("line 2, column 1: '' is not of type uint8: a missing value, which only floating types can hold", "a,b\n,1\n", new() { Types = types });
        Assert.Equal([float.NaN], Read("a,b\n1,\n", new() { Types = types })["b"].Values.AsSpan<float>().ToArray());
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
            Assert.Equal($"[csv] the text is not valid UTF-8, in line 1 or soon after (file {path})", Assert.Throws<FormatException>(() => Csv.Load(path)).Message);
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

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("NA")]
    [InlineData("n/a")]
    [InlineData("NULL")]
    [InlineData("NaN")]
    [InlineData("\"\"")]
    public void Read_OfAMissingNumber_IsNaN(string missing)
    {
        var table = Read($"age,fare,y\n22,7.25,0\n{missing},8.05,0\n5,{missing},1\n");
        Assert.All(table.Columns, column => Assert.Null(column.Classes));
        Assert.Equal([22, double.NaN, 5], table["age"].Values.AsSpan<double>().ToArray());
        Assert.Equal([7.25, 8.05, double.NaN], table["fare"].Values.AsSpan<double>().ToArray());
        Assert.Equal([22f, 7.25f, float.NaN, 8.05f, 5, float.NaN], table.ToDataset("y").Inputs.AsSpan<float>().ToArray());
        Assert.Equal([0, 0, 1], table.ToDataset("y").Labels.AsSpan<int>().ToArray());
    }

    [Fact]
    public void Read_OfMissingLabelsAndTruths_NamesThem()
    {
        static string Refused(string text) => Assert.Throws<ArgumentException>(() => Read(text).ToDataset("y")).Message;
        Assert.Equal("[csv] the label of column y in line 4 is missing; leave the record out", Refused("x,y\n1,0\n\n2,\n3,1\n"));
        Assert.Equal("[csv] the label of column y in line 3 is missing; leave the record out", Refused("x,y\n1,rose\n2,\n"));
        Rejects("line 3, column 2: '' is not of type bool: a missing value", "x,y\n1,true\n2,\n");
        Rejects("line 2, column 1: '' is not of type int64: a missing value", "x\n,\n", new() { Types = new Dictionary<string, DType> { ["x"] = DType.Int64 } });
        Assert.Equal([double.NaN, double.NaN], Read("x,y\n,1\nNA,2\n")["x"].Values.AsSpan<double>().ToArray());
        Assert.Equal([double.NaN, 2], Read("x\n?\n2\n", new() { Missing = ["?"] })["x"].Values.AsSpan<double>().ToArray());
    }

    // Words that mean numbers, and numbers among words: an error rather than classes.
    [Theory]
    [InlineData("a\n1\n2\nmany\n", "line 4, column 1: 'many' is no number, but other fields of column a are")]
    [InlineData("a\n1\n1O\n", "line 3, column 1: '1O' is no number, but other fields of column a are")]
    [InlineData("a\nx\n7\n", "line 2, column 1: 'x' is no number, but other fields of column a are")]
    [InlineData("a\n1\n\"1,234\"\n", "line 3, column 1: '1,234' is no number, but other fields of column a are")]
    [InlineData("a\n\"1,234\"\n\"5,678\"\n", "line 2, column 1: '1,234' looks like a number with marks that are not read")]
    [InlineData("a;b\n1,5;2\n2,5;3\n", "line 2, column 1: '1,5' looks like a number with marks that are not read (the decimal separator is '.')")]
    [InlineData("a\n$5\n$7.50\n", "line 2, column 1: '$5' looks like a number")]
    [InlineData("a\n5 %\n7 %\n", "line 2, column 1: '5 %' looks like a number")]
    [InlineData("a\n1 000\n2 000\n", "line 2, column 1: '1 000' looks like a number")]
    [InlineData("a\ntrue\n1\n", "line 2, column 1: 'true' is no number, but other fields of column a are")]
    public void Read_OfNumbersThatAreNone_NamesTheField(string text, string message) =>
        Rejects(message, text, new() { Separator = text.Contains(';', StringComparison.Ordinal) ? ';' : ',' });

    [Theory]
    [InlineData("1e3", 1000)]
    [InlineData("-1.5E-2", -0.015)]
    [InlineData("+.5", 0.5)]
    [InlineData("1.", 1)]
    [InlineData(" \t2.5 ", 2.5)]
    [InlineData("inf", double.PositiveInfinity)]
    [InlineData("-INF", double.NegativeInfinity)]
    [InlineData("nan", double.NaN)]
    [InlineData("-nan", double.NaN)]
    public void Read_OfNumbersOfAnyForm_GivesThem(string field, double value) =>
        Assert.Equal([0.5, value], Read($"a\n0.5\n{field}\n")["a"].Values.AsSpan<double>().ToArray());

    [Theory]
    [InlineData("2020-01-01", "2020-01-02")]
    [InlineData("555-1234", "555-9999")]
    [InlineData("3 rooms", "4 rooms")]
    [InlineData("0x1F", "0x20")]
    [InlineData("1/2", "3/4")]
    public void Read_OfWordsWithDigits_GivesClasses(string first, string second) => Assert.Equal([first, second], Read($"a\n{second}\n{first}\n")["a"].Classes);

    [Fact]
    public void Read_WithGivenClasses_NumbersByThem()
    {
        CsvOptions With(params string[]? classes) => new() { Classes = new Dictionary<string, IReadOnlyList<string>?> { ["s"] = classes } };
        var (first, second) = (Read("s\nrose\niris\n", With("iris", "moss", "rose")), Read("s\nmoss\nrose\n", With("iris", "moss", "rose")));
        Assert.Equal([2, 0], first["s"].Values.AsSpan<int>().ToArray());
        Assert.Equal([1, 2], second["s"].Values.AsSpan<int>().ToArray());
        Assert.Equal(["iris", "moss", "rose"], second["s"].Classes);
        Rejects("line 3, column 1: 'tulip' is not among the 2 classes of column s: rose, iris", "s\nrose\ntulip\n", With("rose", "iris"));
        Rejects("line 2, column 1: '' is not among the 1 classes of column s: rose", "s\n\"\"\n", With("rose"));
        Assert.Equal([1, 0], Read("s\n7\n3\n", With("3", "7"))["s"].Values.AsSpan<int>().ToArray());
        Assert.Equal(["7", "x"], Read("s\nx\n7\n", With(null))["s"].Classes);
        Assert.Equal("[csv] class 'a' of column s is listed twice", Assert.Throws<ArgumentException>(() => Read("s\na\n", With("a", "a"))).Message);
        Assert.Equal("[csv] classes are given for column s, but there are only t", Assert.Throws<ArgumentException>(() => Read("t\na\n", With("a"))).Message);
    }

    [Fact]
    public void Read_OfSomeColumns_LooksAtNoOther()
    {
        var table = Read("a,b,c\n1,x,2\n3,7,4\n", new() { Columns = ["c", "a"] });
        Assert.Equal(["c", "a"], table.Columns.Select(column => column.Name));
        Assert.Equal([2L, 4], table["c"].Values.AsSpan<long>().ToArray());
        Assert.Equal("[csv] what is wanted is column z, but there are only a", Assert.Throws<ArgumentException>(() => Read("a\n1\n", new() { Columns = ["z"] })).Message);
    }

    [Theory]
    [InlineData("a,b\n1,2\n3,4\n")]
    [InlineData("a,b\r\n1,2\r\n3,4")]
    [InlineData("a,b\r1,2\r3,4\r")]
    [InlineData("\uFEFFa,b\n1,2\n3,4\n")]
    [InlineData("a,b,\n1,2,\n3,4,\n")]
    [InlineData("a,b\n1,2,\n3,4\n")]
    [InlineData("a,b,\n1,2\n3,4,\n")]
    [InlineData(" a ,\" b\"\n 1 , 2\n3,4\n\n\n")]
    [InlineData("\"a\",\"b\"\n\"1\",\"2\"\n\n\"3\",4\n")]
    public void Read_OfAnyLineEndsMarksAndSpaces_GivesTheSame(string text)
    {
        var table = Read(text);
        Assert.Equal(["a", "b"], table.Columns.Select(column => column.Name));
        Assert.Equal([1L, 3], table["a"].Values.AsSpan<long>().ToArray());
        Assert.Equal([2L, 4], table["b"].Values.AsSpan<long>().ToArray());
    }

    [Fact]
    public void Read_OfNamelessAndLongFields_NamesThem()
    {
        Rejects("line 1, column 1: the column has no name", ",b\n1,2\n");
        Rejects("line 1, column 2: the column has no name", "a, ,c\n1,2,3\n");
        var text = new string('x', 200_000);
        Assert.Equal([text], Read($"a\n{text}\n")["a"].Classes);
        Assert.Equal([ulong.MaxValue], Read($"a\n{ulong.MaxValue}\n", new() { Types = new Dictionary<string, DType> { ["a"] = DType.UInt64 } })["a"].Values.AsSpan<ulong>().ToArray());
    }

    [Fact]
    public void ToString_OfTables_ShowsNoValues()
    {
        var table = Read("x,kind\n1,cat\n2,dog\n");
        Assert.Equal("CsvTable of 2 records\n    x: 2 int64\n    kind: 2 of 2 classes", table.ToString());
        Assert.Equal("Dataset of 2 examples: inputs (2, 1) float32, labels (2,) int32", table.ToDataset("kind").ToString());
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
