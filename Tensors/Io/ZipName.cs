using System.Text;

namespace ManagedFed.IO;

/// <summary>The texts of names in a zip archive: UTF-8 where the member says so, else code page 437.</summary>
/// <remarks>Format: PKWARE APPNOTE.TXT 6.3, appendix D.</remarks>
internal static class ZipName
{
    private const int Utf8Flag = 1 << 11;

    // The characters of the bytes 128 to 255.
    private const string Upper =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0";

    /// <summary>The name; bytes that are no UTF-8 become the replacement character.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes, int flags) => (flags & Utf8Flag) != 0
        ? Encoding.UTF8.GetString(bytes)
        : string.Create(bytes.Length, bytes, static (text, source) =>
        {
            for (var i = 0; i < text.Length; i++) text[i] = source[i] < 128 ? (char)source[i] : Upper[source[i] - 128];
        });
}
