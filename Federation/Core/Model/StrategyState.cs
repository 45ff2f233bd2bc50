using System.Collections.ObjectModel;
using System.Globalization;

namespace ManagedFed.Federation;

/// <summary>What a strategy remembers from round to round: a tree of named arrays and values, which any store can write; immutable.</summary>
/// <remarks>
/// Names are dotted, so a wrapper's state holds its inner strategy's under a prefix, see <see cref="Nest"/> and <see cref="Part"/>. Arrays are
/// shared, not copied: whoever reads them must not write into them.
/// </remarks>
/// <example><c>StrategyState.Empty.With("m", moments).With("run", 7L)</c></example>
public sealed class StrategyState
{
    private StrategyState(IEnumerable<KeyValuePair<string, NdArray>> arrays, IEnumerable<KeyValuePair<string, Scalar>> values)
    {
        Arrays = new(new SortedDictionary<string, NdArray>(new Dictionary<string, NdArray>(arrays), StringComparer.Ordinal));
        Values = new(new SortedDictionary<string, Scalar>(new Dictionary<string, Scalar>(values), StringComparer.Ordinal));
    }

    /// <summary>Nothing is remembered.</summary>
    public static StrategyState Empty { get; } = new([], []);

    /// <summary>The arrays by name.</summary>
    public ReadOnlyDictionary<string, NdArray> Arrays { get; }

    /// <summary>The values by name.</summary>
    public ReadOnlyDictionary<string, Scalar> Values { get; }

    /// <summary>True when nothing is remembered.</summary>
    public bool IsEmpty => Arrays.Count == 0 && Values.Count == 0;

    /// <summary>A state of arrays and values.</summary>
    public static StrategyState Of(IEnumerable<KeyValuePair<string, NdArray>> arrays, IEnumerable<KeyValuePair<string, Scalar>> values)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        ArgumentNullException.ThrowIfNull(values);
        return new(arrays, values);
    }

    /// <summary>This state with a value in place of the one of the same name.</summary>
    public StrategyState With(string name, Scalar value) => new(Arrays, Values.Where(entry => entry.Key != name).Append(KeyValuePair.Create(name, value)));

    /// <summary>This state with a list of arrays, as <c>name.0</c>, <c>name.1</c> and so on, in place of the list of the same name.</summary>
    public StrategyState With(string name, IReadOnlyList<NdArray> list)
    {
        ArgumentNullException.ThrowIfNull(list);
        return new(
            [.. Arrays.Where(entry => !IsItem(entry.Key, name)), .. list.Select((array, i) => KeyValuePair.Create(Key(name, i), array))], Values);
    }

    /// <summary>This state with one array of a list in place of the one that was there.</summary>
    public StrategyState With(string name, int index, NdArray array) =>
        new(Arrays.Where(entry => entry.Key != Key(name, index)).Append(KeyValuePair.Create(Key(name, index), array)), Values);

    /// <summary>One array of a list; null when it is not there.</summary>
    public NdArray? Item(string name, int index) => Arrays.GetValueOrDefault(Key(name, index));

    /// <summary>The list of arrays of a name; null when there is none.</summary>
    public IReadOnlyList<NdArray>? List(string name)
    {
        var list = new List<NdArray>();
        while (Arrays.TryGetValue(Key(name, list.Count), out var array)) list.Add(array);
        return list.Count > 0 ? list : null;
    }

    /// <summary>This state with all of another one's names below a prefix, in place of what was there.</summary>
    public StrategyState Nest(string prefix, StrategyState inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        var below = $"{prefix}.";
        return new(
            [.. Arrays.Where(entry => !Below(entry.Key)), .. inner.Arrays.Select(entry => KeyValuePair.Create(below + entry.Key, entry.Value))],
            [.. Values.Where(entry => !Below(entry.Key)), .. inner.Values.Select(entry => KeyValuePair.Create(below + entry.Key, entry.Value))]);

        bool Below(string name) => name.StartsWith(below, StringComparison.Ordinal);
    }

    /// <summary>The state whose names stand below a prefix.</summary>
    public StrategyState Part(string prefix)
    {
        if (IsEmpty) return this;
        var below = $"{prefix}.";
        return new(Inner(Arrays), Inner(Values));

        IEnumerable<KeyValuePair<string, T>> Inner<T>(IEnumerable<KeyValuePair<string, T>> all) => all
            .Where(entry => entry.Key.StartsWith(below, StringComparison.Ordinal))
            .Select(entry => KeyValuePair.Create(entry.Key[below.Length..], entry.Value));
    }

    /// <summary>The names with shapes and values.</summary>
    public override string ToString() => IsEmpty ? "empty" : string.Join(", ", Arrays
        .Select(entry => $"{entry.Key}: {entry.Value.DType.Name()} {entry.Value.Shape}").Concat(Values.Select(entry => $"{entry.Key}: {entry.Value}")));

    private static string Key(string name, int index) => string.Create(CultureInfo.InvariantCulture, $"{name}.{index}");

    private static bool IsItem(string key, string name) => key.Length > name.Length + 1 && key.StartsWith(name, StringComparison.Ordinal)
        && key[name.Length] == '.' && !key.AsSpan(name.Length + 1).ContainsAnyExceptInRange('0', '9');
}
