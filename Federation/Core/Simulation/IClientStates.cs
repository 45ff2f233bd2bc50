using System.Collections.Concurrent;

namespace ManagedFed.Federation;

/// <summary>What virtual clients keep from round to round, by their number, while they themselves are made anew for each question.</summary>
/// <remarks>Called from several threads at once, for one client one call after the other.</remarks>
public interface IClientStates
{
    /// <summary>What a client kept last; null when it has kept nothing yet.</summary>
    StrategyState? Load(int client);

    /// <summary>Keeps a client's state in place of the one before. Nobody writes into its arrays later.</summary>
    /// <exception cref="IOException">There is no room. A simulation tries again until there is; the client's answer does not count before.</exception>
    void Save(int client, StrategyState state);
}

/// <summary>States in memory, one for each client that has trained.</summary>
public sealed class MemoryClientStates : IClientStates
{
    private readonly ConcurrentDictionary<int, StrategyState> states = [];

    /// <summary>How many clients have kept something.</summary>
    public int Count => states.Count;

    /// <inheritdoc/>
    public StrategyState? Load(int client) => states.GetValueOrDefault(client);

    /// <inheritdoc/>
    public void Save(int client, StrategyState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        states[client] = state;
    }
}

/// <summary>A client's state could not be kept; the client is as it was before.</summary>
internal sealed class StateNotKeptException(IOException why) : IOException(why.Message, why);
