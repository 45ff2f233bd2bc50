using System.Buffers.Binary;
using System.IO.Compression;
using CsCheck;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Tests.Io;

public sealed class NpzTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("npz").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static byte[] Archive(bool compressed, params (string Name, NdArray Array)[] arrays)
    {
        var stream = new MemoryStream();
        Npz.Write(stream, arrays, compressed);
        return stream.ToArray();
    }

    private static byte[] Zip(CompressionLevel level, params (string Name, byte[] Content)[] entries)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }
        return stream.ToArray();
    }

    private static void Rejects(string message, byte[] archive, NpzLimits? limits = null)
    {
        var e = Assert.Throws<FormatException>(() => Npz.Read(new MemoryStream(archive), limits));
        Assert.StartsWith("[npz] ", e.Message, StringComparison.Ordinal);
        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Where the first directory record begins.</summary>
    private static int Record(byte[] archive) => archive.AsSpan().IndexOf("PK\u0001\u0002"u8);

    private static readonly (string, NdArray)[] Model =
    [
        ("layers.0.weight", Views.Range([3, 4])),
        ("layers/0/bias", Views.Range([3], DType.Float64)),
        ("step", NdArray.From([7L], [])),
        ("a", Views.Range([2, 3], DType.Int32).Transpose()),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LoadOfSave_GivesTheArraysInOrder(bool compressed)
    {
        var path = Path.Combine(folder, "model.npz");
        Npz.Save(path, Model, compressed);
        var arrays = Npz.Load(path);
        Assert.Equal(["layers.0.weight", "layers/0/bias", "step", "a"], arrays.Keys);
        foreach (var (name, array) in Model) Assert.Equal(Npy.Write(array), Npy.Write(arrays[name]));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 8)]
    public void Write_Entries_AreNpyFilesOfTheMethodAsked(bool compressed, int method)
    {
        var bytes = Archive(compressed, ("w", Views.Range([100])));
        using var zip = new ZipArchive(new MemoryStream(bytes));
        var entry = Assert.Single(zip.Entries);
        Assert.Equal("w.npy", entry.FullName);
        Assert.Equal(method, BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(Record(bytes) + 10)));
        var content = new MemoryStream();
        using (var stream = entry.Open()) stream.CopyTo(content);
        Assert.Equal(Npy.Write(Views.Range([100])), content.ToArray());
    }

    // Such a stream cannot be gone back in, so that sizes and checksums follow the data.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ReadOfWrite_ToAStreamThatCannotSeek_GivesTheArrays(bool compressed)
    {
        var stream = new OneWayStream();
        Npz.Write(stream, Model, compressed);
        var arrays = Npz.Read(new MemoryStream(stream.ToArray()));
        foreach (var (name, array) in Model) Assert.Equal(Npy.Write(array), Npy.Write(arrays[name]));
    }

    private sealed class OneWayStream : MemoryStream
    {
        public override bool CanSeek => false;
    }

    private static readonly Gen<NdArray> AnyArray = Gen.Select(Gen.Int[0, 4].Array[0, 4], Gen.Enum<DType>().Where(dtype => dtype != DType.BFloat16), Gen.Bool)
        .Select((sizes, dtype, turned) => turned ? Views.Range(Shape.Create(sizes), dtype).Transpose() : Views.Range(Shape.Create(sizes), dtype));

    private static readonly Gen<string> AnyName = Gen.Char["abc./ _-:é張0"].Array[1, 12].Select(letters => new string(letters));

    /// <summary>Whatever a writer accepts its reader gives back.</summary>
    [Fact]
    public void ReadOfWrite_OfAnyArraysAndNames_GivesThemBack() => Gen.Select(Gen.Select(AnyName, AnyArray).Array[0, 6], Gen.Bool).Sample(
        (entries, compressed) =>
        {
            var arrays = entries.DistinctBy(entry => entry.Item1).ToArray();
            var (npz, safetensors) = (new MemoryStream(), new MemoryStream());
            Safetensors.Write(safetensors, arrays);
            Same(arrays, Safetensors.Read(safetensors).Arrays);
            try
            {
                Npz.Write(npz, arrays, compressed);
            }
            catch (ArgumentException e)
            {
                Assert.Contains("is not allowed", e.Message, StringComparison.Ordinal);
                Assert.Equal(0, npz.Length);
                return;
            }
            var read = Npz.Read(npz);
            Assert.Equal(arrays.Select(entry => entry.Item1), read.Keys);
            Same(arrays, read);
        },
        iter: 300);

    private static void Same((string, NdArray)[] arrays, OrderedDictionary<string, NdArray> read)
    {
        Assert.Equal(arrays.Length, read.Count);
        foreach (var (name, array) in arrays) Assert.Equal(Npy.Write(array), Npy.Write(read[name]));
    }

    [Fact]
    public void Write_EqualArrays_GivesEqualBytes() => Assert.Equal(Archive(true, Model), Archive(true, Model));

    [Fact]
    public void Write_NoArrays_IsAnEmptyArchive() => Assert.Empty(Npz.Read(new MemoryStream(Archive(false))));

    [Theory]
    [InlineData("")]
    [InlineData("/a")]
    [InlineData("../a")]
    [InlineData("a/../b")]
    [InlineData("a\\b")]
    [InlineData("c:a")]
    [InlineData("a\nb")]
    public void NameNotAllowed_IsRefusedBothWays(string name)
    {
        Assert.Contains("is not allowed", Assert.Throws<ArgumentException>(() => Archive(false, (name, Views.Range([1])))).Message, StringComparison.Ordinal);
        var archive = Zip(CompressionLevel.NoCompression, (name + ".npy", Npy.Write(Views.Range([1]))), ("good.npy", Npy.Write(Views.Range([2]))));
        Rejects("is not allowed", archive);
        Assert.Equal(["good"], Npz.Read(new MemoryStream(archive), select: key => key != name).Keys);
    }

    // Names from NumPy's keyword arguments, MLX's paths and TensorFlow's variables.
    [Theory]
    [InlineData("arr_0")]
    [InlineData("two words")]
    [InlineData("na\u00efve \u5f35\u91cf")]
    [InlineData("a..b")]
    [InlineData("dense/kernel:0")]
    [InlineData("w:0")]
    [InlineData("a/b/c d")]
    [InlineData("(x) [y] {z} 100%")]
    public void NameOfOtherWriters_IsAllowedBothWays(string name)
    {
        Assert.Equal([name], Npz.Read(new MemoryStream(Archive(false, (name, Views.Range([1]))))).Keys);
        Assert.Equal([name], Npz.Read(new MemoryStream(Zip(CompressionLevel.Optimal, (name + ".npy", Npy.Write(Views.Range([1])))))).Keys);
    }

    [Fact]
    public void Read_ForeignMembers_ArePassedOver()
    {
        var array = Npy.Write(Views.Range([3]));
        var archive = Zip(
            CompressionLevel.Optimal, ("readme.txt", "hello"u8.ToArray()), ("folder/", []), ("folder/w.npy", array), ("..\\..\\evil", [1, 2, 3]), ("bare", array),
            ("empty", []), ("inner.npz", Archive(false, ("x", Views.Range([1])))), ("__MACOSX/._w", new byte[200]));
        var arrays = Npz.Read(new MemoryStream(archive));
        Assert.Equal(["folder/w", "bare"], arrays.Keys);
        Assert.All(arrays.Values, value => Assert.Equal([0f, 1, 2], value.ToArray<float>()));
    }

    // An object array as NumPy pickles it: its header is all that matters.
    [Fact]
    public void Read_ObjectArrays_AreRefusedWhenAskedFor()
    {
        var archive = Zip(CompressionLevel.NoCompression, ("names.npy", NpyFiles.With("'|O'", bytes: 30)), ("w.npy", Npy.Write(Views.Range([3]))));
        Rejects("entry 'names.npy': [npy] object and structured arrays are not supported", archive);
        Assert.Equal(["w"], Npz.Read(new MemoryStream(archive), select: name => name == "w").Keys);
        Assert.Throws<FormatException>(() => Npz.Read(new MemoryStream(archive), select: name => name == "names"));
    }

    [Fact]
    public void Read_NotWanted_IsNotLookedAt()
    {
        var archive = Archive(true, ("a", Views.Range([100])), ("b", Views.Range([100])));
        var first = Record(archive);
        archive[first + 10] = 12;
        archive[first + 16] ^= 1;
        Rejects("entry 'a.npy' uses compression method 12", archive);
        Assert.Equal(["b"], Npz.Read(new MemoryStream(archive), select: name => name == "b").Keys);
    }

    [Theory]
    [InlineData("w", "w.npy")]
    [InlineData("w.npy", "w")]
    public void Read_KeyTwice_IsRefused(string first, string second)
    {
        var array = Npy.Write(Views.Range([1]));
        Rejects($"entry '{second}' occurs twice", Zip(CompressionLevel.NoCompression, (first, array), (second, array)));
    }

    [Fact]
    public void NameLength_UpTo200_IsAllowed()
    {
        Assert.Single(Npz.Read(new MemoryStream(Archive(false, (new string('a', 200), Views.Range([1]))))));
        Assert.Throws<ArgumentException>(() => Archive(false, (new string('a', 201), Views.Range([1]))));
    }

    [Fact]
    public void NameTwice_IsRefusedBothWays()
    {
        var content = Npy.Write(Views.Range([1]));
        Rejects("'w.npy' occurs twice", Zip(CompressionLevel.NoCompression, ("w.npy", content), ("w.npy", content)));
        Assert.Contains("occurs twice", Assert.Throws<ArgumentException>(() => Archive(false, Model[0], Model[0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OverALimit_IsRejected()
    {
        var archive = Archive(false, ("a", Views.Range([100])), ("b", Views.Range([100])));
        var size = Npy.ByteCount(Views.Range([100]));
        Assert.Equal(2, Npz.Read(new MemoryStream(archive), new() { MaxEntries = 2, MaxEntryBytes = size, MaxTotalBytes = 2 * size }).Count);
        Rejects("2 entries, expected at most 1", archive, new() { MaxEntries = 1 });
        Rejects($"entry 'a.npy' has {size} bytes, expected at most {size - 1}", archive, new() { MaxEntryBytes = size - 1 });
        Rejects("bytes together", archive, new() { MaxTotalBytes = 2 * size - 1 });
    }

    // Deflate packs zeros about 1030 to 1: honest, and within the absolute limit.
    [Theory]
    [InlineData(300_000)]
    [InlineData(1 << 20)]
    [InlineData(10_000_000)]
    public void ReadOfWrite_OfZerosCompressed_GivesThemBack(int count)
    {
        var archive = Archive(true, ("zeros", NdArray.Zeros([count], DType.UInt8)), ("ones", NdArray.From<byte>([1], [1]).BroadcastTo([count])));
        var arrays = Npz.Read(new MemoryStream(archive));
        Assert.Equal(-1, arrays["zeros"].AsSpan<byte>().IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, arrays["ones"].AsSpan<byte>().IndexOfAnyExcept((byte)1));
        Assert.Equal((count, count), (arrays["zeros"].Count, arrays["ones"].Count));
    }

    [Fact]
    public void Read_BombOfZeros_IsHeldToTheLimits()
    {
        var bomb = Archive(true, ("zeros", NdArray.Zeros([1 << 20])));
        Rejects("expected at most 200 times as many", bomb, new() { MaxRatio = 200 });
        Rejects("the deflated arrays have more than 4,000,000 bytes together", bomb, new() { MaxInflatedBytes = 4_000_000 });
        // A claim that deflate cannot keep.
        BinaryPrimitives.WriteUInt32LittleEndian(bomb.AsSpan(Record(bomb) + 24), 2_000_000_000);
        Rejects("expected at most 1032 times as many", bomb);
    }

    [Fact]
    public void ReadOfWrite_OfManyMembers_GivesThemAll()
    {
        var one = Views.Range([1]);
        var archive = Archive(false, [.. Enumerable.Range(0, 70_000).Select(i => ($"a{i}", one))]);
        var arrays = Npz.Read(new MemoryStream(archive));
        Assert.Equal(70_000, arrays.Count);
        Assert.Equal(Enumerable.Range(0, 70_000).Select(i => $"a{i}"), arrays.Keys);
    }

    [Fact]
    public void Write_OfMoreThanCanBeRead_SaysSoBeforeItWrites()
    {
        var stream = new MemoryStream();
        var large = NdArray.From<double>([1], [1]).BroadcastTo([1 << 30]);
        var error = Assert.Throws<ArgumentException>(() => Npz.Write(stream, [("a", large), ("b", large)], compressed: true));
        Assert.Equal("[npz] the arrays have 17,179,869,440 bytes, a compressed archive holds at most 8,589,934,592; write it uncompressed", error.Message);
        error = Assert.Throws<ArgumentException>(() => Npz.Write(stream, [("good", Views.Range([1])), ("half", NdArray.Zeros([1], DType.BFloat16))]));
        Assert.StartsWith("[npy] dtype is bfloat16", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, stream.Length);
    }

    // Offsets in a directory record: flags 8, method 10, checksum 16, packed size 20, size 24, data offset 42.
    [Theory]
    [InlineData(8, 1, "is encrypted")]
    [InlineData(10, 9, "uses compression method 9")]
    [InlineData(10, 14, "uses compression method 14")]
    [InlineData(16, 12345, "its checksum is")]
    [InlineData(24, 527, "entry 'w.npy': [npy] data is 399 bytes")]
    [InlineData(24, 529, "entry 'w.npy': [npz] not 529 bytes long")]
    [InlineData(20, 1_000_000, "overlap or lie beyond the end")]
    [InlineData(24, uint.MaxValue, "lacks its zip64 sizes")]
    [InlineData(42, 5, "no entry where the directory says 'w.npy' is")]
    [InlineData(42, 1_000_000, "cut short or damaged")]
    public void Read_DirectoryLies_IsRejected(int offset, uint value, string message)
    {
        var archive = Archive(true, ("w", Views.Range([100])));
        BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(Record(archive) + offset), value);
        // Two-byte fields: put back what follows.
        if (offset == 8) BinaryPrimitives.WriteUInt16LittleEndian(archive.AsSpan(Record(archive) + 10), 8);
        Rejects(message, archive);
    }

    [Fact]
    public void Read_StoredSizesDiffer_IsRejected()
    {
        var archive = Archive(false, ("w", Views.Range([100])));
        BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(Record(archive) + 24), 100);
        Rejects("is stored, but its sizes", archive);
    }

    [Fact]
    public void Read_LocalNameDiffers_IsRejected()
    {
        var archive = Archive(false, ("w", Views.Range([100])));
        archive[30] = (byte)'v';
        Rejects("has another name in the directory", archive);
    }

    [Fact]
    public void Read_EntriesShareTheirData_IsRejected()
    {
        var archive = Archive(false, ("a", Views.Range([100])), ("b", Views.Range([100])));
        var second = archive.AsSpan().LastIndexOf("PK\u0001\u0002"u8);
        archive[second + 46] = (byte)'c';
        BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(second + 42), 0);
        Rejects("has another name in the directory", archive);
        BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(Record(archive) + 20), (uint)archive.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(archive.AsSpan(Record(archive) + 24), (uint)archive.Length);
        Rejects("entries overlap", archive);
    }

    [Fact]
    public void Read_Zip64Record_IsUnderstood()
    {
        var archive = Archive(false, ("w", Views.Range([100]))).AsSpan();
        var at = Record(archive.ToArray());
        var record = archive[at..^22].ToArray();
        var size = BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(24));
        record.AsSpan(20, 8).Fill(0xFF);
        record[30] = 20;
        byte[] field = new byte[20];
        field[0] = 1;
        field[2] = 16;
        BinaryPrimitives.WriteInt64LittleEndian(field.AsSpan(4), size);
        BinaryPrimitives.WriteInt64LittleEndian(field.AsSpan(12), size);
        // The 64-bit end: signature, its size, versions, two disk numbers, two counts, length and offset; then its locator.
        var end64 = new byte[76];
        BinaryPrimitives.WriteUInt32LittleEndian(end64, 0x06064b50);
        end64[4] = 44;
        end64[24] = end64[32] = 1;
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(40), record.Length + field.Length);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(48), at);
        BinaryPrimitives.WriteUInt32LittleEndian(end64.AsSpan(56), 0x07064b50);
        BinaryPrimitives.WriteInt64LittleEndian(end64.AsSpan(64), at + record.Length + field.Length);
        end64[72] = 1;
        var end = archive[^22..].ToArray();
        end.AsSpan(8, 12).Fill(0xFF);
        byte[] zip64 = [.. archive[..at], .. record, .. field, .. end64, .. end];
        Assert.Equal(Views.Range([100]).ToArray<float>(), Npz.Read(new MemoryStream(zip64))["w"].ToArray<float>());
    }

    [Fact]
    public void Read_BadArrayInside_NamesTheEntry() =>
        Rejects("entry 'x.npy': [npy] not an .npy stream", Zip(CompressionLevel.Optimal, ("x.npy", new byte[100])));

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(200)]
    public void Read_NoArchive_IsRejected(int length) => Rejects("not a zip archive", new byte[length]);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_CutAnywhere_IsAFormatException(bool compressed)
    {
        var archive = Archive(compressed, Model);
        for (var length = 0; length < archive.Length; length++)
        {
            Assert.Throws<FormatException>(() => Npz.Read(new MemoryStream(archive[..length])));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Read_FlippedBytes_GivesTheArraysOrAFormatException(bool compressed)
    {
        var original = Archive(compressed, Model);
        var random = new Random(7);
        var failures = 0;
        for (var round = 0; round < 5000; round++)
        {
            var archive = (byte[])original.Clone();
            archive[random.Next(archive.Length)] ^= (byte)random.Next(1, 256);
            try
            {
                // Names and times may change; what the checksum covers may not.
                var arrays = Npz.Read(new MemoryStream(archive));
                Assert.Equal(Model.Select(m => Convert.ToHexString(Npy.Write(m.Item2))), arrays.Values.Select(a => Convert.ToHexString(Npy.Write(a))));
            }
            catch (FormatException e)
            {
                Assert.StartsWith("[npz] ", e.Message, StringComparison.Ordinal);
                failures++;
            }
        }
        Assert.InRange(failures, 1000, 4999);
    }

    [Fact]
    public void Save_Fails_LeavesTheOldFileAlone()
    {
        var path = Path.Combine(folder, "model.npz");
        Npz.Save(path, Model);
        var before = File.ReadAllBytes(path);
        Assert.Throws<ArgumentException>(() => Npz.Save(path, [("good", Views.Range([5])), ("..", Views.Range([5]))]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void Save_ExistingFile_IsReplaced()
    {
        var path = Path.Combine(folder, "x.npy");
        Npy.Save(path, Views.Range([1000]));
        Npy.Save(path, Views.Range([3]));
        Assert.Equal([0f, 1f, 2f], Npy.Load(path).ToArray<float>());
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void Load_BadFile_NamesTheFile()
    {
        var path = Path.Combine(folder, "bad.npz");
        File.WriteAllText(path, "no archive");
        Assert.Contains(path, Assert.Throws<FormatException>(() => Npz.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_StreamThatCannotSeek_Throws() =>
        Assert.StartsWith("[npz] the stream cannot seek", Assert.Throws<ArgumentException>(() => Npz.Read(new ForwardStream([]))).Message, StringComparison.Ordinal);

    // The check value of CRC-32 in every catalogue, and lengths around the eight bytes of a step.
    [Fact]
    public void Crc32_OfTheDigits_IsTheCatalogueValue()
    {
        Assert.Equal(0xCBF43926u, Crc32.Append(0, "123456789"u8));
        Assert.Equal(0xCBF43926u, Crc32.Append(Crc32.Append(0, "1234"u8), "56789"u8));
        Assert.Equal(0u, Crc32.Append(0, []));
    }

    /// <summary>By the definition, a bit at a time, at all lengths around the steps of any way to work it.</summary>
    [Fact]
    public void Crc32_OfAnyLength_FollowsTheDefinition()
    {
        var bytes = new byte[330];
        new Random(1).NextBytes(bytes);
        var register = uint.MaxValue;
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(~register, Crc32.Append(0, bytes.AsSpan(0, length)));
            Assert.Equal(~register, Crc32.Append(Crc32.Append(0, bytes.AsSpan(0, length / 3)), bytes.AsSpan(length / 3, length - length / 3)));
            register ^= bytes[length];
            for (var bit = 0; bit < 8; bit++) register = (register >> 1) ^ (0xEDB88320 & (0 - (register & 1)));
        }
    }
}
