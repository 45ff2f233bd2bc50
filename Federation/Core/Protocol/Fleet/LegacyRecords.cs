using Google.Protobuf;

namespace ManagedFed.Federation;

/// <summary>Between the bidirectional stream's messages and the records in which Flower's older interface sends them over Fleet.</summary>
internal static class LegacyRecords
{
    /// <summary>The types of messages; the last two carry <c>.action</c> in the newer interface.</summary>
    public const string GetProperties = "get_properties", GetParameters = "get_parameters", Train = "train", Evaluate = "evaluate", Query = "query";

    // An array record has no place for a type without a tensor.
    private const string Empty = "_empty";

    /// <summary>True when the content is the older interface's result, whatever was asked.</summary>
    public static bool IsResult(RecordDict content) => content.Keys.Any(name => name.EndsWith("res.status", StringComparison.Ordinal));

    /// <summary>True when the content is the older interface's instruction of its message type.</summary>
    public static bool IsInstruction(string messageType, RecordDict content) => messageType switch
    {
        GetProperties or GetParameters => true,
        Train => content.ContainsKey("fitins.parameters"),
        Evaluate => content.ContainsKey("evaluateins.parameters"),
        _ => false,
    };

    public static (string MessageType, RecordDict Content) Encode(Instruction instruction) => instruction switch
    {
        GetPropertiesInstructions get => (GetProperties, new RecordDict(("getpropertiesins.config", Config(get.Config)))),
        GetParametersInstructions get => (GetParameters, new RecordDict(("getparametersins.config", Config(get.Config)))),
        FitInstructions fit => (Train, new RecordDict(
            ("fitins.parameters", fit.Parameters.Record), ("fitins.config", Config(fit.Config)))),
        EvaluateInstructions evaluate => (Evaluate, new RecordDict(
            ("evaluateins.parameters", evaluate.Parameters.Record), ("evaluateins.config", Config(evaluate.Config)))),
        _ => throw new ArgumentException($"[fleet] {instruction.GetType().Name} is no message of records"),
    };

    /// <exception cref="FormatException">The records are not those of an instruction of this type.</exception>
    public static Instruction DecodeInstruction(string messageType, RecordDict content) => messageType switch
    {
        GetProperties => new GetPropertiesInstructions(Values(content, "getpropertiesins.config")),
        GetParameters => new GetParametersInstructions(Values(content, "getparametersins.config")),
        Train => new FitInstructions(Model(content, "fitins.parameters"), Values(content, "fitins.config")),
        Evaluate => new EvaluateInstructions(Model(content, "evaluateins.parameters"), Values(content, "evaluateins.config")),
        _ => throw UnknownType(messageType),
    };

    public static RecordDict Encode(Result result) => result switch
    {
        GetPropertiesResult get => new(
            ("getpropertiesres.properties", Config(get.Properties)), ("getpropertiesres.status", StatusOf(get))),
        GetParametersResult get => new(
            ("getparametersres.parameters", get.Parameters.Record), ("getparametersres.status", StatusOf(get))),
        FitResult fit => new(
            ("fitres.metrics", Config(fit.Metrics)), ("fitres.num_examples", new MetricRecord(("num_examples", fit.NumExamples))),
            ("fitres.parameters", fit.Parameters.Record), ("fitres.status", StatusOf(fit))),
        EvaluateResult evaluate => new(
            ("evaluateres.loss", new MetricRecord(("loss", (double)evaluate.Loss))),
            ("evaluateres.num_examples", new MetricRecord(("num_examples", evaluate.NumExamples))),
            ("evaluateres.metrics", Config(evaluate.Metrics)), ("evaluateres.status", StatusOf(evaluate))),
        _ => throw new ArgumentException($"[fleet] {result.GetType().Name} is no message of records"),
    };

    /// <exception cref="FormatException">The records are not those of a result of this type.</exception>
    public static Result DecodeResult(string messageType, RecordDict content) => messageType switch
    {
        GetProperties => new GetPropertiesResult(Status(content, "getpropertiesres.status"), Values(content, "getpropertiesres.properties")),
        GetParameters => new GetParametersResult(Status(content, "getparametersres.status"), Model(content, "getparametersres.parameters")),
        Train => new FitResult(
            Status(content, "fitres.status"), Model(content, "fitres.parameters"),
            Whole("num_examples", Number(content, "fitres.num_examples", "num_examples")), Values(content, "fitres.metrics")),
        Evaluate => new EvaluateResult(
            Status(content, "evaluateres.status"), (float)Number(content, "evaluateres.loss", "loss").AsDouble(),
            Whole("num_examples", Number(content, "evaluateres.num_examples", "num_examples")), Values(content, "evaluateres.metrics")),
        _ => throw UnknownType(messageType),
    };

    /// <summary>The record of a model; <see cref="Parameters.Record"/> keeps it.</summary>
    public static ArrayRecord ToRecord(Parameters parameters)
    {
        if (parameters.Count == 0) return new((Empty, new RecordArray(ByteString.Empty, parameters.TensorType, "", [])));
        return new(Enumerable.Range(0, parameters.Count).Select(i => ($"{i}", parameters.HasArrays
            ? new RecordArray(parameters.Arrays[i], "", []) : new RecordArray(parameters.Tensors[i], parameters.TensorType, "", []))));
    }

    private static Parameters Model(RecordDict content, string name)
    {
        var record = Get<ArrayRecord>(content, name);
        if (record.Count == 0) return Parameters.Empty;
        var types = record.Values.Select(array => array.SType).Distinct().ToArray();
        if (types.Length > 1) throw new FormatException($"[fleet] '{name}' mixes tensors of the types [{string.Join(", ", types)}]");
        if (record.TryGetValue(Empty, out var none) && record.Count == 1 && !none.HasArray)
        {
            return types[0] == Parameters.NumpyType ? Parameters.Empty : new(types[0], []);
        }
        if (types[0] != Parameters.NumpyType) return new(types[0], [.. record.Values.Select(array => array.Opaque)]);
        if (record.FirstOrDefault(item => !item.Value.HasArray) is { Key: { } bare })
        {
            throw new FormatException($"[fleet] array '{bare}' of '{name}' has no data");
        }
        return new(record.Values.Select(array => array.Array).ToArray());
    }

    private static ConfigRecord Config(IReadOnlyDictionary<string, Scalar> values) =>
        new(values.Select(item => (item.Key, (RecordValue)item.Value.Single(item.Key))));

    private static ConfigRecord StatusOf(Result result) =>
        new(("code", (long)result.Status.Code), ("message", result.Status.Message));

    private static ResultStatus Status(RecordDict content, string name)
    {
        var record = Get<ConfigRecord>(content, name);
        if (!(record.TryGetValue("code", out var code) && code is { IsList: false, IsNumeric: true }
            && record.TryGetValue("message", out var text) && text is { IsList: false, Kind: ScalarKind.String }))
        {
            throw new FormatException($"[fleet] '{name}' is no status: it needs an integer 'code' and a text 'message'");
        }
        var number = Whole("code", code.Scalar);
        return number is >= 0 and <= int.MaxValue ? new((ResultCode)number, text.Scalar.AsString())
            : throw new FormatException($"[fleet] the code of '{name}' is {number}, expected 0 to {int.MaxValue}");
    }

    private static OrderedDictionary<string, Scalar> Values(RecordDict content, string name)
    {
        var values = new OrderedDictionary<string, Scalar>(StringComparer.Ordinal);
        foreach (var (key, value) in Get<ConfigRecord>(content, name))
        {
            if (value.IsList) throw new FormatException($"[fleet] '{key}' of '{name}' is a list of {value.Kind}, expected a single value");
            values.Add(key, value.Scalar);
        }
        return values;
    }

    private static Scalar Number(RecordDict content, string name, string key) =>
        Get<MetricRecord>(content, name).TryGetValue(key, out var value) && !value.IsList ? value.Scalar
            : throw new FormatException($"[fleet] '{name}' has no single number '{key}'");

    /// <summary>A number that counts: an integer of 64 bits, also where it is written as a float or unsigned.</summary>
    public static long Whole(string key, Scalar value) => value.Kind switch
    {
        ScalarKind.Int64 => value.AsInt64(),
        ScalarKind.UInt64 when value.AsUInt64() <= long.MaxValue => (long)value.AsUInt64(),
        // 2⁶³ itself is a double and no long.
        ScalarKind.Double when Math.Truncate(value.AsDouble()) == value.AsDouble() && Math.Abs(value.AsDouble()) < 9223372036854775808.0 => (long)value.AsDouble(),
        _ => throw new FormatException($"[fleet] '{key}' is {value.Kind} {value}, expected a whole number of 64 bits"),
    };

    private static T Get<T>(RecordDict content, string name) where T : class, IRecord =>
        content.TryGetValue(name, out var record) && record is T wanted ? wanted
            : throw new FormatException($"[fleet] there is no {typeof(T).Name} '{name}' among [{string.Join(", ", content.Keys)}]");

    private static FormatException UnknownType(string messageType) =>
        new($"[fleet] message type '{messageType}' is unknown to Flower's older interface");
}
