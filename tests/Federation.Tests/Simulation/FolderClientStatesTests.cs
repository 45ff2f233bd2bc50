using Xunit;

namespace ManagedFed.Federation.Tests.Simulation;

/// <summary>What clients keep in a folder comes back to the bit, in files that are few to a folder and are not believed when they are damaged.</summary>
public sealed class FolderClientStatesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("managedfed-states").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Save_ThenLoad_GivesTheStateBackInAnotherProcess()
    {
        var root = Path.Combine(folder, "new", "clients");
        var states = new FolderClientStates(root);
        foreach (var client in new[] { 0, 999, 1000, 1_234_567, int.MaxValue })
        {
            Assert.Null(states.Load(client));
            states.Save(client, State(client));
            states.Save(client, State(client + 0.25));
        }
        var again = new FolderClientStates(root);
        foreach (var client in new[] { 0, 999, 1000, 1_234_567, int.MaxValue })
        {
            var state = again.Load(client)!;
            Assert.Equal([client + 0.25, double.NaN], state.Arrays["memory.c"].ToArray<double>());
            Assert.Equal(client + 0.25, state.Values["steps"].AsDouble());
            Assert.Equal("run", state.Values["run"].AsString());
        }
        Assert.Equal(
            ["000000/000.safetensors", "000000/999.safetensors", "000001/000.safetensors", "001234/567.safetensors", "2147483/647.safetensors"],
            Directory.GetFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Null(again.Load(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => again.Load(-1));
    }

    [Fact]
    public void Load_OfADamagedFile_NamesIt()
    {
        var states = new FolderClientStates(folder);
        states.Save(5, State(5));
        var file = Path.Combine(folder, "000000", "005.safetensors");
        var whole = File.ReadAllBytes(file);
        foreach (var damaged in new[] { [], whole[..^1], [.. whole[..^1], (byte)(whole[^1] ^ 1)] })
        {
            File.WriteAllBytes(file, damaged);
            Assert.StartsWith(
                $"[client_states] the state file {file} is damaged or another program's: ", Assert.Throws<FormatException>(() => states.Load(5)).Message, StringComparison.Ordinal);
        }
    }

    private static StrategyState State(double value) => StrategyState.Of(
        [KeyValuePair.Create("memory.c", NdArray.From([value, double.NaN]))], [KeyValuePair.Create("steps", (Scalar)value), KeyValuePair.Create("run", (Scalar)"run")]);
}
