using ManagedFed.Nn;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>Ten steps on given gradients, against the formulas worked here on doubles.</summary>
public sealed class OptimizerTests
{
    private const int Steps = 10;
    private static readonly double[] Start = Doubles(11, 5);

    public static TheoryData<double, double, double, bool> SgdCases => new()
    {
        { 0, 0, 0, false },
        { 0, 0.1, 0, false },
        { 0.9, 0, 0, false },
        { 0.9, 0.1, 0, true },
        { 0.8, 0.05, 0.3, false },
        { 0.8, 0, 1, false },
    };

    [Theory]
    [MemberData(nameof(SgdCases))]
    public void Sgd_TenSteps_FollowsTheFormula(double momentum, double decay, double dampening, bool nesterov)
    {
        var velocity = new double[Start.Length];
        var expected = Expected((w, g, i, _) =>
        {
            g += decay * w;
            if (momentum == 0) return w - 0.1 * g;
            velocity[i] = momentum * velocity[i] + (1 - dampening) * g;
            return w - 0.1 * (nesterov ? g + momentum * velocity[i] : velocity[i]);
        });
        var sgd = new Sgd(0.1, momentum, decay, dampening, nesterov);
        Close(expected, Run(sgd), 1e-14);
        Assert.Equal(Steps, sgd.Step);
        if (momentum > 0) Close(velocity, sgd.State["w.momentum"], 1e-14);
        else Assert.Empty(sgd.State);
    }

    public static TheoryData<bool, double> AdamCases => new() { { false, 0 }, { true, 0 }, { false, 0.01 }, { true, 0.2 } };

    [Theory]
    [MemberData(nameof(AdamCases))]
    public void Adam_TenSteps_FollowsTheFormula(bool correct, double decay)
    {
        const double rate = 0.05, beta1 = 0.8, beta2 = 0.95, epsilon = 1e-6;
        var (m, v) = (new double[Start.Length], new double[Start.Length]);
        var expected = Expected((w, g, i, t) =>
        {
            w *= 1 - rate * decay;
            m[i] = beta1 * m[i] + (1 - beta1) * g;
            v[i] = beta2 * v[i] + (1 - beta2) * g * g;
            var mean = correct ? m[i] / (1 - Math.Pow(beta1, t)) : m[i];
            var square = correct ? v[i] / (1 - Math.Pow(beta2, t)) : v[i];
            return w - rate * mean / (Math.Sqrt(square) + epsilon);
        });
        Optimizer adam = decay == 0
            ? new Adam(rate, beta1, beta2, epsilon, correct)
            : new AdamW(rate, beta1, beta2, epsilon, decay, correct);
        Close(expected, Run(adam), 1e-13);
        Assert.Equal(["w.m", "w.v"], adam.State.Keys);
        Close(m, adam.State["w.m"], 1e-14);
        Close(v, adam.State["w.v"], 1e-14);
    }

    // Defaults: β₁ 0.9, β₂ 0.999, ε 1e-8, no correction. The first step from m = v = 0 with gradient g is
    // w − λ·0.1·g/(√0.001·|g| + ε), so about w − λ·√10·sign(g).
    [Fact]
    public void Adam_ByDefault_DoesNotCorrectTheBias()
    {
        var updated = new Adam(0.1).Apply(Tree(("w", Tensor.From(1.0))), Tree(("w", Tensor.From(4.0))));
        Close([1 - 0.1 * 0.4 / (Math.Sqrt(0.001 * 16) + 1e-8)], updated["w"], 1e-15);
        var corrected = new Adam(0.1, biasCorrection: true).Apply(Tree(("w", Tensor.From(1.0))), Tree(("w", Tensor.From(4.0))));
        Close([0.9], corrected["w"], 1e-8);
    }

    [Fact]
    public void AdamW_ByDefault_DecaysByOnePercent()
    {
        var updated = new AdamW(0.1).Apply(Tree(("w", Tensor.From(2.0))), Tree(("w", Tensor.From(0.0))));
        Close([2 * (1 - 0.1 * 0.01)], updated["w"], 1e-15);
    }

    [Fact]
    public void LearningRate_OfASchedule_IsAskedWithTheStepBeforeTheUpdate()
    {
        var asked = new List<long>();
        var sgd = new Sgd(step => { asked.Add(step); return step + 1; });
        var tree = Tree(("w", Tensor.From(0.0)));
        for (var i = 0; i < 3; i++) tree = sgd.Apply(tree, Tree(("w", Tensor.From(1.0))));
        Assert.Equal([0L, 1, 2], asked);
        Close([-6], tree["w"], 0);
        Assert.Equal(4, sgd.LearningRate);
        sgd.LearningRate = 0.5;
        Close([-6.5], sgd.Apply(tree, Tree(("w", Tensor.From(1.0))))["w"], 0);
    }

    // Else the next step would compute this step's whole backward pass again to reach the state.
    [Fact]
    public void Update_ThenEvaluatingTheParametersAlone_LeavesTheStateComputed()
    {
        var model = new Mixed();
        var adam = new Adam(0.1);
        adam.Update(model, Tree(("scale", Tensor.Ones([3]))));
        Tensor.Eval(model.Parameters().Values);
        Assert.All(adam.State.Values, tensor => Assert.True(tensor is { Op: null, Data: not null }));
    }

    [Fact]
    public void Update_OfAModule_ReplacesTrainedParametersOnly()
    {
        var model = new Mixed();
        var before = model.Parameters();
        new Sgd(0.5).Update(model, Tree(("scale", Tensor.From(1f, 2f, 3f))));
        Close([0.5, 0, -0.5], model.Scale, 0);
        Assert.Same(before["first.weight"], model.Parameters()["first.weight"]);
    }

    [Fact]
    public void Update_WithGradientsThatDoNotFit_ListsThemAndChangesNothing()
    {
        var model = new Mixed();
        var sgd = new Sgd(0.5, momentum: 0.9);
        var gradients = Tree(("scale", Tensor.Ones([2])), ("last.bias", Tensor.Ones([1])));
        var error = Assert.Throws<ArgumentException>(() => sgd.Update(model, gradients));
        Assert.Equal("[sgd] unknown: last.bias (1,) float32; wrong: scale (2,) float32, expected (3,) float32", error.Message);
        Assert.Equal(0, sgd.Step);
        Assert.Empty(sgd.State);
    }

    [Fact]
    public void Restore_OfASavedState_ContinuesAsIfNeverStopped()
    {
        var straight = Run(new Adam(0.1, biasCorrection: true));
        var first = new Adam(0.1, biasCorrection: true);
        var half = Run(first, 0, 4);
        var second = new Adam(0.1, biasCorrection: true);
        second.Restore(first.State.WithArrays(first.State.ToArrays()), first.Step);
        Assert.Equal(straight.ToArray<double>(), Run(second, 4, Steps, half).ToArray<double>());
    }

    [Fact]
    public void Restore_OfAnotherOptimizersState_IsRefused()
    {
        var adam = new Adam(0.1);
        var error = Assert.Throws<ArgumentException>(() => adam.Restore(Tree(("w.m", Tensor.From(1f)), ("w.momentum", Tensor.From(1f))), 3));
        Assert.Equal("[adam] state is missing, or does not know, w.v, w.momentum; each parameter has m, v", error.Message);
        Assert.Throws<ArgumentException>(() => adam.Restore(Tree(), -1));
        adam.Restore(Tree(("w.m", Tensor.From(1f)), ("w.v", Tensor.From(1f))), 1);
        error = Assert.Throws<ArgumentException>(() => adam.Apply(Tree(("w", Tensor.Ones([2]))), Tree(("w", Tensor.Ones([2])))));
        Assert.Equal("[adam] state of w has shape (1,), the parameter (2,)", error.Message);
    }

    [Fact]
    public void Constructor_OfValuesOutsideTheirRange_SaysWhich()
    {
        Message("[sgd] Nesterov's momentum needs momentum > 0 and dampening 0, not 0 and 0", () => new Sgd(0.1, nesterov: true));
        Message("[sgd] Nesterov's momentum needs momentum > 0 and dampening 0, not 0.9 and 0.1", () => new Sgd(0.1, 0.9, 0, 0.1, true));
        Message("[sgd] learning rate -1 lies outside [0, ∞)", () => new Sgd(-1));
        Message("[sgd] learning rate NaN lies outside [0, ∞)", () => new Sgd(0.1) { LearningRate = double.NaN });
        Message("[sgd] momentum -0.5 lies outside [0, ∞)", () => new Sgd(0.1, -0.5));
        Message("[sgd] weight decay -1 lies outside [0, ∞)", () => new Sgd(0.1, weightDecay: -1));
        Message("[sgd] dampening 2 lies outside [0, 1]", () => new Sgd(0.1, 0.9, dampening: 2));
        Message("[adam] beta2 1 lies outside [0, 1)", () => new Adam(0.1, beta2: 1));
        Message("[adamw] epsilon -1 lies outside (0, ∞)", () => new AdamW(0.1, epsilon: -1));

        static void Message(string message, Func<Optimizer> create) => Assert.Equal(message, Assert.Throws<ArgumentException>(create).Message);
    }

    [Fact]
    public void Update_OfASchedulesNaN_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => new Sgd(_ => double.NaN).Update(new Mixed(), Tree()));
        Assert.Equal("[sgd] learning rate NaN lies outside [0, ∞)", error.Message);
    }

    // ‖(3, 4)‖ and 12 together: √(9 + 16 + 144) = 13.
    [Fact]
    public void ClipGradNorm_OfALargeNorm_ScalesToTheLimit()
    {
        var gradients = Tree(("a", Tensor.From(3.0, 4.0)), ("b", Tensor.From(12.0)));
        var (clipped, norm) = Optimizer.ClipGradNorm(gradients, 1.3);
        Assert.Equal(13, norm.Item<double>(), 14);
        Close([0.3, 0.4], clipped["a"], 1e-6);
        Close([1.2], clipped["b"], 1e-6);
        Close([3, 4], Optimizer.ClipGradNorm(gradients, 100).Gradients["a"], 0);
        Assert.Throws<ArgumentException>(() => Optimizer.ClipGradNorm(gradients, -1));
        Assert.Throws<ArgumentException>(() => Optimizer.ClipGradNorm(Tree(), 1));
    }

    private static double Gradient(int step, int i) => Math.Sin(1 + step * 1.7 + i * 0.9);

    private static double[] Expected(Func<double, double, int, int, double> update)
    {
        var w = Start.ToArray();
        for (var step = 0; step < Steps; step++)
        {
            for (var i = 0; i < w.Length; i++) w[i] = update(w[i], Gradient(step, i), i, step + 1);
        }
        return w;
    }

    private static Tensor Run(Optimizer optimizer, int from = 0, int to = Steps, Tensor? start = null)
    {
        var parameters = Tree(("w", start ?? Tensor.From(Start)));
        for (var step = from; step < to; step++)
        {
            var gradient = Enumerable.Range(0, Start.Length).Select(i => Gradient(step, i)).ToArray();
            parameters = optimizer.Apply(parameters, Tree(("w", Tensor.From(gradient))));
        }
        return parameters["w"];
    }

    public static TheoryData<Optimizer, double, double> Lengths => new()
    {
        { new Sgd(0.5), 0, 3 },
        { new Sgd(0.5, weightDecay: 0.1), 0, 3 }, // a part of the gradient
        { new Sgd(0.5, momentum: 0.5), 0, 4.25 }, // v = 1, 1.5, 1.75
        { new Sgd(0.5, momentum: 0.5, dampening: 0.5), 0, 2.125 }, // half of that
        { new Sgd(0.5, momentum: 0.5, nesterov: true), 0, 5.125 }, // 1 + v/2: 1.5, 1.75, 1.875
        { new Sgd(step => 0.5 / (step + 1)), 0, 1 + 1 / 2.0 + 1 / 3.0 },
        { new Sgd(0.5), 0.5, 2.3125 }, // 1 + 0.75 + 0.75²
        { new Adam(0.5), 0, 3 },
        { new Sgd(0), 0.5, 3 },
    };

    [Theory]
    [MemberData(nameof(Lengths))]
    public void EffectiveSteps_OfThree_IsTheSumByHand(Optimizer optimizer, double pull, double expected) =>
        Assert.Equal(expected, optimizer.EffectiveSteps(0, 3, pull), 1e-12);

    /// <summary>The optimizer itself, from 0 with gradient −1 + μ·w, gets as far as the sum says.</summary>
    [Theory]
    [InlineData(0, 0, false, 0)]
    [InlineData(0.9, 0, false, 0)]
    [InlineData(0.9, 0.3, false, 0.4)]
    [InlineData(0.9, 0, true, 0.4)]
    public void EffectiveSteps_OfSgd_IsHowFarAConstantGradientLeads(double momentum, double dampening, bool nesterov, double pull)
    {
        var optimizer = new Sgd(step => 0.1 + 0.05 * (step % 3), momentum, dampening: dampening, nesterov: nesterov);
        var parameters = new ParameterTree([new("w", Tensor.Scalar(0, DType.Float64))]);
        for (var i = 0; i < 7; i++) parameters = optimizer.Apply(parameters, parameters.Map(w => pull * w - 1));
        Assert.Equal(parameters["w"].Item<double>(), 0.1 * optimizer.EffectiveSteps(0, 7, pull), 1e-12);
    }
}
