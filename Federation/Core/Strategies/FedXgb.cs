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

    private XgbModel(JsonNode root) => this.root = root;

    private JsonNode Model => root["learner"]!["gradient_booster"]!["model"]!;

    private JsonArray Trees => Model["trees"]!.AsArray();

    public static Refusal? Check(Parameters parameters)
    {
        if (parameters.HasArrays || parameters.Count != 1) return NotOnePayload(parameters);
        try
        {
            var model = Parse(parameters.Payloads[0]);
            return model.IsWhole() ? null : new(FailureReason.Malformed, "the model lists other trees than it holds");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException or FormatException)
        {
            return new(FailureReason.Malformed, "the model is not XGBoost's JSON with learner.gradient_booster.model.trees; save it with raw_format=\"json\"");
        }
    }

    public static Refusal NotOnePayload(Parameters parameters) =>
        new(FailureReason.TensorCount, $"{parameters.Count} tensors of type '{parameters.TensorType}', expected one payload of type ''");

    public static XgbModel Parse(ReadOnlyMemory<byte> json) => new(JsonNode.Parse(json.Span) ?? throw new JsonException("null"));

    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream)) root.WriteTo(writer);
        return stream.ToArray();
    }

    /// <summary>Takes over another model's trees, numbered on from here, with their groups and their rounds' bounds.</summary>
    public void Append(XgbModel other)
    {
        var first = Trees.Count;
        foreach (var (tree, info) in other.Trees.Zip(other.Model["tree_info"]!.AsArray()))
        {
            var copy = tree!.DeepClone();
            copy["id"] = Trees.Count;
            Trees.Add(copy);
            Model["tree_info"]!.AsArray().Add(info!.DeepClone());
        }
        if (Model["iteration_indptr"] is JsonArray bounds)
        {
            foreach (var bound in other.Bounds().Skip(1)) bounds.Add((JsonNode)(first + bound));
        }
        Model["gbtree_model_param"]!["num_trees"] = Trees.Count.ToString(CultureInfo.InvariantCulture);
    }

    private IEnumerable<int> Bounds() => Model["iteration_indptr"] is JsonArray bounds
        ? bounds.Select(bound => bound!.GetValue<int>())
        : [0, Trees.Count];

    private bool IsWhole() =>
        int.Parse(Model["gbtree_model_param"]!["num_trees"]!.GetValue<string>(), CultureInfo.InvariantCulture) == Trees.Count
        && Model["tree_info"]!.AsArray().Count == Trees.Count && Trees.All(tree => tree is JsonObject) && Bounds().Last() == Trees.Count;
}
