using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace ManagedFed;

/// <summary>
/// Every user-facing failure of the arithmetic, as <c>[op] what is wrong: actual values, expected; hint</c>.
/// </summary>
internal static class Throw
{
    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void Argument(string op, string message) => throw new ArgumentException($"[{op}] {message}");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static T Argument<T>(string op, string message) => throw new ArgumentException($"[{op}] {message}");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void Invalid(string op, string message) => throw new InvalidOperationException($"[{op}] {message}");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void DTypeMismatch(string op, DType actual, string expected) =>
        throw new ArgumentException($"[{op}] dtype is {actual.Name()}, expected {expected}");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void CannotBroadcast(string op, Shape a, Shape b) => throw new ArgumentException(
        $"[{op}] shapes {a} and {b} cannot be broadcast; sizes must match from the last axis, or be 1");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void AxisOutOfRange(string op, int axis, Shape shape) => throw new ArgumentOutOfRangeException(
        nameof(axis), axis, $"[{op}] axis {axis} is out of range for shape {shape}, {(shape.Rank == 0 ? "which has no axes" : $"expected {-shape.Rank}..{shape.Rank - 1}")}");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void IndexOutOfRange(string op, long index, int axis, int size, int low) => throw new ArgumentOutOfRangeException(
        nameof(index), index, $"[{op}] index {index} is out of range for axis {axis} of size {size}, expected {low}..{size - 1}");

    /// <summary>Refuses a setting outside its range.</summary>
    public static void Unless([DoesNotReturnIf(false)] bool condition, string op, string name, double value, string range)
    {
        if (!condition) OutOfRange(op, name, value, range);
    }

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    private static void OutOfRange(string op, string name, double value, string range) => throw new ArgumentOutOfRangeException(
        name, value, string.Create(CultureInfo.InvariantCulture, $"[{op}] {name} is {value}, expected {range}"));

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void EmptyReduction(string op, int axis) => throw new ArgumentException($"[{op}] cannot reduce axis {axis} of size 0");

    [DoesNotReturn, MethodImpl(MethodImplOptions.NoInlining)]
    public static void Disposed(string op, Shape shape, string message) =>
        throw new ObjectDisposedException("Tensor", $"[{op}] a tensor of shape {shape} {message}");
}
