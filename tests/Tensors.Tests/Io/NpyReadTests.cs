using System.Text.Json;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

public sealed class NpyReadTests
{
    public static TheoryData<string> Recorded => [.. Tensors().Select(t => t.GetProperty("file").GetString()!)];

    private static JsonElement[] Tensors()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(NpyFiles.RecordedPath("vectors.json")));
        return [.. json.RootElement.GetProperty("tensors").EnumerateArray().Select(t => t.Clone())];
    }

    [Theory, MemberData(nameof(Recorded))]
    public void Load_NumpyFile_HasItsShapeAndValues(string name)
    {
        var expected = Tensors().Single(t => t.GetProperty("file").GetString() == name);
        var array = Npy.Load(NpyFiles.RecordedPath(name));
        Assert.Equal([.. expected.GetProperty("shape").EnumerateArray().Select(s => s.GetInt32())], array.Shape);
        Assert.Equal([.. expected.GetProperty("values").EnumerateArray().Select(v => v.GetDouble())], array.AsType(DType.Float64).ToArray<double>());
        Assert.True(array.IsContiguous);
    }

    [Theory]
    [InlineData("tensor_f32_2x3.npy", DType.Float32)]
    [InlineData("tensor_f32_scalar.npy", DType.Float32)]
    [InlineData("tensor_f32_empty_0.npy", DType.Float32)]
    [InlineData("tensor_f32_3.npy", DType.Float32)]
    [InlineData("tensor_f64_2x2.npy", DType.Float64)]
    [InlineData("tensor_i32_2x1.npy", DType.Int32)]
    [InlineData("tensor_i64_4.npy", DType.Int64)]
    [InlineData("tensor_u8_3.npy", DType.UInt8)]
    [InlineData("tensor_bool_3.npy", DType.Bool)]
    public void Write_ReadNumpyFile_IsTheSameFile(string name, DType dtype)
    {
        var file = File.ReadAllBytes(NpyFiles.RecordedPath(name));
        var array = Npy.Read(file);
        Assert.Equal(dtype, array.DType);
        Assert.Equal(file, Npy.Write(array));
    }

    // Little-endian bytes of each value by hand: half 1.5 = 0x3E00, -2 as int8 = FE, -2 as int16 = FFFE, 65535 = FFFF.
    [Theory]
    [InlineData("'<f2'", DType.Float16, 1.5, "003E")]
    [InlineData("'>f2'", DType.Float16, 1.5, "3E00")]
    [InlineData("'|i1'", DType.Int8, -2, "FE")]
    [InlineData("'<i2'", DType.Int16, -2, "FEFF")]
    [InlineData("'>i2'", DType.Int16, -2, "FFFE")]
    [InlineData("'<u2'", DType.UInt16, 65535, "FFFF")]
    [InlineData("'>u2'", DType.UInt16, 256, "0100")]
    [InlineData("'<u4'", DType.UInt32, 4294967295, "FFFFFFFF")]
    [InlineData("'>i4'", DType.Int32, 1, "00000001")]
    [InlineData("'=i4'", DType.Int32, 1, "01000000")]
    [InlineData("'<u8'", DType.UInt64, 4294967296, "0000000001000000")]
    [InlineData("'>u8'", DType.UInt64, 4294967296, "0000000100000000")]
    [InlineData("'<u8'", DType.UInt64, 18446744073709551615.0, "FFFFFFFFFFFFFFFF")]
    [InlineData("'>i8'", DType.Int64, -1, "FFFFFFFFFFFFFFFF")]
    [InlineData("'>f8'", DType.Float64, 1, "3FF0000000000000")]
    [InlineData("'<b1'", DType.Bool, 1, "01")]
    [InlineData("'>u1'", DType.UInt8, 200, "C8")]
    public void Read_EveryType_KeepsTheValue(string descr, DType dtype, double value, string hex)
    {
        var array = Npy.Read(NpyFiles.Make(NpyFiles.Dictionary(descr, shape: "(1,)"), Convert.FromHexString(hex)));
        Assert.Equal(dtype, array.DType);
        Assert.Equal([value], array.AsType(DType.Float64).ToArray<double>());
    }

    [Fact]
    public void Read_FortranOrderOfThreeAxes_IsTransposed()
    {
        // Element (i, j, k) of shape (2, 3, 2) lies at i + 2j + 6k.
        byte[] data = [.. Enumerable.Range(0, 12).Select(n => (byte)n)];
        var array = Npy.Read(NpyFiles.Make(NpyFiles.Dictionary("'|u1'", "True", "(2, 3, 2)"), data));
        Assert.Equal([2, 3, 2], array.Shape);
        Assert.Equal([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11], array.ToArray<byte>());
        Assert.True(array.IsContiguous);
    }

    [Theory]
    [InlineData("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}")]
    [InlineData("  {\"descr\" : \"<f4\",\"fortran_order\":False,\"shape\":(2L,)} \n \n")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': ( 2 , ), }")]
    public void Read_HeaderWrittenOtherwise_IsAccepted(string header) =>
        Assert.Equal([2], Npy.Read(NpyFiles.Make(header, new byte[8])).Shape);

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void Read_Versions2And3_AreAccepted(byte major)
    {
        var file = NpyFiles.Make(NpyFiles.Dictionary(), [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40], major);
        Assert.Equal([1f, 2f], Npy.Read(file).ToArray<float>());
        Assert.Equal([1f, 2f], Npy.Read(new MemoryStream(file)).ToArray<float>());
    }

    [Theory]
    [InlineData("(0,)")]
    [InlineData("(3, 0, 2)")]
    [InlineData("(0, 2147483647)")]
    public void Read_SizeZero_NeedsNoData(string shape) => Assert.Equal(0, Npy.Read(NpyFiles.With(shape: shape, bytes: 0)).Count);

    [Fact]
    public void Read_Scalar_HasOneElement() => Assert.Equal([0f], Npy.Read(NpyFiles.With(shape: "()", bytes: 4)).ToArray<float>());

    [Fact]
    public void Read_MaxRank_IsAccepted() =>
        Assert.Equal(32, Npy.Read(NpyFiles.With(shape: $"({string.Concat(Enumerable.Repeat("1, ", 32))})", bytes: 4)).Shape.Rank);

    [Fact]
    public void Read_PartOfAStream_StartsAtItsPosition()
    {
        var stream = new MemoryStream([7, 7, 7, .. NpyFiles.With()]) { Position = 3 };
        Assert.Equal([2], Npy.Read(stream).Shape);
    }
}
