using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Messages over pipes, large ones above all: they arrive in pieces, and their tensors go straight to arrays.</summary>
public sealed class FramePipeTests
{
    private const int Elements = 400_000;

    private static readonly FitResult Large = new(
        ResultStatus.Success, new Parameters(NdArray.From<float>([.. Enumerable.Range(0, Elements).Select(i => i * 0.5f)], [Elements / 2, 2]), TestKit.Floats(1, 2, 3)), 7,
        new Dictionary<string, Scalar> { ["loss"] = 0.25, ["name"] = "ä" });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1_000)]
    [InlineData(4_093)]
    [InlineData(10_000_000)]
    public async Task ReadAsync_LargeReplyInPieces_IsTheReply(int piece)
    {
        byte[] stream = [.. Framed(Bytes(Large)), .. Framed(Bytes(new DisconnectResult(DisconnectReason.Ack))), .. Framed(Bytes(Large with { NumExamples = 8 }))];
        var pipe = await Fed(stream, piece);
        var first = (FitResult)(await Read(pipe))!.Take();
        Assert.Equal(WireCodec.Encode(Large), WireCodec.Encode(first));
        Assert.Equal(new DisconnectResult(DisconnectReason.Ack), (await Read(pipe))!.Take());
        var last = (await Read(pipe))!;
        Assert.Equal(Bytes(Large).Length, last.Bytes);
        Assert.Equal(8, ((FitResult)last.Take()).NumExamples);
        Assert.Null(await Read(pipe));
    }

    [Fact]
    public async Task ReadAsync_LargeModel_IsTheModel()
    {
        var model = new GetParametersResult(ResultStatus.Success, Large.Parameters);
        var read = (await Read(await Fed(Framed(Bytes(model)), 5_000)))!.Take();
        Assert.Equal(WireCodec.Encode(model), WireCodec.Encode(read));
    }

    // Fields after and before the parameters, and ones this version does not know.
    [Fact]
    public async Task ReadAsync_LargeReplyInAnotherOrder_MeansTheSame()
    {
        var whole = WireCodec.Encode(Large).FitRes;
        var parameters = new Wire.ClientMessage.Types.FitRes { Parameters = whole.Parameters }.ToByteArray();
        var rest = new Wire.ClientMessage.Types.FitRes(whole) { Parameters = null }.ToByteArray();
        byte[] unknown = [14 << 3, 0xFF, 0x01, 13 << 3 | 5, 1, 2, 3, 4, 12 << 3 | 1, 1, 2, 3, 4, 5, 6, 7, 8, 11 << 3 | 2, 2, 9, 9];
        var read = (await Read(await Fed(Framed(Outer(4, [.. rest, .. unknown, .. parameters])), 7_777)))!.Take();
        Assert.Equal(WireCodec.Encode(Large), WireCodec.Encode(read));
    }

    // A tensor that is no array, by its first byte, its type and its length; a type that is another: the next message is read all the same.
    [Theory]
    [InlineData(0, (byte)0x94, "not an .npy stream")]
    [InlineData(21, (byte)'O', "object")]
    [InlineData(61, (byte)'9', "shape")]
    public async Task ReadAsync_LargeReplyWithABadTensor_SaysSoAndGoesOn(int at, byte value, string problem)
    {
        var bytes = Bytes(Large);
        var start = bytes.AsSpan().IndexOf(new byte[] { 0x93, (byte)'N', (byte)'U', (byte)'M' });
        bytes[start + at] = value;
        var pipe = await Fed([.. Framed(bytes), .. Framed(Bytes(new DisconnectResult(DisconnectReason.Ack)))], 3_000);
        var frame = (await Read(pipe))!;
        Assert.Contains(problem, Assert.Throws<FormatException>(() => frame.Take()).Message, StringComparison.Ordinal);
        Assert.Equal(bytes.Length, frame.Bytes);
        Assert.Equal(new DisconnectResult(DisconnectReason.Ack), (await Read(pipe))!.Take());
    }

    [Fact]
    public async Task ReadAsync_LargeReplyOfAnotherTensorType_SaysSo()
    {
        var message = WireCodec.Encode(Large);
        message.FitRes.Parameters.TensorType = "other";
        var frame = (await Read(await Fed(Framed(message.ToByteArray()), 3_000)))!;
        Assert.Contains("'other'", Assert.Throws<FormatException>(() => frame.Take()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ReadAsync_LargeOpaqueReply_IsReadWholeWhereArraysAreNotExpected()
    {
        var opaque = Large with { Parameters = Parameters.Opaque("", new byte[2 << 20]) };
        var pipe = await Fed(Framed(Bytes(opaque)), 100_000);
        var read = (FitResult)(await pipe.ReadAsync(() => Generous with { Arrays = false }, Token).Bounded())!.Take();
        Assert.Equal(2 << 20, Assert.Single(read.Parameters.Payloads).Length);
    }

    public static TheoryData<string> Broken => [.. BrokenMessages.Keys];

    private static readonly Dictionary<string, Func<byte[]>> BrokenMessages = new()
    {
        ["another field"] = () => Framed(Outer(5, new byte[2 << 20])),
        ["a length beyond"] = () => Framed([4 << 3 | 2, 0xFF, 0xFF, 0xFF, 0x7F, .. new byte[2 << 20]]),
        ["parameters twice"] = () => Framed(Outer(4, [.. OnlyParameters(), .. OnlyParameters()])),
        ["a tensor beyond"] = () => Framed(Outer(4, [2 << 3 | 2, 4, 1 << 3 | 2, 0xFF, 0x7F, 0, .. new byte[2 << 20]])),
        ["another field in parameters"] = () => Framed(Outer(4, [2 << 3 | 2, 0x80, 0x80, 0x80, 0x01, 3 << 3 | 2, 1, 0, .. new byte[2 << 20]])),
        ["a group"] = () => Framed(Outer(4, [9 << 3 | 3, .. new byte[2 << 20]])),
        ["an endless number"] = () => Framed(Outer(4, [.. Enumerable.Repeat((byte)0xFF, 2 << 20)])),
        ["compressed"] = () => [1, 0, 0, 0, 1, 0],
        ["beyond 2 GiB"] = () => [0, 0xFF, 0, 0, 0, 0],
        ["no message"] = () => Framed([0xFF, 0xFF]),
    };

    [Theory, MemberData(nameof(Broken))]
    public async Task ReadAsync_BrokenMessage_EndsTheStream(string what)
    {
        var pipe = await Fed(BrokenMessages[what](), 1 << 20);
        await Assert.ThrowsAsync<RpcException>(() => Read(pipe));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(60)]
    [InlineData(200)]
    [InlineData(1_000_000)]
    public async Task ReadAsync_StreamThatEndsInside_Throws(int length)
    {
        var pipe = await Fed(Framed(Bytes(Large))[..length], 1 << 20);
        await Assert.ThrowsAsync<IOException>(() => Read(pipe));
    }

    [Fact]
    public async Task WriteAsync_SmallAndLarge_AreFramedMessages()
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19));
        Instruction[] instructions = [new FitInstructions(Large.Parameters, Large.Metrics), new ReconnectInstructions(0), new EvaluateInstructions(new(TestKit.Floats(1)), Large.Metrics)];
        var writing = WriteAll();
        using var written = new MemoryStream();
        await pipe.Reader.CopyToAsync(written, Token).Bounded();
        await writing.Bounded();
        Assert.Equal(Convert.ToHexString([.. instructions.SelectMany(instruction => Framed(WireCodec.Encode(instruction).ToByteArray()))]), Convert.ToHexString(written.ToArray()));

        async Task WriteAll()
        {
            foreach (var instruction in instructions)
            {
                Assert.Equal(WireCodec.Encode(instruction).CalculateSize(), await new FramePipe(PipeReader.Create(Stream.Null), pipe.Writer).WriteAsync(instruction, Token));
            }
            await pipe.Writer.CompleteAsync();
        }
    }

    [Fact]
    public async Task WriteAsync_ReaderIsGone_Throws()
    {
        var pipe = new Pipe();
        await pipe.Reader.CompleteAsync();
        await Assert.ThrowsAsync<IOException>(() => new FramePipe(PipeReader.Create(Stream.Null), pipe.Writer).WriteAsync(new ReconnectInstructions(0), Token));
    }

    private static readonly ReplyAllowance Generous = new(100, 1L << 31, 16 << 20, 1000, true, 0);

    private static Task<Frame<Reply>?> Read(FramePipe pipe) => pipe.ReadAsync(() => Generous, Token).Bounded();

    private static byte[] Bytes(Reply reply) => WireCodec.Encode(reply).ToByteArray();

    private static byte[] OnlyParameters() => new Wire.ClientMessage.Types.FitRes { Parameters = WireCodec.Encode(Large).FitRes.Parameters }.ToByteArray();

    private static byte[] Outer(int field, byte[] body)
    {
        var head = new byte[6];
        head[0] = (byte)(field << 3 | 2);
        var output = new CodedOutputStream(head);
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(body.Length);
        return [.. head[..(int)output.Position], .. body];
    }

    private static byte[] Framed(byte[] message)
    {
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        return [.. prefix, .. message];
    }

    /// <summary>A pipe whose reader sees bytes in pieces, each as it comes.</summary>
    private static Task<FramePipe> Fed(byte[] bytes, int piece)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 4 * piece, resumeWriterThreshold: piece, useSynchronizationContext: false));
        _ = Feed();
        return Task.FromResult(new FramePipe(pipe.Reader, PipeWriter.Create(Stream.Null)));

        async Task Feed()
        {
            for (var start = 0; start < bytes.Length; start += piece) await pipe.Writer.WriteAsync(bytes.AsMemory(start, Math.Min(piece, bytes.Length - start)), Token);
            await pipe.Writer.CompleteAsync();
        }
    }
}
