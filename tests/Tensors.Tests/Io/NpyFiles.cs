using System.Buffers.Binary;
using System.Text;

namespace ManagedFed.Tests.Io;

/// <summary>Hand-made .npy files and the recorded ones.</summary>
internal static class NpyFiles
{
    private static readonly Lazy<string> Root = new(() =>
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "ManagedFed.sln"))) folder = Path.GetDirectoryName(folder)!;
        return Path.Combine(folder, "tests", "Vectors", "npy");
    });

    public static string RecordedPath(string name) => Path.Combine(Root.Value, name);

    /// <summary>A header dictionary as NumPy writes it.</summary>
    public static string Dictionary(string descr = "'<f4'", string order = "False", string shape = "(2,)") =>
        $"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n";

    /// <summary>A file with the given header text and data; the length field can be made to lie.</summary>
    public static byte[] Make(string header, byte[] data, byte major = 1, byte minor = 0, long? headerLength = null)
    {
        var text = Encoding.Latin1.GetBytes(header);
        var length = headerLength ?? text.Length;
        var lengthBytes = new byte[major == 1 ? 2 : 4];
        if (major == 1) BinaryPrimitives.WriteUInt16LittleEndian(lengthBytes, (ushort)length);
        else BinaryPrimitives.WriteUInt32LittleEndian(lengthBytes, (uint)length);
        return [0x93, .. "NUMPY"u8, major, minor, .. lengthBytes, .. text, .. data];
    }

    public static byte[] With(string descr = "'<f4'", string order = "False", string shape = "(2,)", int bytes = 8) =>
        Make(Dictionary(descr, order, shape), new byte[bytes]);
}
