using ManagedFed.IO;
using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class ModuleTests
{
    [Fact]
    public void Parameters_OfAListOfLayers_AreWeightThenBiasLayerByLayer()
    {
        var model = new Mlp([4, 3, 2], RandomKey.FromSeed(0));
        Assert.Equal(["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"], model.Parameters().Keys);
        Assert.Equal([[3, 4], [3], [2, 3], [2]], model.Parameters().Values.Select(x => x.Shape));
    }

    [Fact]
    public void Parameters_MixedWithChildren_KeepTheOrderOfRegistration() =>
        Assert.Equal(["first.weight", "first.bias", "scale", "count", "last.weight"], new Mixed().Parameters().Keys);

    [Fact]
    public void TrainableParameters_LeaveOutBuffersAndFrozenOnes()
    {
        var model = new Mixed();
        model.Freeze("first", "last.weight");
        Assert.Equal(["scale"], model.TrainableParameters().Keys);
        model.Unfreeze("bias");
        Assert.Equal(["first.bias", "scale"], model.TrainableParameters().Keys);
        model.Unfreeze();
        Assert.Equal(["first.weight", "first.bias", "scale", "last.weight"], model.TrainableParameters().Keys);
        model.Freeze();
        Assert.Empty(model.TrainableParameters());
        Assert.Equal(5, model.Parameters().Count);
    }

    [Theory]
    [InlineData("firs")]
    [InlineData("weigh")]
    [InlineData("first.weight.x")]
    public void Freeze_OfAPartOfAName_IsRefused(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => new Mixed().Freeze(name));
        Assert.Equal($"[freeze] no parameter is named {name}; there are first.weight, first.bias, scale, count, last.weight", error.Message);
    }

    [Fact]
    public void NamedModules_OfANestedModel_NameParentsFirst()
    {
        var model = new Sequential(new Mixed(), new Relu());
        Assert.Equal(["", "layers.0", "layers.0.first", "layers.0.last", "layers.1"], model.NamedModules().Select(entry => entry.Key));
    }

    [Fact]
    public void ChildrenAndLeafModules_OfANestedModel_AreNamed()
    {
        var model = new Sequential(new Mixed(), new Relu());
        Assert.Equal(["layers.0", "layers.1"], model.Children().Select(entry => entry.Key));
        Assert.Equal(["layers.0.first", "layers.0.last", "layers.1"], model.LeafModules().Select(entry => entry.Key));
        Assert.Empty(new Relu().Children());
        Assert.Equal([""], new Relu().LeafModules().Select(entry => entry.Key));
    }

    [Fact]
    public void SetDtype_OfAModel_ConvertsWhatIsFloating()
    {
        var model = new Mixed();
        var adam = new Adam(0.1);
        adam.Update(model, TestValues.Tree(("scale", Tensor.Ones([3]))));
        var forward = ModuleTransforms.Compile(model, model.Forward);
        forward(Tensor.Ones([1, 2]));

        model.SetDtype(DType.Float64);

        Assert.Equal([DType.Float64, DType.Float64, DType.Float64, DType.Int32, DType.Float64], model.Parameters().Values.Select(x => x.DType));
        Assert.Equal(DType.Float64, model.Forward(Tensor.Ones([1, 2], DType.Float64)).DType);
        var error = Assert.Throws<InvalidOperationException>(() => forward(Tensor.Ones([1, 2])));
        Assert.Equal("[compile] parameter first.weight of float32 became float64 since the function was compiled; compile it again", error.Message);
        model.SetDtype(DType.Float32);
        forward(Tensor.Ones([1, 2]));
        model.SetDtype(DType.Float64);
        adam.Update(model, TestValues.Tree(("scale", Tensor.Ones([3], DType.Float64))));
        Assert.Equal([DType.Float64, DType.Float64], adam.State.Values.Select(x => x.DType));
        Assert.Throws<ArgumentException>(() => model.SetDtype(DType.Int32));
    }

    [Fact]
    public void Parameters_OfAModuleReachedTwice_CountOnce()
    {
        var shared = new Linear(2, 2, RandomKey.FromSeed(0));
        var model = new Sequential(shared, new Relu(), shared);
        Assert.Equal(["layers.0.weight", "layers.0.bias"], model.Parameters().Keys);
    }

    [Fact]
    public void Parameters_OfAModuleThatContainsItself_End()
    {
        var model = new Mixed();
        model.AddChild("self", model);
        Assert.Equal(5, model.Parameters().Count);
    }

    [Fact]
    public void Child_OfATakenName_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Mixed().AddChild("scale", new Relu()));
        Assert.Equal("[module] Mixed already has a member scale", error.Message);
        Assert.Throws<ArgumentException>(() => new Mixed().AddChild("", new Relu()));
    }

    [Fact]
    public void Parameter_OfIntegers_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Mixed().AddParameter("steps", Tensor.From(1)));
        Assert.Equal("[parameter] dtype is int32, expected a floating type for steps; register it as a buffer", error.Message);
    }

    [Fact]
    public void Train_OfAParent_ReachesAllChildren()
    {
        var model = new Mixed();
        Assert.True(model.First.Training);
        model.Eval();
        Assert.All(model.NamedModules(), entry => Assert.False(entry.Value.Training));
        model.Train();
        Assert.All(model.NamedModules(), entry => Assert.True(entry.Value.Training));
    }

    [Fact]
    public void Update_WithAllNames_ReplacesTheValues()
    {
        var model = new Mixed();
        model.Update(model.Parameters().Map(x => x * 2));
        Assert.Equal([2f, 2f, 2f], model.Scale.Value.ToArray<float>());
        Assert.Equal([14], model.Count.Value.ToArray<int>());
    }

    [Fact]
    public void Update_ThatDoesNotFit_ListsEveryDifferenceAndChangesNothing()
    {
        var model = new Mixed();
        var given = TestValues.Tree(
            ("first.weight", Tensor.Zeros([3, 3])),
            ("scale", Tensor.Zeros([3])),
            ("count", Tensor.Zeros([1])),
            ("last.weight", Tensor.Zeros([1, 3])),
            ("last.bias", Tensor.Zeros([1])));
        var error = Assert.Throws<ArgumentException>(() => model.Update(given));
        Assert.Equal(
            "[update] missing: first.bias (3,) float32; unknown: last.bias (1,) float32; " +
            "wrong: first.weight (3, 3) float32, expected (3, 2) float32; wrong: count (1,) float32, expected (1,) int32",
            error.Message);
        Assert.Equal([1f, 1f, 1f], model.Scale.Value.ToArray<float>());
    }

    [Fact]
    public void Update_NotStrict_AllowsMissingNamesOnly()
    {
        var model = new Mixed();
        model.Update(TestValues.Tree(("scale", Tensor.Zeros([3]))), strict: false);
        Assert.Equal([0f, 0f, 0f], model.Scale.Value.ToArray<float>());
        var error = Assert.Throws<ArgumentException>(() => model.Update(TestValues.Tree(("scales", Tensor.Zeros([3]))), strict: false));
        Assert.Equal("[update] unknown: scales (3,) float32", error.Message);
    }

    [Fact]
    public void Apply_OfAFunction_MapsEveryParameter()
    {
        var model = new Mixed();
        model.Apply(x => x * 3);
        Assert.Equal([3f, 3f, 3f], model.Scale.Value.ToArray<float>());
    }

    [Fact]
    public void Value_OfAnotherShape_IsRefused()
    {
        var model = new Mixed();
        var error = Assert.Throws<ArgumentException>(() => model.Scale.Value = Tensor.Zeros([4]));
        Assert.Equal("[parameter] scale has shape (3,) of float32, the new value (4,) of float32", error.Message);
    }

    [Theory]
    [InlineData(".npz")]
    [InlineData(".safetensors")]
    public void LoadWeights_OfSavedWeights_RestoresEveryValue(string extension)
    {
        using var file = new TemporaryFile(extension);
        var saved = new Mlp([4, 3, 2], RandomKey.FromSeed(1));
        saved.SaveWeights(file.Path);
        var loaded = new Mlp([4, 3, 2], RandomKey.FromSeed(2));
        loaded.LoadWeights(file.Path);
        foreach (var (name, value) in saved.Parameters())
        {
            Assert.Equal(value.ToArray<float>(), loaded.Parameters()[name].ToArray<float>());
        }
    }

    [Fact]
    public void LoadWeights_OfAnotherModel_ListsEveryDifference()
    {
        using var file = new TemporaryFile();
        new Mlp([4, 3, 2], RandomKey.FromSeed(1)).SaveWeights(file.Path);
        var deeper = new Mlp([4, 5, 2, 2], RandomKey.FromSeed(2));
        var error = Assert.Throws<ArgumentException>(() => deeper.LoadWeights(file.Path));
        Assert.Equal(
            "[load_weights] missing: layers.2.weight (2, 2) float32; missing: layers.2.bias (2,) float32; " +
            "wrong: layers.0.weight (3, 4) float32, expected (5, 4) float32; wrong: layers.0.bias (3,) float32, expected (5,) float32; " +
            "wrong: layers.1.weight (2, 3) float32, expected (2, 5) float32",
            error.Message);
    }

    // One of each kind of difference in one file; neither mode may change anything, for a wrong shape is wrong in both.
    [Fact]
    public void LoadWeights_WithMissingExtraAndWrongNames_ListsThemAllAndChangesNothing()
    {
        using var file = new TemporaryFile(".safetensors");
        Safetensors.Save(file.Path, [("weight", NdArray.Zeros([4, 3])), ("scale", NdArray.Zeros([2])), ("shift", NdArray.Zeros([1, 2]))]);
        var model = new Linear(4, 3, RandomKey.FromSeed(0));
        var before = model.Weight.Value.ToArray<float>();

        const string Wrong = "wrong: weight (4, 3) float32, expected (3, 4) float32; it is transposed: give its transpose";
        Assert.Equal(
            $"[load_weights] missing: bias (3,) float32; unknown: scale (2,) float32; unknown: shift (1, 2) float32; {Wrong}",
            Assert.Throws<ArgumentException>(() => model.LoadWeights(file.Path)).Message);
        Assert.Equal($"[load_weights] {Wrong}", Assert.Throws<ArgumentException>(() => model.LoadWeights(file.Path, strict: false)).Message);
        Assert.Equal(before, model.Weight.Value.ToArray<float>());
    }

    [Fact]
    public void Freeze_BeforeTraining_LeavesThatPartAloneAndTrainsTheRest()
    {
        var model = new Mlp([2, 3, 1], RandomKey.FromSeed(1));
        model.Freeze("layers.0");
        var before = model.Parameters().Map(value => value.Eval());
        var step = ModuleTransforms.CompileStep(model, new Sgd(0.1, momentum: 0.9), (x, y) => Losses.Mse(model.Forward(x), y));
        for (var i = 0; i < 3; i++) step.Invoke(Tensor.Ones([4, 2]), Tensor.Full([4, 1], 9));

        var after = model.Parameters();
        Assert.All(["layers.0.weight", "layers.0.bias"], name => Assert.Equal(before[name].ToArray<float>(), after[name].ToArray<float>()));
        Assert.NotEqual(before["layers.1.bias"].ToArray<float>(), after["layers.1.bias"].ToArray<float>());

        model.Unfreeze("layers.0.bias");
        Assert.Equal(["layers.0.bias", "layers.1.weight", "layers.1.bias"], ModuleTransforms.ValueAndGrad(model, (Tensor x) => model.Forward(x).Sum())(Tensor.Ones([4, 2])).Gradients.Keys);
    }

    [Fact]
    public void LoadWeights_NotStrict_TakesWhatBothHave()
    {
        using var file = new TemporaryFile();
        var saved = new Mlp([4, 3, 2], RandomKey.FromSeed(1));
        saved.SaveWeights(file.Path);
        var loaded = new Linear(4, 3, RandomKey.FromSeed(2));
        var wrapper = new Mlp([4, 3], RandomKey.FromSeed(3));
        Assert.Equal(["unknown: layers.1.weight (2, 3) float32", "unknown: layers.1.bias (2,) float32"], wrapper.LoadWeights(file.Path, strict: false));
        Assert.Equal(saved.Parameters()["layers.0.weight"].ToArray<float>(), wrapper.Parameters()["layers.0.weight"].ToArray<float>());
        var before = loaded.Weight.Value.ToArray<float>();
        Assert.Equal(
            [
                "missing: weight (3, 4) float32", "missing: bias (3,) float32",
                "unknown: layers.0.weight (3, 4) float32", "unknown: layers.0.bias (3,) float32",
                "unknown: layers.1.weight (2, 3) float32", "unknown: layers.1.bias (2,) float32",
            ],
            loaded.LoadWeights(file.Path, strict: false));
        Assert.Equal(before, loaded.Weight.Value.ToArray<float>());
    }

    private sealed class TemporaryFile(string extension = ".npz") : IDisposable
    {
        public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"{Guid.NewGuid():n}{extension}");

        public void Dispose() => File.Delete(Path);
    }
}
