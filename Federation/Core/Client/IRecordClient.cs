namespace ManagedFed.Federation;

/// <summary>A message to a client over records.</summary>
/// <param name="Action">What stands behind the point of the message's type: <c>foo</c> of <c>train.foo</c>; <c>default</c> when nothing does.</param>
/// <param name="Content">The records.</param>
/// <param name="RunId">The run it belongs to.</param>
/// <param name="GroupId">The sender's own word for messages that belong together.</param>
public sealed record RecordRequest(string Action, RecordDict Content, ulong RunId, string GroupId);

/// <summary>A client over records, what Flower's Message API calls a ClientApp: implement what it can do.</summary>
/// <remarks>
/// Flower's own strategies send <c>arrays</c> and <c>config</c> and expect <c>arrays</c> (of training) and <c>metrics</c> with
/// <c>num-examples</c>; any other records may be agreed with the server's app. Methods are called one at a time.
/// </remarks>
public interface IRecordClient
{
    /// <summary>Trains.</summary>
    ValueTask<RecordDict> TrainAsync(RecordRequest request, CancellationToken cancellation) => throw new NotOverriddenException("train");

    /// <summary>Evaluates.</summary>
    ValueTask<RecordDict> EvaluateAsync(RecordRequest request, CancellationToken cancellation) => throw new NotOverriddenException("evaluate");

    /// <summary>Answers a question.</summary>
    ValueTask<RecordDict> QueryAsync(RecordRequest request, CancellationToken cancellation) => throw new NotOverriddenException("query");
}

/// <summary>Lets a client over lists of arrays take part in apps over records, with the names of Flower's own strategies.</summary>
internal sealed class ArrayRecordClient(ArrayClient client) : IRecordClient
{
    private readonly MetricNames? names = client.RecordNames;

    public async ValueTask<RecordDict> TrainAsync(RecordRequest request, CancellationToken cancellation)
    {
        var arrays = request.Content.Get<ArrayRecord>(MessageApiRecords.Arrays);
        var fit = await client.FitAsync(Arrays(arrays), Config(request.Content), cancellation).ConfigureAwait(false);
        if (fit.Parameters.Count != arrays.Count)
        {
            throw new InvalidOperationException(
                $"[client] training returned {fit.Parameters.Count} arrays for the {arrays.Count} of [{PeerText.Harmless(NameList.Few([.. arrays.Keys]))}]");
        }
        return new(
            (MessageApiRecords.Arrays, new ArrayRecord(arrays.Keys.Zip(fit.Parameters, (name, array) => (name, (RecordArray)array)))),
            (MessageApiRecords.Metrics, Measured(fit.NumExamples, names?.OfTraining(fit.Metrics ?? Metrics.None) ?? fit.Metrics)));
    }

    public async ValueTask<RecordDict> EvaluateAsync(RecordRequest request, CancellationToken cancellation)
    {
        var arrays = request.Content.Get<ArrayRecord>(MessageApiRecords.Arrays);
        var evaluation = await client.EvaluateAsync(Arrays(arrays), Config(request.Content), cancellation).ConfigureAwait(false);
        var metrics = names?.OfEvaluation(evaluation.Metrics ?? Metrics.None) ?? evaluation.Metrics;
        var loss = names is null ? MetricNames.Flower.EvaluateLoss : names.EvaluateLoss;
        return new((MessageApiRecords.Metrics, Measured(evaluation.NumExamples, metrics, loss is null ? [] : [(loss, evaluation.Loss)])));
    }

    public async ValueTask<RecordDict> QueryAsync(RecordRequest request, CancellationToken cancellation)
    {
        if (request.Action == MessageApiRecords.InitialParameters)
        {
            var arrays = await client.GetParametersAsync(Config(request.Content), cancellation).ConfigureAwait(false);
            return new((MessageApiRecords.Arrays, new ArrayRecord(arrays.Select((array, i) => ($"{i}", (RecordArray)array)))));
        }
        var properties = await client.GetPropertiesAsync(Config(request.Content), cancellation).ConfigureAwait(false);
        return new((MessageApiRecords.Config, new ConfigRecord(properties.Select(item => (item.Key, (RecordValue)item.Value)))));
    }

    private static NdArray[] Arrays(ArrayRecord record) => [.. record.Values.Select(array => array.Array)];

    private static OrderedDictionary<string, Scalar> Config(RecordDict content)
    {
        var config = new OrderedDictionary<string, Scalar>(StringComparer.Ordinal);
        if (!content.ContainsKey(MessageApiRecords.Config)) return config;
        foreach (var (key, value) in content.Get<ConfigRecord>(MessageApiRecords.Config)) config.Add(key, value.ToScalar());
        return config;
    }

    /// <summary>The metrics that are numbers or lists of them; a strategy averages them by the number of examples, which text cannot be.</summary>
    private static MetricRecord Measured(
        long examples, IReadOnlyDictionary<string, Scalar>? metrics, params (string Name, RecordValue Value)[] more) => new(
        [(MessageApiRecords.Examples, examples), .. more,
            .. (metrics ?? Metrics.None).Select(item => (Name: item.Key, Value: (RecordValue)item.Value))
                .Where(item => item.Value.IsNumeric && item.Name != MessageApiRecords.Examples && more.All(known => known.Name != item.Name))]);
}
