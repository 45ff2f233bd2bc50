using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.Simd;

/// <summary>The witness of 128-bit vectors.</summary>
/// <remarks>
/// Loads and stores dereference a pointer: <c>Vector128.Load</c> is a call in images compiled ahead of time.
/// The witnesses differ in the vector's name only, for which the language has no parameter; formulas and loops know none of them.
/// </remarks>
internal readonly unsafe struct Simd128<T> : ISimd<T, Vector128<T>> where T : unmanaged
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Width => Vector128<T>.Count;

    [MethodImpl(Inline)]
    public static Vector128<T> Load(T* p) => *(Vector128<T>*)p;

    [MethodImpl(Inline)]
    public static void Store(T* p, Vector128<T> v) => *(Vector128<T>*)p = v;

    [MethodImpl(Inline)]
    public static Vector128<T> LoadSingle(float* p) => Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(double*)p).AsSingle()).As<double, T>();

    [MethodImpl(Inline)]
    public static void StoreSingle(float* p, Vector128<T> v) => *(double*)p = Vector128.Narrow(v.AsDouble(), v.AsDouble()).AsDouble().ToScalar();

    [MethodImpl(Inline)]
    public static Vector128<T> Splat(T value) => Vector128.Create(value);

    [MethodImpl(Inline)]
    public static Vector128<T> Constant(double value) => Vector128.Create(Lanes.Constant<T>(value));

    [MethodImpl(Inline)]
    public static Vector128<T> LoadMask(byte* p)
    {
        Vector128<byte> zero;
        if (sizeof(T) == 1) zero = Vector128.Equals(*(Vector128<byte>*)p, Vector128<byte>.Zero);
        else if (sizeof(T) == 2) zero = Vector128.Equals(Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)p).AsByte()), Vector128<ushort>.Zero).AsByte();
        else if (sizeof(T) == 4)
        {
            var bytes = Vector128.WidenLower(Vector128.CreateScalar(*(uint*)p).AsByte());
            zero = Vector128.Equals(Vector128.WidenLower(bytes), Vector128<uint>.Zero).AsByte();
        }
        else zero = Vector128.Equals(Vector128.Create(p[0], (ulong)p[1]), Vector128<ulong>.Zero).AsByte();
        return (~zero).As<byte, T>();
    }

    [MethodImpl(Inline)]
    public static void StoreMask(byte* p, Vector128<T> mask)
    {
        if (sizeof(T) == 1)
        {
            *(Vector128<byte>*)p = mask.AsByte() & Vector128<byte>.One;
            return;
        }
        var bits = (ulong)mask.ExtractMostSignificantBits();
        if (sizeof(T) == 4) *(uint*)p = (uint)Lanes.Spread(bits);
        else *(ushort*)p = (ushort)Lanes.Spread(bits);
    }

    [MethodImpl(Inline)]
    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;

    [MethodImpl(Inline)]
    public static Vector128<T> Subtract(Vector128<T> a, Vector128<T> b) => a - b;

    [MethodImpl(Inline)]
    public static Vector128<T> Multiply(Vector128<T> a, Vector128<T> b) => a * b;

    [MethodImpl(Inline)]
    public static Vector128<T> Divide(Vector128<T> a, Vector128<T> b) => a / b;

    [MethodImpl(Inline)]
    public static Vector128<T> MultiplyAdd(Vector128<T> a, Vector128<T> b, Vector128<T> c) =>
        typeof(T) == typeof(float) ? Vector128.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
        : a * b + c;

    [MethodImpl(Inline)]
    public static Vector128<T> Max(Vector128<T> a, Vector128<T> b) => Vector128.Max(a, b);

    [MethodImpl(Inline)]
    public static Vector128<T> Min(Vector128<T> a, Vector128<T> b) => Vector128.Min(a, b);

    // Where a is NaN, the native instructions give it back in this order of operands: x86 the second one, Arm the NaN.
    [MethodImpl(Inline)]
    public static Vector128<T> Clamp(Vector128<T> a, Vector128<T> low, Vector128<T> high) =>
        Vector128.MinNative(high, Vector128.MaxNative(low, a));

    [MethodImpl(Inline)]
    public static Vector128<T> Negate(Vector128<T> a) => -a;

    [MethodImpl(Inline)]
    public static Vector128<T> Abs(Vector128<T> a) => Vector128.Abs(a);

    [MethodImpl(Inline)]
    public static Vector128<T> Sqrt(Vector128<T> a) => Vector128.Sqrt(a);

    [MethodImpl(Inline)]
    public static Vector128<T> Floor(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Floor(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector128<T> Ceiling(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Ceiling(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector128<T> Round(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Round(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector128<T> Equal(Vector128<T> a, Vector128<T> b) => Vector128.Equals(a, b);

    [MethodImpl(Inline)]
    public static Vector128<T> Less(Vector128<T> a, Vector128<T> b) => Vector128.LessThan(a, b);

    [MethodImpl(Inline)]
    public static Vector128<T> LessOrEqual(Vector128<T> a, Vector128<T> b) => Vector128.LessThanOrEqual(a, b);

    [MethodImpl(Inline)]
    public static Vector128<T> Select(Vector128<T> mask, Vector128<T> a, Vector128<T> b) => Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(Inline)]
    public static Vector128<T> And(Vector128<T> a, Vector128<T> b) => a & b;

    [MethodImpl(Inline)]
    public static Vector128<T> Or(Vector128<T> a, Vector128<T> b) => a | b;

    [MethodImpl(Inline)]
    public static Vector128<T> Xor(Vector128<T> a, Vector128<T> b) => a ^ b;

    [MethodImpl(Inline)]
    public static Vector128<T> AndNot(Vector128<T> a, Vector128<T> b) => Vector128.AndNot(a, b);

    [MethodImpl(Inline)]
    public static bool Any(Vector128<T> mask) => mask.AsByte() != Vector128<byte>.Zero;

    // Adding 1.5·2²³ (2⁵² for double) leaves the biased exponent n + 127 (1023) in the lowest bits, whence a shift lifts it into place.
    [MethodImpl(Inline)]
    public static Vector128<T> ScaleByPowerOfTwo(Vector128<T> a, Vector128<T> n) =>
        typeof(T) == typeof(float)
            ? a * Vector128.ShiftLeft((n + Constant(12582912.0 + 127)).AsInt32(), 23).As<int, T>()
            : a * Vector128.ShiftLeft((n + Constant(6755399441055744.0 + 1023)).AsInt64(), 52).As<long, T>();

    [MethodImpl(Inline)]
    public static Vector128<T> ScaleByAnyPowerOfTwo(Vector128<T> a, Vector128<T> n) => VectorMath.ScaleInTwoSteps<T, Vector128<T>, Simd128<T>>(a, n);

    [MethodImpl(Inline)]
    public static Vector128<T> Exponent(Vector128<T> a) =>
        typeof(T) == typeof(float)
            ? (Vector128.ShiftRightLogical(a.AsInt32(), 23).As<int, T>() | Constant(8388608.0)) - Constant(8388608.0 + 127)
            : (Vector128.ShiftRightLogical(a.AsInt64(), 52).As<long, T>() | Constant(4503599627370496.0)) - Constant(4503599627370496.0 + 1023);

    [MethodImpl(Inline)]
    public static Vector128<T> Significand(Vector128<T> a) =>
        typeof(T) == typeof(float)
            ? (a & Vector128.Create(0x007FFFFF).As<int, T>()) | Constant(1)
            : (a & Vector128.Create(0x000FFFFFFFFFFFFF).As<long, T>()) | Constant(1);

    [MethodImpl(Inline)]
    public static T Sum(Vector128<T> a)
    {
        a = a + Rotate(a, 64);
        if (sizeof(T) <= 4) a = a + Rotate(a, 32);
        if (sizeof(T) == 1) a = a + Rotate(a, 16);
        if (sizeof(T) == 1) a = a + Rotate(a, 8);
        return a.ToScalar();
    }

    [MethodImpl(Inline)]
    public static T MaxLane(Vector128<T> a)
    {
        a = Vector128.Max(a, Rotate(a, 64));
        if (sizeof(T) <= 4) a = Vector128.Max(a, Rotate(a, 32));
        if (sizeof(T) == 1) a = Vector128.Max(a, Rotate(a, 16));
        if (sizeof(T) == 1) a = Vector128.Max(a, Rotate(a, 8));
        return a.ToScalar();
    }

    [MethodImpl(Inline)]
    public static T MinLane(Vector128<T> a)
    {
        a = Vector128.Min(a, Rotate(a, 64));
        if (sizeof(T) <= 4) a = Vector128.Min(a, Rotate(a, 32));
        if (sizeof(T) == 1) a = Vector128.Min(a, Rotate(a, 16));
        if (sizeof(T) == 1) a = Vector128.Min(a, Rotate(a, 8));
        return a.ToScalar();
    }

    /// <summary>Swaps the halves (64), or rotates the bits of each half; one instruction for 64 and 32, where they are constants.</summary>
    [MethodImpl(Inline)]
    private static Vector128<T> Rotate(Vector128<T> a, int bits) => bits switch
    {
        64 => Vector128.Shuffle(a.AsUInt64(), Vector128.Create(1UL, 0)).As<ulong, T>(),
        32 => Vector128.Shuffle(a.AsUInt32(), Vector128.Create(1u, 0, 3, 2)).As<uint, T>(),
        _ => ((a.AsUInt64() >> bits) | (a.AsUInt64() << (64 - bits))).As<ulong, T>(),
    };
}
