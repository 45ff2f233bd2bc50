using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ManagedFed.Quickstart.Tests;

/// <summary>Keys of nodes as files: the private ones, and the list of the public ones that a server is given.</summary>
internal sealed class NodeKeyFiles
{
    private const string Kind = "ecdsa-sha2-nistp384", Curve = "nistp384";

    public NodeKeyFiles(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        Private = [.. Enumerable.Range(0, count).Select(k => Path.Combine(folder, $"node-{k}"))];
        Public = Path.Combine(folder, "nodes.pub");
        var lines = new List<string>();
        foreach (var file in Private)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
            File.WriteAllText(file, key.ExportPkcs8PrivateKeyPem());
            var point = key.ExportParameters(includePrivateParameters: false).Q;
            lines.Add($"{Kind} {Convert.ToBase64String([.. Field(Encoding.ASCII.GetBytes(Kind)), .. Field(Encoding.ASCII.GetBytes(Curve)), .. Field([4, .. point.X!, .. point.Y!])])}");
        }
        File.WriteAllLines(Public, lines);
    }

    public IReadOnlyList<string> Private { get; }

    public string Public { get; }

    private static byte[] Field(byte[] content)
    {
        var length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        return [.. length, .. content];
    }
}
