using ManagedFed.Nn;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>Losses against their formulas worked on doubles, each with every reduction.</summary>
public sealed class RegressionAndComparisonLossTests
{
    private static readonly double[] X = [.. Doubles(1, 12).Select(v => 3 * v)];
    private static readonly double[] Y = [.. Doubles(2, 12).Select(v => 3 * v)];
    private static readonly double[] V = [.. Doubles(3, 12).Select(v => v + 1.2)];
    private static readonly double[] Signs = [.. Doubles(4, 12).Select(v => (double)Math.Sign(v))];
    private static readonly Tensor A = Tensor.From<double>(X, [4, 3]);
    private static readonly Tensor B = Tensor.From<double>(Y, [4, 3]);
    private static readonly Tensor C = Tensor.From<double>(V, [4, 3]);
    private static readonly Tensor S = Tensor.From<double>(Signs, [4, 3]);

    /// <summary>Each loss for a reduction, its formula per element, and its default.</summary>
    private static readonly Dictionary<string, (Func<Reduction, Tensor> Loss, Func<int, double> Formula, Func<Tensor> Default, Reduction Is)> PerElement = new()
    {
        ["mse"] = (r => Losses.Mse(A, B, r), i => D(i) * D(i), () => Losses.Mse(A, B), Reduction.Mean),
        ["l1"] = (r => Losses.L1(A, B, r), i => Math.Abs(D(i)), () => Losses.L1(A, B), Reduction.Mean),
        ["smooth_l1"] = (
            r => Losses.SmoothL1(A, B, 1.5, r), i => Math.Abs(D(i)) < 1.5 ? D(i) * D(i) / 3 : Math.Abs(D(i)) - 0.75,
            () => Losses.SmoothL1(A, B, 1.5), Reduction.Mean),
        ["huber"] = (
            r => Losses.Huber(A, B, 1.5, r), i => Math.Abs(D(i)) <= 1.5 ? D(i) * D(i) / 2 : 1.5 * (Math.Abs(D(i)) - 0.75),
            () => Losses.Huber(A, B, 1.5), Reduction.None),
        ["log_cosh"] = (r => Losses.LogCosh(A, B, r), i => Math.Log(Math.Cosh(D(i))), () => Losses.LogCosh(A, B), Reduction.None),
        ["gaussian_nll"] = (
            r => Losses.GaussianNll(A, B, C, reduction: r), i => 0.5 * (Math.Log(V[i]) + D(i) * D(i) / V[i]),
            () => Losses.GaussianNll(A, B, C), Reduction.Mean),
        ["hinge"] = (r => Losses.Hinge(A, S, r), i => Math.Max(0, 1 - X[i] * Signs[i]), () => Losses.Hinge(A, S), Reduction.None),
        ["margin_ranking"] = (
            r => Losses.MarginRanking(A, B, S, 0.3, r), i => Math.Max(0, -Signs[i] * D(i) + 0.3),
            () => Losses.MarginRanking(A, B, S, 0.3), Reduction.None),
    };

    public static TheoryData<string> Names => [.. PerElement.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Loss_PerElement_FollowsItsFormula(string name)
    {
        var (loss, formula, byDefault, reduction) = PerElement[name];
        var expected = Enumerable.Range(0, 12).Select(formula).ToArray();
        Close(expected, loss(Reduction.None), 1e-14);
        Close([expected.Average()], loss(Reduction.Mean), 1e-14);
        Close([expected.Sum()], loss(Reduction.Sum), 1e-14);
        Assert.Equal(loss(reduction).ToArray<double>(), byDefault().ToArray<double>());
    }

    [Fact]
    public void GaussianNll_Full_AddsTheConstantAndLimitsVariances()
    {
        var zero = Tensor.From(0.0);
        Close([0.5 * Math.Log(2 * Math.PI)], Losses.GaussianNll(zero, zero, Tensor.From(1.0), full: true), 1e-15);
        Close([0.5 * (Math.Log(0.25) + 4)], Losses.GaussianNll(zero, Tensor.From(1.0), Tensor.From(-3.0), epsilon: 0.25), 1e-15);
    }

    [Fact]
    public void LogCosh_OfALargeDifference_DoesNotOverflow() =>
        Close([1000 - Math.Log(2)], Losses.LogCosh(Tensor.From(1000.0), Tensor.From(0.0)), 1e-15);

    // p = (1/4, 3/4), q = (1/2, 1/2): Σ p·log(p/q) = ¼·log ½ + ¾·log 3/2.
    [Fact]
    public void KlDiv_OfHandNumbers_SumsOverClasses()
    {
        var p = Tensor.From<double>([0.25, 0.5, 0.75, 0.5], [2, 2]).Log();
        var q = Tensor.From<double>([0.5, 0.5, 0.5, 0.5], [2, 2]).Log();
        double[] expected = [0.25 * Math.Log(0.5) + 0.75 * Math.Log(1.5), 0];
        Close(expected, Losses.KlDiv(q, p, axis: 0), 1e-15);
        Close(expected, Losses.KlDiv(q.T, p.T), 1e-15);
        Close([expected[0] / 2], Losses.KlDiv(q, p, 0, Reduction.Mean), 1e-15);
        Close([expected[0]], Losses.KlDiv(q, p, 0, Reduction.Sum), 1e-15);
    }

    [Fact]
    public void KlDiv_OfImpossibleTargets_CountsThemAsNothing() =>
        Close([Math.Log(2)], Losses.KlDiv(Tensor.From(0.5, 0.5).Log(), Tensor.From(1.0, 0.0).Log()), 1e-15);

    // (3, 4)·(4, 3) = 24 of 25; (1, 0)·(−2, 0) = −2 of 2; the zero vector's is 0.
    [Fact]
    public void CosineSimilarity_OfHandNumbers_IsTheCosine()
    {
        var a = Tensor.From<double>([3, 4, 1, 0, 0, 0], [3, 2]);
        var b = Tensor.From<double>([4, 3, -2, 0, 1, 1], [3, 2]);
        Close([0.96, -1, 0], Losses.CosineSimilarity(a, b), 1e-15);
        Close([0.96, -1, 0], Losses.CosineSimilarity(a.T, b.T, axis: 0), 1e-15);
        Close([-0.04 / 3], Losses.CosineSimilarity(a, b, reduction: Reduction.Mean), 1e-15);
        var gradient = Transforms.Grad(v => Losses.CosineSimilarity(v, b, reduction: Reduction.Sum))(a);
        Assert.All(gradient.ToArray<double>(), g => Assert.True(double.IsFinite(g)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Triplet_OfVectors_FollowsItsFormula(double p)
    {
        var expected = Enumerable.Range(0, 4).Select(row =>
        {
            return Math.Max(0, Distance(Y) - Distance(V) + 0.5);

            double Distance(double[] other) =>
                Math.Pow(Enumerable.Range(3 * row, 3).Sum(i => Math.Pow(Math.Abs(X[i] - other[i]), p)) + 1e-3, 1 / p);
        }).ToArray();
        Close(expected, Losses.Triplet(A, B, C, p: p, margin: 0.5, epsilon: 1e-3), 1e-14);
        Close(expected, Losses.Triplet(A.T, B.T, C.T, 0, p, 0.5, 1e-3), 1e-14);
        Close([expected.Average()], Losses.Triplet(A, B, C, -1, p, 0.5, 1e-3, Reduction.Mean), 1e-14);
    }

    [Fact]
    public void Losses_InFloat64_PassTheGradientCheck()
    {
        Check(v => Losses.SmoothL1(v[0], v[1]));
        Check(v => Losses.Huber(v[0], v[1]));
        Check(v => Losses.LogCosh(v[0], v[1]));
        Check(v => Losses.GaussianNll(v[0], B, v[1].Square() + 0.5));
        Check(v => Losses.KlDiv(v[0].LogSoftmax(), v[1].LogSoftmax()));
        Check(v => Losses.Hinge(v[0], S));
        Check(v => Losses.MarginRanking(v[0], v[1], S));
        Check(v => Losses.CosineSimilarity(v[0], v[1]));
        Check(v => Losses.Triplet(v[0], v[1], C, margin: 5));

        static void Check(Func<IReadOnlyList<Tensor>, Tensor> loss) => GradCheck.Check(loss, [A, B]);
    }

    [Fact]
    public void Losses_OfWhatDoesNotFit_SayWhatWould()
    {
        var (a, b) = (Tensor.Zeros([2, 3]), Tensor.Zeros([3]));
        Message("[smooth_l1] targets have shape (3,), expected (2, 3)", () => Losses.SmoothL1(a, b));
        Message("[smooth_l1] beta 0 lies outside (0, ∞)", () => Losses.SmoothL1(a, a, 0));
        Message("[huber] delta NaN lies outside (0, ∞)", () => Losses.Huber(a, a, double.NaN));
        Message("[log_cosh] targets have shape (3,), expected (2, 3)", () => Losses.LogCosh(a, b));
        Message("[gaussian_nll] variances have shape (3,), expected (2, 3)", () => Losses.GaussianNll(a, a, b));
        Message("[kl_div] targets have shape (3,), expected (2, 3)", () => Losses.KlDiv(a, b));
        Message("[hinge] targets have shape (3,), expected (2, 3)", () => Losses.Hinge(a, b));
        Message("[margin_ranking] targets have shape (3,), expected (2, 3)", () => Losses.MarginRanking(a, a, b));
        Message("[cosine_similarity] second vectors have shape (3,), expected (2, 3)", () => Losses.CosineSimilarity(a, b));
        Message("[triplet] negatives have shape (3,), expected (2, 3)", () => Losses.Triplet(a, a, b));
        Message("[triplet] order p of the norm 0.5 lies outside [1, ∞)", () => Losses.Triplet(a, a, a, p: 0.5));

        static void Message(string message, Func<Tensor> loss) => Assert.Equal(message, Assert.Throws<ArgumentException>(loss).Message);
    }

    private static double D(int i) => X[i] - Y[i];
}
