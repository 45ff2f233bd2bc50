using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace ManagedFed.Nn;

/// <summary>A message in the encoding of protocol buffers; arrays are referred to and copied to the stream alone.</summary>
internal sealed class ProtoMessage
{
    private const int VarintWire = 0, BytesWire = 2, FloatWire = 5;

    private readonly ArrayBufferWriter<byte> bytes = new();

    // Each with the bytes that come before it.
    private readonly List<(int Before, NdArray Array)> arrays = [];

    public long Length => bytes.WrittenCount + arrays.Sum(entry => entry.Array.ByteCount);

    public void Add(int field, long value)
    {
        Tag(field, VarintWire);
        Varint((ulong)value);
    }

    public void Add(int field, float value)
    {
        Tag(field, FloatWire);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.GetSpan(sizeof(float)), value);
        bytes.Advance(sizeof(float));
    }

    public void Add(int field, string text)
    {
        Head(field, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, bytes);
    }

    /// <summary>The elements' bytes in row-major order.</summary>
    public void Add(int field, NdArray array)
    {
        Head(field, array.ByteCount);
        arrays.Add((bytes.WrittenCount, array));
    }

    public void Add(int field, ProtoMessage message)
    {
        Head(field, message.Length);
        foreach (var (before, array) in message.arrays) arrays.Add((bytes.WrittenCount + before, array));
        bytes.Write(message.bytes.WrittenSpan);
    }

    public void WriteTo(Stream stream)
    {
        var written = 0;
        foreach (var (before, array) in arrays)
        {
            stream.Write(bytes.WrittenSpan[written..before]);
            written = before;
            var dense = array.Contiguous();
            stream.Write(dense.Bytes);
            GC.KeepAlive(dense);
        }
        stream.Write(bytes.WrittenSpan[written..]);
    }

    private void Head(int field, long length)
    {
        Tag(field, BytesWire);
        Varint((ulong)length);
    }

    private void Tag(int field, int wire) => Varint((ulong)(field << 3 | wire));

    // Seven bits a byte, the lowest first; the top bit says that more follow.
    private void Varint(ulong value)
    {
        for (; value >= 0x80; value >>= 7) bytes.Write([(byte)(value | 0x80)]);
        bytes.Write([(byte)value]);
    }
}
