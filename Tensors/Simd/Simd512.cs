using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace ManagedFed.Simd;

/// <summary>The witness of 512-bit vectors.</summary>
/// <remarks>
/// Loads and stores dereference a pointer: <c>Vector512.Load</c> is a call in images compiled ahead of time.
/// The witnesses differ in the vector's name only, for which the language has no parameter; formulas and loops know none of them.
/// </remarks>
internal readonly unsafe struct Simd512<T> : ISimd<T, Vector512<T>> where T : unmanaged
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Width => Vector512<T>.Count;

    [MethodImpl(Inline)]
    public static Vector512<T> Load(T* p) => *(Vector512<T>*)p;

    [MethodImpl(Inline)]
    public static void Store(T* p, Vector512<T> v) => *(Vector512<T>*)p = v;

    [MethodImpl(Inline)]
    public static Vector512<T> LoadSingle(float* p) => Vector512.WidenLower((*(Vector256<float>*)p).ToVector512Unsafe()).As<double, T>();

    [MethodImpl(Inline)]
    public static void StoreSingle(float* p, Vector512<T> v) => *(Vector256<float>*)p = Vector512.Narrow(v.AsDouble(), v.AsDouble()).GetLower();

    [MethodImpl(Inline)]
    public static Vector512<T> Splat(T value) => Vector512.Create(value);

    [MethodImpl(Inline)]
    public static Vector512<T> Constant(double value) => Vector512.Create(Lanes.Constant<T>(value));

    [MethodImpl(Inline)]
    public static Vector512<T> LoadMask(byte* p)
    {
        if (sizeof(T) == 1) return (~Vector512.Equals(*(Vector512<byte>*)p, Vector512<byte>.Zero)).As<byte, T>();
        return Vector512.Create(Simd256<T>.LoadMask(p), Simd256<T>.LoadMask(p + Width / 2));
    }

    [MethodImpl(Inline)]
    public static void StoreMask(byte* p, Vector512<T> mask)
    {
        if (sizeof(T) == 1)
        {
            *(Vector512<byte>*)p = mask.AsByte() & Vector512<byte>.One;
            return;
        }
        var bits = (ulong)mask.ExtractMostSignificantBits();
        *(ulong*)p = Lanes.Spread(bits);
        if (sizeof(T) == 4) *(ulong*)(p + 8) = Lanes.Spread(bits >> 8);
    }

    [MethodImpl(Inline)]
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    [MethodImpl(Inline)]
    public static Vector512<T> Subtract(Vector512<T> a, Vector512<T> b) => a - b;

    [MethodImpl(Inline)]
    public static Vector512<T> Multiply(Vector512<T> a, Vector512<T> b) => a * b;

    [MethodImpl(Inline)]
    public static Vector512<T> Divide(Vector512<T> a, Vector512<T> b) => a / b;

    [MethodImpl(Inline)]
    public static Vector512<T> MultiplyAdd(Vector512<T> a, Vector512<T> b, Vector512<T> c) =>
        typeof(T) == typeof(float) ? Vector512.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
        : a * b + c;

    [MethodImpl(Inline)]
    public static Vector512<T> Max(Vector512<T> a, Vector512<T> b) => Vector512.Max(a, b);

    [MethodImpl(Inline)]
    public static Vector512<T> Min(Vector512<T> a, Vector512<T> b) => Vector512.Min(a, b);

    // Where a is NaN, the native instructions give it back in this order of operands: x86 the second one, Arm the NaN.
    [MethodImpl(Inline)]
    public static Vector512<T> Clamp(Vector512<T> a, Vector512<T> low, Vector512<T> high) =>
        Vector512.MinNative(high, Vector512.MaxNative(low, a));

    [MethodImpl(Inline)]
    public static Vector512<T> Negate(Vector512<T> a) => -a;

    [MethodImpl(Inline)]
    public static Vector512<T> Abs(Vector512<T> a) => Vector512.Abs(a);

    [MethodImpl(Inline)]
    public static Vector512<T> Sqrt(Vector512<T> a) => Vector512.Sqrt(a);

    [MethodImpl(Inline)]
    public static Vector512<T> Floor(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Floor(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector512<T> Ceiling(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Ceiling(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector512<T> Round(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Round(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector512<T> Equal(Vector512<T> a, Vector512<T> b) => Vector512.Equals(a, b);

    [MethodImpl(Inline)]
    public static Vector512<T> Less(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b);

    [MethodImpl(Inline)]
    public static Vector512<T> LessOrEqual(Vector512<T> a, Vector512<T> b) => Vector512.LessThanOrEqual(a, b);

    [MethodImpl(Inline)]
    public static Vector512<T> Select(Vector512<T> mask, Vector512<T> a, Vector512<T> b) => Vector512.ConditionalSelect(mask, a, b);

    [MethodImpl(Inline)]
    public static Vector512<T> And(Vector512<T> a, Vector512<T> b) => a & b;

    [MethodImpl(Inline)]
    public static Vector512<T> Or(Vector512<T> a, Vector512<T> b) => a | b;

    [MethodImpl(Inline)]
    public static Vector512<T> Xor(Vector512<T> a, Vector512<T> b) => a ^ b;

    [MethodImpl(Inline)]
    public static Vector512<T> AndNot(Vector512<T> a, Vector512<T> b) => Vector512.AndNot(a, b);

    [MethodImpl(Inline)]
    public static bool Any(Vector512<T> mask) => mask.AsByte() != Vector512<byte>.Zero;

    // Adding 1.5·2²³ (2⁵² for double) leaves the biased exponent n + 127 (1023) in the lowest bits, whence a shift lifts it into place.
    [MethodImpl(Inline)]
    public static Vector512<T> ScaleByPowerOfTwo(Vector512<T> a, Vector512<T> n) =>
        typeof(T) == typeof(float)
            ? a * Vector512.ShiftLeft((n + Constant(12582912.0 + 127)).AsInt32(), 23).As<int, T>()
            : a * Vector512.ShiftLeft((n + Constant(6755399441055744.0 + 1023)).AsInt64(), 52).As<long, T>();

    [MethodImpl(Inline)]
    public static Vector512<T> ScaleByAnyPowerOfTwo(Vector512<T> a, Vector512<T> n) =>
        !Avx512F.IsSupported ? VectorMath.ScaleInTwoSteps<T, Vector512<T>, Simd512<T>>(a, n)
        : typeof(T) == typeof(float) ? Avx512F.Scale(a.AsSingle(), n.AsSingle()).As<float, T>()
        : Avx512F.Scale(a.AsDouble(), n.AsDouble()).As<double, T>();

    [MethodImpl(Inline)]
    public static Vector512<T> Exponent(Vector512<T> a) =>
        typeof(T) == typeof(float)
            ? (Vector512.ShiftRightLogical(a.AsInt32(), 23).As<int, T>() | Constant(8388608.0)) - Constant(8388608.0 + 127)
            : (Vector512.ShiftRightLogical(a.AsInt64(), 52).As<long, T>() | Constant(4503599627370496.0)) - Constant(4503599627370496.0 + 1023);

    [MethodImpl(Inline)]
    public static Vector512<T> Significand(Vector512<T> a) =>
        typeof(T) == typeof(float)
            ? (a & Vector512.Create(0x007FFFFF).As<int, T>()) | Constant(1)
            : (a & Vector512.Create(0x000FFFFFFFFFFFFF).As<long, T>()) | Constant(1);

    [MethodImpl(Inline)]
    public static T Sum(Vector512<T> a) => Simd256<T>.Sum(a.GetLower() + a.GetUpper());

    [MethodImpl(Inline)]
    public static T MaxLane(Vector512<T> a) => Simd256<T>.MaxLane(Vector256.Max(a.GetLower(), a.GetUpper()));

    [MethodImpl(Inline)]
    public static T MinLane(Vector512<T> a) => Simd256<T>.MinLane(Vector256.Min(a.GetLower(), a.GetUpper()));
}
