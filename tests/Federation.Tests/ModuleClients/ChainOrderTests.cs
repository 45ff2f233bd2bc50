using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.ModuleClients;

/// <summary>The chains from gradient to wire: in the order they are listed, with a memory for each link, on clients with a model of their own and on those that share one.</summary>
public sealed class ChainOrderTests
{
    private static readonly ClientTerm[] Terms = [new Step("plus", gradient => gradient + 3), new Step("times", gradient => gradient * 10)];
    private static readonly ResultTransform[] Transforms = [new Change("double", array => array * 2), new Change("lower", array => array - 1)];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The gradient is 1 and the learning rate ½: −½·(1 + 3)·10 = −20, then −20·2 − 1; the other way round −½·(10·1 + 3) = −6.5 and (−6.5 − 1)·2.</summary>
    [Theory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public async Task FitAsync_WithChains_GoesThroughThemInOrder(bool pooled, bool compile)
    {
        foreach (var (reversed, expected, order) in new[] { (false, -41f, "plus times double lower"), (true, -15f, "times plus lower double") })
        {
            var states = new MemoryClientStates();
            var make = Factory(pooled, states, new()
            {
                Terms = reversed ? [.. Terms.Reverse()] : Terms,
                ResultTransforms = reversed ? [.. Transforms.Reverse()] : Transforms,
                Compile = compile,
            });
            for (var round = 1; round <= 3; round++)
            {
                var output = await make().FitAsync([NdArray.Zeros([1, 1])], TestKit.NoValues, Token);
                Assert.Equal(expected, output.Parameters[0].ToArray<float>()[0]);
                // Each link counts its rounds by itself.
                Assert.Equal(string.Join(' ', order.Split(' ').Select(name => $"{name}{round}")), output.Metrics!["order"].AsString());
            }
            Assert.Equal(pooled ? 1 : 0, states.Count);
        }
    }

    /// <summary>The known terms go before: SCAFFOLD's control variate c − cₖ = 4 is in the gradient that the chain gets, and its change in the arrays that transforms get.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task FitAsync_WithAStrategysTerm_PutsItBeforeTheUsers(bool pooled)
    {
        var make = Factory(pooled, new MemoryClientStates(), new() { Terms = Terms, ResultTransforms = Transforms });
        var config = new Dictionary<string, Scalar> { [Scaffold.RunKey] = 7 };

        var output = await make().FitAsync([NdArray.Zeros([1, 1]), NdArray.From([4f], [1, 1])], config, Token);

        // −½·((1 + 4) + 3)·10 = −40, −40·2 − 1; the change (0 + 40)/½ − 4 = 76, 76·2 − 1.
        Assert.Equal([-81f, 151f], output.Parameters.Select(array => array.ToArray<float>()[0]));
        Assert.Equal("plus1 times1 double1 lower1", output.Metrics!["order"].AsString());
    }

    /// <summary>Makes the same client anew where they share a model, and gives the one there is otherwise.</summary>
    private static Func<ArrayClient> Factory(bool pooled, IClientStates states, ModuleClientOptions options)
    {
        var data = new Dataset(NdArray.From<float>([1], [1, 1]), NdArray.From([0f], [1, 1]));
        static Tensor Loss(Tensor predictions, Tensor labels) => predictions.Mean();
        static Linear Model() => new(1, 1, ClientKit.Key(0), bias: false);
        if (pooled)
        {
            var factory = VirtualClients.Of(Model, () => new Sgd(0.5), Loss, _ => data, options: options, states: states);
            return () => factory(5);
        }
        var alone = new ModuleClient(Model(), new Sgd(0.5), Loss, data, null, options);
        return () => alone;
    }

    private static FitOutcome Noted(string name, FitOutput output, StrategyState memory)
    {
        var count = memory.Values.TryGetValue("count", out var before) ? before.AsInt64() + 1 : 1;
        var order = output.Metrics!.TryGetValue("order", out var names) ? $"{names.AsString()} {name}{count}" : $"{name}{count}";
        return new(output with { Metrics = new Dictionary<string, Scalar>(output.Metrics) { ["order"] = order } }, StrategyState.Empty.With("count", count));
    }

    private sealed class Step(string name, Func<Tensor, Tensor> change) : ClientTerm
    {
        public override string Name => name;

        public override ParameterTree? Begin(FitStart start) => new([]);

        public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) =>
            (gradients.Map(change), values);

        public override FitOutcome Complete(FitEnd end, FitOutput output) => Noted(name, output, end.Start.Memory);
    }

    private sealed class Change(string name, Func<Tensor, Tensor> change) : ResultTransform
    {
        public override string Name => name;

        public override FitOutcome Apply(FitOutput output, FitStart start) =>
            Noted(name, output with { Parameters = [.. output.Parameters.Select(array => change(array).Eval().ToNdArray())] }, start.Memory);
    }
}
