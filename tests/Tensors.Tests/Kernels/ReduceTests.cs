using CsCheck;
using ManagedFed.Kernels;
using ManagedFed.Simd;
using Xunit;

namespace ManagedFed.Tests.Kernels;

public sealed class ReduceTests
{
    public static readonly TheoryData<DType> Numbers = [DType.UInt8, DType.Int32, DType.UInt32, DType.Int64, DType.UInt64, DType.Float32, DType.Float64];

    private static readonly int[] Lengths =
        [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1023, 2047, 2048, 2049, 5000];

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_RowsOfEveryLength_MatchTheDefinition(int bits)
    {
        var width = Widths.Of(bits);
        foreach (var n in Lengths)
        {
            // Small integers of both signs: every order of summation is exact.
            var x = NdArray.From<float>([.. Enumerable.Range(0, 3 * n).Select(i => (float)(i * 37 % 101 - 50))], [3, n]);
            var rows = Views.Read<float>(x).Chunk(n).ToArray();
            Assert.Equal(rows.Select(row => row.Sum()), Floats<Sum>(x, [1], width));
            Assert.Equal(rows.Select(row => row.Max()), Floats<Max>(x, [1], width));
            Assert.Equal(rows.Select(row => row.Min()), Floats<Min>(x, [1], width));
        }
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_ColumnsOfEveryCount_MatchTheDefinition(int bits)
    {
        var width = Widths.Of(bits);
        foreach (var columns in Lengths)
        {
            foreach (var rows in new[] { 1, 2, 31, 32, 33, 100 })
            {
                var x = NdArray.From<float>([.. Enumerable.Range(0, rows * columns).Select(i => (float)(i * 37 % 101 - 50))], [rows, columns]);
                var values = Views.Read<float>(x);
                Assert.Equal(Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, rows).Sum(r => values[r * columns + c])), Floats<Sum>(x, [0], width));
                Assert.Equal(Enumerable.Range(0, columns).Select(c => Enumerable.Range(0, rows).Max(r => values[r * columns + c])), Floats<Max>(x, [0], width));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Numbers))]
    public void Run_EveryType_AtEveryWidth(DType dtype)
    {
        foreach (var width in Enum.GetValues<SimdWidth>())
        {
            var x = Views.Range([20], dtype).Slice(0, 1, 19).Reshape([19, 1]).BroadcastTo([19, 2]);
            Assert.Equal([190, 190], Run<Sum>(x, [0], width));
            Assert.Equal([19, 19], Run<Max>(x, [0], width));
            Assert.Equal([1, 1], Run<Min>(x, [0], width));
            Assert.Equal([120], Run<Product>(Views.Range([6], dtype).Slice(0, 1, 5), [0], width));
        }
    }

    [Fact]
    public void Run_AnyViewAndAxes_MatchTheDefinition() =>
        Views.Gen(DType.Int32).SelectMany(x => Gen.Bool.Array[x.Shape.Rank].Select(drop => (x, drop))).Sample((x, drop) =>
        {
            int[] axes = [.. Enumerable.Range(0, drop.Length).Where(i => drop[i])];
            var expected = new Dictionary<string, (double Sum, double Product)>();
            foreach (var at in Views.Indices(x.Shape))
            {
                var key = string.Join(',', at.Where((_, i) => !drop[i]));
                var (sum, product) = expected.GetValueOrDefault(key, (0, 1));
                expected[key] = (sum + Views.At<int>(x, at), unchecked((int)product * Views.At<int>(x, at)));
            }
            if (x.Count == 0)
            {
                var kept = Shape.Create([.. x.Shape.Where((_, i) => !drop[i])]).Count;
                return Run<Sum>(x, axes).SequenceEqual(Enumerable.Repeat(0.0, (int)kept))
                    && Run<Product>(x, axes).SequenceEqual(Enumerable.Repeat(1.0, (int)kept));
            }
            return Run<Sum>(x, axes).SequenceEqual(expected.Values.Select(v => v.Sum))
                && Run<Product>(x, axes).SequenceEqual(expected.Values.Select(v => v.Product));
        });

    [Fact]
    public void Run_SumOfRandomFloats_IsCloseToTheSumInDouble() =>
        (from rows in Gen.Int[1, 200]
         from columns in Gen.Int[1, 40]
         from values in Gen.Float[-1, 1].Array[rows * columns]
         from axis in Gen.Int[0, 1]
         select (NdArray.From<float>(values, [rows, columns]), axis)).Sample((x, axis) =>
        {
            var exact = Run<Sum>(x.AsType(DType.Float64), [axis]);
            return Run<Sum>(x, [axis]).Zip(exact, (a, b) => Math.Abs(a - b)).All(error => error < 1e-5);
        });

    [Fact]
    public void Run_SumOfManyOnes_IsExact()
    {
        var ones = NdArray.Empty([1 << 25], DType.Float32);
        ones.Fill(1);
        Assert.Equal([33554432.0], Run<Sum>(ones, [0]));
        Assert.All(Run<Sum>(ones.Reshape([1 << 20, 32]), [0]), v => Assert.Equal(1 << 20, v));
    }

    [Fact]
    public void Run_SumOfMillionTenths_StaysWithinThePairwiseBound()
    {
        // Each element passes at most 31 additions in its accumulator, 2 to join four, log₂(10⁶/512) = 11 between blocks and 4
        // between lanes, each off by 2⁻²⁴ of the partial sum: 48·2⁻²⁴·10⁵ = 0.29. One by one, the sum would be off by 958.
        var x = NdArray.Empty([1_000_000], DType.Float32);
        x.Fill(0.1);
        Assert.InRange(Run<Sum>(x, [0])[0], 100000.0015 - 0.29, 100000.0015 + 0.29);
    }

    [Theory]
    [InlineData(1, 1_000_003)]
    [InlineData(3, 300_001)]
    [InlineData(1_000, 700)]
    [InlineData(100_003, 32)]
    [InlineData(700, 1_111)]
    public void Run_LargeArrays_AreBitIdenticalForAnyNumberOfThreads(int rows, int columns)
    {
        var random = new Random(3);
        var x = NdArray.From<float>([.. Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() - 0.4f)], [rows, columns]);
        foreach (int[] axes in new int[][] { [0], [1], [0, 1] })
        {
            var single = Threads.With(1, () => Run<Sum>(x, axes));
            Assert.Equal(single, Threads.With(2, () => Run<Sum>(x, axes)));
            Assert.Equal(single, Threads.With(5, () => Run<Sum>(x, axes)));
            foreach (var (sum, exact) in single.Zip(Run<Sum>(x.AsType(DType.Float64), axes))) Assert.Equal(exact, sum, Math.Abs(exact) * 1e-6 + 1e-4);
        }
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_NaNAnywhere_GivesNaN(int bits)
    {
        var width = Widths.Of(bits);
        foreach (var n in new[] { 1, 5, 16, 40, 300 })
        {
            for (var at = 0; at < n; at += 3)
            {
                var x = NdArray.Zeros([n]);
                x.AsSpan<float>()[at] = float.NaN;
                Assert.True(double.IsNaN(Run<Max>(x, [0], width)[0]));
                Assert.True(double.IsNaN(Run<Min>(x, [0], width)[0]));
                Assert.True(double.IsNaN(Run<Sum>(x, [0], width)[0]));
            }
        }
    }

    [Fact]
    public void Run_Infinities_FollowArithmetic()
    {
        Assert.Equal([double.NegativeInfinity], Run<Max>(NdArray.From(float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity), [0]));
        Assert.Equal([double.PositiveInfinity], Run<Min>(NdArray.From(double.PositiveInfinity), [0]));
        Assert.Equal([double.NaN], Run<Sum>(NdArray.From(float.PositiveInfinity, float.NegativeInfinity), [0]));
    }

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Run_AllAndAny_FindTheOneThatDiffers(int bits)
    {
        var width = Widths.Of(bits);
        foreach (var n in new[] { 1, 3, 16, 17, 64, 65, 9000 })
        {
            var x = NdArray.Zeros([n], DType.Bool);
            Assert.Equal([0], Run<Any>(x, [0], width));
            x.AsSpan<bool>()[n / 2] = true;
            Assert.Equal([1], Run<Any>(x, [0], width));
            Assert.Equal([n == 1 ? 1 : 0], Run<All>(x, [0], width));
            x.Fill(1);
            Assert.Equal([1], Run<All>(x, [0], width));
        }
    }

    [Fact]
    public void Run_AllOfNothing_IsTrueAndAnyIsFalse()
    {
        Assert.Equal([1, 1], Run<All>(NdArray.Zeros([0, 2], DType.Bool), [0]));
        Assert.Equal([0, 0], Run<Any>(NdArray.Zeros([0, 2], DType.Bool), [0]));
    }

    [Fact]
    public void Run_MaxOfAnEmptyAxis_SaysWhich()
    {
        var error = Assert.Throws<ArgumentException>(() => Run<Max>(NdArray.Zeros([0, 3]), [0]));
        Assert.Equal("[max] cannot reduce axis 0 of size 0", error.Message);
        Assert.Empty(Run<Max>(NdArray.Zeros([0, 3]), [1]));
    }

    [Fact]
    public void Run_WrongType_Throws()
    {
        Assert.Equal("[sum] dtype is bool, expected a number", Assert.Throws<ArgumentException>(() => Run<Sum>(NdArray.Zeros([2], DType.Bool), [0])).Message);
        Assert.Equal("[all] dtype is float32, expected bool", Assert.Throws<ArgumentException>(() => Run<All>(NdArray.Zeros([2]), [0])).Message);
    }

    [Fact]
    public void Run_ScalarWithoutAxes_Copies() => Assert.Equal([4.5], Run<Sum>(NdArray.From<double>([4.5], []), []));

    private static float[] Floats<R>(NdArray x, int[] axes, SimdWidth width) where R : struct, IReducer =>
        [.. Run<R>(x, axes, width).Select(v => (float)v)];

    private static double[] Run<R>(NdArray x, int[] axes) where R : struct, IReducer => Run<R>(x, axes, SimdLevel.Best);

    private static double[] Run<R>(NdArray x, int[] axes, SimdWidth width) where R : struct, IReducer
    {
        var dst = NdArray.Empty(Shape.Create([.. x.Shape.Where((_, i) => !axes.Contains(i))]), x.DType);
        Reduce.Run<R>(x, axes, dst, width);
        return Views.Doubles(dst);
    }
}
