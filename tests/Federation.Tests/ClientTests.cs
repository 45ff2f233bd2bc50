using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Addresses and waits.</summary>
public sealed class ClientTests
{
    [Theory]
    [InlineData("127.0.0.1:8080", false, "http://127.0.0.1:8080/")]
    [InlineData("[::1]:8080", false, "http://[::1]:8080/")]
    [InlineData("server:80", false, "http://server/")]
    [InlineData("server:443", true, "https://server/")]
    [InlineData("https://server:9092", false, "https://server:9092/")]
    [InlineData("[::]:8080", false, "http://localhost:8080/")]
    [InlineData(":::8080", false, "http://localhost:8080/")]
    [InlineData("0.0.0.0:8080", false, "http://127.0.0.1:8080/")]
    [InlineData("*:8080", true, "https://localhost:8080/")]
    [InlineData(":8080", false, "http://localhost:8080/")]
    [InlineData("localhost:8080", false, "http://localhost:8080/")]
    [InlineData(" 127.0.0.1:8080\n", false, "http://127.0.0.1:8080/")]
    [InlineData("HTTP://0.0.0.0:8080/", true, "http://127.0.0.1:8080/")]
    [InlineData("https://[::]:8080", false, "https://localhost:8080/")]
    [InlineData("[fe80::1]:9", false, "http://[fe80::1]:9/")]
    public void ToUri_OfAddress_ChoosesTheScheme(string address, bool encrypted, string expected) =>
        Assert.Equal(expected, ServerAddress.ToUri(address, encrypted).AbsoluteUri);

    [Theory]
    [InlineData("")]
    [InlineData("server")]
    [InlineData("ftp://server:21")]
    [InlineData("server:8080/path")]
    [InlineData("server:")]
    [InlineData("server:0")]
    [InlineData("server:65536")]
    [InlineData("server:-1")]
    [InlineData("server:80a")]
    [InlineData("server:８０")]
    [InlineData("::1:8080")]
    [InlineData("::1")]
    [InlineData("[::1]")]
    [InlineData("[::1:8080")]
    [InlineData("[127.0.0.1]:8080")]
    [InlineData("[::1]8080")]
    [InlineData("my server:8080")]
    [InlineData("se_r/ver:8080")]
    [InlineData("unix:/run/socket")]
    [InlineData("user@server:8080")]
    public void ToUri_OfNoAddress_SaysWhatToWrite(string address) =>
        Assert.Contains("write host:port", Assert.Throws<ArgumentException>(() => ServerAddress.ToUri(address, false)).Message);

    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1:0")]
    [InlineData("localhost:8080", "127.0.0.1:8080")]
    [InlineData("[::]:8080", "[::]:8080")]
    [InlineData(" 0.0.0.0:8080 ", "0.0.0.0:8080")]
    [InlineData("[::1]:65535", "[::1]:65535")]
    [InlineData(":::8080", "[::]:8080")]
    public void ToEndpoint_OfAddress_IsItsEndpoint(string address, string expected) => Assert.Equal(expected, ServerAddress.ToEndpoint(address).ToString());

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("server:8080")]
    [InlineData("1:8080")]
    [InlineData("127.0.0.1:65536")]
    [InlineData("127.0.0.1:x")]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("127.0.0.1 :8080")]
    [InlineData("::1:8080")]
    public void ToEndpoint_OfNoEndpoint_SaysWhatToWrite(string address) =>
        Assert.Contains("write ip:port", Assert.Throws<ArgumentException>(() => ServerAddress.ToEndpoint(address)).Message);

    [Theory]
    [InlineData("*:8080")]
    [InlineData(":8080")]
    public void ToEndpoint_OfAllAddresses_IsAny(string address) =>
        Assert.Contains(ServerAddress.ToEndpoint(address).Address, new[] { System.Net.IPAddress.Any, System.Net.IPAddress.IPv6Any });

    [Fact]
    public void Wait_AfterEachFailure_GrowsToTheCap()
    {
        // A random number just below 1 shows the ceilings: 0.5, 1, 2, 4, 8, 16, then 20 for ever.
        var seconds = new[] { 0, 1, 2, 3, 4, 5, 6, 7, 1000 }.Select(n => Math.Round(Backoff.Wait(n, new Almost(1)).TotalSeconds, 3));
        Assert.Equal([.5, 1, 2, 4, 8, 16, 20, 20, 20], seconds);
        Assert.Equal(TimeSpan.Zero, Backoff.Wait(5, new Almost(0)));
    }

    private sealed class Almost(double value) : Random
    {
        public override double NextDouble() => value == 1 ? Math.BitDecrement(1.0) : value;
    }
}
