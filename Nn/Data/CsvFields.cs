using System.Runtime.InteropServices;

namespace ManagedFed.Nn.Data;

/// <summary>The fields of one column of one file as text, one behind the other, with the lines they stand in.</summary>
internal sealed class CsvFields(string name, int column, List<int> lines, string file)
{
    private readonly List<char> text = [];
    private readonly List<int> ends = [];

    public string Name { get; } = name;

    public int Count => ends.Count;

    public ReadOnlySpan<char> this[int row] => CollectionsMarshal.AsSpan(text)[(row == 0 ? 0 : ends[row - 1])..ends[row]];

    public void Add(string field)
    {
        if (field.Length > Array.MaxLength - text.Count) throw new FormatException($"[csv] column {Name} has more than {Array.MaxLength:N0} characters");
        CollectionExtensions.AddRange(text, field.AsSpan());
        ends.Add(text.Count);
    }

    /// <summary>An error that names where the field stands, and the field.</summary>
    public FormatException Error(int row, string message) =>
        new($"{CsvReader.Error(lines[row], column, $"'{Shown(row)}' {message}").Message}{file}");

    /// <summary>The line that a row stands in.</summary>
    public int Line(int row) => lines[row];

    private string Shown(int row) => this[row] is { Length: > 40 } long_ ? $"{long_[..40]}…" : this[row].ToString();
}
