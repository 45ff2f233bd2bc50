using ManagedFed.Graph;

namespace ManagedFed;

// Sums of products: compositions over the matrix product.
public sealed partial class Tensor
{
    /// <summary>A sum of products by Einstein's convention: <c>Einsum("bij,bjk-&gt;bik", a, b)</c>.</summary>
    /// <remarks>
    /// One letter for each axis. Letters missing in the output are summed over; a letter twice in one operand takes the diagonal;
    /// "..." stands for the remaining axes, which broadcast. With no output, the letters that occur once form it, in the order of
    /// the alphabet, behind the axes of "...". Several operands are joined pair by pair, the pair first whose product grows least.
    /// </remarks>
    /// <param name="equation">The labels of the operands' axes and, behind "-&gt;", of the output's.</param>
    /// <param name="operands">One tensor for each.</param>
    /// <exception cref="ArgumentException">The equation does not fit the operands.</exception>
    public static Tensor Einsum(string equation, params ReadOnlySpan<Tensor> operands)
    {
        ArgumentNullException.ThrowIfNull(equation);
        foreach (var operand in operands) ArgumentNullException.ThrowIfNull(operand, nameof(operands));
        if (operands.IsEmpty) return new Einsum(equation, operands).Run();
        return InWide(operands, x => new Einsum(equation, x).Run());
    }

    /// <summary>Σ a·b over the last axes of a and the first of b: (…, k…) and (k…, …) give (…, …).</summary>
    /// <param name="a">The first tensor.</param>
    /// <param name="b">The second tensor.</param>
    /// <param name="axes">How many; 0 gives all products.</param>
    /// <exception cref="ArgumentException">There are not that many axes, or their sizes differ.</exception>
    public static Tensor TensorDot(Tensor a, Tensor b, int axes = 2)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (axes < 0 || axes > a.Rank || axes > b.Rank) Throw.Argument("tensordot", $"{axes} axes asked for of shapes {a.Shape} and {b.Shape}");
        return TensorDot(a, b, [.. Enumerable.Range(a.Rank - axes, axes)], [.. Enumerable.Range(0, axes)]);
    }

    /// <summary>Σ a·b over pairs of axes; the result has the other axes of a, then those of b.</summary>
    /// <exception cref="ArgumentException">The axes are not as many, appear twice, or differ in size.</exception>
    public static Tensor TensorDot(Tensor a, Tensor b, ReadOnlySpan<int> axesOfA, ReadOnlySpan<int> axesOfB)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (axesOfA.Length != axesOfB.Length) Throw.Argument("tensordot", $"{axesOfA.Length} axes of the first tensor and {axesOfB.Length} of the second given");
        var (labelsOfA, labelsOfB) = (Enumerable.Range('a', a.Rank).ToArray(), Enumerable.Range('A', b.Rank).ToArray());
        if (a.Rank > 26 || b.Rank > 26) Throw.Argument("tensordot", $"more than 26 axes in {a.Shape} or {b.Shape}");
        for (var i = 0; i < axesOfA.Length; i++)
        {
            var (p, q) = (a.Shape.Axis(axesOfA[i], "tensordot"), b.Shape.Axis(axesOfB[i], "tensordot"));
            if (a.Shape[p] != b.Shape[q]) Throw.Argument("tensordot", $"axis {p} of {a.Shape} and axis {q} of {b.Shape} differ in size");
            if (labelsOfB[q] != 'A' + q || axesOfA[..i].Contains(axesOfA[i])) Throw.Argument("tensordot", $"axis {p} of {a.Shape} or axis {q} of {b.Shape} appears twice");
            labelsOfB[q] = labelsOfA[p];
        }
        string Text(IEnumerable<int> labels) => string.Concat(labels.Select(label => (char)label));
        var free = labelsOfA.Except(labelsOfB).Concat(labelsOfB.Except(labelsOfA));
        return Einsum($"{Text(labelsOfA)},{Text(labelsOfB)}->{Text(free)}", a, b);
    }

    /// <summary>Σ a·b along one axis, with broadcasting of the others.</summary>
    /// <exception cref="ArgumentException">The axis differs in size.</exception>
    public static Tensor VecDot(Tensor a, Tensor b, int axis = -1)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Shape[a.Shape.Axis(axis, "vecdot")] != b.Shape[b.Shape.Axis(axis, "vecdot")])
        {
            Throw.Argument("vecdot", $"axis {axis} differs in size: {a.Shape} and {b.Shape}");
        }
        return InWide(a, b, (x, y) => (x * y).Sum(axis));
    }

    /// <summary>Σ a·b over the last axis of both: (…, k) and (…, k) give (…, …); a scalar multiplies.</summary>
    /// <exception cref="ArgumentException">The last axes differ in size.</exception>
    public static Tensor Inner(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Rank == 0 || b.Rank == 0 ? a * b : TensorDot(a, b, [-1], [-1]);
    }

    /// <summary>All products of an element of a and one of b, both flat: (m,) and (n,) give (m, n).</summary>
    public static Tensor Outer(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Flatten().ExpandDims(1) * b.Flatten();
    }

    /// <summary>The Kronecker product: every element of a times the whole of b; axes are aligned from the last, sizes multiply.</summary>
    public static Tensor Kron(Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        var rank = Math.Max(a.Rank, b.Rank);
        int[] Full(Tensor x) => [.. Enumerable.Repeat(1, rank - x.Rank), .. x.Shape.Sizes];
        var (p, q) = (Full(a), Full(b));
        var left = a.Reshape([.. p.SelectMany(size => new[] { size, 1 })]);
        var right = b.Reshape([.. q.SelectMany(size => new[] { 1, size })]);
        return (left * right).Reshape([.. p.Zip(q, (m, n) => Shape.Size("kron", (long)m * n))]);
    }

    /// <summary>beta·c + alpha·(a·b), the matrix product scaled and added.</summary>
    public static Tensor AddMM(Tensor c, Tensor a, Tensor b, double alpha, double beta)
    {
        ArgumentNullException.ThrowIfNull(c);
        ArgumentNullException.ThrowIfNull(a);
        return (alpha, beta) == (1, 1) ? AddMM(c, a, b) : c * beta + a.MatMul(b) * alpha;
    }
}
