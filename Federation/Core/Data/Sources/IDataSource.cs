namespace ManagedFed.Federation.Data;

/// <summary>Where a data set comes from. A format is added by a class that reads it to <see cref="Table"/>s.</summary>
public interface IDataSource
{
    /// <summary>Reads the data set: its splits by name, such as <c>train</c> and <c>test</c>. Called once.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="FormatException">A file is damaged.</exception>
    IReadOnlyDictionary<string, Table> Load();
}

/// <summary>A data set that is in memory already.</summary>
internal sealed class MemorySource(IReadOnlyDictionary<string, Table> splits) : IDataSource
{
    private readonly IReadOnlyDictionary<string, Table> splits = splits ?? throw new ArgumentNullException(nameof(splits));

    public IReadOnlyDictionary<string, Table> Load() => splits;
}
