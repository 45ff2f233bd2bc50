using ManagedFed.Nn.Data;

namespace ManagedFed.Federation.Data;

/// <summary>
/// A folder of four IDX files as MNIST's: splits <c>train</c> and <c>test</c> with the columns <c>image</c>, float32 of shape
/// (n, height·width) with pixel/255, and <c>label</c>, int32.
/// </summary>
/// <param name="folder">See <see cref="Mnist.Load"/>.</param>
/// <param name="verify">Insist on MNIST's own files.</param>
public sealed class IdxSource(string folder, bool verify = false) : IDataSource
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, Table> Load()
    {
        var (train, test) = Mnist.Load(folder, verify);
        return new Dictionary<string, Table> { ["train"] = Table.Of(train), ["test"] = Table.Of(test) };
    }
}
