using Google.Protobuf;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>One array as the wire's <c>.npy</c> bytes and back.</summary>
internal static class TensorCodec
{
    // The only reference to the bytes goes into the ByteString, so that nobody can change them.
    public static ByteString Encode(NdArray array) => UnsafeByteOperations.UnsafeWrap(Npy.Write(array));

    public static ByteString Encode(NpyFile file) => UnsafeByteOperations.UnsafeWrap(file.Memory);

    /// <exception cref="FormatException">The bytes are not one whole <c>.npy</c> file of a supported type.</exception>
    public static NdArray Decode(ByteString tensor) => Npy.View(tensor.Memory);
}
