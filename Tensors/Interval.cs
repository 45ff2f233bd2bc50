using System.Globalization;

namespace ManagedFed;

/// <summary>The range of a setting: it is checked where it is set, and its message names the setting, the value and the range.</summary>
/// <remarks>NaN lies outside of every range, and so does infinity unless a closed end is infinite.</remarks>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
/// <param name="LowOpen">True when the lower end is outside.</param>
/// <param name="HighOpen">True when the upper end is outside.</param>
internal readonly record struct Interval(double Low, double High, bool LowOpen = false, bool HighOpen = false)
{
    /// <summary>All numbers.</summary>
    public static readonly Interval Finite = new(double.NegativeInfinity, double.PositiveInfinity, true, true);

    public static readonly Interval Positive = new(0, double.PositiveInfinity, true, true);

    public static readonly Interval NotNegative = new(0, double.PositiveInfinity, false, true);

    /// <summary>Numbers from 1 on, as of things and sizes.</summary>
    public static readonly Interval Counts = new(1, double.PositiveInfinity, false, true);

    /// <summary>The seconds that a wait may take: timers go to 2³² milliseconds.</summary>
    public static readonly Interval Timer = new(0, 4294967);

    /// <summary>The seconds of a wait that is one.</summary>
    public static readonly Interval Period = Timer with { LowOpen = true };

    /// <summary>[0, 1], as of shares and probabilities.</summary>
    public static readonly Interval Unit = new(0, 1);

    /// <summary>[0, 1), as of what must leave something.</summary>
    public static readonly Interval Fraction = new(0, 1, HighOpen: true);

    public bool Contains(double value) => (LowOpen ? value > Low : value >= Low) && (HighOpen ? value < High : value <= High);

    /// <summary>The value, if it lies inside.</summary>
    /// <param name="op">What has the setting, as in other messages.</param>
    /// <param name="name">The setting.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="ArgumentException">The value lies outside.</exception>
    public double Check(string op, string name, double value)
    {
        if (!Contains(value)) Refuse(op, name, value);
        return value;
    }

    /// <inheritdoc cref="Check(string, string, double)"/>
    public int Check(string op, string name, int value)
    {
        if (!Contains(value)) Refuse(op, name, value);
        return value;
    }

    /// <inheritdoc cref="Check(string, string, double)"/>
    public long Check(string op, string name, long value)
    {
        if (!Contains(value)) Refuse(op, name, value);
        return value;
    }

    /// <inheritdoc cref="Check(string, string, double)"/>
    public TimeSpan Check(string op, string name, TimeSpan value)
    {
        if (!Contains(value.TotalSeconds)) Throw.Argument(op, $"{name} {value} lies outside {this} seconds");
        return value;
    }

    public override string ToString() => $"{(LowOpen ? '(' : '[')}{Text(Low)}, {Text(High)}{(HighOpen ? ')' : ']')}";

    private void Refuse(string op, string name, IFormattable value) =>
        Throw.Argument(op, $"{name} {value.ToString(null, CultureInfo.InvariantCulture)} lies outside {this}");

    private static string Text(double end) => end switch
    {
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "−∞",
        _ => end.ToString(CultureInfo.InvariantCulture),
    };
}
