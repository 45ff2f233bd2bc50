using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed;

// Running totals. No axis means of all elements in row-major order, flat. Float totals are kept in double.
// reverse runs from the end; exclusive leaves each element out of its own total, so that the first is the total of none.
public sealed partial class Tensor
{
    /// <summary>Running sums yₖ = Σ xⱼ over j ≤ k; bool, int8 and int16 are counted as int32, uint8 and uint16 as uint32.</summary>
    /// <param name="axis">The axis; none flattens first.</param>
    /// <param name="reverse">Runs from the end: j ≥ k.</param>
    /// <param name="exclusive">Leaves xₖ out: j &lt; k, and 0 for the first.</param>
    public Tensor CumSum(int? axis = null, bool reverse = false, bool exclusive = false) =>
        AsType(Summed()).Running("cumsum", axis, reverse, exclusive, 0, static a => new CumSum(a));

    /// <summary>Running products yₖ = Π xⱼ over j ≤ k; derivatives are exact where factors are zero.</summary>
    /// <param name="axis">The axis; none flattens first.</param>
    /// <param name="reverse">Runs from the end: j ≥ k.</param>
    /// <param name="exclusive">Leaves xₖ out: j &lt; k, and 1 for the first.</param>
    public Tensor CumProd(int? axis = null, bool reverse = false, bool exclusive = false) =>
        AsType(Summed()).Running("cumprod", axis, reverse, exclusive, 1, static a => new CumProd(a));

    /// <summary>The largest of x₀ … xₖ, NaN once one is; the gradient goes to the last of equals, as in PyTorch.</summary>
    /// <param name="axis">The axis; none flattens first.</param>
    /// <param name="reverse">Runs from the end.</param>
    /// <param name="exclusive">Leaves xₖ out; −∞, or the least integer, for the first.</param>
    public Tensor CumMax(int? axis = null, bool reverse = false, bool exclusive = false) =>
        Number().Running("cummax", axis, reverse, exclusive, double.NegativeInfinity, static a => new CumMax(a));

    /// <summary>The smallest of x₀ … xₖ, NaN once one is; the gradient goes to the last of equals.</summary>
    /// <param name="axis">The axis; none flattens first.</param>
    /// <param name="reverse">Runs from the end.</param>
    /// <param name="exclusive">Leaves xₖ out; +∞, or the largest integer, for the first.</param>
    public Tensor CumMin(int? axis = null, bool reverse = false, bool exclusive = false) =>
        Number().Running("cummin", axis, reverse, exclusive, double.PositiveInfinity, static a => new CumMin(a));

    /// <summary>Running log Σ eˣ without overflow; integers give float32.</summary>
    /// <param name="axis">The axis; none flattens first.</param>
    /// <param name="reverse">Runs from the end.</param>
    /// <param name="exclusive">Leaves xₖ out, and −∞ for the first.</param>
    public Tensor LogCumSumExp(int? axis = null, bool reverse = false, bool exclusive = false) =>
        Floating().Running("logcumsumexp", axis, reverse, exclusive, double.NegativeInfinity, static a => new LogCumSumExp(a));

    private Tensor Running(string name, int? axis, bool reverse, bool exclusive, double none, Func<int, Op> scan)
    {
        if (axis is not { } one) return Flatten().Running(name, 0, reverse, exclusive, none, scan);
        if (Rank == 0) return Along(name, one, (x, a) => x.Running(name, a, reverse, exclusive, none, scan));
        one = Shape.Axis(one, name);
        if (reverse) return Flip(one).Running(name, one, false, exclusive, none, scan).Flip(one);
        if (!exclusive) return Apply(scan(one), this);
        var size = Shape[one];
        if (size == 0) return this;
        var before = Slice(one, 0, size - 1);
        return Concatenate([Full(Shape.With(one, 1), none, DType), Apply(scan(one), before)], one);
    }
}
