using System.Numerics;

namespace ManagedFed.Kernels;

/// <summary>Work that is the same for every element type.</summary>
internal interface INumberBody
{
    void Run<T>() where T : unmanaged, INumber<T>;
}

/// <summary>Runs work with the type that an array's elements have; bool is the bytes 0 and 1. Narrow types come widened.</summary>
internal static class NumberTypes
{
    public static void Run<TBody>(DType dtype, ref TBody body) where TBody : struct, INumberBody, allows ref struct
    {
        switch (dtype)
        {
            case DType.Bool or DType.UInt8: body.Run<byte>(); break;
            case DType.Int32: body.Run<int>(); break;
            case DType.UInt32: body.Run<uint>(); break;
            case DType.Int64: body.Run<long>(); break;
            case DType.UInt64: body.Run<ulong>(); break;
            case DType.Float32: body.Run<float>(); break;
            case DType.Float64: body.Run<double>(); break;
            default: throw DTypes.Unknown(dtype);
        }
    }
}
