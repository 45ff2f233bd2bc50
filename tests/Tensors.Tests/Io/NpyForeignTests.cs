using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

/// <summary>Headers as other writers make them; NumPy 2.3 reads each of these to the same values.</summary>
public sealed class NpyForeignTests
{
    private static NdArray[] ReadAll(byte[] file) =>
        [Npy.Read(file), Npy.Read(new MemoryStream(file)), Npy.Read(new ForwardStream(file)), Npy.Read(new System.Buffers.ReadOnlySequence<byte>(file)), Npy.View(file)];

    // 1 as each type, little- or big-endian.
    [Theory]
    [InlineData("f4", "0000803F", DType.Float32)]
    [InlineData("=f4", "0000803F", DType.Float32)]
    [InlineData("|f4", "0000803F", DType.Float32)]
    [InlineData(">f4", "3F800000", DType.Float32)]
    [InlineData("f", "0000803F", DType.Float32)]
    [InlineData("<f", "0000803F", DType.Float32)]
    [InlineData(">f", "3F800000", DType.Float32)]
    [InlineData("float32", "0000803F", DType.Float32)]
    [InlineData("single", "0000803F", DType.Float32)]
    [InlineData("f8", "000000000000F03F", DType.Float64)]
    [InlineData(">d", "3FF0000000000000", DType.Float64)]
    [InlineData("float64", "000000000000F03F", DType.Float64)]
    [InlineData("f2", "003C", DType.Float16)]
    [InlineData(">e", "3C00", DType.Float16)]
    [InlineData("|b1", "01", DType.Bool)]
    [InlineData("b1", "01", DType.Bool)]
    [InlineData("?", "01", DType.Bool)]
    [InlineData("<?", "01", DType.Bool)]
    [InlineData(">b1", "01", DType.Bool)]
    [InlineData("bool", "01", DType.Bool)]
    [InlineData("|i1", "01", DType.Int8)]
    [InlineData(">i1", "01", DType.Int8)]
    [InlineData("b", "01", DType.Int8)]
    [InlineData("|u1", "01", DType.UInt8)]
    [InlineData("B", "01", DType.UInt8)]
    [InlineData("|i2", "0100", DType.Int16)]
    [InlineData(">h", "0001", DType.Int16)]
    [InlineData(">u2", "0001", DType.UInt16)]
    [InlineData("i4", "01000000", DType.Int32)]
    [InlineData("int32", "01000000", DType.Int32)]
    [InlineData(">u4", "00000001", DType.UInt32)]
    [InlineData("=i8", "0100000000000000", DType.Int64)]
    [InlineData("l", "0100000000000000", DType.Int64)]
    [InlineData("q", "0100000000000000", DType.Int64)]
    [InlineData(">Q", "0000000000000001", DType.UInt64)]
    public void Read_DescrOfAnyWriter_IsWhatNumpyReads(string descr, string hex, DType dtype)
    {
        foreach (var array in ReadAll(NpyFiles.Make(NpyFiles.Dictionary($"'{descr}'", shape: "(1,)"), Convert.FromHexString(hex))))
        {
            Assert.Equal((dtype, [1]), (array.DType, array.Shape));
            Assert.Equal([1.0], array.AsType(DType.Float64).ToArray<double>());
        }
    }

    [Theory]
    [InlineData("{'descr':'<f4','fortran_order':False,'shape':(2,)}")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }       ")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }    \r\n")]
    [InlineData("\t {'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n")]
    [InlineData("{\n  'descr' : '<f4' ,\n  'fortran_order' : False ,\n  'shape' : ( 2 , )\n}\n")]
    [InlineData("{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2,)}")]
    [InlineData("{u'descr': u'<f4', u'fortran_order': False, u'shape': (2L,)}")]
    [InlineData("{'shape': (2,), 'descr': '<f4', 'fortran_order': True}")]
    [InlineData("{'shape':\t(2L, ), 'fortran_order': False, 'descr': '<f4'}")]
    public void Read_HeaderOfAnyLayout_IsWhatNumpyReads(string header)
    {
        foreach (byte version in new byte[] { 1, 2, 3 })
        {
            foreach (var array in ReadAll(NpyFiles.Make(header, Convert.FromHexString("0000803F00000040"), version))) Assert.Equal([1f, 2], array.ToArray<float>());
        }
    }

    // Rows (0, 1, 2) and (3, 4, 5) column by column are 0, 3, 1, 4, 2, 5.
    [Theory]
    [InlineData("(2, 3)", "|u1", "000301040205")]
    [InlineData("(2L, 3L)", ">u2", "000000030001000400020005")]
    public void Read_FortranOrder_IsTurned(string shape, string descr, string hex)
    {
        foreach (var array in ReadAll(NpyFiles.Make(NpyFiles.Dictionary($"'{descr}'", "True", shape), Convert.FromHexString(hex))))
        {
            Assert.Equal([2, 3], array.Shape);
            Assert.True(array.IsContiguous);
            Assert.Equal([0.0, 1, 2, 3, 4, 5], array.AsType(DType.Float64).ToArray<double>());
        }
    }

    [Fact]
    public void Read_OfEveryPrefixAndFlip_IsTheDocumentedErrorOrAnArray()
    {
        var whole = NpyFiles.Make(NpyFiles.Dictionary("'>i2'", shape: "(2, 1)"), [1, 2, 3, 4], 3);
        for (var length = 0; length < whole.Length; length++)
        {
            Assert.Throws<FormatException>(() => Npy.Read(whole.AsSpan(0, length)));
            Assert.Throws<FormatException>(() => Npy.Read(new ForwardStream(whole[..length], 3)));
        }
        for (var i = 0; i < whole.Length; i++)
        {
            for (var change = 1; change < 256; change++)
            {
                var damaged = (byte[])whole.Clone();
                damaged[i] ^= (byte)change;
                try
                {
                    Assert.Equal(4, Npy.Read(damaged).ByteCount);
                }
                catch (FormatException e)
                {
                    Assert.StartsWith("[npy] ", e.Message, StringComparison.Ordinal);
                }
            }
        }
    }
}
