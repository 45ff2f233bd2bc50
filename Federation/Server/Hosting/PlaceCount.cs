using System.Net;
using System.Numerics;

namespace ManagedFed.Federation;

/// <summary>Counts who is there, in all and by address.</summary>
/// <param name="most">The most in all.</param>
/// <param name="mostPerAddress">The most of one address.</param>
internal sealed class PlaceCount(int most, int mostPerAddress)
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);
    private int all;
    private long refused;

    /// <summary>Takes a place; null when there was one, else why there is none.</summary>
    /// <param name="address">Whose.</param>
    /// <param name="tell">True when the refusal is worth a line in a log: at ever rarer times.</param>
    public string? Enter(string address, out bool tell)
    {
        lock (gate)
        {
            tell = false;
            var own = counts.GetValueOrDefault(address);
            var why = all >= most ? $"{all} are there, at most {most} may be"
                : own >= mostPerAddress ? $"{own} of {address} are there, at most {mostPerAddress} of one address may be"
                : null;
            if (why is null) (all, counts[address]) = (all + 1, own + 1);
            else tell = BitOperations.IsPow2(++refused);
            return why;
        }
    }

    public void Leave(string address)
    {
        lock (gate)
        {
            all--;
            if (--counts[address] == 0) counts.Remove(address);
        }
    }

    /// <summary>What counts as one address: of IPv6 the network, whose 2⁶⁴ addresses one peer has.</summary>
    public static string AddressOf(IPAddress? address)
    {
        if (address is null) return "unknown";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(address)) return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
