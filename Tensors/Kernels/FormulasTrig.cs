using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

internal readonly struct Tan : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Tan<T, V, S>(x);
}

internal readonly struct Sinh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Sinh<T, V, S>(x);
}

internal readonly struct Cosh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.Cosh<T, V, S>(x);
}

internal readonly struct ArcSinh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.ArcSinh<T, V, S>(x);
}

internal readonly struct ArcCosh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.ArcCosh<T, V, S>(x);
}

internal readonly struct ArcTanh : IUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => VectorMath.ArcTanh<T, V, S>(x);
}

/// <summary>A function of the platform's mathematics, which is right to the last place or nearly so.</summary>
internal interface IScalarUnary
{
    static abstract double Invoke(double x);
}

/// <summary>Applies a scalar function to every lane of floats, computed in double.</summary>
internal static unsafe class EachLane
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static V Invoke<T, V, S, TFunction>(V x) where T : unmanaged where V : unmanaged where S : ISimd<T, V> where TFunction : IScalarUnary
    {
        for (var i = 0; i < S.Width; i++)
        {
            if (typeof(T) == typeof(float)) ((float*)&x)[i] = (float)TFunction.Invoke(((float*)&x)[i]);
            else ((double*)&x)[i] = TFunction.Invoke(((double*)&x)[i]);
        }
        return x;
    }
}

internal readonly struct ArcSin : IUnary, IScalarUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => EachLane.Invoke<T, V, S, ArcSin>(x);

    static double IScalarUnary.Invoke(double x) => Math.Asin(x);
}

internal readonly struct ArcCos : IUnary, IScalarUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => EachLane.Invoke<T, V, S, ArcCos>(x);

    static double IScalarUnary.Invoke(double x) => Math.Acos(x);
}

internal readonly struct ArcTan : IUnary, IScalarUnary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IUnary.Invoke<T, V, S>(V x) => EachLane.Invoke<T, V, S, ArcTan>(x);

    static double IScalarUnary.Invoke(double x) => Math.Atan(x);
}

/// <summary>The angle of the point (b, a), in [−π, π].</summary>
internal readonly struct ArcTan2 : IBinary, IScalarBinary
{
    static bool IFormula.IsCostly => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static V IBinary.Invoke<T, V, S>(V a, V b) => PerLane.Invoke<T, V, S, ArcTan2>(a, b);

    static T IScalarBinary.Invoke<T>(T a, T b) => T.CreateTruncating(Math.Atan2(double.CreateTruncating(a), double.CreateTruncating(b)));
}
