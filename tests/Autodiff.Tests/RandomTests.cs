using Xunit;

namespace ManagedFed.Tests;

public sealed class RandomTests
{
    private static readonly RandomKey Key = RandomKey.FromSeed(5);

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(0)]
    public void RandomSplit_OfAKeyTensor_GivesTheKeysOfTheHost(int n) =>
        Assert.Equal(Key.Split(n).SelectMany(key => new[] { key.Word0, key.Word1 }), Tensor.RandomSplit(Key, n).ToArray<uint>());

    [Fact]
    public void RandomSplit_OfTwo_IsThePairOfTheHost()
    {
        var (first, second) = Key.Split();
        var keys = Tensor.RandomSplit(Key);
        Assert.Equal([first.Word0, first.Word1], keys[0].ToArray<uint>());
        Assert.Equal([second.Word0, second.Word1], keys[1].ToArray<uint>());
    }

    // A column of a matrix: the words of the key lie two apart.
    [Fact]
    public void RandomBits_OfAStridedKey_AreThoseOfItsWords()
    {
        var pairs = Tensor.From<uint>([1, 2, 3, 4], [2, 2]).T;
        Assert.Equal(Tensor.RandomBits(new RandomKey(1, 3), [9]).ToArray<uint>(), Tensor.RandomBits(pairs[0], [9]).ToArray<uint>());
    }

    [Fact]
    public void RandomNumbersOfAKeyArgument_InACompiledFunction_FollowTheKey()
    {
        var f = Transforms.Compile(key => Tensor.RandomNormal(key, [7]));
        foreach (var seed in new ulong[] { 1, 2 })
        {
            var key = RandomKey.FromSeed(seed);
            Assert.Equal(Tensor.RandomNormal(key, [7]).ToArray<float>(), f(key).ToArray<float>());
        }
    }

    // bits < p·2³²: p = 0 never, p = 1 always, also for the word 2³² − 1.
    [Theory]
    [InlineData(0)]
    [InlineData(1e-10)]
    [InlineData(0.25)]
    [InlineData(0.7)]
    [InlineData(0.99999999999)]
    [InlineData(1)]
    public void RandomBernoulli_OfAProbability_ComparesTheBits(double p)
    {
        var bits = Tensor.RandomBits(Key, [1000]).ToArray<uint>();
        Assert.Equal(bits.Select(word => word < p * 4294967296.0), Tensor.RandomBernoulli(Key, p, [1000]).ToArray<bool>());
    }
}
