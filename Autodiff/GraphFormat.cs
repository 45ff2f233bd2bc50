namespace ManagedFed;

/// <summary>How a graph is written.</summary>
public enum GraphFormat
{
    /// <summary>One line for each operation.</summary>
    Text,

    /// <summary>The DOT language of Graphviz.</summary>
    Dot,
}
