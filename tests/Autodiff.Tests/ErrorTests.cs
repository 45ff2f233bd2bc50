using Xunit;

namespace ManagedFed.Tests;

/// <summary>Each message a user can meet, once: raised where the operation is called, with the values and a hint.</summary>
public sealed class ErrorTests
{
    private static Tensor Of(params int[] sizes) => Tensor.Zeros(Shape.Create(sizes));

    public static TheoryData<string, Action> Cases => new()
    {
        { "[matmul] inner sizes differ: (32, 784) x (10, 784); did you mean b.T?", () => Of(32, 784).MatMul(Of(10, 784)) },
        { "[matmul] inner sizes differ: (784, 32) x (784, 10); did you mean a.T?", () => Of(784, 32).MatMul(Of(784, 10)) },
        { "[matmul] inner sizes differ: (2, 3) x (4, 5)", () => Of(2, 3).MatMul(Of(4, 5)) },
        { "[matmul] operands () x (3,) must have at least one axis; use * for scalars", () => Of().MatMul(Of(3)) },
        { "[matmul] dtype is int32, expected a floating type; convert with AsType", () => Tensor.From(1, 2).MatMul(Tensor.From(1, 2)) },
        { "[add] shapes (2, 3) and (4,) cannot be broadcast; sizes must match from the last axis, or be 1", () => _ = Of(2, 3) + Of(4) },
        { "[broadcast_to] shapes (3,) and (2, 4) cannot be broadcast; sizes must match from the last axis, or be 1", () => Of(3).BroadcastTo([2, 4]) },
        { "[reshape] cannot reshape (2, 3) of 6 elements into (4, 2) of 8", () => Of(2, 3).Reshape(4, 2) },
        { "[reshape] cannot infer the -1 in (4, -1) for shape (2, 3) of 6 elements", () => Of(2, 3).Reshape(4, -1) },
        { "[transpose] 1 axes given for shape (2, 3), expected 2", () => Of(2, 3).Transpose(1) },
        { "[transpose] axis 1 appears twice for shape (2, 3)", () => Of(2, 3).Transpose(1, 1) },
        { "[squeeze] axis 0 of shape (2, 3) has size 2, expected 1", () => Of(2, 3).Squeeze(0) },
        { "[sum] axis 2 is out of range for shape (2, 3), expected -2..1", () => Of(2, 3).Sum(2) },
        { "[sum] axis 1 appears twice for shape (2, 3)", () => Of(2, 3).Sum([1, -1]) },
        { "[max] cannot reduce axis 1 of size 0 in shape (2, 0)", () => Of(2, 0).Max() },
        { "[argmax] cannot reduce axis 0 of size 0 in shape (0,)", () => Of(0).ArgMax() },
        { "[split] axis 0 of shape (5,) does not divide into 2 equal parts; give the positions instead", () => Of(5).Split(2) },
        { "[split] positions (3, 2) are not ascending within axis 0 of shape (5,)", () => Of(5).Split([3, 2]) },
        { "[concatenate] shapes (2, 3) and (2, 4) differ in an axis other than 0", () => Tensor.Concatenate([Of(2, 3), Of(2, 4)]) },
        { "[concatenate] no tensors given", () => Tensor.Concatenate([]) },
        { "[stack] shapes (2,) and (3,) differ", () => Tensor.Stack([Of(2), Of(3)]) },
        { "[slice] start 1, count 3, step 1 lie outside axis 0 of shape (3,)", () => Of(3).Slice(0, 1, 3) },
        { "[index] index 3 is out of range for axis 0 of shape (3, 2)", () => _ = Of(3, 2)[3] },
        { "[index] a scalar has no axis to index; use Item", () => _ = Of()[0] },
        { "[take] dtype is float32, expected an integer type for indices", () => Of(3).Take(Of(2)) },
        { "[take] index 7 is out of range for axis 0 of size 3", () => Of(3).Take(Tensor.From(7)).Eval() },
        { "[take_along_axis] indices (1, 2) and array (3, 4) differ in an axis other than 0", () => Of(3, 4).TakeAlongAxis(Tensor.From(new[,] { { 1, 2 } }), 0) },
        { "[clip] low 2 is greater than high 1", () => Of(3).Clip(2, 1) },
        { "[arange] from 0 to 3 by 0 has no usable length; step must not be 0, values finite", () => Tensor.Arange(0, 3, 0) },
        { "[array] 3 values given, shape (2, 2) needs 4", () => Tensor.From<float>([1, 2, 3], [2, 2]) },
        { "[item] tensor of shape (2,) has 2 elements, expected 1; use ToArray", () => Of(2).Item<float>() },
        { "[copy_to] array holds float32, not int32; convert with AsType first", () => Of(2).ToArray<int>() },
        { "[random_uniform] low 2 exceeds high 1", () => Tensor.RandomUniform(default(RandomKey), [2], 2, 1) },
        { "[random_normal] standard deviation -1 is negative", () => Tensor.RandomNormal(default(RandomKey), [2], 0, -1) },
        { "[random_bernoulli] probability 1.5 lies outside 0..1", () => Tensor.RandomBernoulli(default(RandomKey), 1.5, [2]) },
        { "[random_bits] key has shape (2,) of int32, expected (2,) of uint32", () => Tensor.RandomBits(Tensor.From(1, 2), [2]) },
        { "[random_bits] key has shape (3, 2) of uint32, expected (2,) of uint32", () => Tensor.RandomUniform(Tensor.RandomSplit(default(RandomKey), 3), [2]) },
        { "[grad] loss has shape (2,), expected a scalar; reduce it with Sum() or Mean()", () => Transforms.Grad(x => x)(Of(2)) },
        { "[grad] loss has type bool, expected a floating type", () => Transforms.Grad(x => x > 1)(Of()) },
        { "[grad] cannot differentiate with respect to int32 of shape (3,), expected a floating type", () => Transforms.Grad(x => x.Sum())(Tensor.Arange(3)) },
        { "[vjp] 2 cotangents given for 1 outputs", () => Transforms.Vjp(v => [v[0]], [Of(2)], [Of(2), Of(2)]) },
        { "[vjp] cotangent 0 has shape (3,), its output has (2,)", () => Transforms.Vjp(x => x, Of(2), Of(3)) },
        { "[grad] there is no argument 2, only 2 from 0 on", () => Transforms.GradAll(v => v[0].Sum(), 2)([Of(2), Of(2)]) },
        { "[jvp] 2 tangents given for 1 arguments", () => Transforms.Jvp(v => [v[0]], [Of(2)], [Of(2), Of(2)]) },
        { "[jvp] argument 0 has type int32, expected a floating type", () => Transforms.Jvp(x => x, Tensor.Arange(3), Tensor.Arange(3)) },
        { "[jvp] tangent 0 is (3,) float32, its argument (2,) float32", () => Transforms.Jvp(x => x, Of(2), Of(3)) },
        { "[vmap] axis 1 is out of range for shape (3,), expected -1..0", () => Transforms.Vmap(x => x, 1)(Of(3)) },
        { "[vmap] no argument is mapped; give the axis of at least one", () => Transforms.Vmap((x, y) => x + y, null, null)(Of(3), Of(3)) },
        { "[vmap] argument 0 (2, 3) has 2 members along axis 0, argument 1 (3,) has 3 along axis 0", () => Transforms.Vmap((x, y) => x + y)(Of(2, 3), Of(3)) },
        { "[vmap] 1 axes given for 2 arguments", () => Transforms.Vmap((Tensor[] v) => v, [0])(Of(2), Of(2)) },
        { "[vmap] 1 axes given for 2 results or more", () => Transforms.Vmap((Tensor[] v) => v, null, [0])(Of(2), Of(2)) },
        { "[custom_function] the rule for gradients gave 2 for 1 arguments", () => Transforms.Grad(x => new CustomFunction(v => v) { Vjp = (_, g, _) => [g[0], g[0]] }.Invoke(x)[0])(Of()) },
        { "[custom_function] the gradient for argument 0 has shape (2,), the argument ()", () => Transforms.Grad(x => new CustomFunction(v => v) { Vjp = (_, _, _) => [Of(2)] }.Invoke(x)[0])(Of()) },
        { "[custom_function] the rule for tangents gave 2 for 1 results", () => Transforms.Jvp(x => new CustomFunction(v => v) { Jvp = (_, t) => [t[0], t[0]] }.Invoke(x)[0], Of(), Of()) },
        { "[custom_function] the tangent of result 0 has shape (2,), the result ()", () => Transforms.Jvp(x => new CustomFunction(v => v) { Jvp = (_, _) => [Of(2)] }.Invoke(x)[0], Of(), Of()) },
        { "[tree] {a: (2,), b: [(), ()]} is not a tensor; index it first", () => _ = new Tree { ["a"] = Of(2), ["b"] = new[] { Of(), Of() } }.Tensor },
        { "[tree] there is no c in {a: (2,)}", () => _ = new Tree { ["a"] = Of(2) }["c"] },
        { "[tree] the name a appears twice", () => Tree.Named([new("a", Of(2)), new("a", Of(2))]) },
        { "[tree] 1 tensors given for [(), ()], expected 2", () => new Tree { Of(), Of() }.WithLeaves([Of()]) },
        { "[custom_function] the rule for batches gave 2 for 1 results", () => Transforms.Vmap(x => new CustomFunction(v => v) { Vmap = (v, _) => [v[0], v[0]] }.Invoke(x)[0])(Of(2)) },
        { "[custom_function] result 0 of the rule for batches has shape (), expected (2,)", () => Transforms.Vmap(x => new CustomFunction(v => v) { Vmap = (v, _) => [v[0].Sum()] }.Invoke(x)[0])(Of(2)) },
        { "[tree] [()] has 1 children, expected 2", () => { var (_, _) = new Tree { Of() }; } },
        { "[tree] [()] has 1 children, expected 3", () => { var (_, _, _) = new Tree { Of() }; } },
        { "[vmap] 1 axes given for 2 children of the argument", () => Transforms.Vmap((Tree v) => v, [0])(new Tree { Of(2), Of(2) }) },
        { "[vmap] 1 axes given for 2 children of the result", () => Transforms.Vmap((Tree v) => v, [0, 0], [0])(new Tree { Of(2), Of(2) }) },
        { "[tree] {a: (2,)} has names, and so must each child", () => new Tree { ["a"] = Of(2) }.Add(Of()) },
        { "[conv2d] images (2, 8, 8) and weights (4, 3, 3, 3), expected (N, H, W, C) and (O, KH, KW, C)", () => Of(2, 8, 8).Conv2d(Of(4, 3, 3, 3)) },
        { "[conv2d] images (2, 3, 8, 8) have 8 channels in each of 1 groups, weights (4, 3, 3, 3) take 3; the channels come last here", () => Of(2, 3, 8, 8).Conv2d(Of(4, 3, 3, 3)) },
        { "[conv2d] images (2, 8, 8, 3) and weights (4, 3, 3, 1): neither C = 3 nor O = 4 may leave a rest in 2 groups", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 1), groups: 2) },
        { "[conv2d] windows of (5, 5) do not fit into images of (4, 8) with padding (0, 0)", () => Of(2, 4, 8, 3).Conv2d(Of(4, 5, 5, 3)) },
        { "[conv2d] bias has shape (3,), expected (4,)", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 3), Of(3)) },
        { "[conv2d] dtype is int32, expected a floating type; convert with AsType", () => Tensor.Zeros([1, 4, 4, 1], DType.Int32).Conv2d(Tensor.Zeros([1, 2, 2, 1], DType.Int32)) },
        { "[conv2d] stride (0, 0), expected at least 1", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 3), stride: 0) },
        { "[conv2d] padding (-1, -1), expected at least 0", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 3), padding: -1) },
        { "[conv2d] dilation (0, 0), expected at least 1", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 3), dilation: 0) },
        { "[conv2d] 0 groups, expected at least 1", () => Of(2, 8, 8, 3).Conv2d(Of(4, 3, 3, 3), groups: 0) },
        { "[conv1d] signals (2, 8) and weights (4, 3, 3), expected (N, L, C) and (O, K, C)", () => Of(2, 8).Conv1d(Of(4, 3, 3)) },
        { "[max_pool] a window of 3 does not fit into axis 1 of shape (2, 2, 3)", () => Of(2, 2, 3).MaxPool([1], [3]) },
        { "[max_pool] padding 2 of a window of 3, expected 0..1", () => Of(2, 8, 3).MaxPool([1], [3], padding: 2) },
        { "[avg_pool] window 0 and stride 0, expected at least 1", () => Of(2, 8, 3).AvgPool([1], [0]) },
        { "[avg_pool] 1 window sizes and 1 strides given for 2 axes", () => Of(2, 8, 8, 3).AvgPool([1, 2], [2]) },
        { "[avg_pool] axes (2, 1) are not ascending", () => Of(2, 8, 8, 3).AvgPool([2, 1], [2, 2]) },
        { "[grad_check] dtype is float32, expected float64, for finite differences to be accurate", () => GradCheck.Check(v => v[0], [Of(2)]) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Call_WithBadInput_SaysWhatIsWrong(string message, Action call)
    {
        var error = Assert.ThrowsAny<Exception>(call);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }
}
