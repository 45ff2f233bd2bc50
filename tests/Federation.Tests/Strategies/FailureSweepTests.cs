using System.Reflection;
using System.Text;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Every strategy there is, over ten rounds, with models of every kind of array and clients that fail in every way.</summary>
public sealed class FailureSweepTests
{
    private const int Rounds = 10, Honest = 8;

    /// <summary>How a client fails, and why it then does not count; null where the strategy decides.</summary>
    private static readonly (string Kind, FailureReason[] Reasons)[] Failures =
    [
        ("throws", [FailureReason.Declined]),
        ("declines", [FailureReason.Declined]),
        ("leaves", [FailureReason.Disconnected]),
        ("times out", [FailureReason.TimedOut]),
        ("garbled", [FailureReason.Malformed]),
        ("another kind of reply", [FailureReason.Unexpected]),
        ("fewer arrays", [FailureReason.TensorCount]),
        ("wrong shape", [FailureReason.Shape]),
        ("wrong type", [FailureReason.DType]),
        ("opaque", [FailureReason.TensorType]),
        ("nan", [FailureReason.NotFinite]),
        ("huge", [FailureReason.NotFinite, FailureReason.Norm]),
        ("no examples", [FailureReason.NumExamples]),
        ("far too many examples", [FailureReason.NumExamples]),
    ];

    public static TheoryData<string> Names =>
        [.. typeof(Strategy).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Strategy)) && type is { IsPublic: true, IsAbstract: false }).Select(type => type.Name).Order()];

    [Theory, MemberData(nameof(Names))]
    public async Task Run_OverTenRoundsOfFailures_EndsWithASoundModel(string name)
    {
        var strategy = Make(name);
        var isTrees = name.StartsWith("FedXgb", StringComparison.Ordinal);
        var model = Model();
        Set(strategy, nameof(Strategy.InitialParameters), isTrees ? Parameters.Opaque("") : new Parameters(model));
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        foreach (var (kind, _) in Failures) registry.Join(new Scripted(kind, isTrees));
        for (var i = 0; i < Honest; i++) registry.Join(new Scripted($"honest {i}", isTrees));
        registry.Join(new Scripted("honest without metrics", isTrees));
        registry.Join(new Scripted("honest but in evaluation", isTrees));

        var history = await ServerLoop.Create(new(Rounds) { AllowUntrained = true }, strategy, registry, new() { Seed = 1 }, log)
            .RunAsync(TestContext.Current.CancellationToken).Bounded();

        Assert.True(history.FitFailures.Count > 0, name);
        foreach (var failure in history.FitFailures.Select(failure => failure.Value))
        {
            var kind = failure.Client.StableName!;
            var known = Failures.FirstOrDefault(item => item.Kind == kind);
            var expected = known.Reasons ?? (kind == "honest without metrics" ? [FailureReason.Metric, FailureReason.Unexpected] : []);
            Assert.True(isTrees || expected.Contains(failure.Reason), $"{name}: {kind}: {failure.Reason}: {failure.Message}");
        }
        if (strategy is not AsyncStrategy and not FedXgbCyclic)
        {
            foreach (var (kind, _) in Failures) Assert.Equal(Rounds, history.FitFailures.Count(failure => failure.Value.Client.StableName == kind));
            Assert.Contains(history.EvaluateFailures, failure => failure.Value.Client.StableName == "honest but in evaluation");
        }
        Assert.DoesNotContain(history.EvaluateFailures, failure => failure.Value.Client.StableName!.StartsWith("honest 0", StringComparison.Ordinal));
        if (isTrees) return;
        // Krum's kind, too, has honest updates to choose from, so each round makes a model.
        Assert.Empty(history.ModelsKept);
        AssertSound(name, model, history.FinalParameters.Arrays);
    }

    private static void AssertSound(string name, IReadOnlyList<NdArray> model, IReadOnlyList<NdArray> final)
    {
        Assert.Equal(model.Select(array => (array.Shape, array.DType)), final.Select(array => (array.Shape, array.DType)));
        for (var i = 0; i < final.Count; i++)
        {
            Assert.All(final[i].AsType(DType.Float64).ToArray<double>(), value => Assert.True(double.IsFinite(value), $"{name}: array {i} holds {value}"));
        }
        // The counter goes up by one a round, and the truth values, bytes and the variance stay as all honest clients leave them.
        Assert.InRange(final[6].ToArray<long>()[0], 1, Rounds);
        Assert.Equal([true, false], final[7].ToArray<bool>());
        Assert.Equal([250, 1], final[8].ToArray<byte>());
        Assert.All(final[5].ToArray<float>(), value => Assert.Equal(2f, value));
        Assert.Equal(0, final[9].Count);
        // Trainable arrays move the way of the honest.
        Assert.All(final[0].ToArray<float>(), value => Assert.InRange(value, 0.001f, 10f));
    }

    /// <summary>Weights, a scalar, halves, a batch norm's four and its counter, truth values, bytes, nothing, and doubles.</summary>
    private static NdArray[] Model() =>
    [
        NdArray.Zeros([3, 2]), NdArray.Zeros([], DType.Float32), NdArray.Zeros([2], DType.Float16), NdArray.Zeros([4]),
        NdArray.Zeros([4]), TestKit.Floats(2, 2, 2, 2), NdArray.From([0L], []), NdArray.From(true, false), NdArray.From((byte)250, (byte)1),
        NdArray.Zeros([0]), NdArray.Zeros([2], DType.Float64),
    ];

    private static Strategy Make(string name)
    {
        var type = typeof(Strategy).Assembly.GetTypes().Single(type => type.Name == name && type.IsSubclassOf(typeof(Strategy)));
        var strategy = (Strategy)Activator.CreateInstance(type)!;
        switch (strategy)
        {
            case FedProx: Set(strategy, nameof(FedProx.ProximalMu), 0.1); break;
            case FLTrust: Set(strategy, nameof(FLTrust.TrainOnServer), (Func<int, IReadOnlyList<NdArray>, IReadOnlyList<NdArray>>)((_, arrays) => Trained(arrays))); break;
            case QFedAvg: Set(strategy, nameof(Strategy.EvaluateFunction), (Func<int, IReadOnlyList<NdArray>, CentralEvaluation?>)((_, _) => new(1))); break;
            case FaultTolerantFedAvg: Set(strategy, nameof(FaultTolerantFedAvg.MinCompletionRateFit), 0.1); break;
            case AsyncStrategy: Set(strategy, nameof(Strategy.FractionEvaluate), 0.0); break;
        }
        return strategy;
    }

    private static void Set(Strategy strategy, string property, object value)
    {
        var found = strategy.GetType().GetProperty(property, BindingFlags.Public | BindingFlags.Instance)!;
        found.DeclaringType!.GetProperty(property)!.SetValue(strategy, value);
    }

    /// <summary>What an honest client makes of the model: floats that are learnt go up by 0.1, the counter by one, all else stays.</summary>
    private static NdArray[] Trained(IReadOnlyList<NdArray> arrays) => [.. arrays.Select((array, i) => i switch
    {
        6 => NdArray.From([array.ToArray<long>()[0] + 1], []),
        4 or 5 or 7 or 8 or 9 => array,
        > 10 => array,
        _ => NdArray.From<double>([.. array.AsType(DType.Float64).ToArray<double>().Select(value => value + 0.1)], array.Shape).AsType(array.DType),
    })];

    /// <summary>One client of a kind, over any model and any strategy's instructions.</summary>
    private sealed class Scripted(string kind, bool isTrees) : IClientConnection
    {
        public ClientInfo Info { get; } = ClientInfo.Create("test", kind);

        public Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation) => Task.FromResult(instruction switch
        {
            FitInstructions fit => Fit(fit),
            EvaluateInstructions when kind == "honest but in evaluation" => new(
                new EvaluateResult(new(ResultCode.EvaluateNotImplemented, "no data"), 0, 0, TestKit.NoValues), null, 0),
            EvaluateInstructions => new(new EvaluateResult(ResultStatus.Success, 1, 10, TestKit.NoValues), null, 0),
            _ => new(new DisconnectResult(DisconnectReason.Reconnect), null, 0),
        });

        public void Abort(string reason)
        {
        }

        private Answer Fit(FitInstructions fit)
        {
            var metrics = new Dictionary<string, Scalar> { ["loss"] = 1, ["num_steps"] = 5 };
            if (fit.Config.TryGetValue(Scaffold.RunKey, out var run)) metrics[Scaffold.RunKey] = run;
            return kind switch
            {
                "throws" => Done(new FitResult(new(ResultCode.FitNotImplemented, "Client failed to fit: DivideByZeroException"), Parameters.Empty, 0, metrics)),
                "declines" => Done(new FitResult(new(ResultCode.FitNotImplemented, "no"), Parameters.Empty, 0, metrics)),
                "leaves" => Answer.Failed(FailureReason.Disconnected, "left before it answered"),
                "times out" => Answer.Failed(FailureReason.TimedOut, "Timeout was exceeded."),
                "garbled" => Answer.Failed(FailureReason.Malformed, "not a message"),
                "another kind of reply" => Done(new EvaluateResult(ResultStatus.Success, 1, 1, metrics)),
                "honest without metrics" => Done(new FitResult(ResultStatus.Success, Good(fit), 10, TestKit.NoValues)),
                "no examples" => Done(new FitResult(ResultStatus.Success, Good(fit), 0, metrics)),
                "far too many examples" => Done(new FitResult(ResultStatus.Success, Good(fit), long.MaxValue, metrics)),
                _ when kind.StartsWith("honest", StringComparison.Ordinal) => Done(new FitResult(ResultStatus.Success, Good(fit), 10, metrics)),
                _ => Done(new FitResult(ResultStatus.Success, Bad(fit), 10, metrics)),
            };

            static Answer Done(Reply reply) => new(reply, null, 0);
        }

        private Parameters Good(FitInstructions fit) => isTrees ? Trees("""{"id":0}""") : new(Trained(fit.Parameters.Arrays));

        private Parameters Bad(FitInstructions fit)
        {
            if (isTrees) return kind == "opaque" ? new(TestKit.Floats(1)) : Trees("""{"id":0,"id":1}""");
            var good = Trained(fit.Parameters.Arrays);
            return kind switch
            {
                "fewer arrays" => new(good[..^1]),
                "wrong shape" => new([NdArray.Zeros([2, 3]), .. good[1..]]),
                "wrong type" => new([NdArray.Zeros([3, 2], DType.Int64), .. good[1..]]),
                "opaque" => Parameters.Opaque("pickle", new byte[] { 1 }),
                "nan" => new([NdArray.From<float>([1, 1, 1, 1, 1, float.NaN], [3, 2]), .. good[1..]]),
                _ => new([.. good[..10], NdArray.From(1e300, 1), .. good[11..]]),
            };
        }

        private static Parameters Trees(string tree) => Parameters.Opaque("", Encoding.UTF8.GetBytes(
            """{"learner":{"gradient_booster":{"model":{"gbtree_model_param":{"num_trees":"1"},"tree_info":[0],"trees":[""" + tree + "]}}}}"));
    }
}
