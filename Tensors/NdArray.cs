using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using ManagedFed.Kernels;

namespace ManagedFed;

/// <summary>
/// A concrete n-dimensional array: memory plus a layout. It is what kernels, files, the wire and aggregation see.
/// </summary>
/// <remarks>
/// Views (<see cref="Transpose"/>, <see cref="Slice"/>, <see cref="Reshape"/>) share memory with their source. Nothing needs
/// disposing. Reading from several threads is safe; writing through <see cref="AsSpan{T}"/> is the caller's to order.
/// </remarks>
[DebuggerDisplay("{DType} {Shape}")]
public sealed class NdArray
{
    private nint shift;

    internal NdArray(Storage storage, Layout layout, DType dtype)
    {
        Storage = storage;
        Layout = layout;
        DType = dtype;
    }

    internal Storage Storage { get; private set; }

    internal Layout Layout { get; }

    /// <summary>The element type.</summary>
    public DType DType { get; }

    /// <summary>The sizes of the axes.</summary>
    public Shape Shape => Layout.Shape;

    /// <summary>The number of elements.</summary>
    public long Count => Layout.Count;

    /// <summary>The bytes of the elements: count × element size.</summary>
    public long ByteCount => Layout.Count * DType.Size();

    /// <summary>True when the elements lie row-major without gaps.</summary>
    public bool IsContiguous => Layout.IsContiguous;

    /// <summary>Bytes from the storage's start to element (0, 0, …).</summary>
    private nint Start => shift + Layout.Offset * DType.Size();

    /// <summary>The address of element (0, 0, …); valid while this object is referenced.</summary>
    internal unsafe byte* Pointer => Storage.Pointer + Start;

    /// <summary>An array of unspecified content for the engine's own use: it counts the claims itself.</summary>
    internal static NdArray Rent(Shape shape, DType dtype) =>
        new(new Storage(shape.Count * dtype.Size()), new Layout(shape), dtype);

    /// <summary>An array of unspecified content that user code may hold.</summary>
    internal static NdArray Empty(Shape shape, DType dtype)
    {
        var array = Rent(shape, dtype);
        array.Storage.Escape();
        return array;
    }

    /// <summary>An array of zeros (false for bool).</summary>
    public static NdArray Zeros(Shape shape, DType dtype = DType.Float32)
    {
        var array = Empty(shape, dtype);
        array.Fill(0);
        return array;
    }

    /// <summary>An array with a copy of the values, in row-major order.</summary>
    /// <param name="values">As many values as the shape has elements.</param>
    /// <param name="shape">The sizes of the axes.</param>
    /// <exception cref="ArgumentException">The number of values differs from the shape's, or T is no element type.</exception>
    public static NdArray From<T>(ReadOnlySpan<T> values, Shape shape) where T : unmanaged
    {
        var dtype = DTypes.Of<T>();
        if (values.Length != shape.Count)
        {
            Throw.Argument("array", $"{values.Length} values given, shape {shape} needs {shape.Count}");
        }
        var array = Empty(shape, dtype);
        values.CopyTo(array.Storage.Borrow<T>(0, array.Layout.Count));
        GC.KeepAlive(array);
        return array;
    }

    /// <summary>A one-dimensional array with a copy of the values.</summary>
    public static NdArray From<T>(params ReadOnlySpan<T> values) where T : unmanaged => From(values, [values.Length]);

    /// <summary>The elements as a span over the array's own memory, in row-major order.</summary>
    /// <typeparam name="T">The element type; <c>byte</c> also for <see cref="DType.UInt8"/> alone.</typeparam>
    /// <exception cref="InvalidOperationException">T is not the array's element type, or the array is not contiguous.</exception>
    public Span<T> AsSpan<T>() where T : unmanaged
    {
        Expect<T>("as_span");
        if (!IsContiguous) Throw.Invalid("as_span", $"array of shape {Shape} is a strided view; call Contiguous() first");
        ExpectFewer("as_span");
        return Storage.Expose<T>(Start, Layout.Count);
    }

    /// <summary>A copy of the elements in row-major order.</summary>
    /// <exception cref="InvalidOperationException">T is not the array's element type.</exception>
    public T[] ToArray<T>() where T : unmanaged
    {
        Expect<T>("to_array");
        ExpectFewer("to_array");
        var result = GC.AllocateUninitializedArray<T>((int)Count);
        CopyTo<T>(result);
        return result;
    }

    /// <summary>Copies the elements in row-major order to the start of <paramref name="destination"/>.</summary>
    /// <exception cref="InvalidOperationException">T is not the array's element type.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public void CopyTo<T>(Span<T> destination) where T : unmanaged
    {
        Expect<T>("copy_to");
        if (destination.Length < Count) Throw.Argument("copy_to", $"destination holds {destination.Length} elements, array has {Count}");
        var source = Copy.Dense(this);
        source.Storage.Borrow<T>(source.Start, source.Layout.Count).CopyTo(destination);
        source.Storage.Release();
        GC.KeepAlive(source);
    }

    /// <summary>The bytes of a contiguous array, for readers that keep this object alive while they use them.</summary>
    internal Span<byte> Bytes
    {
        get
        {
            Debug.Assert(IsContiguous);
            return Storage.Borrow(Start, checked((nint)ByteCount));
        }
    }

    /// <summary>This array when it is contiguous, else a row-major copy.</summary>
    public NdArray Contiguous()
    {
        if (IsContiguous) return this;
        var copy = Empty(Shape, DType);
        Copy.Run(this, copy);
        return copy;
    }

    /// <summary>A row-major copy for the engine's own use.</summary>
    internal NdArray Duplicate()
    {
        var copy = Rent(Shape, DType);
        Copy.Run(this, copy);
        return copy;
    }

    /// <summary>A view with the axes in another order; with no arguments, in reverse order.</summary>
    /// <exception cref="ArgumentException">The axes are not a permutation of all axes.</exception>
    public NdArray Transpose(params ReadOnlySpan<int> axes) => View(Layout.Transpose(Permutation(Shape, axes)));

    /// <summary>The axes of a transpose as numbers from 0; empty means reversed.</summary>
    internal static int[] Permutation(Shape shape, ReadOnlySpan<int> axes)
    {
        var rank = shape.Rank;
        var result = new int[rank];
        if (axes.IsEmpty)
        {
            for (var i = 0; i < rank; i++) result[i] = rank - 1 - i;
            return result;
        }
        var seen = 0UL;
        if (axes.Length != rank) Throw.Argument("transpose", $"{axes.Length} axes given for shape {shape}, expected {rank}");
        for (var i = 0; i < rank; i++)
        {
            result[i] = shape.Axis(axes[i], "transpose");
            if ((seen & (1UL << result[i])) != 0) Throw.Argument("transpose", $"axis {axes[i]} appears twice for shape {shape}");
            seen |= 1UL << result[i];
        }
        return result;
    }

    /// <summary>A view of elements start, start+step, … (count of them) along one axis.</summary>
    /// <exception cref="ArgumentException">An index lies outside the axis, or the step is 0.</exception>
    public NdArray Slice(int axis, int start, int count, int step = 1)
    {
        axis = Shape.Axis(axis, "slice");
        var last = start + (long)(count - 1) * step;
        if (step == 0 || count < 0 || count > 0 && (start < 0 || start >= Shape[axis] || last < 0 || last >= Shape[axis]))
        {
            Throw.Argument("slice", $"start {start}, count {count}, step {step} lie outside axis {axis} of shape {Shape}");
        }
        return View(Layout.Slice(axis, start, count, step));
    }

    /// <summary>The same elements under another shape; a view when the layout allows, else a copy.</summary>
    /// <exception cref="ArgumentException">The shapes differ in their number of elements.</exception>
    public NdArray Reshape(Shape shape)
    {
        if (shape.Count != Count) Throw.Argument("reshape", $"cannot reshape {Shape} of {Count} elements into {shape} of {shape.Count}");
        return Layout.TryReshape(shape) is { } layout ? View(layout) : Contiguous().Reshape(shape);
    }

    /// <summary>A view stretched to a larger shape by NumPy's broadcasting rule.</summary>
    /// <exception cref="ArgumentException">The shape cannot be broadcast to the target.</exception>
    public NdArray BroadcastTo(Shape shape)
    {
        if (Shape.Broadcast(Shape, shape, "broadcast_to") != shape) Throw.CannotBroadcast("broadcast_to", Shape, shape);
        return View(Layout.BroadcastTo(shape));
    }

    /// <summary>A copy with the elements converted to another type (float to integer truncates, non-zero to true).</summary>
    public NdArray AsType(DType dtype)
    {
        if (dtype == DType) return this;
        var result = Empty(Shape, dtype);
        ConvertKernel.Run(this, result);
        return result;
    }

    /// <summary>
    /// The values as NumPy 2.3's <c>str</c> prints them under its default options: <c>[1.5 2. ]</c>; of more than 1000 elements
    /// the first and last three of each axis.
    /// </summary>
    public override string ToString() => ArrayFormat.Plain(this);

    /// <summary>A contiguous array in this one's memory, from so many bytes on.</summary>
    internal NdArray ViewFrom(nint bytes, Shape shape, DType dtype) => new(Storage, new Layout(shape), dtype) { shift = Start + bytes };

    internal NdArray View(Layout layout) => new(Storage, layout, DType) { shift = shift };

    /// <summary>Makes an array of a compiled function's own, and only such, look at the memory of another contiguous array.</summary>
    internal void Rebind(NdArray source)
    {
        Debug.Assert(source.IsContiguous && source.DType == DType);
        Storage = source.Storage;
        shift = source.Start;
    }

    /// <summary>The element of a scalar.</summary>
    internal T ReadScalar<T>() where T : unmanaged => MemoryMarshal.Read<T>(Bytes);

    /// <summary>Sets the element of a scalar.</summary>
    internal void WriteScalar<T>(T value) where T : unmanaged => MemoryMarshal.Write(Bytes, value);

    internal void Fill(double value) => FillKernel.Run(this, value);

    /// <summary>Refuses more elements than an array or span of .NET holds.</summary>
    internal void ExpectFewer(string op)
    {
        if (Count > Array.MaxLength) Throw.Invalid(op, string.Create(CultureInfo.InvariantCulture, $"{Count:N0} elements of shape {Shape} exceed the {Array.MaxLength:N0} that an array or span holds; read them in parts, with Slice"));
    }

    private void Expect<T>(string op) where T : unmanaged
    {
        if (DTypes.Of<T>() != DType) Throw.Invalid(op, $"array holds {DType.Name()}, not {DTypes.Of<T>().Name()}; convert with AsType first");
    }
}
