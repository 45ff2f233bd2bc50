using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.ModuleClients;

/// <summary>Small clients of each kind, and rounds in which the answer is the next round's model.</summary>
internal static class ClientKit
{
    public static readonly Dictionary<string, Kind> Kinds = new()
    {
        ["sgd"] = new(Plain, () => new Sgd(0.1), new() { BatchSize = 10 }),
        ["momentum"] = new(Plain, () => new Sgd(0.1, momentum: 0.9), new() { BatchSize = 10, ResetOptimizer = false }),
        ["adam"] = new(Plain, () => new Adam(0.01, biasCorrection: true), new() { BatchSize = 10, ResetOptimizer = false }),
        ["adam, new each round"] = new(Plain, () => new Adam(0.01), new() { BatchSize = 10 }),
        ["schedule"] = new(Plain, () => new Sgd(step => 0.2 / (step + 1)), new() { BatchSize = 16, ResetOptimizer = false }),
        ["dropout"] = new(
            () => new Sequential(new Linear(2, 8, Key(1)), new Dropout(0.5, Key(2)), new Linear(8, 2, Key(3))), () => new Sgd(0.1), new() { BatchSize = 10 }),
        ["batch norm"] = new(Normed, () => new Sgd(0.1, momentum: 0.5), new() { BatchSize = 8, LocalEpochs = 2 }),
        ["batch norm, local"] = new(Normed, () => new Sgd(0.1), new() { BatchSize = 8, LocalParameters = LocalParameters.BatchNorm }),
        ["float16"] = new(
            () =>
            {
                var model = Plain();
                model.SetDtype(DType.Float16);
                return model;
            },
            () => new Sgd(0.1), new() { BatchSize = 10 }),
        ["proximal"] = new(Plain, () => new Sgd(0.1), new() { BatchSize = 10, LocalEpochs = 2 }, new() { ["proximal_mu"] = 0.3 }),
        ["proximal, steps"] = new(
            Plain, () => new Sgd(0.1, momentum: 0.5), new() { BatchSize = 10 }, new() { ["proximal_mu"] = 0.3, [FedNova.ReportKey] = true }),
        ["scaffold"] = new(Plain, () => new Sgd(0.1), new() { BatchSize = 10, LocalEpochs = 2 }, new() { [Scaffold.RunKey] = 7 }),
        ["scaffold, batch norm, local"] = new(
            Normed, () => new Sgd(0.1), new() { BatchSize = 8, LocalParameters = LocalParameters.BatchNorm }, new() { [Scaffold.RunKey] = 7, ["proximal_mu"] = 0.1 }),
    };

    public static TheoryData<string> Names => [.. Kinds.Keys];

    public static RandomKey Key(int seed) => RandomKey.FromSeed((ulong)seed);

    /// <summary>32 points in (−1, 1)²; class 1 are those with x₀ + x₁ &gt; 0.</summary>
    public static Dataset Data()
    {
        var random = new Random(5);
        var points = Enumerable.Range(0, 64).Select(_ => (float)(random.NextDouble() * 2 - 1)).ToArray();
        return new(NdArray.From(points, [32, 2]), NdArray.From(Enumerable.Range(0, 32).Select(i => points[2 * i] + points[2 * i + 1] > 0 ? 1 : 0).ToArray()));
    }

    public static Tensor Loss(Tensor predictions, Tensor labels) => Losses.CrossEntropy(predictions, labels);

    /// <summary>All bits of an answer.</summary>
    public static string Bits(FitOutput output) => string.Join(
        '\n',
        [
            .. output.Parameters.Select(array => $"{array.DType} {array.Shape} {Convert.ToHexString(System.Runtime.InteropServices.MemoryMarshal.AsBytes<double>(array.AsType(DType.Float64).ToArray<double>()))}"),
            .. output.Metrics!.Select(metric => $"{metric.Key} {metric.Value.AsDouble():R}"),
        ]);

    private static Sequential Plain() => new(new Linear(2, 4, Key(1)), new Relu(), new Linear(4, 2, Key(2)));

    private static Sequential Normed() => new(new Linear(2, 4, Key(1)), new BatchNorm(4), new Linear(4, 2, Key(2)));

    public sealed record Kind(Func<Module> Model, Func<Optimizer> Optimizer, ModuleClientOptions Options, Dictionary<string, Scalar>? Config = null)
    {
        public ModuleClient Client(Func<ModuleClientOptions, ModuleClientOptions>? change = null, Func<Tensor, Tensor, Tensor>? loss = null) =>
            new(Model(), Optimizer(), loss ?? Loss, Data(), null, change is null ? Options : change(Options));

        /// <summary>What the server sends at first.</summary>
        public IReadOnlyList<NdArray> Start()
        {
            var shared = Options.LocalParameters.SharedOf(Model());
            return Config?.ContainsKey(Scaffold.RunKey) == true ? [.. shared.ToArrays(), .. shared.Map(value => value.ZerosLike()).ToArrays()] : shared.ToArrays();
        }

        public IReadOnlyDictionary<string, Scalar> ConfigOf(int? round, string run = "run") => round is { } number
            ? new Dictionary<string, Scalar>(Config ?? []) { [RunKeys.Run] = run, [RunKeys.Round] = number }
            : Config ?? [];
    }
}
