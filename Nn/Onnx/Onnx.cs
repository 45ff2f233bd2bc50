using ManagedFed.Graph;
using ManagedFed.IO;

namespace ManagedFed.Nn;

/// <summary>Models as files of the Open Neural Network Exchange, <see href="https://onnx.ai"/>, which many runtimes and tools read.</summary>
/// <remarks>
/// The function is recorded, not computed, in evaluation mode at two batch sizes; sizes that differ between the two follow the
/// batch. Operations become nodes of operator set 17 (IR version 8), parameters initializers of their own names. Layouts stay:
/// images have their channels last. Types without arithmetic in ONNX Runtime, float16 among them, are calculated in wider ones, whose
/// results are rounded. A runtime may still lack kernels: ONNX Runtime has none for arithmetic of uint64 and convolutions of float64.
/// </remarks>
public static class Onnx
{
    private const string Op = "onnx";

    /// <summary>Writes the module's <see cref="Module.Forward(Tensor)"/>.</summary>
    /// <param name="module">The model; it stays as it is, and in its mode.</param>
    /// <param name="example">An input such as the model takes, its first axis the batch; its values do not matter.</param>
    /// <param name="path">The file to create or replace; it holds its old content until the new one is complete on disk.</param>
    /// <param name="options">Names and axes, or null.</param>
    /// <exception cref="ArgumentException">Names repeat, an operation has no translation, or the file would exceed 2 GiB.</exception>
    /// <exception cref="InvalidOperationException">The module reads values, or computes otherwise at another batch size.</exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Export(Module module, Tensor example, string path, OnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(example);
        Export(module, x => [module.Forward(x[0])], [example], path, options);
    }

    /// <summary>Writes a function of a module and of any number of inputs, such as a mask or a state, to any number of outputs.</summary>
    /// <param name="module">The model; it stays as it is, and in its mode.</param>
    /// <param name="forward">Gives the outputs for the inputs; called twice.</param>
    /// <param name="examples">
    /// Inputs such as the function takes. Those whose first axis is as long as the first input's are batches; so an example's batch
    /// size is best a number that no other size equals.
    /// </param>
    /// <param name="path">The file to create or replace; it holds its old content until the new one is complete on disk.</param>
    /// <param name="options">Names and axes, or null.</param>
    /// <exception cref="ArgumentException">Names repeat or are too few or many, an operation has no translation, or the file would exceed 2 GiB.</exception>
    /// <exception cref="InvalidOperationException">The function reads values, or computes otherwise at another batch size.</exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public static void Export(
        Module module, Func<Tensor[], Tensor[]> forward, IReadOnlyList<Tensor> examples, string path, OnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(path);
        if (examples.Count == 0) Throw.Argument(Op, "no example inputs given, expected at least one");
        options ??= new();

        var batch = BatchSizes(examples[0], options);
        var first = Record(module, forward, examples, batch.First);
        var second = RecordOther(module, forward, examples, batch);
        if (first.Outputs.Length != second.Outputs.Length) Throw.Invalid(Op, $"{first.Outputs.Length} outputs at batch size {batch.First}, {second.Outputs.Length} at {batch.Second}; export with DynamicBatch = false");
        if (first.Outputs.Length == 0) Throw.Argument(Op, "the function gave no outputs, expected at least one");

        var graph = new OnnxGraph(batch);
        var parameters = module.NamedState().ToArray();
        foreach (var (name, _) in parameters) graph.Reserve(name, "a parameter");
        var inputNames = Names("input", options.InputNames, first.Inputs.Length, graph);
        var outputNames = Names("output", options.OutputNames, first.Outputs.Length, graph);
        var walk = new OnnxWalk(graph, parameters);
        for (var i = 0; i < inputNames.Length; i++) walk.Input(inputNames[i], new(first.Inputs[i], second.Inputs[i]));
        for (var i = 0; i < outputNames.Length; i++) walk.Output(outputNames[i], new(first.Outputs[i], second.Outputs[i]));

        var model = graph.ToModel();
        if (model.Length > int.MaxValue) Throw.Argument(Op, $"the model takes {model.Length:N0} bytes, and a file of this format holds at most {int.MaxValue:N0}");
        AtomicFile.Write(path, model.WriteTo);
    }

    /// <summary>The example's size and another. Neither is 1, whose axes broadcast and whose model might then fit no other size.</summary>
    private static OnnxSize BatchSizes(Tensor example, OnnxOptions options)
    {
        if (example.Rank == 0) return new(1, 1);
        var size = example.Shape[0];
        if (!options.DynamicBatch) return new(size, size);
        size = Math.Max(size, 2);
        return new(size, checked(2 * size));
    }

    private static (Tensor[] Inputs, Tensor[] Outputs) RecordOther(
        Module module, Func<Tensor[], Tensor[]> forward, IReadOnlyList<Tensor> examples, OnnxSize batch)
    {
        try
        {
            return Record(module, forward, examples, batch.Second);
        }
        catch (ArgumentException e)
        {
            throw new InvalidOperationException($"[{Op}] the model takes a batch of {batch.First} and not of {batch.Second}: {e.Message}; export with DynamicBatch = false", e);
        }
    }

    private static (Tensor[] Inputs, Tensor[] Outputs) Record(
        Module module, Func<Tensor[], Tensor[]> forward, IReadOnlyList<Tensor> examples, int batch)
    {
        using var scope = StateScope.Open();
        var trace = new Trace();
        try
        {
            module.Eval();
            var inputs = new Tensor[examples.Count];
            for (var i = 0; i < inputs.Length; i++)
            {
                var shape = examples[i].Shape;
                var isBatch = shape.Rank > 0 && shape[0] == examples[0].Shape[0];
                inputs[i] = Tensor.Argument(isBatch ? shape.With(0, batch) : shape, examples[i].DType, trace, Op);
            }
            return (inputs, forward([.. inputs]));
        }
        finally
        {
            trace.Close();
        }
    }

    private static string[] Names(string what, IReadOnlyList<string>? given, int count, OnnxGraph graph)
    {
        if (given is not null && given.Count != count) Throw.Argument(Op, $"{given.Count} {what} names given for {count} {what}s");
        string[] names = given is not null ? [.. given] : count == 1 ? [what] : [.. Enumerable.Range(0, count).Select(i => $"{what}_{i}")];
        foreach (var name in names)
        {
            if (string.IsNullOrEmpty(name)) Throw.Argument(Op, $"an {what} has the empty name; expected some text");
            graph.Reserve(name, $"an {what}");
        }
        return names;
    }
}
