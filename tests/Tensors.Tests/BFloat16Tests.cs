using System.Globalization;
using Xunit;

namespace ManagedFed.Tests;

public sealed class BFloat16Tests
{
    // 8 significant bits: from 1 the next number is 1 + 2⁻⁷.
    [Theory]
    [InlineData(1.00390625, 1)] // 1 + 2⁻⁸ is a tie: to even
    [InlineData(1.01171875, 1.015625)] // 1 + 3·2⁻⁸ is a tie: to even, up
    [InlineData(1.0039062500000002, 1.0078125)] // above the tie by less than float32 shows
    [InlineData(1.0117187499999998, 1.0078125)]
    [InlineData(-1.0039062500000002, -1.0078125)]
    [InlineData(3.4e38, double.PositiveInfinity)]
    [InlineData(-1e300, double.NegativeInfinity)]
    [InlineData(1e-300, 0)]
    [InlineData(double.NaN, double.NaN)]
    public void From_OfADouble_IsTheNearest(double value, double expected) => Assert.Equal(expected, (double)(float)(BFloat16)value);

    [Fact]
    public void From_OfEveryNumber_IsItself()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var value = BFloat16.FromBits((ushort)bits);
            if (float.IsNaN(value)) Assert.True(float.IsNaN((BFloat16)(float)value));
            else Assert.Equal((bits, bits), (((BFloat16)(float)value).Bits, ((BFloat16)(double)(float)value).Bits));
        }
    }

    [Fact]
    public void From_OfANaNWithoutUpperBits_StaysNaN() => Assert.True(float.IsNaN((BFloat16)BitConverter.UInt32BitsToSingle(0x7F80_0001)));

    [Fact]
    public void Comparisons_AreThoseOfFloats()
    {
        var (one, two, nan) = ((BFloat16)1.0, (BFloat16)2.0, (BFloat16)double.NaN);
        Assert.True(one < two && two > one && one <= two && two >= one && one != two && !(one == two));
        Assert.False(nan == two || nan < two || nan >= two);
        Assert.True((BFloat16)0.0 == (BFloat16)(-0.0));
        Assert.True(nan.Equals(nan) && one.Equals((object)one) && !one.Equals((object)1f));
        Assert.Equal(-1, one.CompareTo(two));
        Assert.Equal(one.GetHashCode(), ((BFloat16)1f).GetHashCode());
    }

    [Fact]
    public void ToString_IsThatOfTheFloat()
    {
        Assert.Equal("1.5", ((BFloat16)1.5).ToString("g6", CultureInfo.InvariantCulture));
        Assert.Equal(1.5f.ToString(CultureInfo.CurrentCulture), ((BFloat16)1.5).ToString());
    }
}
