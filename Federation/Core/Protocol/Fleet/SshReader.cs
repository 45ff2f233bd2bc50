using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>Reads the fields of OpenSSH's keys one after the other: numbers of four bytes, and bytes behind their count (RFC 4251, section 5).</summary>
/// <remarks>Each method throws <see cref="CryptographicException"/> where the field is not there or is another.</remarks>
internal ref struct SshReader(ReadOnlySpan<byte> rest)
{
    private ReadOnlySpan<byte> rest = rest;

    public uint Number()
    {
        if (!BinaryPrimitives.TryReadUInt32BigEndian(rest, out var value)) throw new CryptographicException("it ends inside a field");
        rest = rest[sizeof(uint)..];
        return value;
    }

    public ReadOnlySpan<byte> Bytes()
    {
        var length = Number();
        if (length > rest.Length) throw new CryptographicException("it ends inside a field");
        var field = rest[..(int)length];
        rest = rest[(int)length..];
        return field;
    }

    public string Text() => Encoding.ASCII.GetString(Bytes());

    /// <summary>A public key on an elliptic curve: the curve's name and a point (RFC 5656, section 3.1).</summary>
    public ECParameters PublicKey()
    {
        var curve = Text() switch
        {
            "nistp256" => ECCurve.NamedCurves.nistP256,
            "nistp384" => ECCurve.NamedCurves.nistP384,
            "nistp521" => ECCurve.NamedCurves.nistP521,
            var other => throw new CryptographicException($"the curve '{PeerText.Harmless(other)}' is unknown"),
        };
        var point = Bytes();
        if (point.Length < 3 || point.Length % 2 == 0 || point[0] != 4) throw new CryptographicException("its public point is not uncompressed");
        var size = point.Length / 2;
        return new() { Curve = curve, Q = new() { X = point[1..(1 + size)].ToArray(), Y = point[(1 + size)..].ToArray() } };
    }
}
