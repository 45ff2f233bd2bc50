using ManagedFed.Nn;
using static ManagedFed.Tests.LayerCheck;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>Recurrent layers of 2 inputs and 3 states over 4 steps, against loops over doubles.</summary>
public sealed class RecurrentLayerTests
{
    private const int Inputs = 2, Hidden = 3, Length = 4;
    private const DType F64 = DType.Float64;
    private static readonly RandomKey Key = RandomKey.FromSeed(1);
    private static readonly Tensor X = LayerCheck.Random(21, [Length, Inputs]);
    private static readonly Tensor H = LayerCheck.Random(22, [Hidden]);
    private static readonly Tensor C = LayerCheck.Random(23, [Hidden]);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rnn_OfASequence_FollowsItsFormula(bool bias)
    {
        var layer = new Rnn(Inputs, Hidden, Key, bias, dtype: F64).Randomised();
        var (wx, wh, b) = (Rows(layer.InputWeight), Rows(layer.StateWeight), Numbers(layer.Bias, Hidden));
        Run(layer.Forward, layer.Forward, (x, h) => [.. h.Select((_, k) => Math.Tanh(Dot(wx[k], x) + Dot(wh[k], h) + b[k]))]);
        HasRightGradients(layer, X, x => layer.Forward(x, H));
    }

    [Fact]
    public void Rnn_WithAnotherNonlinearity_UsesIt()
    {
        var layer = new Rnn(Inputs, Hidden, Key, nonlinearity: Activations.Relu);
        Assert.All(layer.Forward(Tensor.Ones([2, 5, Inputs])).ToArray<float>(), v => Assert.InRange(v, 0, float.MaxValue));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Gru_OfASequence_FollowsItsFormula(bool bias)
    {
        var layer = new Gru(Inputs, Hidden, Key, bias, F64).Randomised();
        var (wx, wh, b, bhn) = (Rows(layer.InputWeight), Rows(layer.StateWeight), Numbers(layer.Bias, 9), Numbers(layer.StateBias, 3));
        Run(layer.Forward, layer.Forward, (x, h) => [.. h.Select((before, k) =>
        {
            var r = Sigmoid(Dot(wx[k], x) + b[k] + Dot(wh[k], h));
            var z = Sigmoid(Dot(wx[3 + k], x) + b[3 + k] + Dot(wh[3 + k], h));
            var n = Math.Tanh(Dot(wx[6 + k], x) + b[6 + k] + r * (Dot(wh[6 + k], h) + bhn[k]));
            return (1 - z) * n + z * before;
        })]);
        HasRightGradients(layer, X, x => layer.Forward(x, H));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Lstm_OfASequence_FollowsItsFormula(bool bias)
    {
        var layer = new Lstm(Inputs, Hidden, Key, bias, F64).Randomised();
        var (wx, wh, b) = (Rows(layer.InputWeight), Rows(layer.StateWeight), Numbers(layer.Bias, 12));
        var c = C.ToArray<double>();
        var cells = new List<double>();
        Run(x => layer.Forward(x, Tensor.Zeros([Hidden], F64), C).States, (x, h) => layer.Forward(x, h, C).States, (x, h) =>
        {
            double Gate(int gate, int k) => Dot(wx[3 * gate + k], x) + Dot(wh[3 * gate + k], h) + b[3 * gate + k];
            c = [.. c.Select((before, k) => Sigmoid(Gate(1, k)) * before + Sigmoid(Gate(0, k)) * Math.Tanh(Gate(2, k)))];
            cells.AddRange(c);
            return [.. c.Select((cell, k) => Sigmoid(Gate(3, k)) * Math.Tanh(cell))];
        }, () => c = C.ToArray<double>());
        Close([.. cells[^12..]], layer.Forward(X, H, C).Cells, 1e-13);
        Assert.Equal(layer.Forward(X, Tensor.Zeros([Hidden], F64), Tensor.Zeros([Hidden], F64)).States.ToArray<double>(), layer.Forward(X).ToArray<double>());
        HasRightGradients(layer, X, x => Tensor.Concatenate([layer.Forward(x, H, C).States, layer.Forward(x, H, C).Cells]));
    }

    [Fact]
    public void Parameters_HaveTheNamesAndShapesOfMlx()
    {
        HasParameters(new Rnn(2, 3, Key), ("Wxh", [3, 2]), ("Whh", [3, 3]), ("bias", [3]));
        HasParameters(new Rnn(2, 3, Key, bias: false), ("Wxh", [3, 2]), ("Whh", [3, 3]));
        HasParameters(new Gru(2, 3, Key), ("Wx", [9, 2]), ("Wh", [9, 3]), ("b", [9]), ("bhn", [3]));
        HasParameters(new Lstm(2, 3, Key), ("Wx", [12, 2]), ("Wh", [12, 3]), ("bias", [12]));
        var weights = new Lstm(50, 25, Key).Parameters().Values.SelectMany(x => x.ToArray<float>()).ToArray();
        Assert.InRange(weights.Max(), 0.199f, 0.2f);
        Assert.InRange(weights.Min(), -0.2f, -0.199f);
    }

    [Fact]
    public void Batches_OfSequences_AreIndependent()
    {
        foreach (var layer in new Module[] { new Rnn(Inputs, Hidden, Key), new Gru(Inputs, Hidden, Key), new Lstm(Inputs, Hidden, Key) })
        {
            var x = LayerCheck.Random(3, [2, 5, Length, Inputs]).AsType(DType.Float32);
            var all = layer.Forward(x);
            Assert.Equal([2, 5, Length, Hidden], all.Shape);
            Close([.. layer.Forward(x[1, 3]).ToArray<float>().Select(v => (double)v)], all[1, 3], 1e-6);
        }
    }

    [Fact]
    public void Inputs_ThatDoNotFit_AreRefused()
    {
        var layer = new Gru(2, 3, Key);
        Refuses("[gru] input has shape (4, 3), expected (n, ..., 2)", () => layer.Forward(Tensor.Zeros([4, 3])));
        Refuses("[gru] input has shape (2,), expected (n, ..., 2)", () => layer.Forward(Tensor.Zeros([2])));
        Refuses("[gru] input of shape (0, 2) has no steps", () => layer.Forward(Tensor.Zeros([0, 2])));
        Refuses("[gru] state has shape (3,), expected (5, 3) for an input of (5, 4, 2)", () => layer.Forward(Tensor.Zeros([5, 4, 2]), Tensor.Zeros([3])));
        Refuses("[lstm] state has shape (2,), expected (3,) for an input of (4, 2)", () => new Lstm(2, 3, Key).Forward(Tensor.Zeros([4, 2]), null, Tensor.Zeros([2])));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Rnn(2, 0, Key));
    }

    /// <summary>Compares all states, from zeros and from a given one, with those of a loop.</summary>
    private static void Run(
        Func<Tensor, Tensor> fromZeros, Func<Tensor, Tensor, Tensor> from, Func<double[], double[], double[]> step, Action? restart = null)
    {
        Close(Loop(new double[Hidden]), fromZeros(X), 1e-13);
        restart?.Invoke();
        Close(Loop(H.ToArray<double>()), from(X, H), 1e-13);

        double[] Loop(double[] h)
        {
            var states = new List<double>();
            foreach (var x in Rows(X)) states.AddRange(h = step(x, h));
            return [.. states];
        }
    }

    private static double[][] Rows(Tensor matrix) => [.. matrix.ToArray<double>().Chunk(matrix.Shape[1])];

    private static double[] Numbers(Parameter? vector, int count) => vector?.Value.ToArray<double>() ?? new double[count];

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
