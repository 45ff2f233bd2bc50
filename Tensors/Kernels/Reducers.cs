using System.Numerics;
using System.Runtime.CompilerServices;
using ManagedFed.Simd;

namespace ManagedFed.Kernels;

/// <summary>An associative operation that makes one element of many, written over a lane witness.</summary>
internal interface IReducer
{
    /// <summary>The operation's name in messages.</summary>
    static abstract string Name { get; }

    /// <summary>Whether it reduces bools; else it reduces numbers.</summary>
    static virtual bool IsLogical => false;

    /// <summary>Whether it has a result for no elements.</summary>
    static virtual bool HasEmptyResult => true;

    /// <summary>The element that changes no other: identity ∘ a = a.</summary>
    static abstract T Identity<T>() where T : unmanaged, INumber<T>;

    static abstract V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V>;

    /// <summary>The lanes of a vector combined.</summary>
    static abstract T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>;
}

/// <summary>Σ xᵢ; integers wrap around.</summary>
internal readonly struct Sum : IReducer
{
    public static string Name => "sum";

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Add(a, b);

    public static T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V> => S.Sum(a);
}

/// <summary>Π xᵢ; integers wrap around.</summary>
internal readonly struct Product : IReducer
{
    public static string Name => "prod";

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Multiply(a, b);

    public static unsafe T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V>
    {
        var lanes = (T*)&a;
        for (var half = S.Width / 2; half > 0; half /= 2)
        {
            for (var i = 0; i < half; i++) lanes[i] *= lanes[i + half];
        }
        return lanes[0];
    }
}

/// <summary>The largest element; NaN if any is NaN.</summary>
internal readonly struct Max : IReducer
{
    public static string Name => "max";

    public static bool HasEmptyResult => false;

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.CreateSaturating(double.NegativeInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Max(a, b);

    public static T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V> => S.MaxLane(a);
}

/// <summary>The smallest element; NaN if any is NaN.</summary>
internal readonly struct Min : IReducer
{
    public static string Name => "min";

    public static bool HasEmptyResult => false;

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.CreateSaturating(double.PositiveInfinity);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Min(a, b);

    public static T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V> => S.MinLane(a);
}

/// <summary>True when every element is.</summary>
internal readonly struct All : IReducer
{
    public static string Name => "all";

    public static bool IsLogical => true;

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.One;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.And(a, b);

    public static T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V> => S.MinLane(a);
}

/// <summary>True when an element is.</summary>
internal readonly struct Any : IReducer
{
    public static string Name => "any";

    public static bool IsLogical => true;

    public static T Identity<T>() where T : unmanaged, INumber<T> => T.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Combine<T, V, S>(V a, V b) where T : unmanaged where V : unmanaged where S : ISimd<T, V> => S.Or(a, b);

    public static T Fold<T, V, S>(V a) where T : unmanaged, INumber<T> where V : unmanaged where S : ISimd<T, V> => S.MaxLane(a);
}
