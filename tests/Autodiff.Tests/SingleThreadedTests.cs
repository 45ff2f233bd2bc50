using Xunit;

namespace ManagedFed.Tests;

/// <summary>Kernels that run on their caller alone compute the same bits.</summary>
public sealed class SingleThreadedTests
{
    [Fact]
    public void SingleThreaded_LargeOperations_GiveTheSameBits()
    {
        var keys = RandomKey.FromSeed(0).Split(3);
        Tensor x = Tensor.RandomNormal(keys[0], [400, 300]), y = Tensor.RandomNormal(keys[1], [300, 500]);
        Tensor images = Tensor.RandomNormal(keys[2], [8, 28, 28, 4]), filters = Tensor.RandomNormal(keys[0], [8, 3, 3, 4]);
        byte[][] Compute() => [.. new[] { x.MatMul(y), x.Exp(), x.Sum(0), images.Conv2d(filters) }.Select(value => value.ToNdArray().Bytes.ToArray())];

        var expected = Compute();
        using (CpuDevice.SingleThreaded())
        {
            var alone = Compute();
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], alone[i]);
        }
    }
}
