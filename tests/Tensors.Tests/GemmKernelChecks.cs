using System.Numerics;
using ManagedFed.Kernels;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>The properties every micro-kernel has, by itself and under the loops; xunit wants public classes, kernels are internal.</summary>
internal abstract class GemmKernelChecks
{
    public abstract void RowsCoverAnyCount();

    public abstract void IdentityACopiesB();

    public abstract void IdentityBCopiesA();

    public abstract void RowsFurtherApartLeaveTheGapsAlone();

    public abstract void AccumulateAddsToC();

    public abstract void StridedAEqualsPackedA();

    public abstract void NoTermsGiveZero();

    public abstract void ProductAgrees(int m, int k, int n, GemmReference.Order orderA, GemmReference.Order orderB);
}

internal sealed unsafe class GemmKernelChecks<T, TKernel> : GemmKernelChecks
    where T : unmanaged, IFloatingPointIeee754<T> where TKernel : struct, IGemmKernel<T>
{
    private const int Depth = 37;

    private static int[] Heights => [.. Enumerable.Range(1, 20).Select(left => TKernel.Rows(left)).Distinct()];

    private static T[] Random(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => T.CreateTruncating(random.NextDouble() * 2 - 1))];
    }

    private static void Tile(int rows, int depth, T[] a, int rsa, int csa, T[] b, int rsb, T[] c, int rsc, bool accumulate)
    {
        fixed (T* pa = a, pb = b, pc = c)
        {
            TKernel.Tile(rows, depth, pa, rsa, csa, pb, rsb, pc, rsc, accumulate, default(Product<T>), 0, 0);
        }
    }

    public override void RowsCoverAnyCount()
    {
        for (nint total = 1; total < 100; total++)
        {
            nint covered = 0;
            while (covered < total)
            {
                var height = TKernel.Rows(total - covered);
                Assert.InRange(height, 1, TKernel.MR);
                covered += height;
            }
            Assert.InRange(covered, total, total + TKernel.MR - 1);
        }
    }

    public override void IdentityACopiesB()
    {
        foreach (var rows in Heights)
        {
            // (I·B)ᵢⱼ = Bᵢⱼ: the first `rows` rows of B, and every product but one is with zero, so the result is exact.
            var a = new T[rows * rows];
            for (var i = 0; i < rows; i++) a[i * rows + i] = T.One;
            var b = Random(rows * TKernel.NR);
            var c = Enumerable.Repeat(T.NaN, rows * TKernel.NR).ToArray();
            Tile(rows, rows, a, 1, rows, b, TKernel.NR, c, TKernel.NR, accumulate: false);
            Assert.Equal(b, c);
        }
    }

    public override void IdentityBCopiesA()
    {
        foreach (var rows in Heights)
        {
            var nr = TKernel.NR;
            var a = Random(nr * rows);
            var b = new T[nr * nr];
            for (var i = 0; i < nr; i++) b[i * nr + i] = T.One;
            var c = Enumerable.Repeat(T.NaN, rows * nr).ToArray();
            Tile(rows, nr, a, 1, rows, b, nr, c, nr, accumulate: false);
            for (var i = 0; i < rows; i++)
            {
                for (var k = 0; k < nr; k++) Assert.Equal(a[k * rows + i], c[i * nr + k]);
            }
        }
    }

    public override void RowsFurtherApartLeaveTheGapsAlone()
    {
        foreach (var rows in Heights)
        {
            int nr = TKernel.NR, rsc = nr + 3;
            var a = Random(rows * Depth);
            var b = Random(Depth * (nr + 5));
            var near = new T[rows * nr];
            var far = Enumerable.Repeat(T.One, rows * rsc).ToArray();
            Tile(rows, Depth, a, 1, rows, b, nr + 5, near, nr, accumulate: false);
            Tile(rows, Depth, a, 1, rows, b, nr + 5, far, rsc, accumulate: false);
            for (var i = 0; i < rows; i++)
            {
                Assert.Equal(near[(i * nr)..((i + 1) * nr)], far[(i * rsc)..(i * rsc + nr)]);
                Assert.All(far[(i * rsc + nr)..((i + 1) * rsc)], x => Assert.Equal(T.One, x));
            }
        }
    }

    public override void AccumulateAddsToC()
    {
        foreach (var rows in Heights)
        {
            var nr = TKernel.NR;
            var (a, b, start) = (Random(rows * Depth), Random(Depth * nr), Random(rows * nr + 1)[1..]);
            var sum = new T[rows * nr];
            Tile(rows, Depth, a, 1, rows, b, nr, sum, nr, accumulate: false);
            var c = (T[])start.Clone();
            Tile(rows, Depth, a, 1, rows, b, nr, c, nr, accumulate: true);
            for (var i = 0; i < c.Length; i++) Assert.Equal(start[i] + sum[i], c[i]);
        }
    }

    public override void StridedAEqualsPackedA()
    {
        if (!TKernel.ReadsStridedA) return;
        foreach (var rows in Heights)
        {
            var nr = TKernel.NR;
            var (a, b) = (Random(rows * Depth), Random(Depth * nr));
            var turned = new T[rows * Depth];
            for (var i = 0; i < rows; i++)
            {
                for (var k = 0; k < Depth; k++) turned[i * Depth + k] = a[k * rows + i];
            }
            var (packed, strided) = (new T[rows * nr], new T[rows * nr]);
            Tile(rows, Depth, a, 1, rows, b, nr, packed, nr, accumulate: false);
            Tile(rows, Depth, turned, Depth, 1, b, nr, strided, nr, accumulate: false);
            Assert.Equal(packed, strided);
        }
    }

    public override void NoTermsGiveZero()
    {
        foreach (var rows in Heights)
        {
            var c = Enumerable.Repeat(T.NaN, rows * TKernel.NR).ToArray();
            Tile(rows, 0, new T[rows], 1, rows, new T[TKernel.NR], TKernel.NR, c, TKernel.NR, accumulate: false);
            Assert.All(c, x => Assert.Equal(T.Zero, x));
        }
    }

    public override void ProductAgrees(int m, int k, int n, GemmReference.Order orderA, GemmReference.Order orderB)
    {
        var random = new Random((m * 1000 + k) * 1000 + n);
        var bias = GemmReference.Filled<T>(random, [n]);
        var a = GemmReference.Matrix<T>(random, m, k, orderA);
        var b = GemmReference.Matrix<T>(random, k, n, orderB);
        Assert.Null(GemmReference.Difference<T>(a, b, null, false, GemmReference.Multiply<T, TKernel>(a, b)));
        Assert.Null(GemmReference.Difference<T>(a, b, bias, true, GemmReference.Multiply<T, TKernel>(a, b, bias, relu: true)));
    }
}
