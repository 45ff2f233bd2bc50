using ManagedFed;
using ManagedFed.Federation;
using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;

/// <summary>Learns the sign of the sum of eight numbers.</summary>
internal sealed class SmokeClient : ArrayClient
{
    private readonly Tensor x, y;
    private readonly Adam optimizer = new(0.01);

    public SmokeClient(RandomKey key)
    {
        var (modelKey, dataKey) = key.Split();
        var keys = modelKey.Split(2);
        Model = new Sequential(new Linear(8, 16, keys[0]), new Relu(), new Linear(16, 2, keys[1]));
        x = Tensor.RandomNormal(dataKey, [128, 8]).Eval();
        y = (x.Sum(1) > 0).AsType(DType.Int32).Eval();
    }

    public Sequential Model { get; }

    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) => new(Model.Parameters().ToArrays());

    public override ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        Model.Update(Model.Parameters().WithArrays(parameters));
        var step = ValueAndGrad(Model, Loss);
        for (var i = 0; i < 10; i++)
        {
            var (_, gradients) = step(x, y);
            optimizer.Update(Model, gradients);
            Tensor.Eval(Model.Parameters().Values);
        }
        return new(new FitOutput(Model.Parameters().ToArrays(), x.Shape[0]));
    }

    public override ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        Model.Update(Model.Parameters().WithArrays(parameters));
        return new(new EvaluateOutput(Loss(x, y).Item<float>(), x.Shape[0]));
    }

    private Tensor Loss(Tensor inputs, Tensor targets) => Losses.CrossEntropy(Model.Forward(inputs), targets, reduction: Reduction.Mean);
}
