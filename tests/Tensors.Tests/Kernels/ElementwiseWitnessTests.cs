using System.Numerics;
using System.Runtime.Intrinsics;
using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

/// <summary>Every operation of the witnesses against the scalar one, at every width and element type.</summary>
public sealed unsafe class ElementwiseWitnessTests
{
    [Fact]
    public void Integers_EveryWidth_MatchScalars()
    {
        AtEveryWidth(new Numbers<int>());
        AtEveryWidth(new Numbers<uint>());
        AtEveryWidth(new Numbers<long>());
        AtEveryWidth(new Numbers<byte>());
    }

    [Fact]
    public void Floats_EveryWidth_MatchScalars()
    {
        AtEveryWidth(new Numbers<float>());
        AtEveryWidth(new Numbers<double>());
        AtEveryWidth(new FloatBits<float>());
        AtEveryWidth(new FloatBits<double>());
    }

    [Fact]
    public void LaneExtremes_NaNInAnyLane_AreNaN()
    {
        AtEveryWidth(new NaNLanes<float>());
        AtEveryWidth(new NaNLanes<double>());
    }

    [Fact]
    public void Masks_ThroughBools_KeepEveryLane()
    {
        AtEveryWidth(new Masks<byte>());
        AtEveryWidth(new Masks<float>());
        AtEveryWidth(new Masks<uint>());
        AtEveryWidth(new Masks<double>());
        AtEveryWidth(new Masks<long>());
    }

    private interface ICheck<T> where T : unmanaged
    {
        void Run<S, V>() where S : ISimd<T, V> where V : unmanaged;
    }

    private static void AtEveryWidth<T>(ICheck<T> check) where T : unmanaged
    {
        check.Run<Simd128<T>, Vector128<T>>();
        check.Run<Simd256<T>, Vector256<T>>();
        check.Run<Simd512<T>, Vector512<T>>();
    }

    private static T[] Lanes<T, S, V>(V v) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        var result = new T[S.Width + 1];
        // One element further on, so that the store is unaligned.
        fixed (T* p = result) S.Store(p + 1, v);
        return result[1..];
    }

    private static V Vector<T, S, V>(T[] values) where T : unmanaged where V : unmanaged where S : ISimd<T, V>
    {
        fixed (T* p = values) return S.Load(p);
    }

    private sealed class Numbers<T> : ICheck<T> where T : unmanaged, INumber<T>, IMinMaxValue<T>
    {
        public void Run<S, V>() where S : ISimd<T, V> where V : unmanaged
        {
            // Small values, of both signs where there are signs, so that no product overflows.
            var signed = T.MinValue < T.Zero;
            T[] Values(int seed) => [.. Enumerable.Range(0, S.Width).Select(i =>
                T.CreateChecked(i * seed % 7 + 1) * (signed && i % 3 == 0 ? T.Zero - T.One : T.One))];
            T[] x = Values(3), y = Values(5), z = Values(2);
            V a = Vector<T, S, V>(x), b = Vector<T, S, V>(y), c = Vector<T, S, V>(z);

            void Same(V actual, Func<T, T, T, T> expected) =>
                Assert.Equal(x.Select((v, i) => expected(v, y[i], z[i])), Lanes<T, S, V>(actual));
            T If(bool condition, T yes, T no) => condition ? yes : no;

            Same(S.Add(a, b), (p, q, _) => p + q);
            Same(S.Subtract(S.Add(a, b), b), (p, _, _) => p);
            Same(S.Multiply(a, b), (p, q, _) => p * q);
            Same(S.Divide(a, b), (p, q, _) => p / q);
            Same(S.MultiplyAdd(a, b, S.Constant(100)), (p, q, _) => p * q + T.CreateChecked(100));
            Same(S.Max(a, b), (p, q, _) => T.Max(p, q));
            Same(S.Min(a, b), (p, q, _) => T.Min(p, q));
            Same(S.Abs(a), (p, _, _) => T.Abs(p));
            Same(S.Splat(x[1]), (_, _, _) => x[1]);
            Same(S.Select(S.Less(a, b), a, c), (p, q, r) => If(p < q, p, r));
            Same(S.Select(S.LessOrEqual(a, b), a, c), (p, q, r) => If(p <= q, p, r));
            Same(S.Select(S.Equal(a, b), a, c), (p, q, r) => If(p == q, p, r));
            Same(S.Select(S.And(S.LessOrEqual(a, b), S.LessOrEqual(b, a)), a, c), (p, q, r) => If(p == q, p, r));
            Same(S.Select(S.Or(S.Less(a, b), S.Less(b, a)), a, c), (p, q, r) => If(p != q, p, r));
            Same(S.Select(S.Xor(S.Less(a, b), S.LessOrEqual(a, b)), a, c), (p, q, r) => If(p == q, p, r));
            Same(S.Select(S.AndNot(S.LessOrEqual(a, b), S.Less(a, b)), a, c), (p, q, r) => If(p == q, p, r));
            if (signed) Same(S.Negate(a), (p, _, _) => -p);
            Assert.Equal(x.Aggregate(T.Zero, (s, v) => s + v), S.Sum(a));
            Assert.Equal(x.Max(), S.MaxLane(a));
            Assert.Equal(x.Min(), S.MinLane(a));
        }
    }

    private sealed class FloatBits<T> : ICheck<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run<S, V>() where S : ISimd<T, V> where V : unmanaged
        {
            foreach (var value in new[] { 0.5, 1.5, 2.5, -1.5, -2.25, 3.75, 1e20, -0.0 })
            {
                var x = T.CreateChecked(value);
                void Same(T expected, V actual) => Assert.All(Lanes<T, S, V>(actual), v => Assert.Equal(expected, v));
                Same(T.Floor(x), S.Floor(S.Splat(x)));
                Same(T.Ceiling(x), S.Ceiling(S.Splat(x)));
                Same(T.Round(x, MidpointRounding.ToEven), S.Round(S.Splat(x)));
                Same(T.Sqrt(T.Abs(x)), S.Sqrt(S.Splat(T.Abs(x))));
                foreach (var n in new[] { -126, -3, 0, 1, 127 })
                {
                    Same(T.ScaleB(T.One, n), S.ScaleByPowerOfTwo(S.Constant(1), S.Constant(n)));
                    Same(T.CreateChecked(n), S.Exponent(S.Constant(1.75 * Math.Pow(2, n))));
                    Same(T.CreateChecked(1.75), S.Significand(S.Constant(1.75 * Math.Pow(2, n))));
                }
            }
            // Down into subnormal numbers and to zero, up to infinity.
            var step = typeof(T) == typeof(float) ? 1 : 8;
            foreach (var n in new[] { -160, -149, -148, -140, -130, -127, -126, 0, 1, 127, 128, 200 })
            {
                var a = T.CreateChecked(1.3f);
                Assert.All(Lanes<T, S, V>(S.ScaleByAnyPowerOfTwo(S.Splat(a), S.Constant(step * n))), v => Assert.Equal(T.ScaleB(a, step * n), v));
            }
            // (1 + ε)² − 1 − 2ε = ε², which an unfused product loses.
            var e = T.BitIncrement(T.One) - T.One;
            var one = T.One + e;
            Assert.Equal(e * e, Lanes<T, S, V>(S.MultiplyAdd(S.Splat(one), S.Splat(one), S.Splat(-one - e)))[0]);
        }
    }

    private sealed class NaNLanes<T> : ICheck<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public void Run<S, V>() where S : ISimd<T, V> where V : unmanaged
        {
            for (var i = 0; i < S.Width; i++)
            {
                var values = Enumerable.Range(0, S.Width).Select(T.CreateChecked).ToArray();
                values[i] = T.NaN;
                var v = Vector<T, S, V>(values);
                Assert.True(T.IsNaN(S.MaxLane(v)));
                Assert.True(T.IsNaN(S.MinLane(v)));
                Assert.True(T.IsNaN(Lanes<T, S, V>(S.Max(v, S.Constant(1)))[i]));
                Assert.True(T.IsNaN(Lanes<T, S, V>(S.Max(S.Constant(1), v))[i]));
                Assert.True(T.IsNaN(Lanes<T, S, V>(S.Min(v, S.Constant(1)))[i]));
                Assert.True(T.IsNaN(Lanes<T, S, V>(S.Min(S.Constant(1), v))[i]));
            }
        }
    }

    private sealed class Masks<T> : ICheck<T> where T : unmanaged, INumber<T>
    {
        public void Run<S, V>() where S : ISimd<T, V> where V : unmanaged
        {
            Assert.False(S.Any(S.Constant(0)));
            for (var seed = 0; seed < 64; seed++)
            {
                var bools = new byte[S.Width + 1];
                new Random(seed).NextBytes(bools);
                for (var i = 0; i < S.Width; i++) bools[i] &= (byte)(i % 5 == 0 ? 0xF0 : 0x01);
                bools[S.Width] = 77;
                var back = new byte[S.Width + 1];
                back[S.Width] = 77;
                V mask;
                fixed (byte* p = bools) mask = S.LoadMask(p);
                fixed (byte* p = back) S.StoreMask(p, mask);
                Assert.Equal(bools.Select((b, i) => i == S.Width ? b : (byte)(b == 0 ? 0 : 1)), back);
                Assert.Equal(bools[..^1].Select(b => b == 0 ? T.Zero : T.One), Lanes<T, S, V>(S.Select(mask, S.Constant(1), S.Constant(0))));
                Assert.Equal(bools[..^1].Any(b => b != 0), S.Any(mask));
            }
        }
    }
}
