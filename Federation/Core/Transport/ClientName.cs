using System.Buffers;

namespace ManagedFed.Federation;

/// <summary>The name that a client of the stream gives itself, in its call's metadata.</summary>
internal static class ClientName
{
    /// <summary>The metadata's key.</summary>
    public const string Header = "managedfed-client-name";

    /// <summary>What a name may be, for messages.</summary>
    public const string Rule = "1 to 64 of A-Z a-z 0-9 . _ -";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    public static bool IsValid(string name) => name.Length is >= 1 and <= 64 && !name.AsSpan().ContainsAnyExcept(Allowed);

    /// <summary>The stable name of the client that a server knows by this one; no node has such a one.</summary>
    public static string Stable(string name) => $"name:{name}";
}
