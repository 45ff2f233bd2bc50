using System.Text;
using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;
using static ManagedFed.Tests.LayerCheck;
using static ManagedFed.Tests.OnnxFile;

namespace ManagedFed.Tests;

/// <summary>The file, its names, and what is refused.</summary>
public sealed class OnnxTests : IDisposable
{
    private static readonly RandomKey Key = RandomKey.FromSeed(2);
    private readonly OnnxFile file = new();

    public void Dispose() => file.Dispose();

    [Fact]
    public void Export_OfAModel_NamesInputOutputAndTheBatch()
    {
        Onnx.Export(new Linear(4, 3, Key), Tensor.Zeros([5, 4]), file.Path);
        using var session = file.Open();
        var (input, output) = (session.InputMetadata["input"], session.OutputMetadata["output"]);
        Assert.Equal([-1, 4], input.Dimensions);
        Assert.Equal(["batch", ""], input.SymbolicDimensions);
        Assert.Equal([-1, 3], output.Dimensions);
        Assert.Equal("batch", output.SymbolicDimensions[0]);
        Assert.Equal("ManagedFed", session.ModelMetadata.ProducerName);
        Assert.Equal(["model.onnx"], Directory.GetFiles(Path.GetDirectoryName(file.Path)!).Select(Path.GetFileName));
    }

    [Fact]
    public void Export_WithNames_UsesThemWhateverTheirLetters()
    {
        const string letters = "gewicht / größe 重み:0 \"x\"";
        var model = new Named(letters);
        var options = new OnnxOptions { InputNames = ["Add_0", "größe"], OutputNames = ["sum 和", "constant_0"] };
        Onnx.Export(model, x => [x[0] * model.Weight + x[1] + 0.5, x[0] + 0.25], [Tensor.Zeros([3, 2]), Tensor.Zeros([3, 2])], file.Path, options);
        using var session = file.Open();
        Assert.Equal(options.InputNames, session.InputNames);
        Assert.Equal(options.OutputNames, session.OutputNames);
        Assert.True(Contains(letters));
        var outputs = Run(session, Tensor.From([1f, 2], [1, 2]), Tensor.From([10f, 20], [1, 2]));
        Assert.Equal([13.5f, 30.5f], outputs[0].ToArray<float>());
        Assert.Equal([1.25f, 2.25f], outputs[1].ToArray<float>());
    }

    [Fact]
    public void Export_OfAModel_HoldsItsParametersUnderTheirNamesAndNothingUnused()
    {
        var model = new Sequential(new Linear(4, 3, Key), new Dropout(0.5, Key), new BatchNorm(3));
        Onnx.Export(model, Tensor.Zeros([5, 4]), file.Path);
        Assert.All(model.Parameters().Keys, name => Assert.True(Contains(name), name));
        Assert.False(Contains("layers.1.key"));
        Assert.False(Contains("Transpose"));
    }

    [Fact]
    public void Export_OfPools_UsesTheNodesOfOnnx()
    {
        Onnx.Export(new Sequential(new MaxPool2d(2, 2, 1), new AvgPool2d(2)), Tensor.Zeros([5, 6, 6, 1]), file.Path);
        Assert.True(Contains("MaxPool") && Contains("AveragePool"));
        Assert.False(Contains("Gather"));
    }

    [Fact]
    public void Export_Twice_GivesTheSameBytes()
    {
        var model = new TransformerEncoder(1, 4, 2, Key);
        Onnx.Export(model, Tensor.Zeros([5, 3, 4]), file.Path);
        var first = File.ReadAllBytes(file.Path);
        Onnx.Export(model, Tensor.Ones([5, 3, 4]), file.Path);
        Assert.Equal(first, File.ReadAllBytes(file.Path));
    }

    [Fact]
    public void Export_LeavesTheModulesModesAndStateAlone()
    {
        var model = new Sequential(new Linear(4, 3, Key), new Dropout(0.5, Key), new Counting());
        model.Layers[0].Eval();
        var before = model.State();
        Onnx.Export(model, Tensor.Zeros([5, 4]), file.Path);
        Assert.Equal([true, false, true, true], model.NamedModules().Select(entry => entry.Value.Training));
        Assert.All(before.Zip(model.State()), pair => Assert.Same(pair.First.Value, pair.Second.Value));
    }

    [Fact]
    public void Export_WhileACompiledStepHoldsTheParameters_WritesTheirPresentValues()
    {
        var model = new Linear(4, 1, Key);
        var step = CompileStep(model, new Sgd(0.1), (x, y) => Losses.Mse(model.Forward(x), y));
        var (x, y) = (Random(1, [5, 4]).AsType(DType.Float32), Random(2, [5, 1]).AsType(DType.Float32));
        step.Invoke(x, y);
        Onnx.Export(model, x, file.Path);
        using var session = file.Open();
        TestValues.Close([.. model.Forward(x).ToArray<float>().Select(v => (double)v)], Run(session, x)[0], 1e-6);
        var loss = step.Invoke(x, y);
        Assert.True(step.Invoke(x, y) < loss);
    }

    [Fact]
    public void Export_WithSharedWeights_WritesThemOnce()
    {
        var embedding = new Embedding(50, 20, Key);
        Onnx.Export(embedding, x => [embedding.AsLinear(embedding.Forward(x[0]))], [Tensor.Zeros([2, 3], DType.Int32)], file.Path);
        Assert.InRange(new FileInfo(file.Path).Length, 4 * 50 * 20, 4 * 50 * 20 + 2000);
    }

    [Fact]
    public void Export_WithoutADynamicBatch_TakesTheExamplesSizeAlone()
    {
        var model = new Activation(x => x.Reshape(2, 6) * Tensor.Arange(2).ExpandDims(1) + Tensor.Zeros([2, 6]));
        var example = Random(1, [2, 2, 3]).AsType(DType.Float32);
        Onnx.Export(model, example, file.Path, new() { DynamicBatch = false });
        using var session = file.Open();
        Assert.Equal([2, 2, 3], session.InputMetadata["input"].Dimensions);
        TestValues.Close([.. model.Forward(example).ToArray<float>().Select(v => (double)v)], Run(session, example)[0], 1e-6);
    }

    [Fact]
    public void Export_ThatFails_LeavesTheOldFile()
    {
        File.WriteAllText(file.Path, "old");
        Assert.Throws<ArgumentException>(() => Onnx.Export(new Activation(x => x.ErfInv()), Tensor.Zeros([2]), file.Path));
        Assert.Equal("old", File.ReadAllText(file.Path));
        Assert.Throws<DirectoryNotFoundException>(() => Onnx.Export(new Identity(), Tensor.Zeros([2]), file.Path + "/none/model.onnx"));
    }

    [Fact]
    public void Export_OfWhatHasNoTranslation_NamesIt()
    {
        RefusesToExport("[onnx] erfinv has no translation to ONNX; compose it of other operations, or leave it out of the exported function", x => x.ErfInv());
        RefusesToExport("[onnx] random_bits has no translation to ONNX; compose it of other operations, or leave it out of the exported function", x => x + Tensor.RandomNormal(Key, [4]));
        RefusesToExport("[onnx] windows along axis 0 of shape (3, 4), which follows the batch; window another axis", x => x.MaxPool([0], [2]));
        RefusesToExport("[onnx] slice gives an empty tensor of shape (3, 0), which runtimes read differently; leave it out", x => x.Slice(1, 2, 0));
    }

    [Fact]
    public void Export_OfWhatFollowsTheBatchInAnotherWay_SaysSo()
    {
        RefusesToExport(
            "[onnx] a constant of shape (3,) at batch size 3 is another, of shape (6,), at 6; compute it from the input, or export with DynamicBatch = false",
            x => x * Tensor.Arange(x.Shape[0]).ExpandDims(1));
        RefusesToExport(
            "[onnx] a constant of shape () at batch size 3 is another, of shape (), at 6; compute it from the input, or export with DynamicBatch = false",
            x => x * Math.Sqrt(x.Shape[0]));
        RefusesToExport(
            "[onnx] a constant of shape () at batch size 3 is another, of shape (), at 6; compute it from the input, or export with DynamicBatch = false",
            x => x.AsType(DType.Int32) * (x.Shape[0] / 3));
        RefusesToExport(
            "[onnx] an axis has size 4 at batch size 3 and 7 at 6, no multiple of the batch's; export with DynamicBatch = false",
            x => x.Sum(0).BroadcastTo([x.Shape[0] + 1, 4]));
        RefusesToExport(
            "[onnx] slice: elements 1.. by 1 of axis 0 at batch size 3 are 3.. by 1 of axis 0 at 6; choose them by indices computed from the input",
            x => x[x.Shape[0] / 2]);
    }

    [Fact]
    public void Export_OfWhatIsAnotherFunctionAtAnotherBatchSize_SaysSo()
    {
        InvalidToExport(
            "[onnx] exp of shape (3, 4) at batch size 3 is log of shape (6, 4) at 6; compute the same at every size, or export with DynamicBatch = false",
            x => x.Shape[0] > 3 ? [x.Log()] : [x.Exp()]);
        InvalidToExport(
            "[onnx] sum[Axes = (0)] of shape (1, 4) at batch size 3 is sum[Axes = (1)] of shape (6, 1) at 6; compute the same at every size, or export with DynamicBatch = false",
            x => [x.Sum([x.Shape[0] / 6], keepDims: true)]);
        InvalidToExport(
            "[onnx] a constant of shape (2,) at batch size 3 is exp of shape (6, 4) at 6; compute the same at every size, or export with DynamicBatch = false",
            x => x.Shape[0] > 3 ? [x.Exp()] : [Tensor.From(1f, 2)]);
        InvalidToExport("[onnx] 1 outputs at batch size 3, 2 at 6; export with DynamicBatch = false", x => x.Shape[0] > 3 ? [x, x] : [x]);
        InvalidToExport(
            "[onnx] the model takes a batch of 3 and not of 6: [reshape] cannot reshape (6, 4) of 24 elements into (3, 2, 2) of 12; export with DynamicBatch = false",
            x => [x.Reshape(3, 2, 2)]);
        InvalidToExport(
            "[onnx] a value was read while the function is being recorded for onnx, when none exists yet; return the tensor and read it outside",
            x => [x * x.Sum().Item<float>()]);
    }

    [Fact]
    public void Export_WithWrongNamesOrNoValues_SaysSo()
    {
        var example = Tensor.Zeros([3, 4]);
        RefusesOptions("[onnx] 2 input names given for 1 inputs", new() { InputNames = ["a", "b"] });
        RefusesOptions("[onnx] 0 output names given for 1 outputs", new() { OutputNames = [] });
        RefusesOptions("[onnx] an output has the empty name; expected some text", new() { OutputNames = [""] });
        RefusesOptions(
            "[onnx] the name 'weight' of an input is taken by another input, output or parameter; OnnxOptions names inputs and outputs",
            new() { InputNames = ["weight"] });
        RefusesOptions(
            "[onnx] the name 'a' of an output is taken by another input, output or parameter; OnnxOptions names inputs and outputs",
            new() { InputNames = ["a"], OutputNames = ["a"] });
        Refuses("[onnx] no example inputs given, expected at least one", () => Exported(x => x, []));
        Refuses("[onnx] the function gave no outputs, expected at least one", () => Exported(_ => [], [example]));

        void RefusesOptions(string message, OnnxOptions options) => Refuses(message, () =>
        {
            Onnx.Export(new Linear(4, 3, Key), example, file.Path, options);
            return file;
        });
    }

    // 30,000² floats; a single number stands for all of them here.
    [Fact]
    public void Export_OfMoreThanTheFormatHolds_IsRefused()
    {
        var model = new Named("weight", [30_000, 30_000]);
        var error = Assert.Throws<ArgumentException>(() => Exported(x => [x[0].MatMul(model.Weight)], [Tensor.Zeros([3, 30_000])], model));
        Assert.Matches(@"^\[onnx\] the model takes 3,600,000,\d{3} bytes, and a file of this format holds at most 2,147,483,647$", error.Message);
    }

    [Fact]
    public void Export_OfNothing_NamesTheArgument()
    {
        Assert.Throws<ArgumentNullException>("module", () => Onnx.Export(null!, Tensor.Zeros([1]), file.Path));
        Assert.Throws<ArgumentNullException>("example", () => Onnx.Export(new Identity(), null!, file.Path));
        Assert.Throws<ArgumentNullException>("forward", () => Onnx.Export(new Identity(), null!, [Tensor.Zeros([1])], file.Path));
        Assert.Throws<ArgumentNullException>("path", () => Onnx.Export(new Identity(), Tensor.Zeros([1]), null!));
    }

    private bool Contains(string text) => File.ReadAllBytes(file.Path).AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;

    private OnnxFile Exported(Func<Tensor[], Tensor[]> forward, Tensor[] examples, Module? model = null)
    {
        Onnx.Export(model ?? new Identity(), forward, examples, file.Path);
        return file;
    }

    private void RefusesToExport(string message, Func<Tensor, Tensor> function) =>
        Refuses(message, () => Exported(x => [function(x[0])], [Tensor.Zeros([3, 4])]));

    private void InvalidToExport(string message, Func<Tensor, Tensor[]> function) =>
        Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => Exported(x => function(x[0]), [Tensor.Zeros([3, 4])])).Message);

    private sealed class Named : Module
    {
        public Named(string name, Shape? shape = null) => Weight = Parameter(name, shape is { } given ? Tensor.Zeros(given) : Tensor.From(3f, 5));

        public Parameter Weight { get; }

        public override Tensor Forward(Tensor x) => x * Weight;
    }

    /// <summary>Counts its passes, in evaluation too.</summary>
    private sealed class Counting : Module
    {
        private readonly Parameter passes;

        public Counting() => passes = Buffer("passes", Tensor.From(0));

        public override Tensor Forward(Tensor x)
        {
            passes.Value = passes.Value + 1;
            return x;
        }
    }
}
