using ManagedFed.Graph;

namespace ManagedFed.Nn;

/// <summary>A tensor of a function that was recorded at two batch sizes, in both recordings.</summary>
internal readonly record struct OnnxPair(Tensor First, Tensor Second)
{
    public int Rank => First.Rank;

    public Op Op => First.Op!;

    public DType DType => First.DType;

    public OnnxSize[] Sizes => OnnxSize.Of(First.Shape, Second.Shape);

    public OnnxSize Size(int axis) => new(First.Shape[axis], Second.Shape[axis]);

    public OnnxPair Input(int i) => new(First.Inputs[i], Second.Inputs[i]);
}

/// <summary>A number, such as the size of an axis, at both batch sizes.</summary>
internal readonly record struct OnnxSize(int First, int Second)
{
    public bool IsFixed => First == Second;

    /// <summary>How many times the batch size this is at both; null when it is no such multiple.</summary>
    public int? Per(OnnxSize batch)
    {
        var factor = First / batch.First;
        return factor > 0 && (long)factor * batch.First == First && (long)factor * batch.Second == Second ? factor : null;
    }

    public static OnnxSize[] Of(ReadOnlySpan<int> first, ReadOnlySpan<int> second)
    {
        var sizes = new OnnxSize[first.Length];
        for (var i = 0; i < sizes.Length; i++) sizes[i] = new(first[i], second[i]);
        return sizes;
    }

    public static OnnxSize[] Of(Shape first, Shape second) => Of(first.Sizes, second.Sizes);
}
