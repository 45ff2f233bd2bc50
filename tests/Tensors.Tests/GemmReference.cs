using System.Numerics;
using ManagedFed.Kernels;

namespace ManagedFed.Tests;

/// <summary>Matrix products in double precision, and operands in every layout, for the tests of the fast ones.</summary>
internal static class GemmReference
{
    /// <summary>Where an operand's elements lie.</summary>
    public enum Order
    {
        Rows,
        Columns,
        EverySecond,
        Backwards,
    }

    /// <summary>A matrix of values in [-1, 1) under the given layout.</summary>
    public static NdArray Matrix<T>(Random random, int rows, int columns, Order order = Order.Rows)
        where T : unmanaged, INumber<T> => order switch
        {
            Order.Rows => Filled<T>(random, [rows, columns]),
            Order.Columns => Filled<T>(random, [columns, rows]).Transpose(),
            Order.EverySecond => Filled<T>(random, [2 * rows, 3 * columns]).Slice(0, 0, rows, 2).Slice(1, 0, columns, 3),
            _ => Filled<T>(random, [rows, columns]).Slice(0, Math.Max(rows - 1, 0), rows, -1).Slice(1, Math.Max(columns - 1, 0), columns, -1),
        };

    public static NdArray Filled<T>(Random random, Shape shape) where T : unmanaged, INumber<T>
    {
        var values = new T[shape.Count];
        for (var i = 0; i < values.Length; i++) values[i] = T.CreateTruncating(random.NextDouble() * 2 - 1);
        return NdArray.From<T>(values, shape);
    }

    /// <summary>An array of NaN: what a product must overwrite without reading.</summary>
    public static NdArray Poison<T>(Shape shape) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[shape.Count];
        values.AsSpan().Fill(T.NaN);
        return NdArray.From<T>(values, shape);
    }

    /// <summary>A description of the first element off by more than (K + 4)·eps·Σ|aₖ·bₖ|, or null: the bound of any order of summation.</summary>
    public static string? Difference<T>(NdArray a, NdArray b, NdArray? bias, bool relu, NdArray actual)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int m = actual.Shape[-2], n = actual.Shape[-1], depth = a.Shape[-1];
        var (x, y, z) = (Doubles<T>(a), Doubles<T>(b), actual.ToArray<T>());
        var shift = bias is null ? new double[n] : Doubles<T>(bias);
        var eps = typeof(T) == typeof(float) ? Math.Pow(2, -24) : Math.Pow(2, -53);
        for (var batch = 0; batch < z.Length / Math.Max(m * n, 1); batch++)
        {
            for (var i = 0; i < m; i++)
            {
                for (var j = 0; j < n; j++)
                {
                    double sum = shift[j], size = Math.Abs(shift[j]);
                    for (var k = 0; k < depth; k++)
                    {
                        var term = x[(batch * m + i) * depth + k] * y[(batch * depth + k) * n + j];
                        sum += term;
                        size += Math.Abs(term);
                    }
                    if (relu) sum = Math.Max(sum, 0);
                    var value = double.CreateTruncating(z[(batch * m + i) * n + j]);
                    if (!(Math.Abs(value - sum) <= (depth + 4) * eps * size))
                    {
                        return $"{a.Shape} x {b.Shape} [{batch}, {i}, {j}]: {value}, expected {sum}";
                    }
                }
            }
        }
        return null;
    }

    private static double[] Doubles<T>(NdArray array) where T : unmanaged, INumber<T> =>
        Array.ConvertAll(array.ToArray<T>(), double.CreateTruncating);

    /// <summary>a·b (+ bias, relu) by a chosen kernel, into an array of NaN.</summary>
    public static unsafe NdArray Multiply<T, TKernel>(NdArray a, NdArray b, NdArray? bias = null, bool relu = false)
        where T : unmanaged, IFloatingPointIeee754<T> where TKernel : struct, IGemmKernel<T>
    {
        var sizes = a.Shape.Sizes.ToArray();
        sizes[^1] = b.Shape[-1];
        var dst = Poison<T>(Shape.Create(sizes));
        if (bias is null) Gemm.Run<T, TKernel, Product<T>>(a, b, dst, default);
        else if (relu) Gemm.Run<T, TKernel, Then<T, AddBias<T>, Relu>>(a, b, dst, new(new((T*)bias.Pointer)));
        else Gemm.Run<T, TKernel, AddBias<T>>(a, b, dst, new((T*)bias.Pointer));
        GC.KeepAlive(bias);
        return dst;
    }
}
