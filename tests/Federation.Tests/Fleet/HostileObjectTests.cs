using System.Text;
using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>What a peer that means harm, or is broken, may send instead of objects.</summary>
public sealed class HostileObjectTests
{
    private readonly Dictionary<string, byte[]> objects = [];

    /// <summary>Makes an object with any header and body; its id is right.</summary>
    private string Add(string header, byte[] body)
    {
        byte[] content = [.. Encoding.ASCII.GetBytes(header), 0, .. body];
        var id = FleetObject.IdOf(content);
        objects[id] = content;
        return id;
    }

    private string Add(string type, string[] children, string body) =>
        Add($"{type} {string.Join(',', children)} {Encoding.UTF8.GetByteCount(body)}", Encoding.UTF8.GetBytes(body));

    /// <summary>A message whose only record is the object given.</summary>
    private string Around(string record)
    {
        var dict = Add("RecordDict", [record], $"{{\"r\": \"{record}\"}}");
        var body = new Wire.Message { Metadata = new() { RunId = 1 } }.ToByteArray();
        return Add($"Message {dict} {body.Length}", body);
    }

    private string AroundArray(string array) => Around(Add("ArrayRecord", [array], $"{{\"w\": \"{array}\"}}"));

    private async Task<string> Refusal(string id, ObjectLimits? limits = null) => (await Assert.ThrowsAsync<FormatException>(
        () => new Inflation((item, _) => new(objects[item]), limits ?? ObjectLimits.Default).ReadAsync(id, TestContext.Current.CancellationToken))).Message;

    private string Chunk(byte[] body) => Add($"ArrayChunk  {body.Length}", body);

    private string Numpy(string[] chunks, string order) =>
        Add("Array", chunks, $"{{\"dtype\": \"\", \"shape\": [], \"stype\": \"numpy.ndarray\", \"arraychunk_ids\": {order}}}");

    [Theory]
    [InlineData("Thing  2", "{}", "it is of type 'Thing', expected ArrayRecord or MetricRecord or ConfigRecord")]
    [InlineData("ArrayRecord  3", "{}", "its body is 2 bytes, its header says '3'")]
    [InlineData("ArrayRecord  -2", "{}", "its header says '-2'")]
    [InlineData("ArrayRecord 2", "{}", "its header has 2 parts, expected 3")]
    [InlineData("ArrayRecord xyz 2", "{}", "its child 'xyz' is not 64 lower-case hexadecimal digits")]
    [InlineData("ArrayRecord  2", "[]", "its body is not what a ArrayRecord says")]
    [InlineData("ArrayRecord  8", "{\"a\":\"\"}", "'a' is not among its children")]
    [InlineData("ConfigRecord  1", "x", "are no record")]
    public async Task Record_OfAnotherForm_IsRefused(string header, string body, string expected) =>
        Assert.Contains(expected, await Refusal(Around(Add(header, Encoding.ASCII.GetBytes(body)))), StringComparison.Ordinal);

    [Fact]
    public async Task MetricRecord_WithText_IsRefused()
    {
        var body = RecordCodec.Encode(new ConfigRecord(("loss", "low")));
        var message = await Refusal(Around(Add($"MetricRecord  {body.Length}", body)));
        Assert.Contains("metric 'loss' is String low, not a number", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Object_OfOtherBytes_IsRefused()
    {
        var record = Add("ConfigRecord  0", []);
        var message = Around(record);
        objects[record][0] ^= 1;
        Assert.Contains("it was changed on its way", await Refusal(message), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Array_OfWrongPieces_IsRefused()
    {
        var npy = ManagedFed.IO.Npy.Write(NdArray.From(1f, 2f));
        var (start, rest) = (Chunk(npy[..^4]), Chunk(npy[^4..]));
        Assert.Contains("piece 2 is not among its 2 children", await Refusal(AroundArray(Numpy([start, rest], "[0, 2]"))), StringComparison.Ordinal);
        Assert.Contains("hold fewer than the 8 bytes", await Refusal(AroundArray(Numpy([start], "[0]"))), StringComparison.Ordinal);
        Assert.Contains("hold more than the 8 bytes", await Refusal(AroundArray(Numpy([start, rest], "[0, 1, 1]"))), StringComparison.Ordinal);
        Assert.Contains("does not begin with", await Refusal(AroundArray(Numpy([rest], "[0]"))), StringComparison.Ordinal);
        Assert.Contains("not a 32-bit integer", await Refusal(AroundArray(Numpy([start], "[0.5]"))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Array_ThatClaimsMoreThanItsPiecesCanHold_AllocatesNothing()
    {
        // A header for 16 Gi elements and no data: one piece can hold 5 MiB.
        var header = Encoding.ASCII.GetBytes("\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (17179869184,), }");
        header[0] = 0x93;
        byte[] padded = [.. header, .. Enumerable.Repeat((byte)' ', 127 - header.Length), (byte)'\n'];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var message = await Refusal(AroundArray(Numpy([Chunk(padded)], "[0]")));
        Assert.Contains("cannot be read", message, StringComparison.Ordinal);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public async Task Message_BeyondTheLimits_IsRefused()
    {
        var array = Numpy([Chunk(ManagedFed.IO.Npy.Write(NdArray.Zeros([1000])))], "[0]");
        Assert.Contains("have 4000 bytes, at most 3999 are allowed", await Refusal(AroundArray(array), new(100, 3999)), StringComparison.Ordinal);
        Assert.Contains("more than 4 objects", await Refusal(AroundArray(array), new(4, 1 << 20)), StringComparison.Ordinal);
        var large = Chunk(new byte[ArrayBytes.ChunkSize + 1]);
        Assert.Contains("at most 5242880 are allowed", await Refusal(AroundArray(Numpy([large], "[0]"))), StringComparison.Ordinal);
    }

    [Fact]
    public void Tree_TooDeepOrLargeOrOfNoIds_IsRefused()
    {
        var id = new string('a', 64);
        var deep = new Wire.ObjectTree { ObjectId = id };
        for (var i = 0; i < 5; i++) deep = new() { ObjectId = id, Children = { deep } };
        Assert.Contains("deeper than 5", Refused(deep), StringComparison.Ordinal);
        var wide = new Wire.ObjectTree { ObjectId = id, Children = { Enumerable.Repeat(new Wire.ObjectTree { ObjectId = id }, 10) } };
        Assert.Contains("more than 9 objects", Refused(wide), StringComparison.Ordinal);
        Assert.Contains("'x' is no object id", Refused(new() { ObjectId = "x" }), StringComparison.Ordinal);

        static string Refused(Wire.ObjectTree tree) =>
            Assert.Throws<FormatException>(() => ObjectTrees.Ids(tree, new(9, 1))).Message;
    }
}
