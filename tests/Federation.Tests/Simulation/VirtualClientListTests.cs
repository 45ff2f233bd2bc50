using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>An index space of clients reads as the list it stands for, and samples of large ones are those of a shuffle.</summary>
public sealed class VirtualClientListTests
{
    [Theory]
    [InlineData(10, new int[0])]
    [InlineData(10, new[] { 0, 1, 9 })]
    [InlineData(10, new[] { 3, 4, 7 })]
    [InlineData(3, new[] { 0, 1, 2 })]
    [InlineData(1000, new[] { 0, 500, 501, 502, 998 })]
    public void List_WithoutSome_IsTheListFiltered(int count, int[] missing)
    {
        string[] expected = [.. Enumerable.Range(0, count).Except(missing).Select(VirtualClientList.StableNameOf)];
        var list = new VirtualClientList(count, missing);
        Assert.Equal(expected.Length, list.Count);
        Assert.Equal(expected, list.Select(client => client.StableName!));
        Assert.Throws<ArgumentOutOfRangeException>(() => list[list.Count]);
        Assert.Throws<ArgumentOutOfRangeException>(() => list[-1]);
    }

    [Fact]
    public void InfoOf_AClient_IsOneOfItsOwnAndFoundAgain()
    {
        int[] numbers = [0, 1, 9, 10, 123, 99_999_999, 100_000_000, 100_000_001, int.MaxValue];
        Assert.Equal(numbers, numbers.Select(number => VirtualClientList.NumberOf(VirtualClientList.InfoOf(number))!.Value));
        Assert.Equal(numbers.Length, numbers.Select(number => VirtualClientList.InfoOf(number).Id).Distinct().Count());
        Assert.All(numbers, number => Assert.Equal(32, VirtualClientList.InfoOf(number).Id.Length));
        Assert.Equal("memory:000000123", VirtualClientList.InfoOf(123).StableName);
        Assert.Null(VirtualClientList.NumberOf(new("id", "memory:1") { StableName = "memory:000000001" }));
        Assert.Null(VirtualClientList.NumberOf(new("id", "peer")));
    }

    [Theory]
    [InlineData(10_001, 1)]
    [InlineData(10_001, 37)]
    [InlineData(20_000, 19_999)]
    [InlineData(123_457, 1000)]
    public void Sample_OfVeryMany_IsThatOfTheWholeShuffle(int clients, int count)
    {
        var key = RandomKey.FromSeed(7);
        var all = Enumerable.Range(0, clients).ToArray();
        for (var i = 0; i < count; i++)
        {
            var bits = key.Fold((uint)i);
            var place = i + (int)((UInt128)((ulong)bits.Word0 << 32 | bits.Word1) * (ulong)(clients - i) >> 64);
            (all[i], all[place]) = (all[place], all[i]);
        }

        var sample = Sample(clients, count, key);

        Assert.Equal(all[..count].Order(), sample);
        Assert.Equal(count, sample.Distinct().Count());
    }

    // Up to 10,000 clients a sample is the clients with the smallest random numbers, as it has always been.
    [Theory]
    [InlineData(3, 2)]
    [InlineData(10_000, 25)]
    public void Sample_OfFewer_IsThoseWithTheSmallestNumbers(int clients, int count)
    {
        var key = RandomKey.FromSeed(7);
        var numbers = key.Split(clients);
        Assert.Equal(
            Enumerable.Range(0, clients).OrderBy(i => numbers[i].Word0).ThenBy(i => numbers[i].Word1).Take(count).Order(), Sample(clients, count, key));
    }

    // 2000 samples of 50 of 100,000: each tenth is expected 10,000 times with σ = √(100000·0.1·0.9) ≈ 95.
    [Fact]
    public void Sample_OfVeryMany_IsUniform()
    {
        var tenths = new int[10];
        for (var seed = 0; seed < 2000; seed++)
        {
            foreach (var client in Sample(100_000, 50, RandomKey.FromSeed((ulong)seed))) tenths[client / 10_000]++;
        }
        Assert.All(tenths, hits => Assert.InRange(hits, 9500, 10500));
    }

    [Fact]
    public void Sample_OfAllOrMore_IsAll()
    {
        var list = new VirtualClientList(50_000, []);
        Assert.Same(list, new RoundState(1, Parameters.Empty, list, default).Sample(50_000));
        Assert.Empty(new RoundState(1, Parameters.Empty, list, default).Sample(0));
    }

    private static int[] Sample(int clients, int count, RandomKey key) =>
        [.. new RoundState(1, Parameters.Empty, new VirtualClientList(clients, []), key).Sample(count).Select(client => VirtualClientList.NumberOf(client)!.Value)];
}
