using ManagedFed.Graph;
using F = ManagedFed.Kernels;

namespace ManagedFed.Ops;

/// <summary>y = a·b (+ a row vector) over the last two axes: (…, M, K) × (…, K, N) → (…, M, N).</summary>
/// <remarks>Inputs: a, b and, for a third, bias of shape (N,). Leading axes broadcast.</remarks>
internal sealed record MatMul : Op
{
    public override bool WidensRules => false;

    public static readonly MatMul Instance = new();

    public override string Name => "matmul";

    public override (Shape, DType) Infer(ReadOnlySpan<Tensor> x)
    {
        var (a, b) = (x[0].Shape, x[1].Shape);
        if (!x[0].DType.IsFloating()) Throw.DTypeMismatch(Name, x[0].DType, "a floating type; convert with AsType");
        if (a[-1] != b[-2])
        {
            var hint = a[-1] == b[-1] ? "; did you mean b.T?" : a[-2] == b[-2] ? "; did you mean a.T?" : "";
            Throw.Argument(Name, $"inner sizes differ: {a} x {b}{hint}");
        }
        if (x.Length == 3 && x[2].Shape != [b[-1]])
        {
            Throw.Argument(Name, $"bias has shape {x[2].Shape}, expected ({b[-1]},) for {a} x {b}");
        }
        if (a.Rank == 2 && b.Rank == 2) return ([a[0], b[1]], x[0].DType);
        var batch = Shape.Broadcast(Shape.Create(a.Sizes[..^2]), Shape.Create(b.Sizes[..^2]), Name);
        return ([.. batch.Sizes, a[-2], b[-1]], x[0].DType);
    }

    public override NdArray Operand(int i, NdArray x, Shape output) =>
        i == 2 || output.Rank == 2 ? x : Stretch(x, [.. output.Sizes[..^2], x.Shape[-2], x.Shape[-1]]);

    protected override void Forward(ReadOnlySpan<NdArray> x, NdArray y) => F.Gemm.Run(x[0], x[1], x.Length == 3 ? x[2] : null, y);

    // Y = A·B: Ā = Ȳ·Bᵀ, B̄ = Aᵀ·Ȳ; the walk sums over broadcast axes, which gives the bias its gradient too.
    public override Tensor Vjp(int i, Tensor g, ReadOnlySpan<Tensor> x, Tensor y) => i switch
    {
        0 => Product(g, x[1].SwapAxes(-1, -2), x[0]),
        1 => Product(x[0].SwapAxes(-1, -2), g, x[1]),
        _ => g,
    };

    public override Tensor Batch(ReadOnlySpan<Tensor> x, ReadOnlySpan<bool> batched, int size)
    {
        var factors = Batching.Align(x[..2], batched[..2]);
        if (x.Length == 2) return Tensor.Apply(this, factors);
        if (!batched[2]) return Tensor.Apply(this, [.. factors, x[2]]);
        var bias = Batching.Widen(x[2], Math.Max(x[0].Rank - (batched[0] ? 1 : 0), x[1].Rank - (batched[1] ? 1 : 0)));
        return batched[0] || batched[1] ? Tensor.Apply(this, factors) + bias : Batching.Repeat(Tensor.Apply(this, factors), size) + bias;
    }

    /// <summary>a·b, laid out as the operand whose gradient it is: where that is a transposed view, as (bᵀ·aᵀ)ᵀ.</summary>
    private static Tensor Product(Tensor a, Tensor b, Tensor like) => like.Op is Transpose { SwapsLastAxes: true }
        ? Tensor.Apply(Instance, b.SwapAxes(-1, -2), a.SwapAxes(-1, -2)).SwapAxes(-1, -2)
        : Tensor.Apply(Instance, a, b);
}
