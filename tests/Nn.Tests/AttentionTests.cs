using ManagedFed.Nn;
using static ManagedFed.Nn.ModuleTransforms;
using static ManagedFed.Tests.LayerCheck;
using static ManagedFed.Tests.TestValues;

namespace ManagedFed.Tests;

/// <summary>Attention of 2 heads against loops over doubles.</summary>
public sealed class AttentionTests
{
    private const DType F64 = DType.Float64;
    private static readonly RandomKey Key = RandomKey.FromSeed(1);

    [Fact]
    public void Attention_Parameters_HaveTheNamesAndShapesOfMlx()
    {
        HasParameters(
            new MultiHeadAttention(4, 2, Key),
            ("query_proj.weight", [4, 4]), ("key_proj.weight", [4, 4]), ("value_proj.weight", [4, 4]), ("out_proj.weight", [4, 4]));
        HasParameters(
            new MultiHeadAttention(4, 2, Key, 3, 5, 7, 6, 8, bias: true),
            ("query_proj.weight", [4, 3]), ("query_proj.bias", [4]), ("key_proj.weight", [4, 5]), ("key_proj.bias", [4]),
            ("value_proj.weight", [6, 7]), ("value_proj.bias", [6]), ("out_proj.weight", [8, 6]), ("out_proj.bias", [8]));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("bool")]
    [InlineData("numbers")]
    public void Attention_OfQueriesKeysAndValues_FollowsItsFormula(string kind)
    {
        var layer = new MultiHeadAttention(4, 2, Key, 3, 5, 7, 6, 8, bias: true, dtype: F64).Randomised();
        var (queries, keys, values) = (Random(1, [3, 3]), Random(2, [5, 5]), Random(3, [5, 7]));
        var seen = Random(4, [3, 5]) > -0.3;
        var (mask, added) = kind switch
        {
            "bool" => (seen, Tensor.Where(seen, Tensor.Scalar(0, F64), Tensor.Scalar(double.NegativeInfinity, F64))),
            "numbers" => (Random(5, [3, 5]), Random(5, [3, 5])),
            _ => ((Tensor?)null, Tensor.Zeros([3, 5], F64)),
        };
        var expected = Attend(layer.Parameters(), queries, keys, values, added);
        Close(expected, layer.Forward(queries, keys, values, mask), 1e-13);
        HasRightGradients(layer, queries, x => layer.Forward(x, keys, values, mask));
        HasRightGradients(layer, values, x => layer.Forward(queries, keys, x, mask));
    }

    [Fact]
    public void Attention_WithACausalMask_DoesNotSeeTheFuture()
    {
        Assert.Equal([true, false, false, true, true, false, true, true, true], MultiHeadAttention.CausalMask(3).ToArray<bool>());
        var layer = new MultiHeadAttention(4, 2, Key);
        var mask = MultiHeadAttention.CausalMask(3);
        var x = Tensor.RandomNormal(Key, [2, 3, 4]);
        var changed = Tensor.Concatenate([x.Slice(1, 0, 2), x.Slice(1, 2, 1) * 5], 1);
        var (a, b) = (layer.Forward(x, x, x, mask), layer.Forward(changed, changed, changed, mask));
        Assert.Equal(a.Slice(1, 0, 2).ToArray<float>(), b.Slice(1, 0, 2).ToArray<float>());
        Assert.NotEqual(a[0, 2].ToArray<float>(), b[0, 2].ToArray<float>());
        Assert.Equal([2, 3, 4], layer.Forward(x).Shape);
    }

    [Fact]
    public void Attention_OfAQueryThatSeesNothing_AveragesAll()
    {
        var layer = new MultiHeadAttention(4, 2, Key);
        var x = Tensor.RandomNormal(Key, [3, 4]);
        var y = layer.Forward(x, x, x, Tensor.Zeros([3, 3], DType.Bool));
        Close([.. y[0].ToArray<float>().Select(v => (double)v)], y[1], 1e-6);
        Assert.All(y.ToArray<float>(), v => Assert.True(float.IsFinite(v)));
    }

    [Fact]
    public void Attention_OfWhatDoesNotFit_SaysWhatWould()
    {
        Refuses("[attention] 4 dims with 4 of values cannot be divided among 3 heads", () => new MultiHeadAttention(4, 3, Key));
        var layer = new MultiHeadAttention(4, 2, Key);
        Refuses("[attention] input has shape (4,), expected (n, ..., 4)", () => layer.Forward(Tensor.Zeros([4])));
        Refuses("[attention] there are 2 keys and 3 values", () => layer.Forward(Tensor.Zeros([1, 4]), Tensor.Zeros([2, 4]), Tensor.Zeros([3, 4])));
    }

    [Fact]
    public void Encoder_Parameters_HaveTheNamesAndShapesOfMlx()
    {
        (string, Shape)[] layer =
        [
            ("attention.query_proj.weight", [4, 4]), ("attention.key_proj.weight", [4, 4]), ("attention.value_proj.weight", [4, 4]),
            ("attention.out_proj.weight", [4, 4]), ("ln1.weight", [4]), ("ln1.bias", [4]), ("ln2.weight", [4]), ("ln2.bias", [4]),
            ("linear1.weight", [16, 4]), ("linear1.bias", [16]), ("linear2.weight", [4, 16]), ("linear2.bias", [4]),
        ];
        HasParameters(new TransformerEncoderLayer(4, 2, Key), layer);
        HasParameters(
            new TransformerEncoder(2, 4, 2, Key),
            [.. Enumerable.Range(0, 2).SelectMany(i => layer.Select(entry => ($"layers.{i}.{entry.Item1}", entry.Item2))), ("ln.weight", [4]), ("ln.bias", [4])]);
    }

    // x ← x + A(N₁x), x + M(N₂x); or x ← N₁(x + A(x)), N₂(x + M(x)).
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void EncoderLayer_OfASequence_FollowsItsFormula(bool normFirst)
    {
        var layer = new TransformerEncoderLayer(4, 2, Key, 6, normFirst: normFirst, activation: Activations.Tanh, dtype: F64).Randomised();
        var tree = layer.Parameters();
        var x = Random(2, [3, 4]);
        var mask = MultiHeadAttention.CausalMask(3);
        var added = Tensor.Where(mask, Tensor.Scalar(0, F64), Tensor.Scalar(double.NegativeInfinity, F64));
        var attention = new ParameterTree(tree.Where(entry => entry.Key.StartsWith("attention.", StringComparison.Ordinal))
            .Select(entry => KeyValuePair.Create(entry.Key["attention.".Length..], entry.Value)));
        var rows = x.ToArray<double>();
        if (normFirst)
        {
            rows = Add(rows, Attended(Norm("ln1", rows)));
            rows = Add(rows, Network(Norm("ln2", rows)));
        }
        else
        {
            rows = Norm("ln1", Add(rows, Attended(rows)));
            rows = Norm("ln2", Add(rows, Network(rows)));
        }
        Close(rows, layer.Forward(x, mask), 1e-12);
        HasRightGradients(layer, x, v => layer.Forward(v, mask));

        double[] Attended(double[] v)
        {
            var t = Tensor.From<double>(v, [3, 4]);
            return Attend(attention, t, t, t, added);
        }

        double[] Network(double[] v) => Multiply("linear2", [.. Multiply("linear1", v, 4).Select(Math.Tanh)], 6);

        double[] Multiply(string name, double[] v, int inputs) => Project(tree[$"{name}.weight"], tree[$"{name}.bias"], [.. v.Chunk(inputs)]).SelectMany(r => r).ToArray();

        double[] Norm(string name, double[] v) => [.. v.Chunk(4).SelectMany(row =>
        {
            var mean = row.Average();
            var root = Math.Sqrt(row.Average(u => (u - mean) * (u - mean)) + 1e-5);
            return row.Select((u, i) => (u - mean) / root * tree[$"{name}.weight"].ToArray<double>()[i] + tree[$"{name}.bias"].ToArray<double>()[i]);
        })];

        static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (u, v) => u + v)];
    }

    [Fact]
    public void Encoder_WithDropout_TrainsCompiledAsEagerAndEvaluatesWithout()
    {
        var (eager, compiled) = (Model(), Model());
        Assert.Equal(4, eager.State().Count - eager.Parameters().Count);
        var lazy = ValueAndGrad(eager, (x, y) => Losses.Mse(eager.Forward(x), y));
        var step = CompileStep(compiled, new Adam(0.01), (x, y) => Losses.Mse(compiled.Forward(x), y));
        var adam = new Adam(0.01);
        for (var i = 0; i < 5; i++)
        {
            var (x, y) = (Random(i, [2, 3, 4]), Random(i + 9, [2, 3, 4]));
            var (loss, gradients) = lazy(x, y);
            adam.Update(eager, gradients);
            Assert.Equal(loss.Item<double>(), step.Invoke(x, y), 1e-9);
        }
        eager.Eval();
        var input = Random(1, [3, 4]);
        Assert.Equal(eager.Forward(input).ToArray<double>(), eager.Forward(input).ToArray<double>());
        eager.Train();
        Assert.NotEqual(eager.Forward(input).ToArray<double>(), eager.Forward(input).ToArray<double>());

        static TransformerEncoder Model() => new(2, 4, 2, Key, 8, 0.3, dtype: F64);
    }

    /// <summary>Attention by loops, with 2 heads, of rows of doubles.</summary>
    private static double[] Attend(ParameterTree tree, Tensor queries, Tensor keys, Tensor values, Tensor added)
    {
        const int heads = 2;
        var q = Projected("query_proj", queries);
        var k = Projected("key_proj", keys);
        var v = Projected("value_proj", values);
        var mask = Rows(added);
        var (size, valueSize) = (q[0].Length / heads, v[0].Length / heads);
        var attended = q.Select((query, i) => Enumerable.Range(0, heads).SelectMany(head =>
        {
            var weights = k.Select((key, j) => Math.Exp(mask[i][j] +
                Enumerable.Range(head * size, size).Sum(d => query[d] * key[d]) / Math.Sqrt(size))).ToArray();
            return Enumerable.Range(head * valueSize, valueSize).Select(d => v.Select((value, j) => weights[j] * value[d]).Sum() / weights.Sum());
        }).ToArray());
        return [.. Project(tree["out_proj.weight"], Bias("out_proj"), [.. attended]).SelectMany(row => row)];

        double[][] Projected(string name, Tensor x) => Project(tree[$"{name}.weight"], Bias(name), Rows(x));

        Tensor? Bias(string name) => tree.TryGetValue($"{name}.bias", out var bias) ? bias : null;
    }

    private static double[][] Project(Tensor weight, Tensor? bias, double[][] rows)
    {
        var b = bias?.ToArray<double>() ?? new double[weight.Shape[0]];
        return [.. rows.Select(row => Rows(weight).Select((w, k) => w.Zip(row, (x, y) => x * y).Sum() + b[k]).ToArray())];
    }

    private static double[][] Rows(Tensor matrix) => [.. matrix.ToArray<double>().Chunk(matrix.Shape[1])];
}
