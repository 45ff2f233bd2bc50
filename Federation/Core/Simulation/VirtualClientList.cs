using System.Collections;
using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>The clients 0 … count−1 but some: each is made as it is read, so that their number takes no memory.</summary>
/// <param name="count">How many clients there are.</param>
/// <param name="missing">The numbers that are left out, in ascending order.</param>
internal sealed class VirtualClientList(int count, int[] missing) : IReadOnlyList<ClientInfo>
{
    private const string Scheme = "memory:";

    public int Count => count - missing.Length;

    public ClientInfo this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            // Number missing[g] − g of those who are left comes right after the gap g.
            var (low, high) = (0, missing.Length);
            while (low < high)
            {
                var gap = (low + high) / 2;
                if (missing[gap] - gap <= index) low = gap + 1;
                else high = gap;
            }
            return InfoOf(index + low);
        }
    }

    /// <summary>The name that a client of a simulation has in every run.</summary>
    public static string StableNameOf(int client) => string.Create(CultureInfo.InvariantCulture, $"{Scheme}{client:d9}");

    /// <summary>Who a client is: the same whenever it is made.</summary>
    public static ClientInfo InfoOf(int client) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{client % 100_000_000:d8}{client:x24}"), string.Create(CultureInfo.InvariantCulture, $"{Scheme}{client}"))
        {
            StableName = StableNameOf(client),
        };

    /// <summary>A client's number; null when it is none of such clients.</summary>
    public static int? NumberOf(ClientInfo client) => NumberIn(client.StableName) is { } number && InfoOf(number) == client ? number : null;

    /// <summary>The number in a stable name; null when it is none of such clients'.</summary>
    public static int? NumberIn(string? stableName) =>
        stableName is { } name && name.StartsWith(Scheme, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(Scheme.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    public IEnumerator<ClientInfo> GetEnumerator()
    {
        for (var i = 0; i < Count; i++) yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
