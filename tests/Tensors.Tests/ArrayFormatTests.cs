using Xunit;

namespace ManagedFed.Tests;

/// <summary>Arrays as text: each expected text follows from NumPy's documented rules for its default print options.</summary>
public sealed class ArrayFormatTests
{
    private const double Nan = double.NaN, Inf = double.PositiveInfinity;

    private static NdArray Range(params int[] sizes) => Views.Range(Shape.Create(sizes), DType.Int32);

    private static NdArray Doubles(params double[] values) => NdArray.From<double>(values);

    private static NdArray Floats(params float[] values) => NdArray.From<float>(values);

    public static TheoryData<string, NdArray> Vectors => new()
    {
        // One width, the points below each other, no more digits than some element needs.
        { "[1.5 2. ]", Floats(1.5f, 2) },
        { "[  1.    -2.25 100.  ]", Doubles(1, -2.25, 100) },
        { "[ 0. -0.]", Doubles(0, -0.0) },
        { "[ 1 -2 30]", NdArray.From(1, -2, 30) },
        { "[  0 255]", NdArray.From<byte>(0, 255) },
        { "[-128  127]", NdArray.From<sbyte>(-128, 127) },
        { "[18446744073709551615                    0]", NdArray.From(ulong.MaxValue, 0ul) },
        { "[4294967295          0]", NdArray.From(uint.MaxValue, 0u) },
        { "[ 9223372036854775807 -9223372036854775808]", NdArray.From(long.MaxValue, long.MinValue) },
        { "[ True False]", NdArray.From(true, false) },
        { "[ True  True]", NdArray.From(true, true) },

        // Eight digits at most, of the shortest that name the number in its type.
        { "[0.1        0.33333334]", Floats(0.1f, 1 / 3f) },
        { "[0.1        0.33333333]", Doubles(0.1, 1 / 3.0) },
        { "[0.3]", Floats(0.1f + 0.2f) },

        // 1/512 = 0.001953125 and 3/512 = 0.005859375 lie between two texts of eight digits; the even one is taken.
        { "[0.00195312 1.5       ]", Doubles(1 / 512.0, 1.5) },
        { "[0.00585938 1.5       ]", Doubles(3 / 512.0, 1.5) },

        // An exponent from 1e8 on (1e6 for float32, which has six sure digits), below 1e-4, and for ratios above 1000.
        { "[99999999.]", Doubles(99999999) },
        { "[1.e+08]", Doubles(1e8) },
        { "[999999.]", Floats(999999) },
        { "[1.e+06]", Floats(1e6f) },
        { "[0.0001]", Doubles(1e-4) },
        { "[0.0001]", Floats(1e-4f) },
        { "[9.9e-05 1.0e-03]", Doubles(9.9e-5, 1e-3) },
        { "[   1. 1000.]", Doubles(1, 1000) },
        { "[1.000e+00 1.001e+03]", Doubles(1, 1001) },
        { "[0.e+00 1.e+08]", Doubles(0, 1e8) },
        { "[ 1.e+100 -1.e+000]", Doubles(1e100, -1) },
        { "[4.94065646e-324 1.79769313e+308]", Doubles(double.Epsilon, double.MaxValue) },

        // 65504, the largest half, is named by three digits, and its type has no more that are sure; bfloat16 has two.
        { "[6.55e+04 1.00e-01]", NdArray.From((Half)65504, (Half)0.1) },
        { "[999.   1.]", NdArray.From((Half)999, (Half)1) },
        { "[1.e+03]", NdArray.From((Half)1000) },
        { "[99.  1.]", NdArray.From((BFloat16)99, (BFloat16)1) },
        { "[1.e+02]", NdArray.From((BFloat16)100) },
        { "[3.14]", NdArray.From((BFloat16)Math.PI) },

        // Digits that others need are exact ones: 1.1 is 1.10000002384… in float32. The neighbours of 1032511936 are 64 away.
        { "[1.1000000e+00 1.2345679e+07]", Floats(1.1f, 12345678.9f) },
        { "[1.10000002e+00 1.03251194e+09]", Floats(1.1f, 1032511936) },
        { "[1.1e+00 1.4e-45]", Floats(1.1f, float.Epsilon) },

        // What is not finite stands on the right of its column.
        { "[nan  1.]", Doubles(Nan, 1) },
        { "[nan inf]", Doubles(Nan, Inf) },
        { "[ nan -inf]", Doubles(Nan, -Inf) },
        { "[1.25  inf -inf]", Doubles(1.25, Inf, -Inf) },
        { "[1.e+10    nan]", Doubles(1e10, Nan) },

        // Lines end before column 76, without spaces; words that are longer stand alone.
        { "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27]", Range(28) },
        { "[1.    1.125 1.25  1.375 1.5   1.625 1.75  1.875 2.    2.125 2.25  2.375\n 2.5  ]", Doubles([.. Enumerable.Range(8, 13).Select(i => i / 8.0)]) },

        // The first and last three of more than 1000, and no wider than these need.
        { "[   0    1    2 ... 1997 1998 1999]", Range(2000) },
        { "[0. 0. 0. ... 0. 0. 0.]", Doubles([0, 0, 0, 1e30, .. new double[1000]]) },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void ToString_OfAVector_IsNumPys(string text, NdArray x) => Assert.Equal(text, x.ToString());

    [Theory]
    [InlineData(1000, false)]
    [InlineData(1001, true)]
    public void ToString_OfMoreThanThousandElements_ShowsTheEnds(int count, bool ends) => Assert.Equal(ends, Range(count).ToString().Contains("..."));

    public static TheoryData<string, NdArray> Axes => new()
    {
        { "[[ 0  1  2]\n [ 3  4  5]\n [ 6  7  8]\n [ 9 10 11]]", Range(4, 3) },
        { "[[ 0  3  6  9]\n [ 1  4  7 10]\n [ 2  5  8 11]]", Range(4, 3).Transpose() },
        { "[[[[0 1]]\n\n  [[2 3]]]\n\n\n [[[4 5]]\n\n  [[6 7]]]]", Range(2, 2, 1, 2) },
        { "[[   0    1]\n [   2    3]\n [   4    5]\n ...\n [2394 2395]\n [2396 2397]\n [2398 2399]]", Range(1200, 2) },
        { "[[   0    1    2 ...  597  598  599]\n [ 600  601  602 ... 1197 1198 1199]]", Range(2, 600) },
        { "[]", NdArray.Zeros([0]) },
        { "[]", NdArray.Zeros([2, 0, 3]) },
    };

    [Theory]
    [MemberData(nameof(Axes))]
    public void ToString_OfSeveralAxes_IsNumPys(string text, NdArray x) => Assert.Equal(text, x.ToString());

    public static TheoryData<string, NdArray> Scalars => new()
    {
        { "True", NdArray.From([true], []) },
        { "-7", NdArray.From([-7], []) },
        { "3.0", NdArray.From([3f], []) },
        { "-0.0", NdArray.From([-0.0], []) },
        { "0.1", NdArray.From([0.1f], []) },
        { "0.3333333333333333", NdArray.From([1 / 3.0], []) },
        { "1000000000000000.0", NdArray.From([1e15], []) },
        { "1e+16", NdArray.From([1e16], []) },
        { "6.55e+04", NdArray.From([(Half)65504], []) },
        { "0.1", NdArray.From([(BFloat16)0.1], []) },
        { "1e+06", NdArray.From([1e6f], []) },
        { "0.0001", NdArray.From([1e-4], []) },
        { "1.5e-05", NdArray.From([1.5e-5], []) },
        { "9007199254740992.0", NdArray.From([9007199254740992.0], []) },
        { "-inf", NdArray.From([-Inf], []) },
        { "nan", NdArray.From([float.NaN], []) },
    };

    [Theory]
    [MemberData(nameof(Scalars))]
    public void ToString_OfAScalar_IsNumPys(string text, NdArray x) => Assert.Equal(text, x.ToString());

    public static TheoryData<string, NdArray> Typed => new()
    {
        { "array(3., dtype=float32)", NdArray.From([3f], []) },
        { "array(True, dtype=bool)", NdArray.From([true], []) },
        { "array([1.5, 2. ], dtype=float32)", Floats(1.5f, 2) },
        { "array([ True, False], dtype=bool)", NdArray.From(true, false) },
        { "array([[ 1,  2],\n       [-3, 40]], dtype=int32)", NdArray.From([1, 2, -3, 40], [2, 2]) },
        { "array([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int32)", Range(2000) },
        { "array([], dtype=float32)", NdArray.Zeros([0]) },
        { "array([], shape=(0, 3), dtype=int32)", NdArray.Zeros([0, 3], DType.Int32) },
        { "array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14],\n      dtype=int32)", Range(15) },
        { "array([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16,\n       17], dtype=int32)", Range(18) },
    };

    [Theory]
    [MemberData(nameof(Typed))]
    public void WithType_OfAnArray_IsNumPysWithItsType(string text, NdArray x) => Assert.Equal(text, ArrayFormat.WithType(x));
}
