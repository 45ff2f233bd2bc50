using System.Numerics;

namespace ManagedFed.Graph;

/// <summary>A sum of products over named axes, as a chain of matrix products.</summary>
/// <remarks>
/// Every axis has a label: a letter, or a negative number for an axis that an ellipsis stands for, counted from the last. Labels
/// of one operand alone are summed first; then the pair whose product grows least is joined, until one is left.
/// </remarks>
internal sealed class Einsum
{
    private const string Op = "einsum";

    private readonly string equation;
    private readonly Dictionary<int, int> sizes = [];
    private readonly List<Term> terms = [];
    private readonly List<int> output;

    public Einsum(string equation, ReadOnlySpan<Tensor> operands)
    {
        this.equation = equation;
        var text = equation.Replace(" ", "", StringComparison.Ordinal);
        var arrow = text.IndexOf("->", StringComparison.Ordinal);
        var inputs = (arrow < 0 ? text : text[..arrow]).Split(',');
        if (inputs.Length != operands.Length) Fail($"has {inputs.Length} operands, {operands.Length} tensors given");
        for (var i = 0; i < inputs.Length; i++) terms.Add(new(operands[i], Labels(inputs[i], operands[i].Shape)));
        for (var i = 0; i < terms.Count; i++) Measure(terms[i], i);
        output = arrow < 0 ? Implicit() : Explicit(text[(arrow + 2)..]);
        for (var i = 0; i < terms.Count; i++) terms[i] = Unstretched(Diagonals(terms[i]));
    }

    public Tensor Run()
    {
        for (var i = 0; i < terms.Count; i++) terms[i] = SummedAlone(terms[i]);
        while (terms.Count > 1)
        {
            var (a, b) = Cheapest();
            var joined = Join(terms[a], terms[b]);
            terms.RemoveAt(b);
            terms.RemoveAt(a);
            terms.Add(joined);
        }

        // An axis of size 1 that another operand stretched may be gone; the output keeps it.
        var (value, labels) = (terms[0].Value, terms[0].Labels);
        var order = output.Where(labels.Contains).Select(label => labels.IndexOf(label)).ToArray();
        return (order.Length == 0 ? value : value.Transpose(order)).Reshape([.. output.Select(label => sizes[label])]);
    }

    private List<int> Labels(string text, Shape? shape)
    {
        var dots = text.IndexOf("...", StringComparison.Ordinal);
        var letters = text.Replace("...", "", StringComparison.Ordinal);
        foreach (var letter in letters)
        {
            if (!char.IsAsciiLetter(letter)) Fail($"contains '{letter}'; axes are letters, operands are separated by ','");
        }
        var hidden = shape is { } known ? known.Rank - letters.Length : -Math.Min(0, sizes.Keys.DefaultIfEmpty().Min());
        if (shape is { } own && (hidden < 0 || dots < 0 && hidden > 0))
        {
            Fail($"names {letters.Length} axes in '{text}', the tensor has shape {own}");
        }
        var labels = letters.Select(letter => (int)letter).ToList();
        if (dots >= 0) labels.InsertRange(dots, Enumerable.Range(-hidden, hidden));
        return labels;
    }

    private void Measure(Term term, int operand)
    {
        for (var axis = 0; axis < term.Labels.Count; axis++)
        {
            var (label, size) = (term.Labels[axis], term.Value.Shape[axis]);
            if (term.Value.Shape[term.Labels.IndexOf(label)] != size) Fail($"takes the diagonal of axes '{(char)label}' that differ in operand {operand} of shape {term.Value.Shape}");
            if (!sizes.TryGetValue(label, out var known) || known == 1) sizes[label] = size;
            else if (size != known && size != 1)
            {
                var name = label < 0 ? "the ellipsis" : $"'{(char)label}'";
                Fail($"gives {name} size {size} in operand {operand} of shape {term.Value.Shape}, and {known} before");
            }
        }
    }

    /// <summary>The axes of an ellipsis, then the letters that occur once, in the order of the alphabet.</summary>
    private List<int> Implicit()
    {
        var all = terms.SelectMany(term => term.Labels).ToList();
        return [.. sizes.Keys.Where(label => label < 0 || all.Count(other => other == label) == 1).Order()];
    }

    private List<int> Explicit(string text)
    {
        var labels = Labels(text, null);
        foreach (var label in labels)
        {
            if (!sizes.ContainsKey(label)) Fail($"has '{(char)label}' in its output and in no operand");
            if (labels.Count(other => other == label) > 1) Fail($"has '{(char)label}' twice in its output");
        }
        return labels;
    }

    /// <summary>Axes of one label in one operand become their diagonal.</summary>
    private static Term Diagonals(Term term)
    {
        for (var first = 0; first < term.Labels.Count; first++)
        {
            var label = term.Labels[first];
            int second;
            while ((second = term.Labels.IndexOf(label, first + 1)) >= 0)
            {
                var labels = term.Labels.Where((_, axis) => axis != first && axis != second).Append(label).ToList();
                term = new(term.Value.Diagonal(0, first, second), labels);
                first = -1;
                break;
            }
        }
        return term;
    }

    /// <summary>Without axes of size 1 that other operands stretch.</summary>
    private Term Unstretched(Term term)
    {
        for (var axis = term.Labels.Count - 1; axis >= 0; axis--)
        {
            if (term.Value.Shape[axis] != 1 || sizes[term.Labels[axis]] == 1) continue;
            term = new(term.Value.Squeeze(axis), [.. term.Labels.Where((_, i) => i != axis)]);
        }
        return term;
    }

    private Term SummedAlone(Term term)
    {
        int[] alone = [.. Enumerable.Range(0, term.Labels.Count).Where(axis => !IsNeeded(term.Labels[axis], term, term))];
        return alone.Length == 0 ? term : new(term.Value.Sum(alone), [.. term.Labels.Where((_, axis) => Array.IndexOf(alone, axis) < 0)]);
    }

    private bool IsNeeded(int label, Term a, Term b) =>
        output.Contains(label) || terms.Exists(term => term != a && term != b && term.Labels.Contains(label));

    private (int A, int B) Cheapest()
    {
        var (best, growth) = ((0, 1), new BigInteger(0));
        for (var a = 0; a < terms.Count; a++)
        {
            for (var b = a + 1; b < terms.Count; b++)
            {
                var kept = terms[a].Labels.Union(terms[b].Labels).Where(label => IsNeeded(label, terms[a], terms[b]));
                var change = Size(kept) - Size(terms[a].Labels) - Size(terms[b].Labels);
                if ((a, b) != (0, 1) && change >= growth) continue;
                (best, growth) = ((a, b), change);
            }
        }
        return best;
    }

    private BigInteger Size(IEnumerable<int> labels) => labels.Aggregate(BigInteger.One, (n, label) => n * sizes[label]);

    /// <summary>Labels of both that are needed later are a batch, those of both that are not are summed over, the rest are rows and columns.</summary>
    private Term Join(Term a, Term b)
    {
        var shared = a.Labels.Intersect(b.Labels).ToList();
        List<int> batch = [.. shared.Where(label => IsNeeded(label, a, b))], summed = [.. shared.Except(batch)];
        List<int> rows = [.. a.Labels.Except(shared)], columns = [.. b.Labels.Except(shared)];
        Tensor value;
        if (summed.Count == 0)
        {
            value = Arranged(a, batch, rows, null) * Arranged(b, batch, null, columns);
        }
        else
        {
            var (left, right) = (Arranged(a, batch, rows, summed), Arranged(b, batch, summed, columns));
            value = left.DType.IsFloating() || right.DType.IsFloating()
                ? left.MatMul(right)
                : (left.ExpandDims(-1) * right.ExpandDims(-3)).Sum(-2);
        }
        List<int> labels = [.. batch, .. rows, .. columns];
        return new(value.Reshape([.. labels.Select(label => sizes[label])]), labels);
    }

    /// <summary>An operand as a stack of matrices: the batch, and two groups of axes merged; a group of null has size 1.</summary>
    private Tensor Arranged(Term term, List<int> batch, List<int>? rows, List<int>? columns)
    {
        int[] order = [.. batch.Concat(rows ?? []).Concat(columns ?? []).Select(label => term.Labels.IndexOf(label))];
        var value = order.Length == 0 ? term.Value : term.Value.Transpose(order);
        return value.Reshape([.. batch.Select(label => sizes[label]), Shape.Size("einsum", (long)BigInteger.Min(Size(rows ?? []), long.MaxValue)), Shape.Size("einsum", (long)BigInteger.Min(Size(columns ?? []), long.MaxValue))]);
    }

    private void Fail(string message) => Throw.Argument(Op, $"'{equation}' {message}");

    private sealed class Term(Tensor value, List<int> labels)
    {
        public Tensor Value => value;

        public List<int> Labels => labels;
    }
}
