using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

/// <summary>Every rule for hostile files, through memory, a seekable stream and one that cannot seek.</summary>
public sealed class NpyRejectTests
{
    private static void Rejects(string message, byte[] file)
    {
        Assert.Contains(message, Assert.Throws<FormatException>(() => Npy.Read(file)).Message, StringComparison.Ordinal);
        Assert.Contains(message, Assert.Throws<FormatException>(() => Npy.Read(new MemoryStream(file))).Message, StringComparison.Ordinal);
        var e = Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream(file)));
        Assert.StartsWith("[npy] ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("934E554D5059")]
    [InlineData("934E554D50590100")]
    [InlineData("504B0304000000000000000000000000")]
    [InlineData("934E554D505801007600000000000000")]
    public void Read_NoMagic_IsNotAnNpyStream(string hex) => Rejects("[npy] not an .npy stream", Convert.FromHexString(hex));

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(4, 0)]
    public void Read_UnknownVersion_IsNamed(byte major, byte minor) =>
        Rejects($"version {major}.{minor} is unknown", NpyFiles.Make(NpyFiles.Dictionary(), new byte[8], major, minor));

    [Theory]
    [InlineData(1, 10_001, "header of 10001 bytes, expected at most 10000")]
    [InlineData(2, 4_294_967_295, "header of 4294967295 bytes, expected at most 10000")]
    [InlineData(1, 9_000, "header of 9000 bytes, but only ")]
    [InlineData(3, 10_000, "header of 10000 bytes, but only ")]
    public void Read_HeaderLengthLies_IsRejected(byte major, long length, string message) =>
        Rejects(message, NpyFiles.Make(NpyFiles.Dictionary(), new byte[8], major, headerLength: length));

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("[]")]
    [InlineData("'descr'")]
    [InlineData("{,}")]
    [InlineData("{'descr' '<f4'}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)")]
    [InlineData("{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'descr': '<f4',, 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': 'False', 'shape': (2,)}")]
    [InlineData("{'descr': '<f4\"}")]
    [InlineData("{'des\\x63r': '<f4', 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'descr': {'a': 1}, 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'descr': 4, 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'d\u00e9scr': '<f4', 'fortran_order': False, 'shape': (2,)}")]
    [InlineData("{'descr_descr_descr_descr_descr_descr': '<f4', 'fortran_order': False, 'shape': (2,)}")]
    public void Read_NoFlatDictionary_IsRejected(string header) =>
        Rejects("[npy] header is not a dictionary of descr, fortran_order and shape: expected ", NpyFiles.Make(header, new byte[8]));

    [Theory]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "header has 'descr' twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'shape': (2,)}", "header has 'shape' twice")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", "header has the unknown key 'x'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False}", "header lacks 'shape'")]
    [InlineData("{'descr': '<f4', 'shape': (2,)}", "header lacks 'fortran_order'")]
    [InlineData("{}", "header lacks 'descr'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x", "header goes on after the dictionary")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}{}", "header goes on after the dictionary")]
    public void Read_OtherKeys_AreNamed(string header, string message) => Rejects(message, NpyFiles.Make(header, new byte[8]));

    [Theory]
    [InlineData("'|O'")]
    [InlineData("'O'")]
    [InlineData("'|O8'")]
    [InlineData("'|V2'")]
    [InlineData("'|S4'")]
    [InlineData("'<U4'")]
    [InlineData("'<M8[ns]'")]
    [InlineData("'<m8[s]'")]
    [InlineData("'<c8'")]
    [InlineData("[('a', '<f4')]")]
    [InlineData("('<f4', (2,))")]
    public void Read_ObjectsAndStructures_AreNeverUnpickled(string descr) =>
        Rejects("object and structured arrays are not supported", NpyFiles.With(descr));

    [Theory]
    [InlineData("'<f1'")]
    [InlineData("'<f3'")]
    [InlineData("'<f16'")]
    [InlineData("'<b2'")]
    [InlineData("'<x4'")]
    [InlineData("'<'")]
    [InlineData("''")]
    [InlineData("'<f4 '")]
    public void Read_OtherType_IsRejected(string descr) => Rejects("is not supported, expected |b1", NpyFiles.With(descr));

    [Theory]
    [InlineData("2", "shape at byte 50 is not a tuple")]
    [InlineData("[2]", "shape at byte 50 is not a tuple")]
    [InlineData("(2)", "a tuple of one needs a comma")]
    [InlineData("(-2,)", "shape has a negative size")]
    [InlineData("(2147483648,)", "shape has a size above 2147483647")]
    [InlineData("(99999999999999999999999999,)", "shape has a size above 2147483647")]
    [InlineData("(2.0,)", "expected ',' or ')' after a whole number")]
    [InlineData("(2e0,)", "expected ',' or ')' after a whole number")]
    [InlineData("(2LL,)", "expected ',' or ')' after a whole number")]
    [InlineData("(1_0,)", "expected ',' or ')' after a whole number")]
    [InlineData("(True,)", "expected a whole number")]
    [InlineData("(02,)", "expected a whole number")]
    [InlineData("(+2,)", "expected a whole number")]
    [InlineData("(,)", "expected a whole number")]
    [InlineData("((2,),)", "expected a whole number")]
    [InlineData("(2, 3", "expected a whole number")]
    [InlineData("(2 3)", "expected ',' or ')' after a whole number")]
    [InlineData("(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2)", "more than 32 axes")]
    [InlineData("(2147483647, 2147483647)", "shape has more than 2^59 elements")]
    [InlineData("(2147483647, 2147483647, 5, 0)", "shape has more than 2^59 elements")]
    public void Read_BadShape_IsRejected(string shape, string message) => Rejects(message, NpyFiles.With(shape: shape));

    [Theory]
    [InlineData("(2,)", 7)]
    [InlineData("(2,)", 9)]
    [InlineData("(2,)", 0)]
    [InlineData("(0,)", 1)]
    [InlineData("()", 0)]
    [InlineData("(2147483647, 268435456)", 8)]
    public void Read_DataOfAnotherLength_IsRejected(string shape, int bytes) =>
        Rejects($"data is {bytes} bytes, shape {shape} of '<f4' needs exactly ", NpyFiles.With(shape: shape, bytes: bytes));

    [Fact]
    public void Read_BoolOfTwo_IsRejected() =>
        Rejects("element 1 is neither 0 nor 1", NpyFiles.Make(NpyFiles.Dictionary("'|b1'"), [1, 2]));

    [Fact]
    public void Read_GreatClaimOnAStreamOfUnknownLength_AllocatesLittle()
    {
        var file = NpyFiles.With("'|u1'", shape: "(2000000000,)", bytes: 100);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var e = Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream(file)));
        Assert.Contains("data is 100 bytes, shape (2000000000,)", e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void Load_BadFile_NamesTheFile()
    {
        var path = Path.GetTempFileName();
        try
        {
            Assert.Contains(path, Assert.Throws<FormatException>(() => Npy.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
