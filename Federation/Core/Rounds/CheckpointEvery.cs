using System.Globalization;
using ManagedFed.IO;

namespace ManagedFed.Federation;

/// <summary>Writes the global model to a file of its own after every few rounds, and after the last one; the last few files stay.</summary>
/// <remarks>
/// Files are <c>.safetensors</c>, each replaced as a whole. Arrays have the names of the run's <see cref="ParameterSchema"/> where it knows all, so that
/// <c>module.LoadWeights</c> takes the file, or else their numbers from 0; the metadata names <c>run_id</c> and <c>round</c>. A file that cannot be
/// written is told of in the log, and the run goes on. This is a model for others to use; <see cref="RunStore"/> is what a run goes on from.
/// </remarks>
/// <param name="Rounds">Every so many rounds, or steps of a run without rounds, at least 1.</param>
/// <param name="Path">
/// A folder, in which files are <c>round-000010.safetensors</c> and so on, or a file whose name has <c>{round}</c> in the place of the number. Folders
/// are made if need be.
/// </param>
/// <exception cref="ArgumentException">A value lies outside its range, or the path is empty or has <c>{round}</c> in a folder's name or twice.</exception>
/// <example><c>new FederatedServerOptions { Checkpoint = new CheckpointEvery(10, "models/mlp-{round}.safetensors") { Keep = 5 } }</c></example>
public sealed record CheckpointEvery(int Rounds, string Path)
{
    private const string Mark = "{round}", Op = "checkpoint_every";

    /// <summary>Every so many rounds.</summary>
    public int Rounds { get; init => field = Interval.Counts.Check(Op, nameof(Rounds), value); } = Interval.Counts.Check(Op, nameof(Rounds), Rounds);

    /// <summary>The folder, or the file with <c>{round}</c> in its name.</summary>
    public string Path { get; init => field = Checked(value); } = Checked(Path);

    /// <summary>How many of the newest files stay, at least 1; others that have such a name and a lower round's number are removed. Default 3.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int Keep { get; init => field = Interval.Counts.Check(Op, nameof(Keep), value); } = 3;

    private (string Folder, string Before, string After) Parts
    {
        get
        {
            var at = Path.IndexOf(Mark, StringComparison.Ordinal);
            if (at < 0) return (Path, "round-", ".safetensors");
            var name = System.IO.Path.GetFileName(Path);
            var inName = name.IndexOf(Mark, StringComparison.Ordinal);
            return (System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, name[..inName], name[(inName + Mark.Length)..]);
        }
    }

    /// <summary>Writes the model of a round and removes the oldest files.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="IOException">The file cannot be written.</exception>
    internal string Write(int round, string runId, Parameters model, ParameterSchema? schema)
    {
        var (folder, before, after) = Parts;
        Directory.CreateDirectory(folder);
        var file = System.IO.Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{before}{round:d6}{after}"));
        var arrays = model.HasArrays ? model.Arrays : [.. model.Payloads.Select(payload => NdArray.From(payload.Span))];
        var names = schema is not null && schema.Count == arrays.Count && schema.All(parameter => parameter.Name is not null)
            ? schema.Select(parameter => parameter.Name!) : Enumerable.Range(0, arrays.Count).Select(i => i.ToString(CultureInfo.InvariantCulture));
        Safetensors.Save(
            file, names.Zip(arrays), new Dictionary<string, string> { ["run_id"] = runId, ["round"] = round.ToString(CultureInfo.InvariantCulture) });
        // Of another run there may be later ones.
        var older = Directory.EnumerateFiles(folder).Select(path => (path, Number: NumberIn(System.IO.Path.GetFileName(path), before, after)))
            .Where(entry => entry.Number <= round).OrderByDescending(entry => entry.Number).Skip(Keep);
        foreach (var (path, _) in older.ToArray()) File.Delete(path);
        return file;
    }

    private static int? NumberIn(string name, string before, string after) =>
        name.Length > before.Length + after.Length && name.StartsWith(before, StringComparison.Ordinal) && name.EndsWith(after, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(before.Length..^after.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Checked(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var parts = path.Split(Mark);
        return parts.Length == 1 || parts.Length == 2 && parts[1].AsSpan().IndexOfAny('/', '\\') < 0
            ? path
            : throw new ArgumentException($"[{Op}] Path is '{path}', expected a folder, or a file with {Mark} once and in its own name", nameof(path));
    }
}
