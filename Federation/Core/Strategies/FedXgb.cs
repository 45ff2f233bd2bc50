using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ManagedFed.Federation;

/// <summary>
/// Bagging of XGBoost models: the trees that each client grew are appended to the global model's. Models are XGBoost's JSON, one
/// payload of tensor type <c>""</c>, and are not evaluated here.
/// </summary>
/// <remarks>A client's answer holds only the trees it grew this round. With no model yet, the first answer becomes the model.</remarks>
public sealed class FedXgbBagging : Strategy
{
    /// <summary>A strategy that starts from no trees.</summary>
    public FedXgbBagging() => InitialParameters = Parameters.Opaque("");

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient) ?? XgbModel.Check(result.Parameters);
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new Cohort(state, (_, results) =>
        {
            var model = state.Parameters.Count == 0 ? null : XgbModel.Parse(state.Parameters.Payloads[0]);
            foreach (var result in results)
            {
                var grown = XgbModel.Parse(result.Parameters.Payloads[0]);
                if (model is null) model = grown;
                else model.Append(grown);
            }
            return Parameters.Opaque("", model!.ToBytes());
        });
    }
}

/// <summary>XGBoost passed from client to client: each round one client, in turn, trains on, and its model is the next.</summary>
/// <remarks>The model is one payload of tensor type <c>""</c> in any of XGBoost's formats.</remarks>
public sealed class FedXgbCyclic : Strategy
{
    /// <summary>A strategy that starts from no trees.</summary>
    public FedXgbCyclic() => InitialParameters = Parameters.Opaque("");

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<FitInstructions>> ConfigureFit(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return [new(InTurn(state), new FitInstructions(state.Parameters, FitConfig(state.Round)))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ClientTask<EvaluateInstructions>> ConfigureEvaluate(RoundState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return [new(InTurn(state), new EvaluateInstructions(state.Parameters, OnEvaluateConfig?.Invoke(state.Round) ?? Metrics.None))];
    }

    /// <inheritdoc/>
    public override Refusal? Check(RoundState state, FitResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        return UpdateCheck.Examples(result.NumExamples, MaxExamplesPerClient)
            ?? (result.Parameters is { HasArrays: false, Count: 1 } ? null : XgbModel.NotOnePayload(result.Parameters));
    }

    /// <inheritdoc/>
    public override FitAggregation AggregateFit(RoundState state) => new Cohort(state, static (_, results) => results[0].Parameters);

    private static ClientInfo InTurn(RoundState state) => state.Clients[(state.Round - 1) % state.Clients.Count];
}

/// <summary>A gradient-boosted model in XGBoost's JSON format, of which only the list of trees is known here.</summary>
internal sealed class XgbModel
{
    private readonly JsonNode root;
    private readonly JsonObject counts;
    private readonly JsonArray trees, groups;
    private readonly JsonArray? bounds;

    private XgbModel(JsonNode root)
    {
        this.root = root;
        var model = root["learner"]?["gradient_booster"]?["model"];
        counts = Part<JsonObject>(model?["gbtree_model_param"]);
        (trees, groups, bounds) = (Part<JsonArray>(model?["trees"]), Part<JsonArray>(model?["tree_info"]), model?["iteration_indptr"] as JsonArray);
        var isWhole = counts["num_trees"]?.GetValue<string>() == Written(trees.Count) && groups.Count == trees.Count && groups.All(group => group is not null)
            && trees.All(tree => tree is JsonObject) && Bounds().LastOrDefault(-1) == trees.Count;
        if (!isWhole) throw new FormatException("the model lists other trees than it holds");
    }

    public static Refusal? Check(Parameters parameters)
    {
        if (parameters.HasArrays || parameters.Count != 1) return NotOnePayload(parameters);
        try
        {
            Parse(parameters.Payloads[0]);
            return null;
        }
        catch (FormatException error)
        {
            return new(FailureReason.Malformed, error.Message);
        }
    }

    public static Refusal NotOnePayload(Parameters parameters) =>
        new(FailureReason.TensorCount, $"{parameters.Count} tensors of type '{parameters.TensorType}', expected one payload of type ''");

    /// <exception cref="FormatException">The bytes are no such model.</exception>
    public static XgbModel Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return new(JsonNode.Parse(json.Span) ?? throw Unknown(null));
        }
        // A value where an object should be makes the parser's nodes throw the second.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Unknown(error);
        }
    }

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream)) root.WriteTo(writer);
        return stream.ToArray();
    }

    /// <summary>Takes over another model's trees, numbered on from here, with their groups and their rounds' bounds.</summary>
    public void Append(XgbModel other)
    {
        var first = trees.Count;
        foreach (var (tree, group) in other.trees.Zip(other.groups))
        {
            var copy = tree!.DeepClone();
            copy["id"] = trees.Count;
            trees.Add(copy);
            groups.Add(group!.DeepClone());
        }
        foreach (var bound in bounds is null ? [] : other.Bounds().Skip(1)) bounds!.Add((JsonNode)(first + bound));
        counts["num_trees"] = Written(trees.Count);
    }

    private IEnumerable<int> Bounds() => bounds is null ? [0, trees.Count] : bounds.Select(bound => bound?.GetValue<int>() ?? -1);

    private static string Written(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static T Part<T>(JsonNode? node) where T : JsonNode => node as T ?? throw Unknown(null);

    private static FormatException Unknown(Exception? inner) =>
        new("the model is not XGBoost's JSON with learner.gradient_booster.model.trees; save it with raw_format=\"json\"", inner);
}
