using System.Diagnostics;
using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>The order of elements along an axis. Equal elements keep their places, −0 equals 0, NaN counts as largest.</summary>
internal static unsafe class Sorting
{
    // Below, sorting is as quick as selecting.
    private const int ShortSelection = 32;

    /// <summary>The indices of the first dst.Shape[axis] elements in order; x may be strided, dst is contiguous uint32.</summary>
    public static void ArgSort(NdArray x, int axis, bool descending, NdArray dst) => Run(x, axis, descending, -1, dst);

    /// <summary>All indices, that of element kth in order at its place, those of smaller ones before, of larger ones behind.</summary>
    public static void ArgPartition(NdArray x, int axis, int kth, NdArray dst) => Run(x, axis, descending: false, kth, dst);

    private static void Run(NdArray x, int axis, bool descending, int kth, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.DType == DType.UInt32 && dst.Shape.With(axis, x.Shape[axis]) == x.Shape);
        if (dst.Count == 0) return;
        using var view = new AxisView(x, axis, 1, denseInner: false);
        var typed = new Typed { View = view, Descending = descending, Kth = kth, Count = dst.Shape[axis], Target = (uint*)dst.Pointer };
        NumberTypes.Run(x.DType, ref typed);
        GC.KeepAlive(dst);
    }

    private ref struct Typed : INumberBody
    {
        public AxisView View;
        public bool Descending;
        public int Kth, Count;
        public uint* Target;

        public readonly void Run<T>() where T : unmanaged, INumber<T>
        {
            if (sizeof(T) <= 4) Run<T, ulong>();
            else Run<T, UInt128>();
        }

        private readonly void Run<T, K>() where T : unmanaged, INumber<T> where K : unmanaged, IBinaryInteger<K>
        {
            var body = new Body<T, K>
            {
                Source = (T*)View.Pointer,
                OuterStep = View.OuterStep,
                AxisStep = View.MiddleStep,
                InnerStep = View.InnerStep,
                Length = (int)View.Middle,
                Inner = View.Inner,
                Count = Count,
                Kth = Kth,
                Flip = Descending ? SortKey.Last<T>() : 0,
                Target = Target,
            };
            Pieces.Run(View.Outer * View.Inner, View.Middle * 16, ref body);
        }
    }

    /// <summary>Items are the lines along the axis. An entry is an element's key above its index, so that no two are equal.</summary>
    private struct Body<T, K> : IRangeBody where T : unmanaged, INumber<T> where K : unmanaged, IBinaryInteger<K>
    {
        public T* Source;
        public uint* Target;
        public nint OuterStep, AxisStep, InnerStep, Inner;
        public int Length, Count, Kth;
        public ulong Flip;

        public readonly void Run(nint start, nint end)
        {
            var scratch = BlockPool.Shared.Rent((long)Length * sizeof(K));
            try
            {
                var entries = new Span<K>(scratch.Pointer, Length);
                for (var item = start; item < end; item++)
                {
                    var (outer, inner) = Math.DivRem(item, Inner);
                    var from = Source + outer * OuterStep + inner * InnerStep;
                    for (var i = 0; i < entries.Length; i++)
                    {
                        entries[i] = K.CreateTruncating(SortKey.Of(from[i * AxisStep]) ^ Flip) << 32 | K.CreateTruncating((uint)i);
                    }
                    if (Kth >= 0) Select(entries, Kth);
                    else
                    {
                        if (Count < Length) Select(entries, Count - 1);
                        entries[..Count].Sort();
                    }
                    var to = Target + outer * Count * Inner + inner;
                    for (var i = 0; i < Count; i++) to[i * Inner] = uint.CreateTruncating(entries[i]);
                }
            }
            finally
            {
                BlockPool.Shared.Return(scratch);
            }
        }

        /// <summary>Brings entry k in order to its place (Hoare's selection); a bad run of pivots ends in sorting what is left.</summary>
        private static void Select(Span<K> entries, int k)
        {
            for (var rounds = 2 * BitOperations.Log2((uint)entries.Length); rounds > 0 && entries.Length > ShortSelection; rounds--)
            {
                // The median of three distinct entries is not the largest, so that neither side is all.
                var pivot = Median(entries[0], entries[entries.Length / 2], entries[^1]);
                int low = -1, high = entries.Length;
                while (true)
                {
                    do low++; while (entries[low] < pivot);
                    do high--; while (entries[high] > pivot);
                    if (low >= high) break;
                    (entries[low], entries[high]) = (entries[high], entries[low]);
                }
                if (k <= high)
                {
                    entries = entries[..(high + 1)];
                }
                else
                {
                    entries = entries[(high + 1)..];
                    k -= high + 1;
                }
            }
            entries.Sort();
        }

        private static K Median(K a, K b, K c) => K.Max(K.Min(a, b), K.Min(K.Max(a, b), c));
    }

    /// <summary>
    /// For each value the number of elements before it in its ascending row: those smaller, or with <paramref name="right"/> also
    /// those equal. sorted is (n,) or (…, n), values (…, m); dst is contiguous uint32 of values' shape.
    /// </summary>
    public static void Search(NdArray sorted, NdArray values, bool right, NdArray dst)
    {
        Debug.Assert(dst.IsContiguous && dst.Shape == values.Shape && sorted.DType == values.DType);
        if (dst.Count == 0) return;
        var (rows, wanted) = (Copy.Dense(sorted), Copy.Dense(values));
        var perRow = sorted.Shape.Rank == 1 ? dst.Layout.Count : values.Shape[-1];
        var typed = new TypedSearch { Sorted = rows.Pointer, Values = wanted.Pointer, Length = sorted.Shape[-1], PerRow = perRow, Count = dst.Layout.Count, Right = right, Target = (uint*)dst.Pointer };
        NumberTypes.Run(sorted.DType, ref typed);
        rows.Storage.Release();
        wanted.Storage.Release();
        GC.KeepAlive(rows);
        GC.KeepAlive(wanted);
        GC.KeepAlive(dst);
    }

    private struct TypedSearch : INumberBody
    {
        public byte* Sorted, Values;
        public nint Length, PerRow, Count;
        public bool Right;
        public uint* Target;

        public readonly void Run<T>() where T : unmanaged, INumber<T>
        {
            var body = new SearchBody<T> { Sorted = (T*)Sorted, Values = (T*)Values, Length = Length, PerRow = PerRow, Right = Right, Target = Target };
            Pieces.Run(Count, 64, ref body);
        }
    }

    private struct SearchBody<T> : IRangeBody where T : unmanaged, INumber<T>
    {
        public T* Sorted, Values;
        public nint Length, PerRow;
        public bool Right;
        public uint* Target;

        public readonly void Run(nint start, nint end)
        {
            for (var item = start; item < end; item++)
            {
                var row = Sorted + item / PerRow * Length;
                var key = SortKey.Of(Values[item]);
                nint low = 0, high = Length;
                while (low < high)
                {
                    var middle = (low + high) >> 1;
                    var other = SortKey.Of(row[middle]);
                    if (other < key || Right && other == key) low = middle + 1;
                    else high = middle;
                }
                Target[item] = (uint)low;
            }
        }
    }
}
