using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace ManagedFed.Nn;

/// <summary>An immutable, ordered map from dotted names such as <c>layers.0.weight</c> to tensors.</summary>
/// <remarks>Parameters, their gradients and an optimizer's state have this form. The order is that of registration.</remarks>
[SuppressMessage("Naming", "CA1710", Justification = "Dotted names make it a tree.")]
public sealed class ParameterTree : IReadOnlyDictionary<string, Tensor>
{
    private readonly OrderedDictionary<string, Tensor> tensors = [];

    /// <summary>A tree of the given entries, in their order.</summary>
    /// <exception cref="ArgumentException">A name appears twice.</exception>
    public ParameterTree(IEnumerable<KeyValuePair<string, Tensor>> entries)
    {
        ArgumentNullException.ThrowIfNull(entries);
        foreach (var (name, tensor) in entries)
        {
            ArgumentNullException.ThrowIfNull(tensor, nameof(entries));
            if (!tensors.TryAdd(name, tensor)) Throw.Argument("parameters", $"the name {name} appears twice");
        }
    }

    /// <summary>The number of tensors.</summary>
    public int Count => tensors.Count;

    /// <summary>The dotted names, in order.</summary>
    public IEnumerable<string> Keys => tensors.Keys;

    /// <summary>The tensors, in order.</summary>
    public IEnumerable<Tensor> Values => tensors.Values;

    /// <summary>The tensor of a name.</summary>
    /// <exception cref="KeyNotFoundException">There is no such name; the message lists those there are.</exception>
    public Tensor this[string key] => tensors.TryGetValue(key, out var tensor)
        ? tensor
        : throw new KeyNotFoundException($"[parameters] there is no {key}, only {string.Join(", ", Keys)}");

    /// <summary>True when there is a tensor of that name.</summary>
    public bool ContainsKey(string key) => tensors.ContainsKey(key);

    /// <summary>Finds the tensor of a name.</summary>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value) => tensors.TryGetValue(key, out value);

    /// <summary>A tree with the same names and f(tensor) for each tensor.</summary>
    public ParameterTree Map(Func<Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return Map((_, tensor) => f(tensor));
    }

    /// <summary>A tree with the same names and f(name, tensor) for each tensor.</summary>
    public ParameterTree Map(Func<string, Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        return new(tensors.Select(entry => KeyValuePair.Create(entry.Key, f(entry.Key, entry.Value))));
    }

    /// <summary>A tree with f(a, b) for the tensors a of this tree and b of the other with the same name.</summary>
    /// <exception cref="ArgumentException">The names differ; the message lists every difference.</exception>
    public ParameterTree Zip(ParameterTree other, Func<Tensor, Tensor, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(other);
        ArgumentNullException.ThrowIfNull(f);
        Refuse("zip", [.. Missing(other), .. Extra(other)]);
        return Map((name, tensor) => f(tensor, other[name]));
    }

    /// <summary>Computes all tensors in one pass and returns their arrays, in order; they share the tensors' memory.</summary>
    public NdArray[] ToArrays()
    {
        Tensor.Eval(Values);
        return [.. Values.Select(tensor => tensor.ToNdArray())];
    }

    /// <summary>A tree with this one's names and the given arrays, in order.</summary>
    /// <remarks>A floating array is cast to its tensor's floating type, such as NumPy's float64 to float32; other types must agree.</remarks>
    /// <exception cref="ArgumentException">
    /// The number of arrays, a shape or a type differs, or a value is beyond the tensor's floating type; the message lists every difference.
    /// </exception>
    public ParameterTree WithArrays(IReadOnlyList<NdArray> arrays)
    {
        ArgumentNullException.ThrowIfNull(arrays);
        if (arrays.Count != Count) Throw.Argument("parameters", $"{arrays.Count} arrays given, expected {Count}: {string.Join(", ", Keys)}");
        var result = new ParameterTree(tensors.Zip(arrays, (own, array) => KeyValuePair.Create(own.Key, Fitting(own.Key, own.Value, array))));
        Refuse("parameters", Unlike(result));
        return result;
    }

    /// <summary>The array in its tensor's floating type; another array as it is, to be refused.</summary>
    private static Tensor Fitting(string name, Tensor own, NdArray array)
    {
        if (own.DType == array.DType || own.Shape != array.Shape || !own.DType.IsFloating() || !array.DType.IsFloating()) return array;
        Tensor given = array, cast = array.AsType(own.DType);
        if (!(given.IsFinite() & !cast.IsFinite()).Any().Item<bool>()) return cast;
        Throw.Argument("parameters", $"{name} of {array.DType.Name()} holds a value beyond the range of {own.DType.Name()}");
        return cast;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Names of this tree that the other lacks.</summary>
    internal IEnumerable<string> Missing(ParameterTree other) =>
        tensors.Where(entry => !other.ContainsKey(entry.Key)).Select(entry => $"missing: {Describe(entry.Key, entry.Value)}");

    /// <summary>Names of the other tree that this one lacks.</summary>
    internal IEnumerable<string> Extra(ParameterTree other) =>
        other.tensors.Where(entry => !ContainsKey(entry.Key)).Select(entry => $"unknown: {Describe(entry.Key, entry.Value)}");

    /// <summary>Common names whose shape or type differs in the other tree.</summary>
    internal IEnumerable<string> Unlike(ParameterTree other)
    {
        foreach (var (name, tensor) in tensors)
        {
            if (!other.TryGetValue(name, out var given) || (given.Shape == tensor.Shape && given.DType == tensor.DType)) continue;
            yield return $"wrong: {Describe(name, given)}, expected {tensor.Shape} {tensor.DType.Name()}{Turned(given.Shape, tensor.Shape)}";
        }
    }

    /// <summary>What else a shape of the same sizes in another order may be.</summary>
    private static string Turned(Shape given, Shape expected)
    {
        if (given == expected || !given.Sizes.ToArray().Order().SequenceEqual(expected.Sizes.ToArray().Order())) return "";
        if (given.Rank > 2 && given.Remove(1).Insert(given.Rank - 1, given[1]) == expected)
        {
            return "; it has the channels second, as PyTorch writes (out, in, …), expected last, (out, …, in): move axis 1 to the end";
        }
        return given.Rank == 2 ? "; it is transposed: give its transpose" : "; it has the same sizes in another order: permute its axes";
    }

    internal static void Refuse(string op, IEnumerable<string> differences)
    {
        var list = string.Join("; ", differences);
        if (list.Length > 0) Throw.Argument(op, list);
    }

    private static string Describe(string name, Tensor tensor) => $"{name} {tensor.Shape} {tensor.DType.Name()}";
}
