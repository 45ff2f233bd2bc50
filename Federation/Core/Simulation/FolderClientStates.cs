using System.Globalization;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>States in a folder, one safetensors file with checksums for each client that has kept something: they outlast the process and take no memory.</summary>
/// <remarks>
/// Client 1,234,567 has the file <c>001234/567.safetensors</c>: no folder holds more than a thousand. A state is on disk, with the folders around it,
/// when <see cref="Save"/> returns, and each file has the old content or the new, whatever ends the process. One simulation at a time uses a folder;
/// one that is to begin anew needs an empty one.
/// </remarks>
/// <example><c>VirtualClients.Of(model, optimizer, loss, data, states: new FolderClientStates("run/clients"))</c></example>
public sealed class FolderClientStates : IClientStates
{
    private const int FilesInFolder = 1000;

    private readonly string root;

    /// <summary>The states of a folder, which is made where there is none.</summary>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public FolderClientStates(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        root = Directory.CreateDirectory(path).FullName;
    }

    /// <inheritdoc/>
    /// <exception cref="FormatException">The client's file is damaged.</exception>
    /// <exception cref="IOException">The client's file cannot be read.</exception>
    public StrategyState? Load(int client) => ClientStateFile.Read(FileOf(client), "client_states");

    /// <inheritdoc/>
    /// <exception cref="IOException">There is no room, or the folder cannot be written; the state before is still there.</exception>
    public void Save(int client, StrategyState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var file = FileOf(client);
        var folder = Path.GetDirectoryName(file)!;
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            // Else a power cut could take the new folder with all that is in it.
            FolderFlush.Run(root);
            FolderFlush.Run(Path.GetDirectoryName(root) ?? root);
        }
        ClientStateFile.Write(file, state);
    }

    private string FileOf(int client)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(client);
        return Path.Combine(
            root, string.Create(CultureInfo.InvariantCulture, $"{client / FilesInFolder:d6}"),
            string.Create(CultureInfo.InvariantCulture, $"{client % FilesInFolder:d3}.safetensors"));
    }
}
