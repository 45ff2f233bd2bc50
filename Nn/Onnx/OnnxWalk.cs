using ManagedFed.Graph;
using ManagedFed.Ops;

namespace ManagedFed.Nn;

/// <summary>Goes through both recordings in step, inputs before consumers, and gives each value a name in the graph.</summary>
internal sealed class OnnxWalk
{
    private readonly OnnxGraph graph;
    private readonly OnnxTranslator translator;
    private readonly Dictionary<Tensor, string> parameters = [];
    private readonly Dictionary<OnnxPair, string> names = [];

    // What is the same in both recordings and depends on no input or parameter; named when it is used.
    private readonly HashSet<OnnxPair> constants = [];

    public OnnxWalk(OnnxGraph graph, IEnumerable<KeyValuePair<string, Parameter>> parameters)
    {
        this.graph = graph;
        translator = new(graph, Name);
        foreach (var (name, parameter) in parameters) this.parameters.TryAdd(parameter.Value, name);
    }

    public void Input(string name, OnnxPair input)
    {
        names[input] = graph.Input(name, input);
        if (input.Rank > 0 && !input.Size(0).IsFixed) translator.BatchInput ??= name;
    }

    public void Output(string name, OnnxPair output)
    {
        Visit(output);
        graph.Output(name, output, Name(output));
    }

    private string Name(OnnxPair pair) =>
        names.TryGetValue(pair, out var name) ? name : names[pair] = graph.Constant(pair.First.ToNdArray());

    private void Visit(OnnxPair output)
    {
        var stack = new Stack<(OnnxPair Pair, int Next)>();
        Push(output);
        while (stack.TryPop(out var frame))
        {
            var (pair, next) = frame;
            if (next == Read(pair.Op, pair.First.Inputs.Length))
            {
                Finish(pair);
                continue;
            }
            stack.Push((pair, next + 1));
            Push(pair.Input(next));
        }

        void Push(OnnxPair pair)
        {
            if (names.ContainsKey(pair) || constants.Contains(pair) || Leaf(pair)) return;
            stack.Push((pair, 0));
        }
    }

    /// <summary>How many inputs the value depends on; the first of some is the value, and the others matter to derivatives alone.</summary>
    private static int Read(Op op, int inputs) => op is Depends or CustomOp ? 1 : inputs;

    /// <summary>Names what is no operation of the recordings.</summary>
    private bool Leaf(OnnxPair pair)
    {
        var (first, second) = pair;
        if (ReferenceEquals(first, second))
        {
            if (parameters.TryGetValue(first, out var name)) names[pair] = graph.Initializer(name, first.ToNdArray());
            else constants.Add(pair);
            return true;
        }
        if (IsKnown(first) && IsKnown(second))
        {
            if (Same(first, second)) constants.Add(pair);
            else names[pair] = translator.Multiple(pair);
            return true;
        }
        if (first.Op?.Name != second.Op?.Name || first.Inputs.Length != second.Inputs.Length || first.Rank != second.Rank) throw Differs(pair);
        return false;
    }

    private void Finish(OnnxPair pair)
    {
        var inputs = Enumerable.Range(0, Read(pair.Op, pair.First.Inputs.Length)).Select(pair.Input).ToArray();
        var same = pair.Op.Equals(pair.Second.Op);
        if (same && pair.Op is not RandomBits && Array.TrueForAll(inputs, constants.Contains))
        {
            constants.Add(pair);
            return;
        }
        if (!same && pair.Op is not (Reshape or Broadcast or SliceOp or CustomOp)) throw Differs(pair);
        if (pair.First.Count == 0) Throw.Argument("onnx", $"{pair.Op.Name} gives an empty tensor of shape {pair.First.Shape}, which runtimes read differently; leave it out");
        names[pair] = translator.Translate(pair, Array.ConvertAll(inputs, Name));
    }

    private static bool IsKnown(Tensor tensor) => tensor.Op is null || tensor.Data is not null;

    private static bool Same(Tensor first, Tensor second)
    {
        if (first.Shape != second.Shape || first.DType != second.DType) return false;
        var (a, b) = (first.ToNdArray().Contiguous(), second.ToNdArray().Contiguous());
        var same = a.Bytes.SequenceEqual(b.Bytes);
        GC.KeepAlive(a);
        GC.KeepAlive(b);
        return same;
    }

    private InvalidOperationException Differs(OnnxPair pair)
    {
        return new($"[onnx] {Describe(pair.First)} at batch size {graph.Batch.First} is {Describe(pair.Second)} at {graph.Batch.Second}; compute the same at every size, or export with DynamicBatch = false");

        static string Describe(Tensor tensor) => $"{tensor.Op?.Name ?? "a constant"}{(tensor.Op?.Parameters is { Length: > 0 } parameters ? $"[{parameters}]" : "")} of shape {tensor.Shape}";
    }
}
