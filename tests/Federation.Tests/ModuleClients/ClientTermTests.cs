using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Federation.Tests.ModuleClients;

/// <summary>Terms and result transforms of users, and that compiled steps give the numbers of uncompiled ones.</summary>
public sealed class ClientTermTests
{
    public static TheoryData<string> Names => ClientKit.Names;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(Names))]
    public async Task FitAsync_Compiled_GivesTheBitsOfUncompiled(string name)
    {
        var kind = ClientKit.Kinds[name];
        var log = new LogRecorder();
        var (compiled, plain, model) = (kind.Client(options => options with { LoggerFactory = log }), kind.Client(options => options with { Compile = false }), kind.Start());
        for (var round = 0; round < 3; round++)
        {
            var expected = await plain.FitAsync(model, kind.ConfigOf(null), Cancellation);
            Assert.Equal(ClientKit.Bits(expected), ClientKit.Bits(await compiled.FitAsync(model, kind.ConfigOf(null), Cancellation)));
            model = expected.Parameters;
        }
        Assert.Empty(log.WithId(418));
    }

    /// <summary>The loss function is called when a batch shape is recorded, and not again: 32 examples are batches of 10 and one of 2.</summary>
    [Fact]
    public async Task FitAsync_OverRoundsOfOtherValues_RecordsOnceForEachShape()
    {
        var (calls, kind) = (0, ClientKit.Kinds["proximal"]);
        var client = kind.Client(loss: (p, y) =>
        {
            calls++;
            return ClientKit.Loss(p, y);
        });
        var plain = kind.Client(options => options with { Compile = false });
        foreach (var mu in new[] { 0.1, 0.7, 0.2 })
        {
            var config = new Dictionary<string, Scalar> { ["proximal_mu"] = mu };
            Assert.Equal(
                ClientKit.Bits(await plain.FitAsync(kind.Start(), config, Cancellation)), ClientKit.Bits(await client.FitAsync(kind.Start(), config, Cancellation)));
        }
        Assert.Equal(2, calls);

        // Without the term the chain is another one, and later the first one again.
        await client.FitAsync(kind.Start(), TestKit.NoValues, Cancellation);
        await client.FitAsync(kind.Start(), kind.ConfigOf(null), Cancellation);
        Assert.Equal(4, calls);
    }

    [Fact]
    public async Task FitAsync_OfALossThatReadsValues_FallsBackAndSaysSo()
    {
        var (log, kind) = (new LogRecorder(), ClientKit.Kinds["dropout"]);
        var client = kind.Client(options => options with { LoggerFactory = log }, (p, y) => ClientKit.Loss(p, y) * (p.Max().Item<float>() > 1e6f ? 2 : 1));
        var plain = kind.Client(options => options with { Compile = false });
        for (var round = 0; round < 2; round++)
        {
            var expected = await plain.FitAsync(kind.Start(), TestKit.NoValues, Cancellation);
            Assert.Equal(ClientKit.Bits(expected), ClientKit.Bits(await client.FitAsync(kind.Start(), TestKit.NoValues, Cancellation)));
        }
        Assert.StartsWith("Training steps run uncompiled, which is slower: [compile] a value was read", Assert.Single(log.WithId(418)), StringComparison.Ordinal);
    }

    /// <summary>More shapes than plans are kept.</summary>
    [Fact]
    public async Task FitAsync_OfManyBatchSizes_GivesTheBitsOfUncompiled()
    {
        var kind = ClientKit.Kinds["momentum"];
        var (compiled, plain) = (kind.Client(), kind.Client(options => options with { Compile = false }));
        for (var size = 32; size > 0; size--)
        {
            var config = new Dictionary<string, Scalar> { ["batch_size"] = size };
            Assert.Equal(
                ClientKit.Bits(await plain.FitAsync(kind.Start(), config, Cancellation)), ClientKit.Bits(await compiled.FitAsync(kind.Start(), config, Cancellation)));
        }
    }

    /// <summary>Once as many shapes are recorded as are kept, others run as they are, and those that were recorded stay; until the others are the many.</summary>
    [Fact]
    public async Task FitAsync_OfMoreShapesThanAreKept_KeepsTheRecordedOnes()
    {
        var (calls, kind) = (0, ClientKit.Kinds["sgd"]);
        var client = kind.Client(loss: (p, y) =>
        {
            calls++;
            return ClientKit.Loss(p, y);
        });
        async Task<int> Fit(int size)
        {
            calls = 0;
            await client.FitAsync(kind.Start(), new Dictionary<string, Scalar> { ["batch_size"] = size }, Cancellation);
            return calls;
        }
        Assert.Equal(1, await Fit(8));
        for (var size = 9; size <= 31; size++) await Fit(size);
        Assert.Equal(0, await Fit(8));
        // 31 and the one that is left over.
        Assert.Equal(2, await Fit(31));
        Assert.Equal(2, await Fit(31));
        for (var i = 0; i < 128; i++) await Fit(31);
        Assert.Equal(0, await Fit(31));
    }

    [Fact]
    public async Task FitAsync_OfLabelsOutOfRange_IsRefusedCompiledOrNot()
    {
        var data = new Dataset(NdArray.Zeros([20, 2]), NdArray.From(Enumerable.Range(0, 20).Select(i => i == 19 ? 2 : 0).ToArray()));
        foreach (var compile in new[] { true, false })
        {
            var log = new LogRecorder();
            var client = new ModuleClient(
                new Linear(2, 2, ClientKit.Key(1)), new Sgd(0.1), ClientKit.Loss, data, null, new() { BatchSize = 1, Compile = compile, LoggerFactory = log });
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () =>
                await client.FitAsync([NdArray.Zeros([2, 2]), NdArray.Zeros([2])], TestKit.NoValues, Cancellation));
            Assert.Empty(log.WithId(418));
        }
    }

    [Fact]
    public async Task FitAsync_OfAModelFrozenBetweenRounds_TrainsTheRest()
    {
        var model = new Sequential(new Linear(2, 4, ClientKit.Key(1)), new Linear(4, 2, ClientKit.Key(2)));
        var client = new ModuleClient(model, new Sgd(0.1), ClientKit.Loss, ClientKit.Data(), null);
        var start = model.Parameters().ToArrays();
        Assert.NotEqual(start[0].ToArray<float>(), (await client.FitAsync(start, TestKit.NoValues, Cancellation)).Parameters[0].ToArray<float>());
        model.Freeze("layers.0");
        var trained = (await client.FitAsync(start, TestKit.NoValues, Cancellation)).Parameters;
        Assert.Equal(start[0].ToArray<float>(), trained[0].ToArray<float>());
        Assert.NotEqual(start[2].ToArray<float>(), trained[2].ToArray<float>());
    }

    /// <summary>The loss is w, so each step moves by −η·s·1, s being 1, 2, 3 from step to step: 10·(1 + 2 + 3)·0.5 = 30, and the next round goes on at 4.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task FitAsync_WithATermOfTheUsers_AppliesItAndKeepsItsMemory(bool compile)
    {
        var client = One(new() { LocalEpochs = 3, Terms = [new Growing()], Compile = compile });
        foreach (var (expected, steps) in new[] { (-30f, 3), (-75f, 6) })
        {
            var result = await client.FitAsync([NdArray.Zeros([1, 1])], new Dictionary<string, Scalar> { ["growing-by"] = 10.0 }, Cancellation);
            Assert.Equal(expected, result.Parameters[0].ToArray<float>()[0]);
            Assert.Equal(steps, result.Metrics!["steps_ever"].AsDouble());
        }
        var without = await client.FitAsync([NdArray.Zeros([1, 1])], TestKit.NoValues, Cancellation);
        Assert.Equal(-1.5f, without.Parameters[0].ToArray<float>()[0]);
        Assert.DoesNotContain("steps_ever", without.Metrics!.Keys);
    }

    [Fact]
    public async Task FitAsync_WithResultTransforms_AppliesThemInOrderAndRepeatsTheirChance()
    {
        var client = One(new() { ResultTransforms = [new Noise("a", 100), new Noise("b", 1)] });
        var config = new Dictionary<string, Scalar> { [RunKeys.Run] = "run", [RunKeys.Round] = 1 };
        var first = await client.FitAsync([NdArray.Zeros([1, 1])], config, Cancellation);
        Assert.Equal([1.0, 1.0], [first.Metrics!["a"].AsDouble(), first.Metrics["b"].AsDouble()]);
        // −0.5 is the step; then ·100 + noise, and ·1 + noise.
        Assert.InRange(first.Parameters[0].ToArray<float>()[0], -50f, -48f);
        Assert.Equal(ClientKit.Bits(first), ClientKit.Bits(await client.FitAsync([NdArray.Zeros([1, 1])], config, Cancellation)));
        config[RunKeys.Round] = 2;
        var second = await client.FitAsync([NdArray.Zeros([1, 1])], config, Cancellation);
        Assert.Equal(2, second.Metrics!["a"].AsDouble());
        Assert.NotEqual(first.Parameters[0].ToArray<float>(), second.Parameters[0].ToArray<float>());
    }

    [Theory]
    [InlineData("", "[module_client] a term or transform is named '', expected a name without a dot")]
    [InlineData("a.b", "[module_client] a term or transform is named 'a.b', expected a name without a dot")]
    [InlineData("scaffold", "[module_client] two terms or transforms are named 'scaffold'")]
    public void Constructor_OfANameThatWillNotDo_SaysSo(string name, string message) =>
        Assert.Equal(message, Assert.Throws<ArgumentException>(() => One(new() { ResultTransforms = [new Noise(name, 1)] })).Message);

    [Fact]
    public async Task FitAsync_OfATermThatLosesAGradient_NamesIt()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(async () =>
            await One(new() { Terms = [new Losing()] }).FitAsync([NdArray.Zeros([1, 1])], TestKit.NoValues, Cancellation));
        Assert.Equal("[losing] gradients missing: weight (1, 1) float32", error.Message);
    }

    /// <summary>A client whose loss is its one weight, at learning rate ½.</summary>
    private static ModuleClient One(ModuleClientOptions options)
    {
        var data = new Dataset(NdArray.From<float>([1], [1, 1]), NdArray.From([0f], [1, 1]));
        return new(new Linear(1, 1, ClientKit.Key(0), bias: false), new Sgd(0.5), (p, _) => p.Mean(), data, null, options);
    }

    /// <summary>Multiplies gradients by the server's number and by how many steps there ever were.</summary>
    private sealed class Growing : ClientTerm
    {
        public override string Name => "growing";

        public override ParameterTree? Begin(FitStart start) => start.Config.Setting("growing_by") is { } by
            ? new([new("by", Tensor.Scalar(by.AsDouble())), new("steps", Tensor.Scalar(start.Memory.Values.TryGetValue("steps", out var steps) ? steps.AsDouble() : 0))])
            : null;

        public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values)
        {
            var steps = values["steps"] + 1;
            return (gradients.Map(gradient => gradient * values["by"] * steps), new([new("by", values["by"]), new("steps", steps)]));
        }

        public override FitOutcome Complete(FitEnd end, FitOutput output)
        {
            var steps = (double)end.Values["steps"].Item<float>();
            return new(
                output with { Metrics = new Dictionary<string, Scalar>(output.Metrics!) { ["steps_ever"] = steps } }, StrategyState.Empty.With("steps", steps));
        }
    }

    private sealed class Losing : ClientTerm
    {
        public override string Name => "losing";

        public override ParameterTree? Begin(FitStart start) => new([]);

        public override (ParameterTree Gradients, ParameterTree Values) Update(ParameterTree gradients, ParameterTree parameters, ParameterTree values) =>
            (new([]), values);
    }

    /// <summary>Scales the result and adds noise in [0, 1).</summary>
    private sealed class Noise(string name, double scale) : ResultTransform
    {
        public override string Name => name;

        public override FitOutcome Apply(FitOutput output, FitStart start)
        {
            var key = start.DrawKey();
            var count = start.Memory.Values.TryGetValue("count", out var counted) ? counted.AsDouble() + 1 : 1;
            return new(
                output with
                {
                    Parameters = [.. output.Parameters.Select(array => ((Tensor)array * scale + Tensor.RandomUniform(key, array.Shape)).Eval().ToNdArray())],
                    Metrics = new Dictionary<string, Scalar>(output.Metrics!) { [name] = count },
                },
                StrategyState.Empty.With("count", count));
        }
    }
}
