namespace ManagedFed.Federation.Data;

/// <summary>Colours of labels and of amounts.</summary>
internal static class LabelColors
{
    /// <summary>A label's colour as <c>#rrggbb</c>: hues at equal distances, neighbours of different lightness.</summary>
    public static string Hex(int label, int count) => Hex(Color(label, count));

    /// <summary>A label's colour as <c>red;green;blue</c>, for terminals.</summary>
    public static string Rgb(int label, int count) => Color(label, count) is var (red, green, blue) ? $"{red};{green};{blue}" : "";

    /// <summary>From nearly white for 0 to sea green for 1.</summary>
    public static string Amount(double share)
    {
        return Hex((Mix(242, 46), Mix(247, 139), Mix(244, 87)));

        byte Mix(int from, int to) => (byte)Math.Round(from + (to - from) * Math.Clamp(share, 0, 1));
    }

    private static string Hex((byte Red, byte Green, byte Blue) color) => $"#{color.Red:x2}{color.Green:x2}{color.Blue:x2}";

    // OKLCh, where equal steps look equal: B. Ottosson, "A perceptual color space for image processing", 2020.
    private static (byte Red, byte Green, byte Blue) Color(int label, int count)
    {
        var hue = 2 * Math.PI * (0.07 + label / (double)Math.Max(1, count));
        var (lightness, a, b) = (label % 2 == 0 ? 0.64 : 0.78, 0.125 * Math.Cos(hue), 0.125 * Math.Sin(hue));
        var l = Cube(lightness + 0.3963377774 * a + 0.2158037573 * b);
        var m = Cube(lightness - 0.1055613458 * a - 0.0638541728 * b);
        var s = Cube(lightness - 0.0894841775 * a - 1.2914855480 * b);
        return (
            Byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
            Byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
            Byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s));

        static double Cube(double x) => x * x * x;

        static byte Byte(double linear)
        {
            linear = Math.Clamp(linear, 0, 1);
            return (byte)Math.Round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * Math.Pow(linear, 1 / 2.4) - 0.055));
        }
    }
}
