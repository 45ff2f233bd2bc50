using System.Buffers;
using System.Diagnostics;
using Google.Protobuf;
using ManagedFed.IO;
using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>The tensors of one model, in wire order; immutable.</summary>
/// <remarks>
/// The usual tensor type is <c>numpy.ndarray</c>: each tensor is one <c>.npy</c> file on the wire, one <see cref="NdArray"/> here.
/// Any other type (Flower's XGBoost strategies send <c>""</c>) stays the bytes it came as. Arrays are shared, not copied:
/// who made the parameters does not write into them any more. Clients, strategies of one's own and evaluation functions are given copies.
/// </remarks>
[DebuggerDisplay("{TensorType} x {Count}")]
public sealed class Parameters
{
    /// <summary>The tensor type of NumPy arrays.</summary>
    public const string NumpyType = "numpy.ndarray";

    private readonly IReadOnlyList<NdArray>? arrays;
    private readonly IReadOnlyList<NpyFile>? files;
    private IReadOnlyList<ByteString>? tensors;
    private ArrayRecord? record, named;

    /// <summary>Parameters of arrays.</summary>
    public Parameters(params IReadOnlyList<NdArray> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        this.arrays = [.. arrays];
        TensorType = NumpyType;
    }

    internal Parameters(string tensorType, IReadOnlyList<ByteString> tensors)
    {
        TensorType = tensorType;
        this.tensors = tensors;
    }

    /// <summary>Parameters of arrays that are their own wire form.</summary>
    internal Parameters(IReadOnlyList<NpyFile> files) : this([.. files.Select(file => file.Array)]) => this.files = files;

    /// <summary>No tensors.</summary>
    public static Parameters Empty { get; } = new();

    /// <summary>Parameters of opaque bytes, copied.</summary>
    /// <param name="tensorType">What the bytes are; anything but <see cref="NumpyType"/>.</param>
    /// <param name="payloads">One item per tensor.</param>
    /// <exception cref="ArgumentException">The type is <see cref="NumpyType"/>.</exception>
    public static Parameters Opaque(string tensorType, params IEnumerable<ReadOnlyMemory<byte>> payloads)
    {
        ArgumentNullException.ThrowIfNull(payloads);
        if (tensorType == NumpyType) throw new ArgumentException("[parameters] NumPy tensors are arrays; use new Parameters(arrays)");
        return new(tensorType, [.. payloads.Select(payload => ByteString.CopyFrom(payload.Span))]);
    }

    /// <summary>A module's shared parameters with their <see cref="Schema"/>: what a strategy starts from.</summary>
    /// <param name="model">The model.</param>
    /// <param name="local">The parameters that stay with clients. Default: none.</param>
    /// <exception cref="ArgumentException">The model lacks what is named local, or nothing is left to share.</exception>
    public static Parameters Of(Module model, LocalParameters? local = null) =>
        new((local ?? LocalParameters.None).SharedOf(model).ToArrays()) { Schema = ParameterSchema.Of(model, local) };

    /// <summary>The same tensors with another schema.</summary>
    internal Parameters With(ParameterSchema known) => arrays is null ? this : files is null ? new(arrays) { Schema = known } : new(files) { Schema = known };

    /// <summary>What each array is, where that is known; only names leave this machine, and to apps of Flower's Message API alone.</summary>
    public ParameterSchema? Schema { get; init; }

    /// <summary>What the tensors are: <see cref="NumpyType"/>, or another peer's own word.</summary>
    public string TensorType { get; }

    /// <summary>The number of tensors.</summary>
    public int Count => arrays?.Count ?? tensors!.Count;

    /// <summary>True when the tensors are arrays.</summary>
    public bool HasArrays => arrays is not null;

    /// <summary>The arrays.</summary>
    /// <exception cref="InvalidOperationException">The tensors are opaque bytes.</exception>
    public IReadOnlyList<NdArray> Arrays => arrays
        ?? throw new InvalidOperationException($"[parameters] tensors of type '{TensorType}' are opaque bytes, not arrays; use Payloads");

    /// <summary>The tensors as they go over the wire.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Payloads => [.. Tensors.Select(tensor => tensor.Memory)];

    /// <summary>The bytes of one tensor on the wire.</summary>
    internal long TensorLength(int index) => arrays is null ? tensors![index].Length : Npy.ByteCount(arrays[index]);

    /// <summary>Writes one tensor as it goes over the wire.</summary>
    internal void WriteTensor(int index, IBufferWriter<byte> destination)
    {
        if (arrays is null) destination.Write(tensors![index].Span);
        else Npy.Write(arrays[index], destination);
    }

    /// <summary>The wire form; arrays are encoded once, however many clients it is sent to.</summary>
    internal IReadOnlyList<ByteString> Tensors
    {
        get
        {
            if (Volatile.Read(ref tensors) is { } known) return known;
            // Two threads may both encode; the bytes are the same and the first to finish wins.
            Interlocked.CompareExchange(ref tensors, files is null ? [.. arrays!.Select(Npy.Write).Select(Wrap)] : [.. files.Select(file => Wrap(file.Memory))], null);
            return tensors;
        }
    }

    // The only reference to the bytes goes into the ByteString, so that nobody can change them.
    private static ByteString Wrap(byte[] bytes) => UnsafeByteOperations.UnsafeWrap(bytes);

    private static ByteString Wrap(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);

    /// <summary>The form for Fleet; made once, so that its objects are hashed once however many nodes it is sent to.</summary>
    internal ArrayRecord Record => Volatile.Read(ref record) ?? Interlocked.CompareExchange(ref record, LegacyRecords.ToRecord(this), null) ?? record;

    /// <summary>The same with the arrays' names, for Flower's Message API.</summary>
    internal ArrayRecord NamedRecord => Volatile.Read(ref named) ?? Interlocked.CompareExchange(ref named, MessageApiRecords.ToRecord(this), null) ?? named;
}
