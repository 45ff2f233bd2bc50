using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace ManagedFed;

/// <summary>
/// Tensors in any nesting of lists and names: what a transform of a function of many tensors takes and gives back.
/// </summary>
/// <remarks>
/// A tensor is a tree by itself. Two trees have the same structure when their lists are equally long and their names equal,
/// in order; tensors may differ in shape.
/// </remarks>
/// <example><code>Tree p = new Tree { ["w"] = w, ["layers"] = new Tree { first, second } };</code></example>
[SuppressMessage("Naming", "CA1710", Justification = "It is a tree.")]
public sealed class Tree : IEnumerable<Tree>
{
    private readonly Tensor? leaf;
    private readonly List<string?> names = [];
    private readonly List<Tree> children = [];

    /// <summary>An empty list; filled by a collection or index initialiser.</summary>
    public Tree()
    {
    }

    private Tree(Tensor leaf) => this.leaf = leaf;

    /// <summary>The tensor of a tree that is one.</summary>
    /// <exception cref="InvalidOperationException">The tree is a list or has names.</exception>
    public Tensor Tensor => leaf ?? throw new InvalidOperationException($"[tree] {Describe()} is not a tensor; index it first");

    /// <summary>The number of children.</summary>
    public int Count => children.Count;

    /// <summary>The tensors, depth first, in order.</summary>
    public IReadOnlyList<Tensor> Leaves
    {
        get
        {
            var leaves = new List<Tensor>();
            Collect(leaves);
            return leaves;
        }
    }

    /// <summary>The tensors with their paths, names and places joined by dots, such as <c>layers.0.weight</c>.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> NamedLeaves
    {
        get
        {
            var leaves = new List<KeyValuePair<string, Tensor>>();
            Collect("", leaves);
            return leaves;
        }
    }

    /// <summary>Names and nesting without the tensors' shapes.</summary>
    internal string Structure => Describe(static _ => "*");

    /// <summary>The two children of a pair.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public void Deconstruct(out Tree first, out Tree second)
    {
        if (Count != 2) Throw.Argument("tree", $"{Describe()} has {Count} children, expected 2");
        (first, second) = (children[0], children[1]);
    }

    /// <summary>The three children of a triple.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public void Deconstruct(out Tree first, out Tree second, out Tree third)
    {
        if (Count != 3) Throw.Argument("tree", $"{Describe()} has {Count} children, expected 3");
        (first, second, third) = (children[0], children[1], children[2]);
    }

    /// <summary>A child by its place.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public Tree this[int index]
    {
        get
        {
            Throw.Unless(index >= 0 && index < Count, "tree", nameof(index), index, $"0..{Count - 1} in {Describe()} of {Count} children");
            return children[index];
        }
    }

    /// <summary>A child by its name; setting it adds one.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name; the message lists those there are.</exception>
    /// <exception cref="ArgumentException">The name to add is there already.</exception>
    public Tree this[string name]
    {
        get
        {
            var index = names.IndexOf(name);
            return index >= 0 ? children[index] : throw new KeyNotFoundException($"[tree] there is no {name} in {Describe()}");
        }
        set
        {
            if (names.Contains(name)) Throw.Argument("tree", $"the name {name} appears twice");
            Add(name, value);
        }
    }

    /// <summary>A tree of one tensor.</summary>
    public static implicit operator Tree(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new(tensor);
    }

    /// <summary>A list of tensors.</summary>
    public static implicit operator Tree(Tensor[] tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        var tree = new Tree();
        foreach (var tensor in tensors) tree.Add(tensor);
        return tree;
    }

    /// <summary>A list of two tensors.</summary>
    public static implicit operator Tree((Tensor First, Tensor Second) pair) => new[] { pair.First, pair.Second };

    /// <summary>A list of three tensors.</summary>
    public static implicit operator Tree((Tensor First, Tensor Second, Tensor Third) triple) => new[] { triple.First, triple.Second, triple.Third };

    /// <summary>A tree of named tensors, in the dictionary's order.</summary>
    public static implicit operator Tree(Dictionary<string, Tensor> entries) => Named(entries);

    /// <summary>The tensor of a tree that is one.</summary>
    public static explicit operator Tensor(Tree tree)
    {
        ArgumentNullException.ThrowIfNull(tree);
        return tree.Tensor;
    }

    /// <summary>A tree of named tensors, in the order given.</summary>
    public static Tree Named(IEnumerable<KeyValuePair<string, Tensor>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var tree = new Tree();
        foreach (var (name, tensor) in entries) tree[name] = tensor;
        return tree;
    }

    /// <summary>Adds a child to a list under construction.</summary>
    public void Add(Tree child) => Add(null, child);

    /// <summary>A tree of the same structure with f(tensor) for each tensor.</summary>
    public Tree Map(Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return WithLeaves([.. Leaves.Select(f)]);
    }

    /// <summary>A tree of the same structure with other tensors, in the order of <see cref="Leaves"/>.</summary>
    /// <exception cref="ArgumentException">There are more or fewer.</exception>
    public Tree WithLeaves(IReadOnlyList<Tensor> leaves)
    {
        ArgumentNullException.ThrowIfNull(leaves);
        var expected = Leaves.Count;
        if (leaves.Count != expected) Throw.Argument("tree", $"{leaves.Count} tensors given for {Describe()}, expected {expected}");
        var next = 0;
        return Rebuild(leaves, ref next);
    }

    /// <summary>The children, in order.</summary>
    public IEnumerator<Tree> GetEnumerator() => children.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The structure with the tensors' shapes, such as <c>{w: (3, 4), layers: [(4,), ()]}</c>.</summary>
    public override string ToString() => Describe();

    private void Add(string? name, Tree child)
    {
        ArgumentNullException.ThrowIfNull(child);
        if (leaf is not null) Throw.Invalid("tree", "a tensor has no children");
        if (children.Count > 0 && (names[0] is null) != (name is null)) Throw.Argument("tree", $"{Describe()} has {(name is null ? "names" : "none")}, and so must each child{(name is null ? "" : $", unlike {name}")}");
        names.Add(name);
        children.Add(child);
    }

    private void Collect(List<Tensor> leaves)
    {
        if (leaf is not null) leaves.Add(leaf);
        foreach (var child in children) child.Collect(leaves);
    }

    private void Collect(string path, List<KeyValuePair<string, Tensor>> leaves)
    {
        if (leaf is not null) leaves.Add(new(path, leaf));
        for (var i = 0; i < children.Count; i++)
        {
            var part = names[i] ?? i.ToString(CultureInfo.InvariantCulture);
            children[i].Collect(path.Length == 0 ? part : $"{path}.{part}", leaves);
        }
    }

    private Tree Rebuild(IReadOnlyList<Tensor> leaves, ref int next)
    {
        if (leaf is not null) return leaves[next++];
        var tree = new Tree();
        for (var i = 0; i < children.Count; i++) tree.Add(names[i], children[i].Rebuild(leaves, ref next));
        return tree;
    }

    private string Describe() => Describe(static tensor => tensor.Shape.ToString());

    private string Describe(Func<Tensor, string> describe)
    {
        if (leaf is not null) return describe(leaf);
        var parts = children.Select((child, i) => names[i] is { } name ? $"{name}: {child.Describe(describe)}" : child.Describe(describe));
        return children.Count > 0 && names[0] is not null ? $"{{{string.Join(", ", parts)}}}" : $"[{string.Join(", ", parts)}]";
    }
}
