using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>Ten steps of each rule, and of several at once, against its formula on doubles, given gradients and compiled.</summary>
public sealed class AdaptiveOptimizerTests
{
    private const int Steps = 10;
    private const double Rate = 0.05;
    private static readonly double[] Start = Doubles(11, 5);

    public static TheoryData<string> Rules =>
    [
        "sgd", "sgd momentum", "sgd nesterov", "adam", "adam corrected", "adamw", "adamw corrected",
        "adamax", "rmsprop", "adagrad", "adadelta", "lion", "lion decay", "scheduled lion",
    ];

    private static Optimizer Make(string rule) => rule switch
    {
        "sgd" => new Sgd(Rate, weightDecay: 0.1),
        "sgd momentum" => new Sgd(Rate, 0.9, 0.1, 0.3),
        "sgd nesterov" => new Sgd(Rate, 0.9, 0.1, nesterov: true),
        "adam" or "adam corrected" => new Adam(Rate, 0.8, 0.95, 1e-3, rule == "adam corrected"),
        "adamw" or "adamw corrected" => new AdamW(Rate, 0.8, 0.95, 1e-3, 0.1, rule == "adamw corrected"),
        "adamax" => new Adamax(Rate, 0.8, 0.95, 1e-3),
        "rmsprop" => new RmsProp(Rate, 0.9, 1e-3),
        "adagrad" => new Adagrad(Rate, 1e-3),
        "adadelta" => new AdaDelta(Rate, 0.8, 1e-3),
        "lion" => new Lion(Rate, 0.8, 0.95),
        "lion decay" => new Lion(Rate, 0.8, 0.95, 0.1),
        _ => new Lion(step => Rate / (step + 1), 0.8, 0.95, 0.1),
    };

    /// <summary>One element's new value; m and v are its state and t counts from 1.</summary>
    private static double Formula(string rule, double w, double g, ref double m, ref double v, int t)
    {
        switch (rule)
        {
            case "sgd":
                return w - Rate * (g + 0.1 * w);
            case "sgd momentum":
                m = 0.9 * m + 0.7 * (g + 0.1 * w);
                return w - Rate * m;
            case "sgd nesterov":
                g += 0.1 * w;
                m = 0.9 * m + g;
                return w - Rate * (g + 0.9 * m);
            case "adam" or "adam corrected" or "adamw" or "adamw corrected":
                if (rule.StartsWith("adamw", StringComparison.Ordinal)) w -= Rate * 0.1 * w;
                m = 0.8 * m + 0.2 * g;
                v = 0.95 * v + 0.05 * g * g;
                var (first, second) = rule.EndsWith("corrected", StringComparison.Ordinal) ? (1 - Math.Pow(0.8, t), 1 - Math.Pow(0.95, t)) : (1, 1);
                return w - Rate * (m / first) / (Math.Sqrt(v / second) + 1e-3);
            case "adamax":
                m = 0.8 * m + 0.2 * g;
                v = Math.Max(0.95 * v, Math.Abs(g));
                return w - Rate * m / (v + 1e-3);
            case "rmsprop":
                v = 0.9 * v + 0.1 * g * g;
                return w - Rate * g / (Math.Sqrt(v) + 1e-3);
            case "adagrad":
                v += g * g;
                return w - Rate * g / (Math.Sqrt(v) + 1e-3);
            case "adadelta":
                v = 0.8 * v + 0.2 * g * g;
                var d = g * Math.Sqrt(m + 1e-3) / Math.Sqrt(v + 1e-3);
                m = 0.8 * m + 0.2 * d * d;
                return w - Rate * d;
            default:
                var rate = rule == "scheduled lion" ? Rate / t : Rate;
                var c = 0.8 * m + 0.2 * g;
                m = 0.95 * m + 0.05 * g;
                return (1 - rate * (rule == "lion" ? 0 : 0.1)) * w - rate * Math.Sign(c);
        }
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void Apply_TenSteps_FollowsTheFormula(string rule)
    {
        var optimizer = Make(rule);
        var parameters = Tree(("w", Tensor.From(Start)));
        var (w, m, v) = (Start.ToArray(), new double[5], new double[5]);
        for (var step = 0; step < Steps; step++)
        {
            var gradient = Enumerable.Range(0, 5).Select(i => Math.Sin(1 + step * 1.7 + i * 0.9)).ToArray();
            parameters = optimizer.Apply(parameters, Tree(("w", Tensor.From(gradient))));
            for (var i = 0; i < 5; i++) w[i] = Formula(rule, w[i], gradient[i], ref m[i], ref v[i], step + 1);
        }
        Close(w, parameters["w"], 1e-13);
    }

    // f(w) = Σ (w − x)²/2 has the gradient w − x.
    [Theory]
    [MemberData(nameof(Rules))]
    public void CompileStep_TenSteps_FollowsTheFormula(string rule)
    {
        var model = new Point();
        var step = CompileStep(model, Make(rule), inputs => (model.W.Value - inputs[0]).Square().Sum() * 0.5);
        var (w, m, v) = (Start.ToArray(), new double[5], new double[5]);
        for (var t = 1; t <= Steps; t++)
        {
            var x = Doubles(t, 5);
            step.Invoke(Tensor.From(x));
            for (var i = 0; i < 5; i++) w[i] = Formula(rule, w[i], w[i] - x[i], ref m[i], ref v[i], t);
        }
        Close(w, model.W, 1e-12);
        Assert.Equal(1, step.Statistics.Traces);
    }

    // Defaults: α 0.99, ε 1e-8: the first step is λ·g/(√0.01·|g|). Adagrad's is λ·sign g; AdaDelta's, with ρ 0.9 and ε 1e-6,
    // λ·g·√1e-6/√(0.1·g² + 1e-6); Adamax's, with β₁ 0.9, λ·0.1·g/|g|.
    [Fact]
    public void Defaults_OnTheFirstStep_AreThoseOfMlx()
    {
        Close([1 - 0.1 * 4 / (0.1 * 4 + 1e-8)], First(new RmsProp(0.1)), 1e-14);
        Close([1 - 0.1 * 4 / (4 + 1e-8)], First(new Adagrad(0.1)), 1e-14);
        Close([1 - 0.1 * 4 * 1e-3 / Math.Sqrt(1.6 + 1e-6)], First(new AdaDelta(0.1)), 1e-14);
        Close([1 - 0.1 * 0.4 / (4 + 1e-8)], First(new Adamax(0.1)), 1e-14);
        Close([0.9], First(new Lion(0.1)), 1e-15);

        static Tensor First(Optimizer optimizer) => optimizer.Apply(Tree(("w", Tensor.From(1.0))), Tree(("w", Tensor.From(4.0))))["w"];
    }

    [Fact]
    public void Constructors_OfValuesOutsideTheirRange_SayWhich()
    {
        Message("[adamax] beta2 1 lies outside [0, 1)", () => new Adamax(0.1, beta2: 1));
        Message("[rmsprop] alpha -0.1 lies outside [0, 1)", () => new RmsProp(0.1, alpha: -0.1));
        Message("[adagrad] epsilon NaN lies outside (0, ∞)", () => new Adagrad(0.1, double.NaN));
        Message("[adadelta] rho 2 lies outside [0, 1)", () => new AdaDelta(0.1, 2));
        Message("[lion] weight decay -1 lies outside [0, ∞)", () => new Lion(0.1, weightDecay: -1));
        Message("[multi_optimizer] 0 filters given for 2 optimizers, expected one less than those", () => new MultiOptimizer([new Sgd(1), new Sgd(1)]));
        Message("[multi_optimizer] there are no optimizers", () => new MultiOptimizer([]));

        static void Message(string message, Func<Optimizer> create) => Assert.Equal(message, Assert.Throws<ArgumentException>(create).Message);
    }

    private static MultiOptimizer Split() =>
        new([new Adam(0.1, biasCorrection: true), new Sgd(0.2, momentum: 0.5)], (name, tensor) => tensor.Rank == 2);

    [Fact]
    public void MultiOptimizer_OfAModel_UpdatesEachPartByItsRuleEagerAndCompiled()
    {
        var (eager, compiled, matrix, vector) = (Layer(), Layer(), Layer(), Layer());
        var (multi, compiledMulti) = (Split(), Split());
        var (adam, sgd) = (new Adam(0.1, biasCorrection: true), new Sgd(0.2, momentum: 0.5));
        var step = CompileStep(compiled, compiledMulti, (x, y) => Losses.Mse(compiled.Forward(x), y));
        for (var i = 0; i < 4; i++)
        {
            var (x, y) = (Matrix(i, 5, 3), Matrix(i + 50, 5, 2));
            var gradients = ValueAndGrad(eager, (a, b) => Losses.Mse(eager.Forward(a), b))(x, y).Gradients;
            multi.Update(eager, gradients);
            adam.Update(matrix, Tree(("weight", gradients["weight"])));
            sgd.Update(vector, Tree(("bias", gradients["bias"])));
            step.Invoke(x, y);
        }
        Close(matrix.Weight.Value.ToArray<double>(), eager.Weight, 1e-15);
        Close(vector.Bias!.Value.ToArray<double>(), eager.Bias!, 1e-15);
        Close(matrix.Weight.Value.ToArray<double>(), compiled.Weight, 1e-12);
        Close(vector.Bias!.Value.ToArray<double>(), compiled.Bias!, 1e-12);
        Assert.Equal(["weight.m", "weight.v", "bias.momentum"], multi.State.Keys);
        Assert.Equal(4, multi.Step);

        static Linear Layer() => new(3, 2, RandomKey.FromSeed(3), dtype: DType.Float64);
    }

    // The gradients of Σ (a − x)²/2 + Σ (b + x)²/2 are a − x and b + x; each part follows its own rule.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void MultiOptimizer_TenSteps_FollowsTheFormulaOfEach(bool isCompiled)
    {
        var model = new Three();
        var optimizer = new MultiOptimizer([Make("adam corrected"), Make("scheduled lion"), Make("sgd nesterov")], (name, _) => name == "a", (name, _) => name == "b");
        Tensor Loss(Tensor x) => ((model.A.Value - x).Square().Sum() + (model.B.Value + x).Square().Sum() + (model.C.Value - 2 * x).Square().Sum()) * 0.5;
        var step = CompileStep(model, optimizer, inputs => Loss(inputs[0]));
        string[] rules = ["adam corrected", "scheduled lion", "sgd nesterov"];
        double[] factors = [1, -1, 2];
        var (w, m, v) = (Parts(Start), Parts(new double[5]), Parts(new double[5]));
        for (var t = 1; t <= Steps; t++)
        {
            var x = Doubles(t, 5);
            if (isCompiled) step.Invoke(Tensor.From(x));
            else optimizer.Update(model, ValueAndGrad(model, Loss)(Tensor.From(x)).Gradients);
            for (var part = 0; part < 3; part++)
            {
                for (var i = 0; i < 5; i++) w[part][i] = Formula(rules[part], w[part][i], w[part][i] - factors[part] * x[i], ref m[part][i], ref v[part][i], t);
            }
        }
        Close(w[0], model.A, 1e-12);
        Close(w[1], model.B, 1e-12);
        Close(w[2], model.C, 1e-12);
        Assert.Equal(Steps, optimizer.Step);

        static double[][] Parts(double[] values) => [[.. values], [.. values], [.. values]];
    }

    [Fact]
    public void MultiOptimizer_Restored_Continues()
    {
        var parameters = Tree(("w", Tensor.Ones([2, 2])), ("b", Tensor.Ones([2])));
        var gradients = Tree(("w", Tensor.Full([2, 2], 0.3)), ("b", Tensor.From(1f, -1f)));
        var straight = Split();
        var once = straight.Apply(parameters, gradients);
        var resumed = Split();
        resumed.Restore(straight.State, straight.Step);
        var expected = straight.Apply(once, gradients);
        var actual = resumed.Apply(once, gradients);
        foreach (var (key, value) in expected) Assert.Equal(value.ToArray<float>(), actual[key].ToArray<float>());
    }

    [Fact]
    public void MultiOptimizer_LearningRate_IsTheFirstOnesUntilSet()
    {
        var multi = new MultiOptimizer([new Sgd(0.5), new Sgd(step => step + 1)], (name, _) => name == "a");
        Assert.Equal(0.5, multi.LearningRate);
        var values = Tree(("a", Tensor.From(0.0)), ("b", Tensor.From(0.0)));
        var ones = Tree(("a", Tensor.From(1.0)), ("b", Tensor.From(1.0)));
        values = multi.Apply(multi.Apply(values, ones), ones);
        Close([-1], values["a"], 0);
        Close([-3], values["b"], 0);
        multi.LearningRate = 4;
        values = multi.Apply(values, ones);
        Close([-5], values["a"], 0);
        Close([-7], values["b"], 0);
    }

    [Fact]
    public void ClipGradValue_OfLargeElements_LimitsThem()
    {
        var clipped = Optimizer.ClipGradValue(Tree(("a", Tensor.From(-3.0, 0.5, 2.0)), ("b", Tensor.From(1f, float.NaN))), 1.5);
        Close([-1.5, 0.5, 1.5], clipped["a"], 0);
        Assert.Equal([1f, float.NaN], clipped["b"].ToArray<float>());
        Assert.Throws<ArgumentException>(() => Optimizer.ClipGradValue(Tree(), double.NaN));
    }

    private sealed class Three : Module
    {
        public Three() => (A, B, C) = (Parameter("a", Tensor.From(Start)), Parameter("b", Tensor.From(Start)), Parameter("c", Tensor.From(Start)));

        public Parameter A { get; }

        public Parameter B { get; }

        public Parameter C { get; }

        public override Tensor Forward(Tensor x) => x;
    }

    private sealed class Point : Module
    {
        public Point() => W = Parameter("w", Tensor.From(Start));

        public Parameter W { get; }

        public override Tensor Forward(Tensor x) => x;
    }
}
