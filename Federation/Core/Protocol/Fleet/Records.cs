using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace ManagedFed.Federation;

/// <summary>Values by name in the order they were given; immutable.</summary>
public abstract class NamedDictionary<T> : IReadOnlyDictionary<string, T> where T : notnull
{
    private readonly OrderedDictionary<string, T> values = new(StringComparer.Ordinal);

    private protected NamedDictionary(IEnumerable<(string Name, T Value)> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        foreach (var (name, value) in values)
        {
            ArgumentNullException.ThrowIfNull(value, name);
            if (!this.values.TryAdd(name, value)) throw new ArgumentException($"[record] the name '{name}' is there twice");
        }
    }

    /// <inheritdoc/>
    public int Count => values.Count;

    /// <inheritdoc/>
    public IEnumerable<string> Keys => values.Keys;

    /// <inheritdoc/>
    public IEnumerable<T> Values => values.Values;

    /// <summary>The value of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name.</exception>
    public T this[string key] => values.TryGetValue(key, out var value) ? value
        : throw new KeyNotFoundException($"[record] there is no '{key}' among [{PeerText.Harmless(string.Join(", ", Keys))}]");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => values.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out T value) => values.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, T>> GetEnumerator() => values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>What a <see cref="RecordDict"/> holds: an <see cref="ArrayRecord"/>, <see cref="MetricRecord"/> or <see cref="ConfigRecord"/>.</summary>
public interface IRecord
{
    /// <summary>The name of the record's type on the wire.</summary>
    internal string TypeName { get; }
}

/// <summary>Settings by name.</summary>
/// <param name="values">The settings: <c>new ConfigRecord(("lr", 0.1), ("epochs", 2))</c>.</param>
public sealed class ConfigRecord(params IEnumerable<(string Name, RecordValue Value)> values) : NamedDictionary<RecordValue>(values), IRecord
{
    string IRecord.TypeName => ObjectType.ConfigRecord;
}

/// <summary>Measured numbers, or lists of numbers, by name.</summary>
/// <param name="values">The numbers: <c>new MetricRecord(("num-examples", 100), ("loss", 0.25))</c>.</param>
/// <exception cref="ArgumentException">A value is no number.</exception>
public sealed class MetricRecord(params IEnumerable<(string Name, RecordValue Value)> values)
    : NamedDictionary<RecordValue>(values.Select(Number)), IRecord
{
    string IRecord.TypeName => ObjectType.MetricRecord;

    private static (string Name, RecordValue Value) Number((string Name, RecordValue Value) item) =>
        item.Value.IsNumeric ? item
            : throw new ArgumentException($"[record] metric '{PeerText.Harmless(item.Name)}' is {item.Value.Kind} {PeerText.Harmless($"{item.Value}")}, not a number");
}

/// <summary>Records by name: the content of a message.</summary>
/// <param name="records">The records: <c>new RecordDict(("arrays", arrays), ("metrics", metrics))</c>.</param>
public sealed class RecordDict(params IEnumerable<(string Name, IRecord Record)> records) : NamedDictionary<IRecord>(records)
{
    /// <summary>The record of a name, as what it must be.</summary>
    /// <exception cref="KeyNotFoundException">There is no such record.</exception>
    /// <exception cref="InvalidOperationException">The record is of another type.</exception>
    public T Get<T>(string name) where T : class, IRecord => this[name] as T
        ?? throw new InvalidOperationException($"[record] '{name}' is of type {this[name].GetType().Name}, not {typeof(T).Name}");
}
