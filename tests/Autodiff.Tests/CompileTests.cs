using Xunit;

namespace ManagedFed.Tests;

public sealed class CompileTests
{
    [Fact]
    public void Invoke_WithTheSameShapes_TracesOnce()
    {
        var calls = 0;
        var f = Transforms.Compile((Tensor[] v) =>
        {
            calls++;
            return [v[0] * 2 + v[1]];
        });

        Assert.Equal([5, 8], f.Invoke(Tensor.From<float>(1, 2), Tensor.From<float>(3, 4))[0].ToArray<float>());
        Assert.Equal([25, 48], f.Invoke(Tensor.From<float>(10, 20), Tensor.From<float>(5, 8))[0].ToArray<float>());
        Assert.Equal([3], f.Invoke(Tensor.From<float>(1), Tensor.From<float>(1))[0].ToArray<float>());
        Assert.Equal([3], f.Invoke(Tensor.From(1), Tensor.From(1))[0].ToArray<int>());

        Assert.Equal(3, calls);
        Assert.Equal(new CompileStatistics(3, 4, f.Statistics.Nodes, f.Statistics.Kernels), f.Statistics);
    }

    [Fact]
    public void Invoke_Later_LeavesEarlierResultsAlone()
    {
        var f = Transforms.Compile(x => x + 1);
        var first = f(Tensor.From<float>(1));
        var second = f(Tensor.From<float>(5));

        Assert.Equal([2], first.ToArray<float>());
        Assert.Equal([6], second.ToArray<float>());
    }

    [Fact]
    public void Invoke_WithViewsAndLazyArguments_ReadsTheirValues()
    {
        var f = Transforms.Compile((a, b) => a.T.MatMul(b) + a.Sum());
        var table = Tensor.Arange(12).AsType(DType.Float32).Reshape(4, 3);

        // A row range of a larger array, a transposed view and a value not computed yet.
        foreach (var (a, b) in new[] { (table[1..3], table[..2]), (table[..2], table[2..] * 2), (table.Reshape(3, 4).T[..2], table[1..3]) })
        {
            Assert.Equal((a.T.MatMul(b) + a.Sum()).ToArray<float>(), f(a, b).ToArray<float>());
        }
    }

    [Fact]
    public void Simplify_OfRepeatedExpressions_ComputesThemOnce()
    {
        var f = Transforms.Compile((Tensor[] v) => [(v[0].Sum(0) + v[0].Sum(0)) * v[0].Sum(0)]);

        // sum, the reshape that drops its axis, + and ×.
        Assert.Equal([18, 50], f.Invoke(Tensor.From(new float[,] { { 1, 2 }, { 2, 3 } }))[0].ToArray<float>());
        Assert.Equal(4, f.Statistics.Nodes);
    }

    [Fact]
    public void InPlaceReuse_NeverOverwritesWhatIsReadLater()
    {
        // x·xᵀ reads the same memory in two orders; y is read after its sine could have taken it over.
        var f = Transforms.Compile((Tensor[] v) =>
        {
            var y = v[0] + 1;
            return [y * y.T, y.Sin() + y, y];
        });
        var x = Tensor.Arange(9).AsType(DType.Float32).Reshape(3, 3);
        var y = x + 1;

        var results = f.Invoke(x);

        Assert.Equal((y * y.T).ToArray<float>(), results[0].ToArray<float>());
        Assert.Equal((y.Sin() + y).ToArray<float>(), results[1].ToArray<float>());
        Assert.Equal(y.ToArray<float>(), results[2].ToArray<float>());
    }

    [Fact]
    public void Invoke_OfResultsThatAreArgumentsOrConstants_CopiesThem()
    {
        var constant = Tensor.From<float>(7);
        var f = Transforms.Compile((Tensor[] v) => [v[0], constant, v[0].T]);
        var x = Tensor.From(new float[,] { { 1, 2 } });

        var results = f.Invoke(x);

        Assert.Equal([1, 2], results[0].ToArray<float>());
        Assert.Equal([7], results[1].ToArray<float>());
        Assert.Equal(Shape.Create([2, 1]), results[2].Shape);
    }

    [Fact]
    public void Grad_OfACompiledFunction_RunsThroughIt()
    {
        var f = Transforms.Compile(x => (x * x * x).Sum());
        Assert.Equal([3, 12], Transforms.Grad(f)(Tensor.From<float>(1, 2)).ToArray<float>());
        Assert.Equal([6, 12], Transforms.Compile(Transforms.Grad(x => Transforms.Grad(f)(x).Sum()))(Tensor.From<float>(1, 2)).ToArray<float>());
    }

    public static TheoryData<string, Func<Func<Tensor, Tensor>, Func<Tensor, Tensor>>, float[]> Transformed => new()
    {
        // f(x) = Σ x³ by rows at x = ((1, 2), (3, 4)).
        { "vmap", f => Transforms.Vmap(f), [9, 91] },
        { "compiled vmap", f => Transforms.Compile(Transforms.Vmap(f)), [9, 91] },
        { "grad", f => Transforms.Grad(f), [3, 12, 27, 48] },
        { "compiled grad", f => Transforms.Compile(Transforms.Grad(f)), [3, 12, 27, 48] },
        { "vmap of compiled grad", f => Transforms.Vmap(Transforms.Compile(Transforms.Grad(f))), [3, 12, 27, 48] },
        { "grad of vmap", f => Transforms.Grad(x => Transforms.Vmap(f)(x).Sum()), [3, 12, 27, 48] },
        { "grad of compiled grad", f => Transforms.Grad(x => Transforms.Compile(Transforms.Grad(f))(x).Sum()), [6, 12, 18, 24] },
        { "jvp", f => x => Transforms.Jvp(f, x, x.OnesLike()).Tangent, [90] },
        { "checkpoint", f => Transforms.Grad(Transforms.Checkpoint(f)), [3, 12, 27, 48] },
    };

    [Theory]
    [MemberData(nameof(Transformed))]
    public void Transforms_OfACompiledFunction_AreThoseOfTheFunction(string name, Func<Func<Tensor, Tensor>, Func<Tensor, Tensor>> transform, float[] expected)
    {
        var f = transform(Transforms.Compile(x => (x * x * x).Sum()));
        for (var call = 0; call < 2; call++) Assert.True(expected.SequenceEqual(f(Tensor.From(new float[,] { { 1, 2 }, { 3, 4 } })).ToArray<float>()), name);
    }

    [Fact]
    public void Invoke_CapturingATransformsTensor_RunsThroughIt()
    {
        // Σ c·w² at c = (5, 7), w = (1, 2): 2·c·w by w.
        var (c, w) = (Tensor.From<float>(5, 7), Tensor.From<float>(1, 2));
        Tensor F(Tensor w) => Transforms.Compile(x => (x * w * w).Sum())(c);
        Assert.Equal([10, 28], Transforms.Grad(F)(w).ToArray<float>());
        Assert.Equal([12, 48], Transforms.Vmap(F)(Tensor.From<float>(1, 2)).ToArray<float>());
        Assert.Equal([1, 1], Transforms.Grad(w => Transforms.Compile(_ => w)(c).Sum())(w).ToArray<float>());

        var outer = Transforms.Compile(F);
        Assert.Equal(33, outer(w).Item<float>());
        Assert.Equal(12, outer(w.OnesLike()).Item<float>());
    }

    [Fact]
    public void Read_WhileTracing_IsRefused()
    {
        var f = Transforms.Compile(x => x * x.Sum().Item<float>());
        var error = Assert.Throws<InvalidOperationException>(() => f(Tensor.From<float>(1, 2)));
        Assert.StartsWith("[compile] a value was read while the function is being compiled", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RandomNumbersOfAFixedKey_AreRefused()
    {
        var f = Transforms.Compile(x => x + Tensor.RandomUniform(RandomKey.FromSeed(1), [2]));
        var error = Assert.Throws<InvalidOperationException>(() => f(Tensor.From<float>(1, 2)));
        Assert.StartsWith("[compile] random numbers of a fixed key would repeat at every call", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Invoke_FromSeveralThreads_TakesTurns()
    {
        var f = Transforms.Compile(x => (x.Sin() + x).Sum());
        var results = await Task.WhenAll(Enumerable.Range(0, 16).Select(k => Task.Run(() => f(Tensor.Full([1000], k)).Item<float>())));
        for (var k = 0; k < 16; k++) Assert.Equal(1000 * (Math.Sin(k) + k), results[k], 0.01);
    }

    [Fact]
    public void Results_AreTheCallersOwnMemory()
    {
        // y is a result, is read again by a later kernel, and is looked at by another result.
        var f = Transforms.Compile((Tensor[] v) =>
        {
            var y = v[0] * 2;
            return [y, y.T, y.Sum(0), y, v[0] * 2 + 1];
        });
        var earlier = new List<(int Call, Tensor[] Results)>();
        for (var call = 1; call <= 4; call++)
        {
            earlier.Add((call, f.Invoke(Tensor.From(new float[,] { { call, 10 }, { 20, 30 } }))));
            foreach (var (first, results) in earlier)
            {
                Assert.Equal([2 * first, 20, 40, 60], results[0].ToArray<float>());
                Assert.Equal([2 * first, 40, 20, 60], results[1].ToArray<float>());
                Assert.Equal([2 * first + 40, 80], results[2].ToArray<float>());
                Assert.Equal([2 * first, 20, 40, 60], results[3].ToArray<float>());
                Assert.Equal([2 * first + 1, 21, 41, 61], results[4].ToArray<float>());
            }
        }
    }
}
