using ManagedFed.Nn;

namespace ManagedFed.Tests;

public sealed class LossTests
{
    private static readonly double Log2 = Math.Log(2);

    [Fact]
    public void CrossEntropy_OfEqualLogits_IsTheLogOfTheClassCount() =>
        TestValues.Close([Math.Log(4), Math.Log(4)], Losses.CrossEntropy(Tensor.Full([2, 4], 3), Tensor.From(0, 3)), 1e-7);

    // z = (0, log 3): Σeᶻ = 4, so p = (1/4, 3/4) and the losses are log 4 and log 4 − log 3.
    [Fact]
    public void CrossEntropy_OfHandNumbers_IsMinusLogOfTheProbability()
    {
        var logits = Tensor.From<double>([0, Math.Log(3), 0, Math.Log(3)], [2, 2]);
        double[] expected = [Math.Log(4), Math.Log(4.0 / 3)];
        TestValues.Close(expected, Losses.CrossEntropy(logits, Tensor.From(0, 1)), 1e-15);
        TestValues.Close([expected.Average()], Losses.CrossEntropy(logits, Tensor.From(0, 1), reduction: Reduction.Mean), 1e-15);
        TestValues.Close([expected.Sum()], Losses.CrossEntropy(logits, Tensor.From(0, 1), reduction: Reduction.Sum), 1e-15);
    }

    [Fact]
    public void CrossEntropy_OfOneHotProbabilities_EqualsThatOfIndices()
    {
        var logits = TestValues.Matrix(3, 4, 5);
        var classes = Tensor.From(4L, 0, 2, 2);
        var oneHot = classes.ExpandDims(1) == Tensor.Arange(5);
        TestValues.Close(Losses.CrossEntropy(logits, classes).ToArray<double>(), Losses.CrossEntropy(logits, oneHot), 1e-15);
    }

    [Fact]
    public void CrossEntropy_OfShiftedLogits_IsTheSame()
    {
        var logits = TestValues.Matrix(3, 4, 5);
        var classes = Tensor.From(4, 0, 2, 2);
        var expected = Losses.CrossEntropy(logits, classes).ToArray<double>();
        TestValues.Close(expected, Losses.CrossEntropy(logits + 1000.0, classes), 1e-12);
    }

    // 10⁸ − 10⁸ would leave nothing of log(1 + e⁻¹) in float32; the shift happens before.
    [Fact]
    public void CrossEntropy_OfLargeFloat32Logits_KeepsItsDigits()
    {
        var logits = Tensor.From<float>([16777216, 16777214], [1, 2]);
        TestValues.Close([Math.Log(1 + Math.Exp(-2))], Losses.CrossEntropy(logits, Tensor.From(0)), 1e-6);
    }

    // ∂loss/∂z = softmax(z) − onehot(target).
    [Fact]
    public void CrossEntropy_Gradient_IsSoftmaxMinusOneHot()
    {
        var logits = TestValues.Matrix(7, 3, 4);
        var classes = Tensor.From(1, 3, 0);
        var gradient = Transforms.Grad(z => Losses.CrossEntropy(z, classes, reduction: Reduction.Sum))(logits);
        var expected = logits.Softmax() - (classes.ExpandDims(1) == Tensor.Arange(4));
        TestValues.Close(expected.ToArray<double>(), gradient, 1e-14);
    }

    // (1−ε)·z[t] + ε·mean(z) with z = (0, log 3), t = 1, ε = 0.2 is 0.9·log 3, so the loss is log 4 − 0.9·log 3.
    [Fact]
    public void CrossEntropy_WithLabelSmoothing_SpreadsTheTarget()
    {
        var logits = Tensor.From<double>([0, Math.Log(3)], [1, 2]);
        double[] expected = [Math.Log(4) - 0.9 * Math.Log(3)];
        TestValues.Close(expected, Losses.CrossEntropy(logits, Tensor.From(1), labelSmoothing: 0.2), 1e-15);
        TestValues.Close(expected, Losses.CrossEntropy(logits, Tensor.From<double>([0.1, 0.9], [1, 2])), 1e-15);
    }

    [Fact]
    public void CrossEntropy_WithWeights_DividesByTheSampleCount()
    {
        var logits = Tensor.Zeros([2, 2], DType.Float64);
        var weights = Tensor.From(1.0, 5.0);
        TestValues.Close([Log2, 5 * Log2], Losses.CrossEntropy(logits, Tensor.From(0, 1), weights), 1e-15);
        TestValues.Close([3 * Log2], Losses.CrossEntropy(logits, Tensor.From(0, 1), weights, reduction: Reduction.Mean), 1e-15);
    }

    [Fact]
    public void CrossEntropy_AlongAnotherAxis_EqualsTheTransposedOne()
    {
        var logits = TestValues.Matrix(9, 5, 3);
        var classes = Tensor.From(4, 0, 2);
        TestValues.Close(Losses.CrossEntropy(logits.T, classes).ToArray<double>(), Losses.CrossEntropy(logits, classes, axis: 0), 1e-15);
    }

    [Fact]
    public void CrossEntropy_OfShapesThatDoNotFit_SaysWhatWouldFit()
    {
        var error = Assert.Throws<ArgumentException>(() => Losses.CrossEntropy(Tensor.Zeros([128, 10]), Tensor.Zeros([256], DType.Int32)));
        Assert.Equal(
            "[cross_entropy] targets have shape (256,), logits (128, 10); expected (128,) class indices or (128, 10) probabilities",
            error.Message);
        error = Assert.Throws<ArgumentException>(() => Losses.CrossEntropy(Tensor.Zeros([2, 3]), Tensor.From(0, 1), Tensor.Ones([3])));
        Assert.Equal("[cross_entropy] weights have shape (3,), expected (2,)", error.Message);
    }

    [Fact]
    public void CrossEntropy_OfFloatIndices_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Losses.CrossEntropy(Tensor.Zeros([2, 3]), Tensor.From(0f, 1f)));
        Assert.Equal("[cross_entropy] dtype is float32, expected an integer type for class indices", error.Message);
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void CrossEntropy_OfSmoothingOutsideItsRange_IsRefused(double smoothing) =>
        Assert.Throws<ArgumentException>(() => Losses.CrossEntropy(Tensor.Zeros([1, 3]), Tensor.From(0), labelSmoothing: smoothing));

    [Theory]
    [InlineData(-1)]
    [InlineData(3)]
    public void CrossEntropy_OfAClassOutOfRange_ThrowsWhenComputed(int target)
    {
        var loss = Losses.CrossEntropy(Tensor.Zeros([1, 3]), Tensor.From(target));
        Assert.Throws<ArgumentOutOfRangeException>(() => loss.Eval());
    }

    [Fact]
    public void NllLoss_OfLogProbabilities_PicksTheTarget()
    {
        var log = Tensor.From<double>([-1, -2, -3, -4, -5, -6], [2, 3]);
        TestValues.Close([3, 4], Losses.NllLoss(log, Tensor.From(2, 0)), 0);
        TestValues.Close([3.5], Losses.NllLoss(log, Tensor.From(2, 0), reduction: Reduction.Mean), 0);
    }

    [Fact]
    public void Mse_ByDefault_IsTheMeanSquare()
    {
        var (a, b) = (Tensor.From(1.0, 2.0, 4.0), Tensor.From(1.0, 4.0, 1.0));
        TestValues.Close([13.0 / 3], Losses.Mse(a, b), 1e-15);
        TestValues.Close([0, 4, 9], Losses.Mse(a, b, Reduction.None), 0);
        TestValues.Close([5.0 / 3], Losses.L1(a, b), 1e-15);
        TestValues.Close([5], Losses.L1(a, b, Reduction.Sum), 0);
    }

    [Fact]
    public void Mse_OfShapesThatWouldBroadcast_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Losses.Mse(Tensor.Zeros([4, 1]), Tensor.Zeros([4])));
        Assert.Equal("[mse] targets have shape (4,), expected (4, 1)", error.Message);
    }

    // σ(log 3) = 3/4.
    [Fact]
    public void BinaryCrossEntropy_OfLogitsAndOfProbabilities_Agree()
    {
        var targets = Tensor.From(1.0, 0.0);
        var logits = Tensor.From(Math.Log(3), Math.Log(3));
        double[] expected = [Math.Log(4.0 / 3), Math.Log(4)];
        TestValues.Close(expected, Losses.BinaryCrossEntropy(logits, targets, reduction: Reduction.None), 1e-15);
        TestValues.Close(expected, Losses.BinaryCrossEntropy(Tensor.From(0.75, 0.75), targets, withLogits: false, reduction: Reduction.None), 1e-15);
        TestValues.Close([(expected[0] + 3 * expected[1]) / 2], Losses.BinaryCrossEntropy(logits, targets, Tensor.From(1.0, 3.0)), 1e-15);
    }

    [Fact]
    public void BinaryCrossEntropy_OfExtremeLogits_StaysFinite() => TestValues.Close(
        [1000, 0, 0], Losses.BinaryCrossEntropy(Tensor.From(1000.0, 1000.0, -1000.0), Tensor.From(0.0, 1.0, 0.0), reduction: Reduction.None), 0);

    [Fact]
    public void BinaryCrossEntropy_OfCertainProbabilities_IsClippedAt100()
    {
        var p = Tensor.From(0f, 1f, 0f, 1f);
        var y = Tensor.From(1f, 0f, 0f, 1f);
        TestValues.Close([100, 100, 0, 0], Losses.BinaryCrossEntropy(p, y, withLogits: false, reduction: Reduction.None), 0);
        var gradient = Transforms.Grad(q => Losses.BinaryCrossEntropy(q, y, withLogits: false, reduction: Reduction.Sum))(p);
        Assert.All(gradient.ToArray<float>(), g => Assert.True(float.IsFinite(g)));
    }

    [Fact]
    public void BinaryCrossEntropy_OfNaN_IsNaN() =>
        Assert.True(float.IsNaN(Losses.BinaryCrossEntropy(Tensor.From(float.NaN), Tensor.From(1f), withLogits: false).Item<float>()));

    [Fact]
    public void Losses_InFloat64_PassTheGradientCheck()
    {
        var classes = Tensor.From(1, 3, 0);
        GradCheck.Check(z => Losses.CrossEntropy(z[0], classes, labelSmoothing: 0.1), [TestValues.Matrix(1, 3, 4)]);
        GradCheck.Check(z => Losses.BinaryCrossEntropy(z[0], z[1]), [TestValues.Matrix(1, 3, 4), TestValues.Matrix(2, 3, 4)]);
        GradCheck.Check(z => Losses.Mse(z[0], z[1]), [TestValues.Matrix(1, 3, 4), TestValues.Matrix(2, 3, 4)]);
    }
}
