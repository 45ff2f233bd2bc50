using Xunit;

namespace ManagedFed.Tests;

public sealed class DTypeTests
{
    private static readonly DType[] Types =
    [
        DType.Bool, DType.UInt8, DType.UInt16, DType.UInt32, DType.UInt64, DType.Int8, DType.Int16, DType.Int32, DType.Int64,
        DType.Float16, DType.BFloat16, DType.Float32, DType.Float64,
    ];

    // MLX's table (mlx/dtype.cpp), a letter for each type: ? bool, B H U Q unsigned, b h i q signed, e f d floats, z bfloat16.
    private const string Letters = "?BHUQbhiqezfd";

    private static readonly string[] Table =
    [
        "?BHUQbhiqezfd", // bool
        "BBHUQhhiqezfd", // uint8
        "HHHUQiiiqezfd", // uint16
        "UUUUQqqqqezfd", // uint32
        "QQQQQffffezfd", // uint64
        "bhiqfbhiqezfd", // int8
        "hhiqfhhiqezfd", // int16
        "iiiqfiiiqezfd", // int32
        "qqqqfqqqqezfd", // int64
        "eeeeeeeeeeffd", // float16
        "zzzzzzzzzfzfd", // bfloat16
        "ffffffffffffd", // float32
        "ddddddddddddd", // float64
    ];

    [Fact]
    public void Promote_OfEveryPair_IsMlxsTable()
    {
        Assert.Equal(Enum.GetValues<DType>().Order(), Types.Order());
        for (var i = 0; i < Types.Length; i++)
        {
            for (var j = 0; j < Types.Length; j++) Assert.Equal((Types[i], Types[j], Types[Letters.IndexOf(Table[i][j])]), (Types[i], Types[j], DTypes.Promote(Types[i], Types[j])));
        }
    }

    [Fact]
    public void ResultType_OfSeveral_GoesFromLeftToRight()
    {
        Assert.Equal(DType.Int16, DTypes.ResultType(DType.Int16));
        Assert.Equal(DType.Float32, DTypes.ResultType(DType.Bool, DType.Float16, DType.Int64, DType.BFloat16));
        Assert.Equal("[result_type] no types given, expected one or more", Assert.Throws<ArgumentException>(() => DTypes.ResultType()).Message);
    }

    // The sizes are those of the .NET type that stores one element.
    [Fact]
    public void Of_EveryElementType_HasItsSizeAndName()
    {
        Check<bool>("bool", 1);
        Check<byte>("uint8", 1);
        Check<sbyte>("int8", 1);
        Check<short>("int16", 2);
        Check<ushort>("uint16", 2);
        Check<int>("int32", 4);
        Check<uint>("uint32", 4);
        Check<long>("int64", 8);
        Check<ulong>("uint64", 8);
        Check<Half>("float16", 2);
        Check<BFloat16>("bfloat16", 2);
        Check<float>("float32", 4);
        Check<double>("float64", 8);

        static void Check<T>(string name, int size) where T : unmanaged
        {
            var array = NdArray.From(default(T), default);
            Assert.Equal((name, 2L * size), (array.DType.Name(), array.ByteCount));
            Assert.Equal([default, default], array.ToArray<T>());
        }
    }

    [Fact]
    public void IInfo_GivesTheBounds()
    {
        Assert.Equal(new(8, sbyte.MinValue, sbyte.MaxValue), DTypes.IInfo(DType.Int8));
        Assert.Equal(new(16, short.MinValue, short.MaxValue), DTypes.IInfo(DType.Int16));
        Assert.Equal(new(16, 0, ushort.MaxValue), DTypes.IInfo(DType.UInt16));
        Assert.Equal(new(64, long.MinValue, long.MaxValue), DTypes.IInfo(DType.Int64));
        Assert.Equal(new(64, 0, ulong.MaxValue), DTypes.IInfo(DType.UInt64));
        Assert.Equal("[iinfo] dtype is bool, expected an integer type", Assert.Throws<ArgumentException>(() => DTypes.IInfo(DType.Bool)).Message);
    }

    // bfloat16: 1.9921875·2¹²⁷, 2⁻⁷, 2⁻¹²⁶.
    [Fact]
    public void FInfo_GivesBoundsAndPrecision()
    {
        Assert.Equal(new(16, 11, (double)Half.MaxValue, 1 / 1024.0, 1 / 16384.0), DTypes.FInfo(DType.Float16));
        Assert.Equal(new(16, 8, 255 * Math.ScaleB(1, 120), 1 / 128.0, Math.ScaleB(1, -126)), DTypes.FInfo(DType.BFloat16));
        Assert.Equal(new(32, 24, float.MaxValue, MathF.BitIncrement(1) - 1, Math.ScaleB(1, -126)), DTypes.FInfo(DType.Float32));
        Assert.Equal(new(64, 53, double.MaxValue, Math.BitIncrement(1) - 1, Math.ScaleB(1, -1022)), DTypes.FInfo(DType.Float64));
        Assert.Equal("[finfo] dtype is int8, expected a floating type", Assert.Throws<ArgumentException>(() => DTypes.FInfo(DType.Int8)).Message);
    }

    [Fact]
    public void CanCast_IsTrueWhereNoValueIsLost()
    {
        (DType From, DType[] To)[] rows =
        [
            (DType.Bool, Types),
            (DType.UInt8, [.. Types.Except([DType.Bool, DType.Int8])]),
            (DType.Int8, [DType.Int8, DType.Int16, DType.Int32, DType.Int64, DType.Float16, DType.BFloat16, DType.Float32, DType.Float64]),
            (DType.UInt16, [DType.UInt16, DType.UInt32, DType.UInt64, DType.Int32, DType.Int64, DType.Float32, DType.Float64]),
            (DType.Int16, [DType.Int16, DType.Int32, DType.Int64, DType.Float32, DType.Float64]),
            (DType.UInt32, [DType.UInt32, DType.UInt64, DType.Int64, DType.Float64]),
            (DType.Int32, [DType.Int32, DType.Int64, DType.Float64]),
            (DType.UInt64, [DType.UInt64]),
            (DType.Int64, [DType.Int64]),
            (DType.Float16, [DType.Float16, DType.Float32, DType.Float64]),
            (DType.BFloat16, [DType.BFloat16, DType.Float32, DType.Float64]),
            (DType.Float32, [DType.Float32, DType.Float64]),
            (DType.Float64, [DType.Float64]),
        ];
        foreach (var (from, to) in rows) Assert.Equal(to.Order(), Types.Where(type => DTypes.CanCast(from, type)).Order());
    }
}
