using System.Globalization;

namespace ManagedFed.Nn;

/// <summary>Nodes and constants as they are added, then a ModelProto of those that the outputs need.</summary>
/// <remarks>Source of the field numbers: onnx.proto3 of ONNX, IR version 8, operator set 17.</remarks>
internal sealed class OnnxGraph(OnnxSize batch)
{
    private const int IrVersion = 8, OperatorSet = 17;

    // Constants up to this size are compared with those that are there; axes and factors repeat at every layer.
    private const int ComparedBytes = 64;

    private readonly HashSet<string> names = [];
    private readonly List<Node> nodes = [];
    private readonly List<(string Name, NdArray Array)> initializers = [];
    private readonly Dictionary<(DType, Shape, string), string> small = [];
    private readonly List<ProtoMessage> inputs = [];
    private readonly List<ProtoMessage> outputs = [];
    private readonly HashSet<string> needed = [];

    public OnnxSize Batch { get; } = batch;

    /// <summary>Keeps a name of the user's from being given to another value.</summary>
    public void Reserve(string name, string what)
    {
        if (!names.Add(name)) Throw.Argument("onnx", $"the name '{name}' of {what} is taken by another input, output or parameter; OnnxOptions names inputs and outputs");
    }

    public string Input(string name, OnnxPair value)
    {
        inputs.Add(Value(name, value));
        return name;
    }

    /// <summary>Gives a value out under a name.</summary>
    public void Output(string name, OnnxPair value, string source)
    {
        nodes.Add(new("Identity", [source], name, []));
        needed.Add(name);
        outputs.Add(Value(name, value));
    }

    /// <summary>A constant under a reserved name.</summary>
    public string Initializer(string name, NdArray array)
    {
        initializers.Add((name, array));
        return name;
    }

    /// <summary>A constant under a name of its own.</summary>
    public string Constant(NdArray array)
    {
        if (array.ByteCount > ComparedBytes) return Initializer(Fresh("constant"), array);
        var dense = array.Contiguous();
        var key = (array.DType, array.Shape, Convert.ToHexString(dense.Bytes));
        GC.KeepAlive(dense);
        return small.TryGetValue(key, out var known) ? known : small[key] = Initializer(Fresh("constant"), dense);
    }

    /// <summary>A vector of int64, as shapes and axes are given.</summary>
    public string Vector(params ReadOnlySpan<long> values) => Constant(NdArray.From(values));

    /// <summary>The output of a new node.</summary>
    public string Apply(string op, ReadOnlySpan<string> x, params ReadOnlySpan<ProtoMessage> attributes)
    {
        var output = Fresh(op);
        nodes.Add(new(op, x.ToArray(), output, attributes.ToArray()));
        return output;
    }

    public ProtoMessage ToModel()
    {
        // Consumers come after what they read.
        for (var i = nodes.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(nodes[i].Output)) needed.UnionWith(nodes[i].Inputs);
        }
        var graph = new ProtoMessage();
        foreach (var node in nodes.Where(node => needed.Contains(node.Output))) graph.Add(1, node.ToMessage());
        graph.Add(2, "model");
        foreach (var (name, array) in initializers.Where(entry => needed.Contains(entry.Name))) graph.Add(5, Tensor(name, array));
        foreach (var input in inputs) graph.Add(11, input);
        foreach (var output in outputs) graph.Add(12, output);

        var operators = new ProtoMessage();
        operators.Add(1, "");
        operators.Add(2, OperatorSet);

        var model = new ProtoMessage();
        model.Add(1, IrVersion);
        model.Add(2, "ManagedFed");
        model.Add(7, graph);
        model.Add(8, operators);
        return model;
    }

    private string Fresh(string op)
    {
        for (var i = nodes.Count + initializers.Count; ; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{op}_{i}");
            if (names.Add(name)) return name;
        }
    }

    // TensorProto: dims 1, data_type 2, name 8, raw_data 9.
    private static ProtoMessage Tensor(string name, NdArray array)
    {
        var tensor = new ProtoMessage();
        foreach (var size in array.Shape.Sizes) tensor.Add(1, size);
        tensor.Add(2, array.DType.Code());
        tensor.Add(8, name);
        tensor.Add(9, array);
        return tensor;
    }

    // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1 (elem_type 1, shape 2); TensorShapeProto: dim 1 (dim_value 1, dim_param 2).
    private ProtoMessage Value(string name, OnnxPair pair)
    {
        var (value, type, tensor, shape) = (new ProtoMessage(), new ProtoMessage(), new ProtoMessage(), new ProtoMessage());
        for (var axis = 0; axis < pair.Rank; axis++)
        {
            var (dimension, size) = (new ProtoMessage(), pair.Size(axis));
            if (size.IsFixed) dimension.Add(1, size.First);
            else if (size.Per(Batch) is { } factor) dimension.Add(2, factor == 1 ? "batch" : string.Create(CultureInfo.InvariantCulture, $"{factor}*batch"));
            shape.Add(1, dimension);
        }
        tensor.Add(1, pair.First.DType.Code());
        tensor.Add(2, shape);
        type.Add(1, tensor);
        value.Add(1, name);
        value.Add(2, type);
        return value;
    }

    private sealed record Node(string Operator, string[] Inputs, string Output, ProtoMessage[] Attributes)
    {
        // NodeProto: input 1, output 2, name 3, op_type 4, attribute 5.
        public ProtoMessage ToMessage()
        {
            var node = new ProtoMessage();
            foreach (var input in Inputs) node.Add(1, input);
            node.Add(2, Output);
            node.Add(3, Output);
            node.Add(4, Operator);
            foreach (var attribute in Attributes) node.Add(5, attribute);
            return node;
        }
    }
}
