using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Google.Protobuf;
using Grpc.Core;
using ManagedFed.IO;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>What a peer's reply may take of memory, counted before it is allocated.</summary>
public sealed class ReplyLimitsTests
{
    private static readonly ReplyLimits Limits = new() { MaxMetricsBytes = 64 << 10, MaxMetrics = 100 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ReplyAllowance Fit(params NdArray[] model) => ReplyAllowance.For(new FitInstructions(new(model), TestKit.NoValues), Limits);

    /// <summary>Float64 for float32, an array more bytes than allowed, and nothing of the message read that was not allowed.</summary>
    [Fact]
    public async Task Stream_ReplyOfTwiceTheWidth_CountsAndALongerOneIsReadOver()
    {
        var allowance = Fit(NdArray.Zeros([200_000]));
        var honest = TestKit.Fit(1, NdArray.Zeros([200_000], DType.Float64));
        var pipe = Fed(Message(honest), Message(TestKit.Fit(1, NdArray.Zeros([220_000], DType.Float64))), Message(honest));

        Assert.Equal(200_000, ((FitResult)(await Read(pipe, allowance)).Take()).Parameters.Arrays[0].Count);
        var problem = Assert.Throws<FormatException>((await Read(pipe, allowance)).Take).Message;
        Assert.Contains("the reply has 1760168 bytes, at most ", problem, StringComparison.Ordinal);
        Assert.Contains("1 tensors of 1600000 bytes", problem, StringComparison.Ordinal);
        Assert.Equal(200_000, ((FitResult)(await Read(pipe, allowance)).Take()).Parameters.Arrays[0].Count);
    }

    /// <summary>The prefix says 1.9 GB; that it is not allowed, or was not asked for, is known before a byte of it has come.</summary>
    [Fact]
    public async Task Stream_MessageNobodyAskedFor_IsNotRead()
    {
        var pipe = new Pipe();
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), 1_900_000_000);
        await pipe.Writer.WriteAsync(prefix, Token);
        var reading = new FramePipe(pipe.Reader, PipeWriter.Create(Stream.Null)).ReadAsync(() => throw new RpcException(new(StatusCode.InvalidArgument, "unasked")), Token);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => reading.Bounded())).StatusCode);
    }

    [Fact]
    public async Task Stream_MessagesOver_TakeNoMemory()
    {
        var allowance = Fit(NdArray.Zeros([100]));
        const int length = 256 << 20;
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), length);
        var source = new Endless([.. prefix], length, Message(new DisconnectResult(DisconnectReason.Ack)));
        var reader = new FramePipe(PipeReader.Create(source), PipeWriter.Create(Stream.Null));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<FormatException>((await Read(reader, allowance)).Take);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 16 << 20, "the message was held");
        Assert.IsType<DisconnectResult>((await Read(reader, allowance)).Take());
    }

    public static TheoryData<string> Bombs => [.. Hostile.Keys];

    private static readonly byte[] EmptyArray = Npy.Write(NdArray.Zeros([0]));

    /// <summary>Replies that are within the length of a reply to a model of two large arrays.</summary>
    private static readonly Dictionary<string, (Func<Wire.ClientMessage.Types.FitRes> Make, string Problem)> Hostile = new()
    {
        ["empty tensors, many"] = (() => Reply(Enumerable.Repeat(ByteString.Empty, 400_000)), "tensors or more, at most 2 are taken"),
        ["empty tensors, a million"] = (() => Reply(Enumerable.Repeat(ByteString.Empty, 1_000_000)), "does not begin with"),
        ["empty arrays, many"] = (() => Reply(Enumerable.Repeat(ByteString.CopyFrom(EmptyArray), 5_000)), "tensors or more, at most 2 are taken"),
        ["empty arrays, more"] = (() => Reply(Enumerable.Repeat(ByteString.CopyFrom(EmptyArray), 20_000)), "tensors or more, at most 2 are taken"),
        ["metrics, many"] = (() => Reply([], metrics: 5_000), "more than 100 metrics"),
        ["metrics, more"] = (() => Reply([], metrics: 200_000), "more than 100 metrics"),
        ["a long text"] = (() => Reply([], text: 2 << 20), "more than 100 metrics or 65536 bytes"),
        ["a header that claims 920 MB"] = (() => Reply([Claims(920_000_000)]), "needs exactly 920000000"),
    };

    [Theory, MemberData(nameof(Bombs))]
    public async Task Stream_Bomb_DoesNotCountAndTheStreamGoesOn(string what)
    {
        var allowance = Fit(NdArray.Zeros([1_000_000]), NdArray.Zeros([1_000_000]));
        var (make, problem) = Hostile[what];
        var bytes = new Wire.ClientMessage { FitRes = make() }.ToByteArray();
        var pipe = Fed(Framed(bytes), Message(new DisconnectResult(DisconnectReason.Ack)));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var frame = await Read(pipe, allowance);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 * bytes.Length + (1 << 20), "more was allocated than the message can be worth");
        Assert.Contains(problem, Assert.Throws<FormatException>(frame.Take).Message, StringComparison.Ordinal);
        Assert.IsType<DisconnectResult>((await Read(pipe, allowance)).Take());
    }

    [Fact]
    public void Allowance_ByWhatWasAsked()
    {
        var model = new Parameters(NdArray.Zeros([10]), NdArray.Zeros([3], DType.Float64));
        var fit = ReplyAllowance.For(new FitInstructions(model, TestKit.NoValues), new() { ModelFactor = 2 });
        Assert.Equal((4, 2 * (80L + 24), true), (fit.Tensors, fit.TensorBytes, fit.Arrays));
        Assert.Equal(0, ReplyAllowance.For(new EvaluateInstructions(model, TestKit.NoValues), Limits).TensorBytes);
        Assert.Equal(0, ReplyAllowance.For(new GetPropertiesInstructions(TestKit.NoValues), Limits).Tensors);
        Assert.Equal(2L << 30, ReplyAllowance.For(new GetParametersInstructions(TestKit.NoValues), Limits).TensorBytes);
        var trees = ReplyAllowance.For(new FitInstructions(Parameters.Opaque("", new byte[100]), TestKit.NoValues), Limits);
        Assert.Equal(((64L << 20) + 200, false), (trees.TensorBytes, trees.Arrays));
    }

    [Theory]
    [InlineData("MaxModelBytes")]
    [InlineData("MaxOpaqueBytes")]
    [InlineData("MaxMetricsBytes")]
    [InlineData("MaxMetrics")]
    [InlineData("ModelFactor")]
    [InlineData("MaxBytesAtOnce")]
    public void Limits_OfZero_AreRefusedByName(string name)
    {
        var limits = new ReplyLimits();
        var exception = Assert.Throws<ArgumentException>(() => name switch
        {
            "MaxModelBytes" => limits with { MaxModelBytes = 0 },
            "MaxOpaqueBytes" => limits with { MaxOpaqueBytes = 0 },
            "MaxMetricsBytes" => limits with { MaxMetricsBytes = 0 },
            "MaxMetrics" => limits with { MaxMetrics = 0 },
            "ModelFactor" => limits with { ModelFactor = 0 },
            _ => limits with { MaxBytesAtOnce = 0 },
        });
        Assert.Contains($"{name} 0 lies outside [1, ∞)", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_WhenFull_LetsTheOldestGoOnAndTheOthersWait()
    {
        var memory = new ReplyMemory(100);
        var (first, second) = (memory.Open(), memory.Open());
        Assert.True(first.TryTake(60));
        Assert.True(second.TryTake(40));
        Assert.False(second.TryTake(1));
        Assert.True(first.TryTake(1000));
        var waiting = second.TakeAsync(1, Token);
        Assert.False(waiting.IsCompleted);
        first.Dispose();
        first.Dispose();
        await waiting.Bounded();
        Assert.Equal(41, memory.Taken);
        Assert.False(first.TryTake(1));
        second.Dispose();
        Assert.Equal(0, memory.Taken);
    }

    private static Wire.ClientMessage.Types.FitRes Reply(IEnumerable<ByteString> tensors, int metrics = 0, int text = 0)
    {
        var reply = new Wire.ClientMessage.Types.FitRes { Parameters = new() { TensorType = Parameters.NumpyType }, NumExamples = 1 };
        reply.Parameters.Tensors.AddRange(tensors);
        for (var i = 0; i < metrics; i++) reply.Metrics.Add($"{i}", new() { Bool = true });
        if (text > 0) reply.Metrics.Add("text", new() { String = new('a', text) });
        return reply;
    }

    private static ByteString Claims(int bytes)
    {
        var text = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({bytes / 4},), }}".PadRight(117) + "\n";
        return ByteString.CopyFrom([0x93, .. "NUMPY\x01\0\x76\0"u8, .. System.Text.Encoding.ASCII.GetBytes(text), .. new byte[2 << 20]]);
    }

    private static Task<Frame<Reply>> Read(FramePipe pipe, ReplyAllowance allowance) => pipe.ReadAsync(() => allowance, Token).Bounded()!;

    private static byte[] Message(Reply reply) => Framed(WireCodec.Encode(reply).ToByteArray());

    private static byte[] Framed(byte[] message)
    {
        var prefix = new byte[5];
        BinaryPrimitives.WriteInt32BigEndian(prefix.AsSpan(1), message.Length);
        return [.. prefix, .. message];
    }

    private static FramePipe Fed(params byte[][] messages)
    {
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        foreach (var message in messages) pipe.Writer.Write(message);
        pipe.Writer.Complete();
        return new(pipe.Reader, PipeWriter.Create(Stream.Null));
    }

    /// <summary>A head, so many zeros, and a tail, all at once there.</summary>
    private sealed class Endless(byte[] head, long zeros, byte[] tail) : Stream
    {
        private long position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => head.Length + zeros + tail.Length;

        public override long Position
        {
            get => position;
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

        public override int Read(Span<byte> buffer)
        {
            if (position < head.Length) return Part(head, position, buffer);
            if (position >= head.Length + zeros) return Part(tail, position - head.Length - zeros, buffer);
            var count = (int)Math.Min(buffer.Length, head.Length + zeros - position);
            buffer[..count].Clear();
            position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        private int Part(byte[] bytes, long from, Span<byte> buffer)
        {
            var part = bytes.AsSpan((int)from);
            part = part[..Math.Min(part.Length, buffer.Length)];
            part.CopyTo(buffer);
            position += part.Length;
            return part.Length;
        }
    }
}
