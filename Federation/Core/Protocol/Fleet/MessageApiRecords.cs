namespace ManagedFed.Federation;

/// <summary>Between the rounds' instructions and the records of Flower's Message API, by the names and rules of its own strategies.</summary>
/// <remarks>
/// Training is sent <c>arrays</c> and <c>config</c> and answered with one record of arrays and one of metrics, evaluation with one of metrics,
/// whatever these are called; <c>num-examples</c> is the weight. Arrays have the names of the model's schema.
/// </remarks>
internal static class MessageApiRecords
{
    /// <summary>The names of records, and of the two values that strategies use.</summary>
    public const string Arrays = "arrays", Config = "config", Metrics = "metrics", Examples = "num-examples", Round = "server-round";

    /// <summary>The question for a node's own model; Flower has none, but an app may answer it: with one record of arrays.</summary>
    public const string InitialParameters = "initial_parameters";

    public static (string MessageType, RecordDict Content) Encode(Instruction instruction) => instruction switch
    {
        FitInstructions fit => (LegacyRecords.Train, Work(fit.Parameters, fit.Config, fit.Round)),
        EvaluateInstructions evaluate => (LegacyRecords.Evaluate, Work(evaluate.Parameters, evaluate.Config, evaluate.Round)),
        GetParametersInstructions get => ($"{LegacyRecords.Query}.{InitialParameters}", new((Config, Values(get.Config)))),
        GetPropertiesInstructions get => (LegacyRecords.Query, new((Config, Values(get.Config)))),
        _ => throw new ArgumentException($"[fleet] {instruction.GetType().Name} is no message of records"),
    };

    /// <exception cref="FormatException">The records are no answer to the instruction.</exception>
    public static Result DecodeResult(Instruction asked, RecordDict content)
    {
        switch (asked)
        {
            case FitInstructions fit:
                var trained = Single<ArrayRecord>(content);
                var (examples, values) = Measured(Single<MetricRecord>(content));
                return new FitResult(ResultStatus.Success, Model(InOrder(trained, fit.Parameters.NamedRecord)), examples, values);
            case EvaluateInstructions:
                var (count, measured) = Measured(Single<MetricRecord>(content));
                var loss = Loss(measured);
                return new EvaluateResult(ResultStatus.Success, loss ?? float.NaN, count, measured) { HasLoss = loss is not null };
            case GetParametersInstructions:
                var record = Single<ArrayRecord>(content);
                var model = Model(record);
                return new GetParametersResult(
                    ResultStatus.Success, new Parameters(model.Arrays) { Schema = ParameterSchema.Guess(model.Arrays, [.. record.Keys]) });
            default:
                return new GetPropertiesResult(ResultStatus.Success, Single<ConfigRecord>(content).ToDictionary(item => item.Key, item => item.Value.ToScalar()));
        }
    }

    /// <summary>The record of a model with its arrays' names; <see cref="Parameters.NamedRecord"/> keeps it.</summary>
    public static ArrayRecord ToRecord(Parameters parameters)
    {
        var schema = parameters.Schema is { } known && known.Count <= parameters.Count && known.All(array => array.Name is not null) ? known : null;
        return new(parameters.Arrays.Select((array, i) => (i < schema?.Count ? schema[i].Name! : $"{i}", (RecordArray)array)));
    }

    private static RecordDict Work(Parameters parameters, IReadOnlyDictionary<string, Scalar> config, int? round)
    {
        var values = config.Select(item => (item.Key, (RecordValue)item.Value));
        if (round is { } number && !config.ContainsKey(Round)) values = values.Append((Round, number));
        return new((Arrays, parameters.NamedRecord), (Config, new ConfigRecord(values)));
    }

    private static ConfigRecord Values(IReadOnlyDictionary<string, Scalar> config) => new(config.Select(item => (item.Key, (RecordValue)item.Value)));

    /// <summary>The only record of a type, whatever its name.</summary>
    private static T Single<T>(RecordDict content) where T : class, IRecord
    {
        var found = content.Values.OfType<T>().ToArray();
        return found.Length == 1 ? found[0] : throw new FormatException(
            $"[fleet] the reply has {found.Length} of {typeof(T).Name} among [{PeerText.Harmless(string.Join(", ", content.Keys))}], expected 1");
    }

    /// <summary>The arrays in the order in which they were sent; what was not sent follows in its own.</summary>
    private static ArrayRecord InOrder(ArrayRecord reply, ArrayRecord sent)
    {
        if (reply.Keys.Take(sent.Count).SequenceEqual(sent.Keys)) return reply;
        if (sent.Keys.FirstOrDefault(name => !reply.ContainsKey(name)) is { } missing)
        {
            throw new FormatException(
                $"[fleet] the reply has no array '{PeerText.Harmless(missing)}', only [{PeerText.Harmless(NameList.Few([.. reply.Keys]))}]; expected the names that were sent");
        }
        return new(sent.Keys.Select(name => (name, reply[name])).Concat(reply.Where(item => !sent.ContainsKey(item.Key)).Select(item => (item.Key, item.Value))));
    }

    private static Parameters Model(ArrayRecord record)
    {
        if (record.FirstOrDefault(item => !item.Value.HasArray) is { Key: { } opaque, Value: { } value })
        {
            throw new FormatException($"[fleet] array '{PeerText.Harmless(opaque)}' is of type '{PeerText.Harmless(value.SType)}', expected {Parameters.NumpyType}");
        }
        return new(record.Values.Select(array => array.Array).ToArray());
    }

    /// <summary>The weight and all other metrics.</summary>
    private static (long Examples, Dictionary<string, Scalar> Values) Measured(MetricRecord record)
    {
        if (!record.TryGetValue(Examples, out var examples) || examples.IsList)
        {
            throw new FormatException($"[fleet] the metrics [{PeerText.Harmless(NameList.Few([.. record.Keys]))}] have no single number '{Examples}'");
        }
        return (LegacyRecords.Whole(Examples, examples.Scalar),
            record.Where(item => item.Key != Examples).ToDictionary(item => item.Key, item => item.Value.ToScalar(), StringComparer.Ordinal));
    }

    /// <summary>The loss by the name of Flower's quickstarts, or by ours; an app need not report one.</summary>
    private static float? Loss(Dictionary<string, Scalar> metrics) =>
        (metrics.TryGetValue(MetricNames.Flower.EvaluateLoss!, out var loss) || metrics.TryGetValue(MetricNames.Plain.EvaluateLoss!, out loss)) && loss.IsNumber
            ? (float)loss.AsDouble() : null;
}
