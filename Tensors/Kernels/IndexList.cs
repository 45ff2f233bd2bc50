using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>The indices of a gather or scatter as numbers from 0, in row-major order, each checked against its axis.</summary>
internal readonly unsafe ref struct IndexList
{
    private readonly Block resolved;

    /// <summary>Checks the indices; negative ones count from the end of the axis, or are refused.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside −size … size−1, or 0 … size−1.</exception>
    /// <exception cref="ArgumentException">The indices are not integers.</exception>
    public IndexList(string op, NdArray indices, int axis, int size, bool fromEnd = true)
    {
        if (indices.DType == DType.Bool || indices.DType.IsFloating()) Throw.DTypeMismatch(op, indices.DType, "integer indices");
        Count = indices.Layout.Count;
        resolved = BlockPool.Shared.Rent(Count * sizeof(long));
        var dense = Copy.Dense(indices);
        try
        {
            switch (dense.DType)
            {
                case DType.UInt8: Resolve(op, (byte*)dense.Pointer, axis, size, fromEnd); break;
                case DType.Int8: Resolve(op, (sbyte*)dense.Pointer, axis, size, fromEnd); break;
                case DType.Int16: Resolve(op, (short*)dense.Pointer, axis, size, fromEnd); break;
                case DType.UInt16: Resolve(op, (ushort*)dense.Pointer, axis, size, fromEnd); break;
                case DType.Int32: Resolve(op, (int*)dense.Pointer, axis, size, fromEnd); break;
                case DType.UInt32: Resolve(op, (uint*)dense.Pointer, axis, size, fromEnd); break;
                case DType.Int64: Resolve(op, (long*)dense.Pointer, axis, size, fromEnd); break;
                default: Resolve(op, (ulong*)dense.Pointer, axis, size, fromEnd); break;
            }
        }
        catch
        {
            Dispose();
            throw;
        }
        finally
        {
            dense.Storage.Release();
            GC.KeepAlive(dense);
        }
    }

    public nint Count { get; }

    /// <summary>The address of the first index; valid until <see cref="Dispose"/>.</summary>
    public long* Pointer => (long*)resolved.Pointer;

    public void Dispose() => BlockPool.Shared.Return(resolved);

    private void Resolve<T>(string op, T* indices, int axis, int size, bool fromEnd) where T : unmanaged, IBinaryInteger<T>
    {
        var to = Pointer;
        for (nint i = 0; i < Count; i++)
        {
            var index = long.CreateSaturating(indices[i]);
            var fromStart = fromEnd && index < 0 ? index + size : index;
            if ((ulong)fromStart >= (ulong)size) Throw.IndexOutOfRange(op, index, axis, size, fromEnd ? -size : 0);
            to[i] = fromStart;
        }
    }
}
