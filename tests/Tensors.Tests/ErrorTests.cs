using ManagedFed.IO;
using ManagedFed.Kernels;
using ManagedFed.Tests.Io;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>Messages that no other test states.</summary>
public sealed class ErrorTests
{
    public static TheoryData<string, Action> Cases => new()
    {
        { "[dtype] System.Char is not an element type; use ", () => NdArray.From('a') },
        { "[as_span] array of shape (3, 2) is a strided view; call Contiguous() first", () => { Views.Range([2, 3]).Transpose().AsSpan<float>(); } },
        { "[copy_to] destination holds 2 elements, array has 3", () => NdArray.Zeros([3]).CopyTo<float>(new float[2]) },
        { "[shape] 33 axes, expected at most 32", () => Shape.Create(new int[33]) },
        { "[shape] more than 2^62 elements", () => Shape.Create([int.MaxValue, int.MaxValue, 2]) },

        // 641 · 6700417 = 2³² + 1.
        {
            "[random] 4294967297 words from one key, at most 2^32; split the key first",
            () => RandomKernel.Bits(NdArray.From(0u, 0u), NdArray.Zeros([1], DType.UInt32).BroadcastTo([641, 6700417]))
        },
        { "[safetensors] the stream cannot seek; copy it to a MemoryStream or a file first", () => Safetensors.Read(new ForwardStream([])) },
        { "[safetensors] name 'a' occurs twice or is reserved", () => Safetensors.Write(new MemoryStream(), [("a", Views.Range([1])), ("a", Views.Range([1]))]) },
        { "[safetensors] name '__metadata__' occurs twice or is reserved", () => Safetensors.Write(new MemoryStream(), [("__metadata__", Views.Range([1]))]) },
        { "[npz] name '../a' is not allowed, expected 1 to 200 characters, none of them a control character or '\\', that form no absolute path and no step '..'", () => Npz.Write(new MemoryStream(), [("../a", Views.Range([1]))]) },
        { "[npz] name 'a' occurs twice", () => Npz.Write(new MemoryStream(), [("a", Views.Range([1])), ("a", Views.Range([1]))]) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call) =>
        Assert.StartsWith(message, Assert.ThrowsAny<Exception>(call).Message, StringComparison.Ordinal);
}
