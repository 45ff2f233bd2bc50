using System.Diagnostics;
using System.Globalization;
using ManagedFed.Federation;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using ManagedFed.Samples.Mnist;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Samples.Browser;

/// <summary>The quickstart's client for a tab: one thread trains, paints and sends, so that training pauses for the others now and then.</summary>
internal sealed class TabClient : ArrayClient
{
    private const int BatchSize = 256, Seed = 42;

    /// <summary>For how long the page may stand still.</summary>
    private static readonly TimeSpan Stride = TimeSpan.FromMilliseconds(100);

    private readonly Dataset train, test;
    private readonly Mlp model;
    private readonly CompiledStep step;
    private RandomKey key;

    public TabClient(int node, Dataset train, Dataset test)
    {
        (this.train, this.test) = (train, test);
        // All clients draw the same model, and each its own order of images.
        var seed = RandomKey.FromSeed(Seed);
        key = seed.Fold((uint)node);
        model = new(train.Inputs.Shape[1], hiddenDim: 32, hiddenLayers: 2, classes: 10, seed);
        step = CompileStep(model, new Sgd(learningRate: 0.1), (x, y) => Losses.CrossEntropy(model.Forward(x), y, reduction: Reduction.Mean));
    }

    public override MetricNames? RecordNames => MetricNames.Flower;

    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(model.Parameters().ToArrays());

    public override async ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        model.Update(model.Parameters().WithArrays(parameters));
        (key, var order) = key.Split();
        Tensor images = train.Inputs, labels = train.Labels;
        var (total, paused) = (0.0, Stopwatch.GetTimestamp());
        foreach (var indices in Batches.Shuffled(train.Count, BatchSize, order))
        {
            cancellation.ThrowIfCancellationRequested();
            var batch = Tensor.From<int>(indices);
            total += step.Invoke(images.Take(batch), labels.Take(batch)) * indices.Length;
            if (Stopwatch.GetElapsedTime(paused) < Stride) continue;
            await Page.BreatheAsync();
            paused = Stopwatch.GetTimestamp();
        }
        return new(model.Parameters().ToArrays(), train.Count, new Dictionary<string, Scalar> { ["loss"] = total / train.Count });
    }

    public override async ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        model.Update(model.Parameters().WithArrays(parameters));
        await Page.BreatheAsync();
        Tensor labels = test.Labels;
        var logits = model.Forward(test.Inputs);
        var loss = Losses.CrossEntropy(logits, labels, reduction: Reduction.Mean).Item<float>();
        var accuracy = (logits.ArgMax() == labels).AsType(DType.Float32).Mean().Item<float>();
        Page.ShowAccuracy(string.Create(CultureInfo.InvariantCulture, $"Accuracy of the model on this tab's test images: {accuracy:0.0000}"));
        return new(loss, test.Count, new Dictionary<string, Scalar> { ["accuracy"] = accuracy });
    }
}
