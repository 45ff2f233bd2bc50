using System.Buffers.Binary;
using System.Text;
using CsCheck;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static byte[] Bytes(string header, params byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        return [.. length, .. json, .. data];
    }

    private static SafetensorsFile Read(byte[] bytes, SafetensorsLimits? limits = null) => Safetensors.Read(new MemoryStream(bytes), null, limits);

    private static byte[] Write(IReadOnlyDictionary<string, string>? metadata, params (string, NdArray)[] arrays)
    {
        var stream = new MemoryStream();
        Safetensors.Write(stream, arrays, metadata);
        return stream.ToArray();
    }

    // 1 and 2 as float32 are 3F800000 and 40000000. The checksums were worked out with zlib's crc32: of nothing, of "a", "F32" and "2,1"
    // each with a zero behind it and the bytes of 1 and 2, and of "b", "U8", "2" likewise and 7 and 8.
    [Fact]
    public void Write_OfTwoArrays_GivesTheFormatsBytes()
    {
        var bytes = Write(null, ("b", NdArray.From<byte>(7, 8)), ("a", NdArray.From<float>([1, 2], [2, 1])));
        const string Json = """{"__metadata__":{"managedfed.crc32":"00000000 3db743c1 16e0d083"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}}""";
        Assert.Equal(Bytes(Json.PadRight((Json.Length + 7) / 8 * 8), 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 7, 8), bytes);
    }

    // Of (4, 3) numbers 0 … 11 rows 1 and 2 are 3 … 8, with 12 bytes to a row.
    [Fact]
    public void ReadRows_OfOneArray_ReadsTheirBytesOnly()
    {
        var bytes = Write(null, ("a", Views.Range([4, 3])), ("b", NdArray.From<byte>(7, 8)));
        var stream = new CountingStream(bytes);

        var rows = Safetensors.ReadRows(stream, "a", 1, 2);

        Assert.Equal([2, 3], rows.Shape);
        Assert.Equal([3f, 4, 5, 6, 7, 8], rows.ToArray<float>());
        Assert.Equal(bytes.Length - (4 * 3 * 4 + 2) + 2 * 3 * 4, stream.BytesRead);
        Assert.Equal([8], Safetensors.ReadRows(new MemoryStream(bytes), "b", 1, 1).ToArray<byte>());
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 0)]
    [InlineData(0, 3)]
    [InlineData(2, 1)]
    public void LoadRows_OfAFile_AreTheSliceOfTheWhole(int start, int count)
    {
        var path = Path.Combine(folder, "rows.safetensors");
        Safetensors.Save(path, [("w", Views.Range([3, 2, 2], DType.Float64)), ("none", NdArray.Zeros([3, 0]))]);

        Assert.Equal(Safetensors.Load(path).Arrays["w"].Slice(0, start, count).ToArray<double>(), Safetensors.LoadRows(path, "w", start, count).ToArray<double>());
        Assert.Equal([count, 0], Safetensors.LoadRows(path, "none", start, count).Shape);
    }

    // BF16 0x3F80 is 1 and 0x4000 is 2.
    [Fact]
    public void ReadRows_OfANarrowType_KeepsIt()
    {
        var bytes = Bytes("""{"x":{"dtype":"BF16","shape":[2,1],"data_offsets":[0,4]}}""", 0x80, 0x3F, 0x00, 0x40);
        Assert.Equal([(BFloat16)2.0], Safetensors.ReadRows(new MemoryStream(bytes), "x", 1, 1).ToArray<BFloat16>());
    }

    [Fact]
    public void ReadRows_OfWhatIsNotThere_NamesIt()
    {
        var bytes = Write(null, ("a", Views.Range([4, 3])), ("b", NdArray.From([7L], [])));
        NdArray Rows(string name, int start, int count) => Safetensors.ReadRows(new MemoryStream(bytes), name, start, count);

        Assert.Equal("[safetensors] there is no tensor c, only b, a", Assert.Throws<KeyNotFoundException>(() => Rows("c", 0, 1)).Message);
        Assert.Equal("[safetensors] tensor 'b' is a scalar, which has no rows", Assert.Throws<ArgumentException>(() => Rows("b", 0, 1)).Message);
        foreach (var (start, count) in new[] { (-1, 2), (0, -1), (3, 2), (5, 0), (int.MaxValue, int.MaxValue) })
        {
            Assert.StartsWith($"[safetensors] rows {start} to {(long)start + count - 1} of tensor 'a' of shape (4, 3)", Assert.Throws<ArgumentOutOfRangeException>(() => Rows("a", start, count)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LoadOfSave_GivesArraysAndMetadata()
    {
        var path = Path.Combine(folder, "model.safetensors");
        (string Name, NdArray Array)[] arrays =
        [
            ("layers.0.weight", Views.Range([3, 4])), ("ä \"quoted\"", Views.Range([2], DType.Float64)), ("step", NdArray.From([7L], [])),
            ("mask", NdArray.From<bool>(true, false)), ("turned", Views.Range([2, 3], DType.Int32).Transpose()), ("none", NdArray.Zeros([0, 3])),
            .. Enum.GetValues<DType>().Select(dtype => (dtype.Name(), Views.Range([5], dtype))),
        ];
        Safetensors.Save(path, arrays, new Dictionary<string, string> { ["format"] = "np", ["empty"] = "" });

        var file = Safetensors.Load(path);

        Assert.Equal("np", file.Metadata["format"]);
        Assert.Equal("", file.Metadata["empty"]);
        Assert.Equal(arrays.Select(entry => entry.Name).Order(), file.Arrays.Keys.Order());
        foreach (var (name, array) in arrays)
        {
            Assert.Equal((array.Shape, array.DType), (file.Arrays[name].Shape, file.Arrays[name].DType));
            Assert.Equal(array.Contiguous().Bytes.ToArray(), file.Arrays[name].Bytes.ToArray());
        }
        Assert.Equal(["empty", "format"], file.Metadata.Keys.Order());
        Assert.Equal(["step"], Safetensors.Load(path, name => name == "step").Arrays.Keys);
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void Read_OfSmallTypes_KeepsThem()
    {
        static NdArray One(string type, params byte[] data) =>
            Read(Bytes($$$"""{"x":{"dtype":"{{{type}}}","shape":[2],"data_offsets":[0,{{{data.Length}}}]}}""", data)).Arrays["x"];

        // 1.5 is 3E00 as float16 and 3FC0 as bfloat16; −2 is C000 in both.
        Assert.Equal([(Half)1.5, (Half)(-2)], One("F16", 0, 0x3E, 0, 0xC0).ToArray<Half>());
        Assert.Equal([(BFloat16)1.5, (BFloat16)(-2.0)], One("BF16", 0xC0, 0x3F, 0, 0xC0).ToArray<BFloat16>());
        Assert.Equal([-1, 5], One("I8", 255, 5).ToArray<sbyte>());
        Assert.Equal([-2, 256], One("I16", 254, 255, 0, 1).ToArray<short>());
        Assert.Equal([65534, 256], One("U16", 254, 255, 0, 1).ToArray<ushort>());
        Assert.Equal([ulong.MaxValue, 4], One("U64", 255, 255, 255, 255, 255, 255, 255, 255, 4, 0, 0, 0, 0, 0, 0, 0).ToArray<ulong>());
    }

    [Theory]
    [InlineData("", "no safetensors file")]
    [InlineData("""[1]""", "does not begin with '{'")]
    [InlineData(""" {"x":1}""", "does not begin with '{'")]
    [InlineData("""{"x":1}""", "found Number at byte 5 of the header, expected StartObject")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", "the header is not the JSON expected")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x""", "the header is not the JSON expected")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}""", "tensor 'x' occurs twice")]
    [InlineData("""{"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "tensor 'x': dtype is unknown or occurs twice")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}""", "tensor 'x': more is unknown or occurs twice")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1]}}""", "tensor 'x' needs dtype, shape and two data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", "tensor 'x' needs dtype, shape and two data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}}""", "tensor 'x': more than 2 numbers")]
    [InlineData("""{"x":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}""", "tensor 'x' has the unknown dtype F99")]
    [InlineData("""{"x":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}""", "tensor 'x' has dtype F8_E4M3, which is not supported")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "tensor 'x': -1 is no size")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", "tensor 'x': 1.5 is no size")]
    [InlineData("""{"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "tensor 'x': sizes must be numbers")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "tensor 'x' of shape (2) F32 needs 8 bytes, its offsets 0 to 4 hold 4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4294967296],"data_offsets":[0,4]}}""", "tensor 'x' has an axis of 4294967296")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,4]}}""", "is more than an array can hold")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", "its offsets 4 to 0 hold -4")]
    [InlineData("""{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}""", "tensor 'y' begins at 1, expected 2: tensors overlap or leave a gap")]
    [InlineData("""{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "tensor 'y' begins at 2, expected 1: tensors overlap or leave a gap")]
    [InlineData("""{"x":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "tensor 'x' begins at 1, expected 0")]
    [InlineData("""{"x":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "the tensors have 3 bytes, the file 4 behind its header")]
    [InlineData("""{"x":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "the tensors have 8 bytes, the file 4 behind its header")]
    [InlineData("""{"x":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}""", "tensor 'x': element 0 is neither 0 nor 1")]
    [InlineData("""{"__metadata__":{"a":1},"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "found Number")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"},"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "metadata 'a' occurs twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{},"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "__metadata__ occurs twice")]
    [InlineData("""{"x":{"dtype":"U8","shape":[[[[4]]]],"data_offsets":[0,4]}}""", "tensor 'x': sizes must be numbers")]
    public void Read_OfABrokenRule_NamesIt(string header, string message)
    {
        var bytes = header.Length == 0 ? [1, 2, 3] : Bytes(header, 2, 3, 4, 5);
        var error = Assert.Throws<FormatException>(() => Read(bytes));
        Assert.StartsWith("[safetensors] ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_BeyondALimit_IsRefusedBeforeItIsRead()
    {
        var bytes = Bytes("""{"__metadata__":{"a":"bcd"},"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1);
        Assert.Equal([1], Read(bytes).Arrays["x"].ToArray<byte>());
        Assert.Contains("expected at most 10", Assert.Throws<FormatException>(() => Read(bytes, new() { MaxHeaderBytes = 10 })).Message, StringComparison.Ordinal);
        Assert.Contains("more than 3 bytes", Assert.Throws<FormatException>(() => Read(bytes, new() { MaxMetadataBytes = 3 })).Message, StringComparison.Ordinal);
        var two = Write(null, ("x", Views.Range([1])), ("y", Views.Range([1])));
        Assert.Contains("more than 1 tensors", Assert.Throws<FormatException>(() => Read(two, new() { MaxTensors = 1 })).Message, StringComparison.Ordinal);

        // Lengths of 2⁶³ and of a byte more than there is.
        bytes[7] = 0x80;
        Assert.Contains("expected at most", Assert.Throws<FormatException>(() => Read(bytes)).Message, StringComparison.Ordinal);
        bytes[7] = 0;
        bytes[0] += 2;
        Assert.Contains("in a file of", Assert.Throws<FormatException>(() => Read(bytes)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_OfBadNames_IsRefusedAndLeavesTheFile()
    {
        var path = Path.Combine(folder, "kept.safetensors");
        Safetensors.Save(path, [("a", NdArray.From<float>(1))]);
        var before = File.ReadAllBytes(path);
        Assert.Throws<ArgumentException>(() => Safetensors.Save(path, [("a", NdArray.From<float>(1)), ("a", NdArray.From<float>(2))]));
        Assert.Throws<ArgumentException>(() => Safetensors.Save(path, [("__metadata__", NdArray.From<float>(1))]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void Read_OfEveryPrefixAndManyDamages_FailsAsDocumented()
    {
        var whole = Write(new Dictionary<string, string> { ["k"] = "v" }, ("w", Views.Range([3, 2])), ("m", NdArray.From<bool>(true, false)));
        for (var length = 0; length < whole.Length; length++) Assert.Throws<FormatException>(() => Read(whole[..length]));
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length - 1], Gen.Byte).Sample((i, a, j, b) =>
        {
            var damaged = (byte[])whole.Clone();
            (damaged[i], damaged[j]) = (a, b);
            try
            {
                return Read(damaged).Arrays.Count is 1 or 2;
            }
            catch (FormatException)
            {
                return true;
            }
        });
    }

    /// <summary>Every single byte of a file changed: the arrays and metadata stay what they were, or the damage is named.</summary>
    [Fact]
    public void Read_OfAnyFlippedByte_GivesTheContentOrRefusesIt()
    {
        var arrays = new[] { ("w", Views.Range([3, 2])), ("m", NdArray.From<bool>(true, false)), ("n", Views.Range([4], DType.Int8)) };
        var whole = Write(new Dictionary<string, string> { ["k"] = "v" }, arrays);
        var expected = Content(Read(whole));
        for (var i = 0; i < whole.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var damaged = (byte[])whole.Clone();
                damaged[i] ^= (byte)(1 << bit);
                try
                {
                    // The entry of the checksums under another name is another program's.
                    Assert.Equal(expected, Content(Read(damaged)).Replace(", changed", "", StringComparison.Ordinal));
                }
                catch (FormatException e)
                {
                    Assert.StartsWith("[safetensors] ", e.Message, StringComparison.Ordinal);
                }
            }
        }

        static string Content(SafetensorsFile file) =>
            string.Concat(file.Metadata.OrderBy(entry => entry.Key).Select(entry => entry.Key.Length > 5 ? ", changed" : $"{entry.Key}={entry.Value}"))
            + string.Join(';', file.Arrays.OrderBy(entry => entry.Key).Select(entry => $"{entry.Key} {entry.Value.Shape} {entry.Value.DType} {Convert.ToHexString(entry.Value.Bytes)}"));
    }

    [Fact]
    public void Read_OfADamagedTensor_NamesIt()
    {
        var whole = Write(null, ("w", Views.Range([3, 2])), ("v", Views.Range([2])));
        whole[^9] ^= 4;
        var error = Assert.Throws<FormatException>(() => Read(whole));
        Assert.StartsWith("[safetensors] tensor 'w' has checksum ", error.Message, StringComparison.Ordinal);
        Assert.Contains("the file is damaged", error.Message, StringComparison.Ordinal);
        Assert.Equal(["w", "v"], Read(whole, new() { VerifyChecksums = false }).Arrays.Keys);
        Assert.Equal(["v"], Safetensors.Read(new MemoryStream(whole), name => name == "v").Arrays.Keys);
    }

    [Fact]
    public void Write_OfWhatWasRead_GivesTheSameFile()
    {
        var first = Write(new Dictionary<string, string> { ["k"] = "v" }, ("w", Views.Range([3, 2])), ("m", NdArray.From<bool>(true, false)));
        var file = Read(first);
        Assert.Equal(first, Write(file.Metadata, [.. file.Arrays.Select(entry => (entry.Key, entry.Value))]));
    }

    [Fact]
    public void Write_OfNamesThatCannotBeRead_IsRefused()
    {
        Assert.Contains("half a surrogate pair", Assert.Throws<ArgumentException>(() => Write(null, ("a\ud800", Views.Range([1])))).Message, StringComparison.Ordinal);
        Assert.Contains("half a surrogate pair", Assert.Throws<ArgumentException>(() => Write(new Dictionary<string, string> { ["a"] = "\udc00b" }, ("a", Views.Range([1])))).Message, StringComparison.Ordinal);
        Assert.Contains("reserved for the checksums", Assert.Throws<ArgumentException>(() => Write(new Dictionary<string, string> { ["managedfed.crc32"] = "" })).Message, StringComparison.Ordinal);
        Assert.Single(Read(Write(null, ("\ud83d\ude00", Views.Range([1])))).Arrays);
    }

    // 100,000 names of 160 characters are 16 MB of header and more.
    [Fact]
    public void ReadOfWrite_OfManyTensors_GivesThemAll()
    {
        var one = NdArray.From<byte>(1);
        var arrays = Enumerable.Range(0, 100_000).Select(i => ($"{i:D160}", one)).ToArray();
        Assert.Equal(100_000, Read(Write(null, arrays)).Arrays.Count);
    }

    [Fact]
    public void ToString_OfAFile_ListsShapesOnly() =>
        Assert.Equal("SafetensorsFile: 1 arrays, 0 metadata\n    w (3, 2) float32", Read(Write(null, ("w", Views.Range([3, 2])))).ToString());

    private sealed class CountingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public long BytesRead { get; private set; }

        // Reading into a span comes through here too.
        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = base.Read(buffer, offset, count);
            BytesRead += read;
            return read;
        }
    }
}
