using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ManagedFed.Simd;

/// <summary>The witness of 256-bit vectors.</summary>
/// <remarks>
/// Loads and stores dereference a pointer: <c>Vector256.Load</c> is a call in images compiled ahead of time.
/// The witnesses differ in the vector's name only, for which the language has no parameter; formulas and loops know none of them.
/// </remarks>
internal readonly unsafe struct Simd256<T> : ISimd<T, Vector256<T>> where T : unmanaged
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Width => Vector256<T>.Count;

    [MethodImpl(Inline)]
    public static Vector256<T> Load(T* p) => *(Vector256<T>*)p;

    [MethodImpl(Inline)]
    public static void Store(T* p, Vector256<T> v) => *(Vector256<T>*)p = v;

    [MethodImpl(Inline)]
    public static Vector256<T> LoadSingle(float* p) => Vector256.WidenLower((*(Vector128<float>*)p).ToVector256Unsafe()).As<double, T>();

    [MethodImpl(Inline)]
    public static void StoreSingle(float* p, Vector256<T> v) => *(Vector128<float>*)p = Vector256.Narrow(v.AsDouble(), v.AsDouble()).GetLower();

    [MethodImpl(Inline)]
    public static Vector256<T> Splat(T value) => Vector256.Create(value);

    [MethodImpl(Inline)]
    public static Vector256<T> Constant(double value) => Vector256.Create(Lanes.Constant<T>(value));

    [MethodImpl(Inline)]
    public static Vector256<T> LoadMask(byte* p)
    {
        Vector256<byte> zero;
        if (sizeof(T) == 1) zero = Vector256.Equals(*(Vector256<byte>*)p, Vector256<byte>.Zero);
        else if (sizeof(T) == 2)
        {
            var (lower, upper) = Vector128.Widen(*(Vector128<byte>*)p);
            zero = Vector256.Equals(Vector256.Create(lower, upper), Vector256<ushort>.Zero).AsByte();
        }
        else if (sizeof(T) == 4)
        {
            var (lower, upper) = Vector128.Widen(Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)p).AsByte()));
            zero = Vector256.Equals(Vector256.Create(lower, upper), Vector256<uint>.Zero).AsByte();
        }
        else
        {
            var bytes = Vector128.WidenLower(Vector128.CreateScalar(*(uint*)p).AsByte());
            var (lower, upper) = Vector128.Widen(Vector128.WidenLower(bytes));
            zero = Vector256.Equals(Vector256.Create(lower, upper), Vector256<ulong>.Zero).AsByte();
        }
        return (~zero).As<byte, T>();
    }

    [MethodImpl(Inline)]
    public static void StoreMask(byte* p, Vector256<T> mask)
    {
        if (sizeof(T) == 1)
        {
            *(Vector256<byte>*)p = mask.AsByte() & Vector256<byte>.One;
            return;
        }
        var bits = (ulong)mask.ExtractMostSignificantBits();
        if (sizeof(T) == 4) *(ulong*)p = Lanes.Spread(bits);
        else *(uint*)p = (uint)Lanes.Spread(bits);
    }

    [MethodImpl(Inline)]
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    [MethodImpl(Inline)]
    public static Vector256<T> Subtract(Vector256<T> a, Vector256<T> b) => a - b;

    [MethodImpl(Inline)]
    public static Vector256<T> Multiply(Vector256<T> a, Vector256<T> b) => a * b;

    [MethodImpl(Inline)]
    public static Vector256<T> Divide(Vector256<T> a, Vector256<T> b) => a / b;

    [MethodImpl(Inline)]
    public static Vector256<T> MultiplyAdd(Vector256<T> a, Vector256<T> b, Vector256<T> c) =>
        typeof(T) == typeof(float) ? Vector256.FusedMultiplyAdd(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.FusedMultiplyAdd(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
        : a * b + c;

    [MethodImpl(Inline)]
    public static Vector256<T> Max(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b);

    [MethodImpl(Inline)]
    public static Vector256<T> Min(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b);

    // Where a is NaN, the native instructions give it back in this order of operands: x86 the second one, Arm the NaN.
    [MethodImpl(Inline)]
    public static Vector256<T> Clamp(Vector256<T> a, Vector256<T> low, Vector256<T> high) =>
        Vector256.MinNative(high, Vector256.MaxNative(low, a));

    [MethodImpl(Inline)]
    public static Vector256<T> Negate(Vector256<T> a) => -a;

    [MethodImpl(Inline)]
    public static Vector256<T> Abs(Vector256<T> a) => Vector256.Abs(a);

    [MethodImpl(Inline)]
    public static Vector256<T> Sqrt(Vector256<T> a) => Vector256.Sqrt(a);

    [MethodImpl(Inline)]
    public static Vector256<T> Floor(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Floor(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector256<T> Ceiling(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Ceiling(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector256<T> Round(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Round(a.AsDouble()).As<double, T>() : a;

    [MethodImpl(Inline)]
    public static Vector256<T> Equal(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b);

    [MethodImpl(Inline)]
    public static Vector256<T> Less(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);

    [MethodImpl(Inline)]
    public static Vector256<T> LessOrEqual(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b);

    [MethodImpl(Inline)]
    public static Vector256<T> Select(Vector256<T> mask, Vector256<T> a, Vector256<T> b) => Vector256.ConditionalSelect(mask, a, b);

    [MethodImpl(Inline)]
    public static Vector256<T> And(Vector256<T> a, Vector256<T> b) => a & b;

    [MethodImpl(Inline)]
    public static Vector256<T> Or(Vector256<T> a, Vector256<T> b) => a | b;

    [MethodImpl(Inline)]
    public static Vector256<T> Xor(Vector256<T> a, Vector256<T> b) => a ^ b;

    [MethodImpl(Inline)]
    public static Vector256<T> AndNot(Vector256<T> a, Vector256<T> b) => Vector256.AndNot(a, b);

    [MethodImpl(Inline)]
    public static bool Any(Vector256<T> mask) => mask.AsByte() != Vector256<byte>.Zero;

    // Adding 1.5·2²³ (2⁵² for double) leaves the biased exponent n + 127 (1023) in the lowest bits, whence a shift lifts it into place.
    [MethodImpl(Inline)]
    public static Vector256<T> ScaleByPowerOfTwo(Vector256<T> a, Vector256<T> n) =>
        typeof(T) == typeof(float)
            ? a * Vector256.ShiftLeft((n + Constant(12582912.0 + 127)).AsInt32(), 23).As<int, T>()
            : a * Vector256.ShiftLeft((n + Constant(6755399441055744.0 + 1023)).AsInt64(), 52).As<long, T>();

    [MethodImpl(Inline)]
    public static Vector256<T> ScaleByAnyPowerOfTwo(Vector256<T> a, Vector256<T> n) => VectorMath.ScaleInTwoSteps<T, Vector256<T>, Simd256<T>>(a, n);

    [MethodImpl(Inline)]
    public static Vector256<T> Exponent(Vector256<T> a) =>
        typeof(T) == typeof(float)
            ? (Vector256.ShiftRightLogical(a.AsInt32(), 23).As<int, T>() | Constant(8388608.0)) - Constant(8388608.0 + 127)
            : (Vector256.ShiftRightLogical(a.AsInt64(), 52).As<long, T>() | Constant(4503599627370496.0)) - Constant(4503599627370496.0 + 1023);

    [MethodImpl(Inline)]
    public static Vector256<T> Significand(Vector256<T> a) =>
        typeof(T) == typeof(float)
            ? (a & Vector256.Create(0x007FFFFF).As<int, T>()) | Constant(1)
            : (a & Vector256.Create(0x000FFFFFFFFFFFFF).As<long, T>()) | Constant(1);

    [MethodImpl(Inline)]
    public static T Sum(Vector256<T> a) => Simd128<T>.Sum(a.GetLower() + a.GetUpper());

    [MethodImpl(Inline)]
    public static T MaxLane(Vector256<T> a) => Simd128<T>.MaxLane(Vector128.Max(a.GetLower(), a.GetUpper()));

    [MethodImpl(Inline)]
    public static T MinLane(Vector256<T> a) => Simd128<T>.MinLane(Vector128.Min(a.GetLower(), a.GetUpper()));
}
