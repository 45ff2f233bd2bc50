using System.Globalization;
using ManagedFed.IO;

namespace ManagedFed.Nn;

/// <summary>All that training depends on in one file: parameters, buffers, random keys, and the optimizer's state and step.</summary>
/// <remarks>
/// Training that goes on from it gives the same bits as training that never stopped, given the same batches. The learning rate,
/// its schedule and what is frozen are code, not state: set them as before.
/// </remarks>
/// <example>
/// <code>
/// if (File.Exists(path)) TrainingState.Load(path, model, optimizer);
/// for (var step = optimizer.Step; step &lt; steps; step++) { /* train */ if (step % 100 == 99) TrainingState.Save(path, model, optimizer); }
/// </code>
/// </example>
public static class TrainingState
{
    private const string ModelPrefix = "model.";
    private const string OptimizerPrefix = "optimizer.";
    private const string StepKey = "step";

    /// <summary>Writes the state of a model and its optimizer to a <c>.safetensors</c> file, which holds its old content until the new one is complete.</summary>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Save(string path, Module model, Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        var all = new ParameterTree([.. Prefixed(ModelPrefix, model.State()), .. Prefixed(OptimizerPrefix, optimizer.State)]);
        Safetensors.Save(path, all.Keys.Zip(all.ToArrays()), new Dictionary<string, string> { [StepKey] = optimizer.Step.ToString(CultureInfo.InvariantCulture) });
    }

    /// <summary>Puts a model and its optimizer in the state of a file.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote.</param>
    /// <param name="model">A model of the same parameters and buffers.</param>
    /// <param name="optimizer">An optimizer of the same kind.</param>
    /// <exception cref="ArgumentException">Names, shapes or types differ from the model's or the optimizer's; nothing has changed.</exception>
    /// <exception cref="FormatException">The content is not such a file; nothing has changed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static void Load(string path, Module model, Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(optimizer);
        var file = Safetensors.Load(path);
        if (!file.Metadata.TryGetValue(StepKey, out var text) || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var step))
        {
            throw new FormatException($"[training_state] the file has no whole number {StepKey} in its metadata; it is not a training state (file {path})");
        }
        var before = model.State();
        var state = Part(file, ModelPrefix);
        ParameterTree.Refuse("training_state", [.. before.Missing(state), .. before.Extra(state)]);
        model.Update(state);
        try
        {
            optimizer.Restore(Part(file, OptimizerPrefix), step);
        }
        catch
        {
            model.Update(before);
            throw;
        }
    }

    private static IEnumerable<KeyValuePair<string, Tensor>> Prefixed(string prefix, ParameterTree tree) =>
        tree.Select(entry => KeyValuePair.Create(prefix + entry.Key, entry.Value));

    private static ParameterTree Part(SafetensorsFile file, string prefix) => new(file.Arrays
        .Where(entry => entry.Key.StartsWith(prefix, StringComparison.Ordinal))
        .Select(entry => KeyValuePair.Create(entry.Key[prefix.Length..], (Tensor)entry.Value)));
}
