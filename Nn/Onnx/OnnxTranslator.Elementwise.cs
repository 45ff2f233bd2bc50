using static ManagedFed.Nn.OnnxAttribute;

namespace ManagedFed.Nn;

// Operations of each element by itself.
internal sealed partial class OnnxTranslator
{
    /// <summary>Operations on truth values; null for another.</summary>
    private string? Truth(string[] x, OnnxPair node)
    {
        var isBool = node.First.Inputs[0].DType == DType.Bool;
        return node.Op.Name switch
        {
            "logical_not" => graph.Apply("Not", x),
            "logical_and" => graph.Apply("And", x),
            "logical_or" => graph.Apply("Or", x),
            "logical_xor" => graph.Apply("Xor", x),
            "bitwise_and" when isBool => graph.Apply("And", x),
            "bitwise_or" when isBool => graph.Apply("Or", x),
            "bitwise_xor" when isBool => graph.Apply("Xor", x),
            "isnan" => graph.Apply("IsNaN", x),
            "isinf" => graph.Apply("IsInf", x),
            "isfinite" => graph.Apply("Not", [graph.Apply("Or", [graph.Apply("IsNaN", x), graph.Apply("IsInf", x)])]),
            "equal" => Compare("Equal", x, node),
            "not_equal" => graph.Apply("Not", [Compare("Equal", x, node)]),
            "less" => Compare("Less", x, node),
            "less_equal" => Compare("LessOrEqual", x, node),
            "greater" => Compare("Greater", x, node),
            "greater_equal" => Compare("GreaterOrEqual", x, node),
            _ => null,
        };
    }

    private string Compare(string op, string[] x, OnnxPair node) =>
        Calculate(x, node, y => graph.Apply(op, y), DType.Bool);

    private string Select(string[] x, OnnxPair node) =>
        Calculate(x[1..], node, y => graph.Apply("Where", [x[0], .. y]));

    /// <summary>Operations on numbers.</summary>
    /// <exception cref="ArgumentException">The operation is none of these.</exception>
    private string Number(string[] x, OnnxPair node)
    {
        var dtype = node.DType.Arithmetic();
        return Calculate(x, node, y => node.Op.Name switch
        {
            "add" => graph.Apply("Add", y),
            "subtract" => graph.Apply("Sub", y),
            "multiply" => graph.Apply("Mul", y),
            "divide" => graph.Apply("Div", y),
            "power" => graph.Apply("Pow", y),
            "maximum" => graph.Apply("Max", y),
            "minimum" => graph.Apply("Min", y),
            "floor_divide" => FloorDivide(y, dtype),
            "remainder" => Remainder(y, dtype),
            "logaddexp" => LogAddExp(y, dtype),
            "negative" => graph.Apply("Neg", y),
            "abs" => graph.Apply("Abs", y),
            "sign" => Sign(y, dtype),
            "square" => graph.Apply("Mul", [y[0], y[0]]),
            "sqrt" => graph.Apply("Sqrt", y),
            "rsqrt" => graph.Apply("Reciprocal", [graph.Apply("Sqrt", y)]),
            "reciprocal" => graph.Apply("Reciprocal", y),
            "exp" => graph.Apply("Exp", y),
            "expm1" => Expm1(y, dtype),
            "log" => graph.Apply("Log", y),
            "log1p" => graph.Apply("Log", [graph.Apply("Add", [y[0], Scalar(1, dtype)])]),
            "log2" => graph.Apply("Mul", [graph.Apply("Log", y), Scalar(1 / Math.Log(2), dtype)]),
            "log10" => graph.Apply("Mul", [graph.Apply("Log", y), Scalar(1 / Math.Log(10), dtype)]),
            "sin" => graph.Apply("Sin", y),
            "cos" => graph.Apply("Cos", y),
            "tan" => graph.Apply("Tan", y),
            "arcsin" => graph.Apply("Asin", y),
            "arccos" => graph.Apply("Acos", y),
            "arctan" => graph.Apply("Atan", y),
            "sinh" => graph.Apply("Sinh", y),
            "cosh" => graph.Apply("Cosh", y),
            "tanh" => graph.Apply("Tanh", y),
            "arcsinh" => graph.Apply("Asinh", y),
            "arccosh" => graph.Apply("Acosh", y),
            "arctanh" => graph.Apply("Atanh", y),
            "sigmoid" => graph.Apply("Sigmoid", y),

            // ONNX Runtime has it for float32 alone.
            "erf" => As(graph.Apply("Erf", [As(y[0], dtype, DType.Float32)]), DType.Float32, dtype),
            "relu" => graph.Apply("Max", [y[0], Scalar(0, dtype)]),
            "floor" => graph.Apply("Floor", y),
            "ceil" => graph.Apply("Ceil", y),
            "round" => graph.Apply("Round", y),
            _ => Throw.Argument<string>("onnx", $"{node.Op.Name} has no translation to ONNX; compose it of other operations, or leave it out of the exported function"),
        });
    }

    // e²ᵃ − 1 = tanh(a)·(e²ᵃ + 1): the difference itself would lose the digits of a small x = 2a.
    private string Expm1(string[] x, DType dtype)
    {
        var half = graph.Apply("Tanh", [graph.Apply("Mul", [x[0], Scalar(0.5, dtype)])]);
        return graph.Apply("Mul", [half, graph.Apply("Add", [graph.Apply("Exp", x), Scalar(1, dtype)])]);
    }

    // max + log(1 + e^(min − max)); equal infinities have no difference, and equal numbers one of 0.
    private string LogAddExp(string[] x, DType dtype)
    {
        var difference = graph.Apply("Where", [graph.Apply("Equal", x), Scalar(0, dtype), graph.Apply("Sub", x)]);
        var distance = graph.Apply("Neg", [graph.Apply("Abs", [difference])]);
        var rest = graph.Apply("Log", [graph.Apply("Add", [graph.Apply("Exp", [distance]), Scalar(1, dtype)])]);
        return graph.Apply("Add", [graph.Apply("Max", x), rest]);
    }

    // Of NaN, Sign may give 0.
    private string Sign(string[] x, DType dtype)
    {
        var sign = graph.Apply("Sign", x);
        return dtype.IsFloating() ? graph.Apply("Where", [graph.Apply("IsNaN", x), x[0], sign]) : sign;
    }

    // Mod takes its sign from the divisor for integers, as % does here, and Div rounds towards zero: x − x mod y divides without a rest.
    private string FloorDivide(string[] x, DType dtype)
    {
        if (!dtype.IsFloating()) return graph.Apply("Div", [graph.Apply("Sub", [x[0], Remainder(x, dtype)]), x[1]]);

        // a − fmod(a, b) is a multiple of b; where the rest and b differ in sign the quotient is one less.
        var (rest, turned) = Remains(x, dtype);
        var quotient = graph.Apply("Round", [graph.Apply("Div", [graph.Apply("Sub", [x[0], rest]), x[1]])]);
        var floor = graph.Apply("Where", [turned, graph.Apply("Sub", [quotient, Scalar(1, dtype)]), quotient]);
        return graph.Apply("Where", [graph.Apply("Equal", [x[1], Scalar(0, dtype)]), graph.Apply("Div", x), floor]);
    }

    private string Remainder(string[] x, DType dtype)
    {
        if (!dtype.IsFloating()) return graph.Apply("Mod", x, Int("fmod", 0));
        var (rest, turned) = Remains(x, dtype);
        return graph.Apply("Where", [turned, graph.Apply("Add", [rest, x[1]]), rest]);
    }

    /// <summary>fmod(a, b), with the sign of a, and where it is not zero and has not that of b.</summary>
    private (string Value, string IsTurned) Remains(string[] x, DType dtype)
    {
        var zero = Scalar(0, dtype);
        var rest = graph.Apply("Mod", x, Int("fmod", 1));
        var differs = graph.Apply("Xor", [graph.Apply("Less", [rest, zero]), graph.Apply("Less", [x[1], zero])]);
        return (rest, graph.Apply("And", [differs, graph.Apply("Not", [graph.Apply("Equal", [rest, zero])])]));
    }
}
