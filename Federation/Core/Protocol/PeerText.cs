using System.Globalization;
using System.Text;

namespace ManagedFed.Federation;

/// <summary>The one door for what other machines say, on its way into a log, an exception or a terminal.</summary>
internal static class PeerText
{
    /// <summary>
    /// A peer's words as one line that cannot forge or flood a log: control, format (also those that turn the direction of writing), line
    /// and unassigned characters and halves of surrogate pairs become spaces.
    /// </summary>
    /// <param name="text">The words.</param>
    /// <param name="most">The most characters that are kept.</param>
    public static string Harmless(string? text, int most = 256)
    {
        if (string.IsNullOrEmpty(text)) return "";
        var line = new StringBuilder(Math.Min(text.Length, most));
        for (var i = 0; i < text.Length && line.Length < most;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune))
            {
                line.Append(' ');
                i++;
                continue;
            }
            i += rune.Utf16SequenceLength;
            if (IsHarmful(rune)) line.Append(' ');
            else if (line.Length + rune.Utf16SequenceLength <= most) line.Append(rune.ToString());
            else break;
        }
        return line.ToString();
    }

    private static bool IsHarmful(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned;
}
