using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;

namespace ManagedFed.Benchmarks.Limits;

/// <summary>Arrays of floats that a work must read and write once.</summary>
/// <param name="Floats">The size of each array.</param>
/// <param name="Reads">Arrays read: 1 or 2.</param>
/// <param name="Writes">Arrays written: 0 or 1.</param>
internal readonly record struct Traffic(long Floats, int Reads, int Writes)
{
    public long Bytes => sizeof(float) * Floats * (Reads + Writes);
}

/// <summary>
/// The rate at which plain loops read and write arrays of a given size, each thread its own part, again and again: from the
/// caches where they fit, else from memory. Stores go through the caches or around them, whichever is faster.
/// </summary>
internal static unsafe class Bandwidth
{
    private const int Unroll = 4;

    // Huge pages, where the system gives them to those who align to them.
    private const nuint Alignment = 2 << 20;

    /// <summary>Bytes per second of all threads together.</summary>
    public static double Measure(Traffic traffic, int threads) => SimdLevel.Best switch
    {
        SimdWidth.Bits512 => Best<Simd512<float>, Vector512<float>>(traffic, threads),
        SimdWidth.Bits256 => Best<Simd256<float>, Vector256<float>>(traffic, threads),
        _ => Best<Simd128<float>, Vector128<float>>(traffic, threads),
    };

    private static double Best<TSimd, V>(Traffic traffic, int threads) where TSimd : struct, ISimd<float, V> where V : unmanaged
    {
        var part = (nint)(traffic.Floats / threads) & -(Unroll * Vector512<float>.Count);
        var bytes = (nuint)(part * threads) * sizeof(float);
        float* x = Allocate(), y = Allocate(), result = Allocate();
        var repeats = Math.Max(1, (int)((1 << 18) / part));
        var best = 0.0;
        foreach (var loop in Loops())
        {
            best = Math.Max(best, Crew.Rate(threads, (double)repeats * part * sizeof(float) * (traffic.Reads + traffic.Writes), id =>
            {
                for (var i = 0; i < repeats; i++) loop(x + id * part, y + id * part, result + id * part, part);
            }));
        }
        NativeMemory.AlignedFree(x);
        NativeMemory.AlignedFree(y);
        NativeMemory.AlignedFree(result);
        return best;

        float* Allocate()
        {
            var memory = NativeMemory.AlignedAlloc(bytes, Alignment);
            NativeMemory.Clear(memory, bytes);
            return (float*)memory;
        }

        Loop[] Loops() => (traffic.Reads, traffic.Writes) switch
        {
            (1, 0) => [Read<TSimd, V>],
            (1, 1) => [Write<TSimd, V, Copy, Cached>, Write<TSimd, V, Copy, Around>],
            (2, 1) => [Write<TSimd, V, Sum, Cached>, Write<TSimd, V, Sum, Around>],
            _ => throw new NotSupportedException($"{traffic} has no loop"),
        };
    }

    private delegate void Loop(float* x, float* y, float* result, nint count);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Read<TSimd, V>(float* x, float* y, float* result, nint count) where TSimd : struct, ISimd<float, V> where V : unmanaged
    {
        V a = default, b = default, c = default, d = default;
        for (nint i = 0; i < count; i += Unroll * TSimd.Width)
        {
            a = TSimd.Add(a, TSimd.Load(x + i));
            b = TSimd.Add(b, TSimd.Load(x + i + TSimd.Width));
            c = TSimd.Add(c, TSimd.Load(x + i + 2 * TSimd.Width));
            d = TSimd.Add(d, TSimd.Load(x + i + 3 * TSimd.Width));
        }
        *result = TSimd.Sum(TSimd.Add(TSimd.Add(a, b), TSimd.Add(c, d)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Write<TSimd, V, TValue, TStore>(float* x, float* y, float* result, nint count)
        where TSimd : struct, ISimd<float, V> where V : unmanaged where TValue : struct, IValue where TStore : struct, IStore
    {
        for (nint i = 0; i < count; i += Unroll * TSimd.Width)
        {
            TStore.Store<TSimd, V>(result + i, TValue.Load<TSimd, V>(x + i, y + i));
            TStore.Store<TSimd, V>(result + i + TSimd.Width, TValue.Load<TSimd, V>(x + i + TSimd.Width, y + i + TSimd.Width));
            TStore.Store<TSimd, V>(result + i + 2 * TSimd.Width, TValue.Load<TSimd, V>(x + i + 2 * TSimd.Width, y + i + 2 * TSimd.Width));
            TStore.Store<TSimd, V>(result + i + 3 * TSimd.Width, TValue.Load<TSimd, V>(x + i + 3 * TSimd.Width, y + i + 3 * TSimd.Width));
        }
    }

    private interface IValue
    {
        static abstract V Load<TSimd, V>(float* x, float* y) where TSimd : struct, ISimd<float, V> where V : unmanaged;
    }

    private readonly struct Copy : IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<TSimd, V>(float* x, float* y) where TSimd : struct, ISimd<float, V> where V : unmanaged => TSimd.Load(x);
    }

    private readonly struct Sum : IValue
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Load<TSimd, V>(float* x, float* y) where TSimd : struct, ISimd<float, V> where V : unmanaged =>
            TSimd.Add(TSimd.Load(x), TSimd.Load(y));
    }

    private interface IStore
    {
        static abstract void Store<TSimd, V>(float* p, V v) where TSimd : struct, ISimd<float, V> where V : unmanaged;
    }

    private readonly struct Cached : IStore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store<TSimd, V>(float* p, V v) where TSimd : struct, ISimd<float, V> where V : unmanaged => TSimd.Store(p, v);
    }

    /// <summary>Non-temporal stores, which spare memory the reading of lines that are overwritten.</summary>
    private readonly struct Around : IStore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store<TSimd, V>(float* p, V v) where TSimd : struct, ISimd<float, V> where V : unmanaged
        {
            if (sizeof(V) == sizeof(Vector512<float>)) Unsafe.BitCast<V, Vector512<float>>(v).StoreAlignedNonTemporal(p);
            else if (sizeof(V) == sizeof(Vector256<float>)) Unsafe.BitCast<V, Vector256<float>>(v).StoreAlignedNonTemporal(p);
            else Unsafe.BitCast<V, Vector128<float>>(v).StoreAlignedNonTemporal(p);
        }
    }
}
