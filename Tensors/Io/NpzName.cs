using System.Buffers;

namespace ManagedFed.IO;

/// <summary>The names that arrays may have in an archive; nothing is ever written under them, yet other programs may.</summary>
internal static class NpzName
{
    public const string Extension = ".npy";
    private const int MaxLength = 200;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/");

    /// <summary>True for 1 to 200 allowed characters that form no absolute path and go up in none.</summary>
    public static bool IsArrayName(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= MaxLength && name[0] != '/' && !name.Contains("..", StringComparison.Ordinal) && !name.ContainsAnyExcept(Allowed);

    /// <summary>True for an array's name followed by <c>.npy</c>.</summary>
    public static bool IsEntryName(ReadOnlySpan<char> name) =>
        name.EndsWith(Extension, StringComparison.Ordinal) && IsArrayName(name[..^Extension.Length]);

    /// <summary>A name of unknown origin, fit for a message.</summary>
    public static string Printable(string name)
    {
        var start = name.AsSpan(0, Math.Min(name.Length, 40));
        return string.Create(start.Length, start, static (text, source) =>
        {
            for (var i = 0; i < text.Length; i++) text[i] = source[i] is >= ' ' and <= '~' ? source[i] : '?';
        });
    }
}
