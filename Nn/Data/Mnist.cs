using System.Numerics.Tensors;
using System.Security.Cryptography;

namespace ManagedFed.Nn.Data;

/// <summary>The training and the test examples of one problem.</summary>
/// <param name="Train">Examples to learn from.</param>
/// <param name="Test">Examples to judge by.</param>
public sealed record TrainTest(Dataset Train, Dataset Test);

/// <summary>MNIST, and every data set published in the same four files, such as Fashion-MNIST.</summary>
/// <remarks>Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", 1998.</remarks>
public static class Mnist
{
    // SHA-256 of the bundled gzip files: images, labels.
    private static readonly (string Images, string Labels) Train = (
        "0B367032E93C5D0CEA0925647CFDB18614AF8EE15F83E6F2FC2AD904A6835971",
        "1787548BBE0BFF1EC2ECDC0EF292B02DF999E2D1A6002D27500982C652B17203");

    private static readonly (string Images, string Labels) Test = (
        "1A1A05EAB793C14BB050B398624A11B0FFD1A2953BAED553B1B9BD079E2A20BE",
        "B91679A0ACFE4BA0E50A2437A903084CBA1F5F92592B016A25A7DFD00455798B");

    /// <summary>
    /// Reads the four files of a folder: images as float32 of shape (n, height·width) with pixel/255 in 0 … 1, labels as int32 of shape (n,).
    /// </summary>
    /// <param name="folder">
    /// Holds <c>train-images-idx3-ubyte</c>, <c>train-labels-idx1-ubyte</c>, <c>t10k-images-idx3-ubyte</c> and
    /// <c>t10k-labels-idx1-ubyte</c>, each with <c>.gz</c> or plain.
    /// </param>
    /// <param name="verify">Insist on the gzip files of MNIST that come with the sample, by their SHA-256.</param>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="FormatException">A file is damaged, is not MNIST's though that is asked for, or does not match its counterpart.</exception>
    public static TrainTest Load(string folder, bool verify = false) =>
        new(LoadPart(folder, "train", verify ? Train : null), LoadPart(folder, "t10k", verify ? Test : null));

    /// <summary>The examples of two arrays as the files have them: images as float32 of shape (n, height·width) with pixel/255, labels as int32 of shape (n,).</summary>
    /// <param name="images">uint8 of shape (n, height, width).</param>
    /// <param name="labels">uint8 of shape (n,).</param>
    /// <exception cref="FormatException">They are of other shapes or types, or do not match.</exception>
    public static Dataset Examples(NdArray images, NdArray labels)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(labels);
        return Examples(images, labels, "");
    }

    private static Dataset LoadPart(string folder, string name, (string Images, string Labels)? hashes) => Examples(
        LoadFile(folder, $"{name}-images-idx3-ubyte", hashes?.Images), LoadFile(folder, $"{name}-labels-idx1-ubyte", hashes?.Labels), $" of {name}");

    private static Dataset Examples(NdArray images, NdArray labels, string which)
    {
        if (images.Shape.Rank != 3 || labels.Shape.Rank != 1 || images.Shape[0] != labels.Shape[0])
        {
            throw new FormatException($"[mnist] images {images.Shape} and labels {labels.Shape}{which} do not match, expected (n, height, width) and (n,)");
        }
        if (images.DType != DType.UInt8 || labels.DType != DType.UInt8) throw new FormatException($"[mnist] images and labels{which} are of type {images.DType.Name()} and {labels.DType.Name()}, expected uint8");
        var pixels = images.Reshape([images.Shape[0], images.Shape[1] * images.Shape[2]]).AsType(DType.Float32);
        var span = pixels.AsSpan<float>();
        TensorPrimitives.Divide(span, 255f, span);
        return new(pixels, labels.AsType(DType.Int32));
    }

    private static NdArray LoadFile(string folder, string name, string? hash)
    {
        var packed = Path.Combine(folder, name + ".gz");
        var plain = Path.Combine(folder, name);
        if (hash is null) return Idx.Load(File.Exists(packed) || !File.Exists(plain) ? packed : plain);
        using (var file = File.OpenRead(packed))
        {
            var actual = Convert.ToHexString(SHA256.HashData(file));
            if (actual != hash) throw new FormatException($"[mnist] {packed} has SHA-256 {actual}, expected {hash}");
        }
        return Idx.Load(packed);
    }
}
