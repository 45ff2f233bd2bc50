namespace ManagedFed.IO;

/// <summary>The names that arrays may have in an archive; nothing is ever written under them, yet other programs may.</summary>
internal static class NpzName
{
    public const string Extension = ".npy";

    /// <summary>What a name must be, for messages.</summary>
    public const string Rule = "expected 1 to 200 characters, none of them a control character or '\\', that form no absolute path and no step '..'";

    private const int MaxLength = 200;

    /// <summary>True for a name that follows the <see cref="Rule"/>: a path, if any, that stays inside a folder.</summary>
    public static bool IsArrayName(string name) =>
        name.Length is > 0 and <= MaxLength && name[0] != '/' && !name.Contains('\\') && !name.Any(char.IsControl) && IsText(name)
        // A drive; w:0 is how TensorFlow names a variable.
        && !(name.Length > 1 && char.IsAsciiLetter(name[0]) && name[1] == ':' && !(name.Length > 2 && char.IsAsciiDigit(name[2])))
        && !name.Split('/').Contains("..");

    /// <summary>True unless half a surrogate pair stands alone, which no encoding of a file can keep.</summary>
    public static bool IsText(string name)
    {
        for (var i = 0; i < name.Length; i++)
        {
            if (!char.IsSurrogate(name[i])) continue;
            if (!char.IsHighSurrogate(name[i]) || i + 1 == name.Length || !char.IsLowSurrogate(name[i + 1])) return false;
            i++;
        }
        return true;
    }

    /// <summary>A name of unknown origin, fit for a message.</summary>
    public static string Printable(string name) =>
        string.Concat(name.AsSpan(0, Math.Min(name.Length, 60)).ToString().Select(c => c is >= ' ' and <= '~' || (char.IsLetter(c) && !char.IsSurrogate(c)) ? c : '?'));
}
