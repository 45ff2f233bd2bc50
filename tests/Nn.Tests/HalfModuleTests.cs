using ManagedFed.IO;
using ManagedFed.Nn;
using static ManagedFed.Tests.LayerCheck;

namespace ManagedFed.Tests;

/// <summary>Modules and optimizers whose parameters are float16 or bfloat16.</summary>
public sealed class HalfModuleTests : IDisposable
{
    private static readonly RandomKey Key = RandomKey.FromSeed(4);

    private static readonly Dictionary<string, (Func<Module> Make, Shape Input)> Layers = new()
    {
        ["linear"] = (() => new Linear(6, 4, Key), [5, 6]),
        ["conv1d"] = (() => new Conv1d(3, 4, 3, Key), [2, 9, 3]),
        ["conv2d"] = (() => new Conv2d(3, 4, 3, Key), [2, 6, 6, 3]),
        ["batch_norm"] = (() => new BatchNorm(3), [8, 3]),
        ["layer_norm"] = (() => new LayerNorm(6), [4, 6]),
        ["rms_norm"] = (() => new RmsNorm(6), [4, 6]),
        ["group_norm"] = (() => new GroupNorm(2, 4), [3, 5, 4]),
        ["prelu"] = (() => new PRelu(), [4, 6]),
        ["rnn"] = (() => new Rnn(3, 4, Key), [2, 5, 3]),
        ["gru"] = (() => new Gru(3, 4, Key), [2, 5, 3]),
        ["lstm"] = (() => new Lstm(3, 4, Key), [2, 5, 3]),
        ["attention"] = (() => new MultiHeadAttention(8, 2, Key), [2, 5, 8]),
    };

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public static TheoryData<string, DType> Cases
    {
        get
        {
            var cases = new TheoryData<string, DType>();
            foreach (var name in Layers.Keys)
            {
                cases.Add(name, DType.Float16);
                cases.Add(name, DType.BFloat16);
            }
            return cases;
        }
    }

    public static TheoryData<DType> Halves => [DType.Float16, DType.BFloat16];

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // The same numbers in float64; each step of a layer rounds by half a unit of numbers of about 1.
    [Theory]
    [MemberData(nameof(Cases))]
    public void Forward_OfALayerInHalves_IsNearThatInFloat64(string name, DType dtype)
    {
        var (make, shape) = Layers[name];
        var layer = make();
        layer.SetDtype(dtype);
        var x = Random(3, shape).AsType(dtype);
        var (value, gradients) = Gradients(layer, x);
        layer.SetDtype(DType.Float64);
        var (exact, exactGradients) = Gradients(layer, x.AsType(DType.Float64));

        Near(exact, value);
        foreach (var (key, gradient) in gradients) Near(exactGradients[key], gradient);

        void Near(Tensor expected, Tensor actual)
        {
            Assert.Equal(dtype, actual.DType);
            var (e, a) = (expected.ToArray<double>(), actual.AsType(DType.Float64).ToArray<double>());
            var tolerance = 16 * DTypes.FInfo(dtype).Epsilon * e.Max(v => Math.Max(1, Math.Abs(v)));
            for (var i = 0; i < e.Length; i++) Assert.Equal(e[i], a[i], tolerance);
        }
    }

    // 300² is beyond float16.
    [Theory]
    [MemberData(nameof(Halves))]
    public void Forward_OfNormsOfLargeHalves_StaysFinite(DType dtype)
    {
        var x = Tensor.From<float>([300, -300, 300, -300], [2, 2]).AsType(dtype);
        foreach (var norm in new Module[] { new LayerNorm(2, dtype: dtype), new RmsNorm(2, dtype: dtype), new GroupNorm(1, 2, dtype: dtype) })
        {
            Assert.Equal([1f, -1, 1, -1], norm.Forward(x).AsType(DType.Float32).ToArray<float>());
        }
    }

    // λ·g = 10⁻³·1, and Adam's v = 10⁻³·(10⁻⁴)² = 10⁻¹¹, which float16 does not have.
    [Fact]
    public void Update_OfHalves_KeepsStateInFloat32()
    {
        var model = new Linear(2, 1, Key, bias: false, dtype: DType.Float16);
        var adam = new Adam(1e-3);
        var gradients = new ParameterTree([KeyValuePair.Create("weight", Tensor.Full([1, 2], 1e-4, DType.Float16))]);
        var before = model.Weight.Value.AsType(DType.Float32);

        adam.Update(model, gradients);

        // m = 10⁻⁵, √v = 10⁻⁴·√10⁻³: the step is λ·m/√v = 10⁻³·√10.
        var g = (double)(float)(Half)1e-4;
        Assert.Equal(DType.Float32, adam.State["weight.v"].DType);
        Assert.Equal(0.001 * g * g, adam.State["weight.v"].ToArray<float>()[0], 1e-15);
        Assert.Equal(DType.Float16, model.Weight.DType);
        Assert.Equal((before - 0.1 * g * 1e-3 / (Math.Sqrt(0.001 * g * g) + 1e-8)).AsType(DType.Float16).ToArray<Half>(), model.Weight.Value.ToArray<Half>());
    }

    [Theory]
    [MemberData(nameof(Halves))]
    public void CompiledStep_OfHalves_EqualsSteppingAndLearns(DType dtype)
    {
        Linear Model() => new(3, 1, Key, dtype: dtype);
        var x = Random(1, [16, 3]).AsType(dtype);
        var y = x.Sum(1, keepDims: true);
        var (compiled, eager) = (Model(), Model());
        var (fast, slow) = (new Adam(0.05), new Adam(0.05));
        var step = ModuleTransforms.CompileStep(compiled, fast, (input, target) => Losses.Mse(compiled.Forward(input), target));
        var losses = new List<double>();
        for (var i = 0; i < 60; i++)
        {
            losses.Add(step.Invoke(x, y));
            var (loss, gradients) = ModuleTransforms.ValueAndGrad(eager, (input, target) => Losses.Mse(eager.Forward(input), target))(x, y);
            slow.Update(eager, gradients);
            Assert.Equal(loss.AsType(DType.Float64).Item<double>(), losses[^1]);
        }
        Assert.InRange(losses[^1], 0, losses[0] / 20);
    }

    [Fact]
    public void ClipGradNorm_OfLargeHalves_DoesNotOverflow()
    {
        // ‖(300, 400)‖ = 500.
        var gradients = new ParameterTree([KeyValuePair.Create("w", Tensor.From((Half)300, (Half)400))]);
        var (clipped, norm) = Optimizer.ClipGradNorm(gradients, 5);
        Assert.Equal(500, norm.Item<float>());
        Assert.Equal([(Half)3, (Half)4], clipped["w"].ToArray<Half>());
    }

    [Theory]
    [InlineData(DType.Float32, DType.Float16, ".npz")]
    [InlineData(DType.BFloat16, DType.Float32, ".safetensors")]
    [InlineData(DType.Float16, DType.BFloat16, ".safetensors")]
    public void LoadWeights_OfAnotherOfTheSmallFloats_Converts(DType saved, DType loaded, string ending)
    {
        var (from, to) = (new Linear(3, 2, Key, dtype: saved), new Linear(3, 2, RandomKey.FromSeed(9), dtype: loaded));
        var path = Path.Combine(folder, "weights" + ending);
        from.SaveWeights(path);
        to.LoadWeights(path);
        Assert.Equal(from.Weight.Value.AsType(loaded).AsType(DType.Float32).ToArray<float>(), to.Weight.Value.AsType(DType.Float32).ToArray<float>());
        Assert.Equal(loaded, to.Weight.Value.DType);
    }

    [Fact]
    public void LoadWeights_OfFloat64IntoHalves_IsRefused()
    {
        var path = Path.Combine(folder, "weights.npz");
        new Linear(3, 2, Key, bias: false, dtype: DType.Float64).SaveWeights(path);
        Refuses("[load_weights] wrong: weight (2, 3) float64, expected (2, 3) float16", () => new Linear(3, 2, Key, bias: false, dtype: DType.Float16).LoadWeights(path));
        Assert.StartsWith("[npy] dtype is bfloat16", Assert.Throws<ArgumentException>(() => new Linear(1, 1, Key, dtype: DType.BFloat16).SaveWeights(path)).Message, StringComparison.Ordinal);
        Assert.Equal(DType.Float64, Npz.Load(path)["weight"].DType);
    }

    private static (Tensor Value, ParameterTree Gradients) Gradients(Module layer, Tensor x)
    {
        var (_, gradients) = ModuleTransforms.ValueAndGrad(layer, v => layer.Forward(v).Square().Mean())(x);
        return (layer.Forward(x), gradients);
    }
}
