using ManagedFed.IO;
using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

namespace ManagedFed.Tests;

/// <summary>Weights in files of both formats and of other writers, and training that stops and goes on.</summary>
public sealed class WeightFileTests : IDisposable
{
    private static readonly RandomKey Key = RandomKey.FromSeed(3);
    private readonly string folder = Directory.CreateTempSubdirectory("weights").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string Name(string file) => Path.Combine(folder, file);

    // The names and shapes of torch.nn.Sequential(Embedding(3, 2), LayerNorm(2), Linear(2, 2)), as its state_dict has them.
    [Fact]
    public void LoadWeights_OfPyTorchsSequential_NeedsOnlyThePrefix()
    {
        var (embedding, scale, shift) = (NdArray.From([1f, 0, 0, 1, 2, 4], [3, 2]), NdArray.From(2f, 3f), NdArray.From(0.5f, -0.5f));
        var (weight, bias) = (NdArray.From([1f, 2, 3, 4], [2, 2]), NdArray.From(10f, 20f));
        Safetensors.Save(
            Name("torch.safetensors"),
            [("0.weight", embedding), ("1.weight", scale), ("1.bias", shift), ("2.weight", weight), ("2.bias", bias)],
            new Dictionary<string, string> { ["format"] = "pt" });
        var model = new Sequential(new Embedding(3, 2, Key), new LayerNorm(2, epsilon: 1e-12), new Linear(2, 2, Key));
        Assert.Empty(model.LoadWeights(Name("torch.safetensors"), convert: (name, array) => ("layers." + name, array)));

        // Row 2 is (2, 4): normalised (−1, 1), scaled (−1.5, 2.5), then (−1.5 + 5 + 10, −4.5 + 10 + 20).
        TestValues.Close([13.5, 25.5], model.Forward(Tensor.From(2)), 1e-5);
    }

    [Fact]
    public void LoadWeights_WithConvert_DropsAndTurnsEntries()
    {
        Safetensors.Save(Name("t.safetensors"), [("w", NdArray.From([1f, 2, 3, 4, 5, 6], [2, 3])), ("num_batches_tracked", NdArray.From(3L))]);
        var model = new Linear(2, 3, Key, bias: false);
        model.LoadWeights(Name("t.safetensors"), convert: (name, array) => name == "w" ? ("weight", array.Transpose()) : null);
        Assert.Equal([1f, 4, 2, 5, 3, 6], model.Weight.Value.ToArray<float>());
    }

    [Fact]
    public void SaveWeights_WithMetadata_KeepsThemInSafetensorsOnly()
    {
        var model = new Linear(2, 3, RandomKey.FromSeed(0));
        model.SaveWeights(Name("m.safetensors"), new Dictionary<string, string> { ["round"] = "7" });

        var file = Safetensors.Load(Name("m.safetensors"));
        Assert.Equal("7", file.Metadata["round"]);
        Assert.Equal(["weight", "bias"], file.Arrays.Keys);
        var error = Assert.Throws<ArgumentException>(() => model.SaveWeights(Name("m.npz"), new Dictionary<string, string> { ["round"] = "7" }));
        Assert.Equal($"[save_weights] {Name("m.npz")} is a .npz file, which holds no metadata; save a .safetensors file", error.Message);
        Assert.False(File.Exists(Name("m.npz")));
    }

    [Theory]
    [InlineData("model.bin", ".bin")]
    [InlineData("model", "")]
    public void SaveAndLoadWeights_OfAnUnknownEnding_NameTheKnownOnes(string name, string ending)
    {
        var model = new Linear(2, 3, RandomKey.FromSeed(0));

        var error = Assert.Throws<ArgumentException>(() => model.SaveWeights(Name(name)));
        Assert.Equal($"[save_weights] {Name(name)} ends with '{ending}', expected .npz or .safetensors", error.Message);
        Assert.False(File.Exists(Name(name)));
        error = Assert.Throws<ArgumentException>(() => model.LoadWeights(Name(name)));
        Assert.Equal($"[load_weights] {Name(name)} ends with '{ending}', expected .npz or .safetensors", error.Message);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Load_OfATrainingState_GoesOnBitForBit(bool compiled)
    {
        var (straight, first, second) = (Model(), Model(), Model());
        var rates = Schedules.CosineDecay(0.05, 10);
        var (whole, half) = (new AdamW(rates, biasCorrection: true), new AdamW(rates, biasCorrection: true));
        Train(straight, whole, compiled, 0, 10);
        Train(first, half, compiled, 0, 4);
        TrainingState.Save(Name("state.safetensors"), first, half);

        second.Apply(x => x * 3);
        var other = new AdamW(rates, biasCorrection: true);
        TrainingState.Load(Name("state.safetensors"), second, other);
        Assert.Equal(4, other.Step);
        Train(second, other, compiled, 4, 10);
        Same(straight.State(), second.State());
        Same(whole.State, other.State);

        static void Same(ParameterTree a, ParameterTree b)
        {
            Assert.Equal(a.Keys.Order(), b.Keys.Order());
            Assert.All(a, entry => Assert.Equal(Npy.Write(entry.Value.ToNdArray()), Npy.Write(b[entry.Key].ToNdArray())));
        }
    }

    [Fact]
    public void Load_OfAnotherTrainingState_IsRefusedAndChangesNothing()
    {
        var (model, sgd) = (Model(), new Sgd(0.1, momentum: 0.9));
        Train(model, sgd, false, 0, 1);
        TrainingState.Save(Name("s.safetensors"), model, sgd);
        var other = Model();
        var before = other.Parameters();
        var error = Assert.Throws<ArgumentException>(() => TrainingState.Load(Name("s.safetensors"), other, new Adam(0.1)));
        Assert.StartsWith("[adam] state is missing, or does not know, ", error.Message, StringComparison.Ordinal);
        Assert.All(before, entry => Assert.Equal(entry.Value.ToArray<float>(), other.Parameters()[entry.Key].ToArray<float>()));
        error = Assert.Throws<ArgumentException>(() => TrainingState.Load(Name("s.safetensors"), new Linear(4, 4, Key), sgd));
        Assert.StartsWith("[training_state] missing: weight (4, 4) float32; missing: bias (4,) float32; unknown: ", error.Message, StringComparison.Ordinal);
        model.SaveWeights(Name("w.safetensors"));
        var bad = Assert.Throws<FormatException>(() => TrainingState.Load(Name("w.safetensors"), model, sgd));
        Assert.StartsWith("[training_state] the file has no whole number step in its metadata", bad.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_OfADamagedTrainingState_NamesTheTensorAndChangesNothing()
    {
        var (model, sgd) = (Model(), new Sgd(0.1, momentum: 0.9));
        Train(model, sgd, false, 0, 1);
        TrainingState.Save(Name("s.safetensors"), model, sgd);
        var bytes = File.ReadAllBytes(Name("s.safetensors"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(Name("s.safetensors"), bytes);
        var before = model.State();

        var error = Assert.Throws<FormatException>(() => TrainingState.Load(Name("s.safetensors"), model, sgd));

        Assert.Matches(@"^\[safetensors\] tensor '(model|optimizer)\..+' has checksum [0-9a-f]{8}, not [0-9a-f]{8}: the file is damaged", error.Message);
        Assert.Contains(Name("s.safetensors"), error.Message, StringComparison.Ordinal);
        Assert.All(before, entry => Assert.Equal(Npy.Write(entry.Value.ToNdArray()), Npy.Write(model.State()[entry.Key].ToNdArray())));
    }

    private static Sequential Model() => new(new Linear(4, 8, Key), new Dropout(0.3, Key), new BatchNorm(8), new Linear(8, 2, Key));

    private static void Train(Module model, Optimizer optimizer, bool compiled, int from, int to)
    {
        Func<Tensor, Tensor, Tensor> loss = (x, y) => Losses.Mse(model.Forward(x), y);
        var step = compiled ? CompileStep(model, optimizer, loss) : null;
        var lazy = ValueAndGrad(model, loss);
        for (var i = from; i < to; i++)
        {
            var x = Tensor.RandomNormal(RandomKey.FromSeed((ulong)i), [5, 4]).Eval();
            var y = Tensor.RandomNormal(RandomKey.FromSeed((ulong)i + 100), [5, 2]).Eval();
            if (step is not null) step.Invoke(x, y);
            else optimizer.Update(model, lazy(x, y).Gradients);
        }
    }
}
