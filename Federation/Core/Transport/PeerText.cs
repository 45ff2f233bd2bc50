namespace ManagedFed.Federation;

/// <summary>What other machines say, before it goes into a log or a message.</summary>
internal static class PeerText
{
    /// <summary>A peer's words as one line of at most 256 characters, so that they cannot forge or flood a log.</summary>
    public static string Harmless(string text) =>
        string.Create(Math.Min(text.Length, 256), text, (line, all) =>
        {
            for (var i = 0; i < line.Length; i++) line[i] = char.IsControl(all[i]) ? ' ' : all[i];
        });
}
