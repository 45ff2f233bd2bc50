using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Nn.Tests.Data;

public sealed class MnistTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("mnist").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Write(string name, byte[] content) => File.WriteAllBytes(Path.Combine(folder, name), content);

    private void WriteSmall(byte labels = 2)
    {
        Write("train-images-idx3-ubyte", DataFiles.Idx([2, 1, 3], 0, 51, 255, 1, 2, 3));
        Write("train-labels-idx1-ubyte.gz", DataFiles.Gzip(DataFiles.Idx([labels], [.. Enumerable.Repeat((byte)9, labels)])));
        Write("t10k-images-idx3-ubyte.gz", DataFiles.Gzip(DataFiles.Idx([1, 1, 3], 255, 255, 0)));
        Write("t10k-labels-idx1-ubyte", DataFiles.Idx([1], 4));
    }

    // The mean 0.1307 is the constant that MNIST images are commonly normalised with; the labels are the first of each file.
    [Fact]
    public void Load_BundledFiles_AreMnist()
    {
        var data = Mnist.Load(DataFiles.Mnist, verify: true);
        Assert.Equal(([60000, 784], [60000], DType.Float32, DType.Int32), (data.Train.Inputs.Shape, data.Train.Labels.Shape, data.Train.Inputs.DType, data.Train.Labels.DType));
        Assert.Equal(([10000, 784], [10000]), (data.Test.Inputs.Shape, data.Test.Labels.Shape));
        Assert.Equal([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], data.Train.Labels.ToArray<int>()[..10]);
        Assert.Equal([7, 2, 1, 0, 4], data.Test.Labels.ToArray<int>()[..5]);
        var pixels = data.Train.Inputs.ToArray<float>();
        Assert.Equal((0f, 1f), (pixels.Min(), pixels.Max()));
        Assert.Equal(0.1307, pixels.Average(p => (double)p), 4);
    }

    [Fact]
    public void Examples_OfTwoArrays_AreThoseOfTheirFiles()
    {
        var examples = Mnist.Examples(NdArray.From<byte>([0, 51, 255, 1, 2, 3], [2, 1, 3]), NdArray.From<byte>([9, 8]));
        Assert.Equal([2, 3], examples.Inputs.Shape);
        Assert.Equal([0f, 51 / 255f, 1f, 1 / 255f, 2 / 255f, 3 / 255f], examples.Inputs.ToArray<float>());
        Assert.Equal([9, 8], examples.Labels.ToArray<int>());
        Assert.Throws<FormatException>(() => Mnist.Examples(NdArray.From<byte>([0, 51], [2, 1, 1]), NdArray.From<byte>([9])));
    }

    [Fact]
    public void Load_AnyFourFiles_PlainOrPacked()
    {
        WriteSmall();
        var data = Mnist.Load(folder);
        Assert.Equal([0f, 51 / 255f, 1f, 1 / 255f, 2 / 255f, 3 / 255f], data.Train.Inputs.ToArray<float>());
        Assert.Equal([9, 9], data.Train.Labels.ToArray<int>());
        Assert.Equal([1f, 1f, 0f], data.Test.Inputs.ToArray<float>());
        Assert.Equal([4], data.Test.Labels.ToArray<int>());
    }

    [Fact]
    public void Load_OtherFilesVerified_NamesTheHash()
    {
        WriteSmall();
        Write("train-images-idx3-ubyte.gz", DataFiles.Gzip(DataFiles.Idx([1], 0)));
        Assert.Contains("has SHA-256", Assert.Throws<FormatException>(() => Mnist.Load(folder, verify: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_CountsDiffer_IsRejected()
    {
        WriteSmall(labels: 3);
        var e = Assert.Throws<FormatException>(() => Mnist.Load(folder));
        Assert.Contains("images (2, 1, 3) and labels (3,) of train do not match", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileMissing_IsNamed()
    {
        WriteSmall();
        File.Delete(Path.Combine(folder, "t10k-labels-idx1-ubyte"));
        Assert.Contains("t10k-labels", Assert.Throws<FileNotFoundException>(() => Mnist.Load(folder)).Message, StringComparison.Ordinal);
    }
}
