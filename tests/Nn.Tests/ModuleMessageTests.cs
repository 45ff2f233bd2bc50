using ManagedFed.IO;
using ManagedFed.Nn;
using static ManagedFed.Tests.LayerCheck;

namespace ManagedFed.Tests;

/// <summary>What modules and optimizers say of what does not fit: which parameter, its shape and type, and what was expected.</summary>
public sealed class ModuleMessageTests : IDisposable
{
    private static readonly RandomKey Key = RandomKey.FromSeed(4);

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(".npz")]
    [InlineData(".safetensors")]
    public void LoadWeights_WithChannelsSecond_NamesTheLayoutThatIsExpected(string ending)
    {
        var path = Saved(ending, [8, 3, 5, 5]);
        var model = Net(3, 5);
        Refuses(
            "[load_weights] wrong: layers.0.weight (8, 3, 5, 5) float32, expected (8, 5, 5, 3) float32; it has the channels second, as PyTorch writes (out, in, …), "
                + "expected last, (out, …, in): move axis 1 to the end",
            () => model.LoadWeights(path));
        model.LoadWeights(path, convert: (name, array) => (name, array.Transpose(0, 2, 3, 1)));
        Assert.Equal(8 * 75, model.Parameters()["layers.0.weight"].Count);
    }

    // (8, 3, 3, 3) is the shape in either layout: only the file's own word can tell.
    [Fact]
    public void LoadWeights_OfPyTorchsConvolutionThatFitsEitherWay_AsksForAConvert()
    {
        var model = Net(3, 3);
        Refuses(
            "[load_weights] undecided: layers.0.weight (8, 3, 3, 3), in a file of PyTorch, which writes (out, in, …), expected (out, …, in): give a convert that moves axis 1 to the end",
            () => model.LoadWeights(Saved(".safetensors", [8, 3, 3, 3], "pt")));
        Assert.Empty(model.LoadWeights(Saved(".safetensors", [8, 3, 3, 3], "pt"), convert: (name, array) => (name, array)));
        Assert.Empty(model.LoadWeights(Saved(".safetensors", [8, 3, 3, 3], "mlx")));
        Assert.Empty(Net(1, 1).LoadWeights(Saved(".safetensors", [8, 1, 1, 1], "pt")));
    }

    [Fact]
    public void Update_WithATransposedMatrix_SaysSo() => Refuses(
        "[update] wrong: weight (3, 2) float32, expected (2, 3) float32; it is transposed: give its transpose",
        () =>
        {
            new Linear(3, 2, Key, bias: false).Update(TestValues.Tree(("weight", Tensor.Zeros([3, 2]))));
            return 0;
        });

    [Fact]
    public void CompiledStep_AfterAChange_NamesTheParameterOrTheModule()
    {
        var model = new Sequential(new Linear(2, 2, Key), new Dropout(0.5, Key));
        var step = ModuleTransforms.CompileStep(model, new Sgd(0.1), (x, y) => Losses.Mse(model.Forward(x), y));
        var x = Tensor.Ones([1, 2]);
        step.Invoke(x, x);
        model.Freeze("layers.0.bias");
        Says("[compile] parameter layers.0.bias was frozen since the function was compiled; compile it again");
        model.Unfreeze("layers.0.bias");
        model.Layers[1].Eval();
        Says("[compile] layers.1 went from training to evaluation since the function was compiled; compile it again");
        model.Layers[1].Train();
        model.SetDtype(DType.Float64);
        Says("[compile] parameter layers.0.weight of float32 became float64 since the function was compiled; compile it again");

        void Says(string message) => Assert.Equal(message, Assert.Throws<InvalidOperationException>(() => step.Invoke(x, x)).Message);
    }

    [Fact]
    public void Optimizer_OfTwoModels_IsRefusedUntilItsStateIsHandedOver()
    {
        var (first, second) = (new Linear(2, 1, Key), new Linear(2, 1, Key));
        var optimizer = new Sgd(0.1, momentum: 0.9);
        var gradients = first.Parameters().Map(tensor => tensor.OnesLike());
        optimizer.Update(first, gradients);
        optimizer.Update(first, gradients);
        var before = second.Weight.Value.ToArray<float>();
        const string message = "[sgd] state of weight (1, 2) belongs to another model than this Linear, whose weight is (1, 2); give each model an optimizer of its own, "
            + "or hand the state over with Restore(State, Step)";
        Refuses(message, () =>
        {
            optimizer.Update(second, gradients);
            return 0;
        });
        Refuses(message, () => ModuleTransforms.CompileStep(second, optimizer, (x, _) => second.Forward(x).Sum()));
        Assert.Equal(before, second.Weight.Value.ToArray<float>());
        Assert.Equal(2, optimizer.Step);

        // v = 1.9 of the first model: 0.9·1.9 + 1 = 2.71.
        optimizer.Restore(optimizer.State, optimizer.Step);
        optimizer.Update(second, gradients);
        TestValues.Close([before[0] - 0.271, before[1] - 0.271], second.Weight, 1e-6);
        new Sgd(0.1).Update(second, gradients);
    }

    // Without momentum there is nothing to share.
    [Fact]
    public void Optimizer_WithoutState_ServesAnyModel()
    {
        var optimizer = new Sgd(0.5);
        foreach (var model in new[] { new Linear(2, 1, Key), new Linear(2, 1, Key) })
        {
            var before = model.Weight.Value.ToArray<float>();
            optimizer.Update(model, model.Parameters().Map(tensor => tensor.OnesLike()));
            Assert.Equal(before.Select(w => w - 0.5f), model.Weight.Value.ToArray<float>());
        }
    }

    [Fact]
    public void Conv_OfImagesWithChannelsFirst_SaysHowToTurnThem()
    {
        Refuses(
            "[conv2d] input has shape (4, 3, 8, 9), expected (N, H, W, 3), channels last; give x.MoveAxis(1, -1), of shape (4, 8, 9, 3)",
            () => new Conv2d(3, 2, 3, Key).Forward(Tensor.Zeros([4, 3, 8, 9])));
        Refuses(
            "[conv1d] input has shape (4, 2, 9), expected (N, L, 2), channels last; give x.MoveAxis(1, -1), of shape (4, 9, 2)",
            () => new Conv1d(2, 2, 3, Key).Forward(Tensor.Zeros([4, 2, 9])));
        Refuses("[conv2d] input has shape (4, 8, 8, 5), expected (N, H, W, 3), channels last", () => new Conv2d(3, 2, 3, Key).Forward(Tensor.Zeros([4, 8, 8, 5])));
    }

    private static Sequential Net(int inputs, int window) => new(new Conv2d(inputs, 8, window, Key, bias: false));

    private string Saved(string ending, Shape shape, string? format = null)
    {
        var path = Path.Combine(folder, "weights" + ending);
        (string, NdArray)[] arrays = [("layers.0.weight", NdArray.Zeros(shape))];
        if (ending == ".npz") Npz.Save(path, arrays);
        else Safetensors.Save(path, arrays, format is null ? null : new Dictionary<string, string> { ["format"] = format });
        return path;
    }
}
