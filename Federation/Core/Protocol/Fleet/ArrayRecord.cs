using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>Arrays by name.</summary>
/// <param name="arrays">The arrays: <c>new ArrayRecord(("weight", weight), ("bias", bias))</c>.</param>
public sealed class ArrayRecord(params IEnumerable<(string Name, RecordArray Array)> arrays) : NamedDictionary<RecordArray>(arrays), IRecord
{
    // A record goes to many nodes, and hashing it reads the whole model: once is enough.
    private readonly Lock padlock = new();
    private DeflatedRecord? deflated;

    string IRecord.TypeName => ObjectType.ArrayRecord;

    /// <summary>The id a record that was pulled had; to hash a large model again would take long.</summary>
    internal string? PulledId { get; init; }

    /// <summary>The record's id.</summary>
    internal string Id => PulledId ?? Deflated.Tree.ObjectId;

    /// <summary>The record as an object with its children.</summary>
    internal DeflatedRecord Deflated
    {
        get
        {
            lock (padlock) return deflated ??= Deflation.Deflate(this);
        }
    }
}

/// <summary>One array of a record. An <see cref="NdArray"/> converts by itself.</summary>
/// <remarks>Data of another kind than NumPy's (Flower's XGBoost strategies send some) stay the bytes they came as.</remarks>
public sealed class RecordArray
{
    private readonly NdArray? array;

    /// <summary>An array.</summary>
    public RecordArray(NdArray array) : this(array, array?.DType.Name() ?? "", array is null ? [] : [.. array.Shape])
    {
    }

    internal RecordArray(NdArray array, string dtype, IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(array);
        this.array = array;
        (SType, DType, Shape) = (Parameters.NumpyType, dtype, shape);
    }

    internal RecordArray(ByteString payload, string stype, string dtype, IReadOnlyList<int> shape)
    {
        Opaque = payload;
        (SType, DType, Shape) = (stype, dtype, shape);
    }

    /// <summary>How the data are written: <see cref="Parameters.NumpyType"/>, or another peer's own word.</summary>
    public string SType { get; }

    /// <summary>True when the data are an array.</summary>
    public bool HasArray => array is not null;

    /// <summary>The array.</summary>
    /// <exception cref="InvalidOperationException">The data are opaque bytes.</exception>
    public NdArray Array => array
        ?? throw new InvalidOperationException($"[record] data of type '{SType}' are {Opaque.Length} opaque bytes, not an array; use Payload");

    /// <summary>The opaque bytes; none for an array.</summary>
    public ReadOnlyMemory<byte> Payload => Opaque.Memory;

    /// <summary>What the sender said of the data; Flower's older interface leaves both empty.</summary>
    internal string DType { get; }

    /// <inheritdoc cref="DType"/>
    internal IReadOnlyList<int> Shape { get; }

    internal ByteString Opaque { get; } = ByteString.Empty;

    /// <summary>The bytes of the elements, or of the opaque data.</summary>
    internal long ByteCount => array?.ByteCount ?? Opaque.Length;

    /// <summary>The same array in memory of its own; opaque bytes cannot be changed.</summary>
    internal RecordArray Own() => array is null ? this : new(array.Own(), DType, Shape);

    /// <summary>An array.</summary>
    public static implicit operator RecordArray(NdArray array) => new(array);
}
