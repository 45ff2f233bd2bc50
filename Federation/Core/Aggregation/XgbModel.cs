using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ManagedFed.Federation;

/// <summary>A gradient-boosted model in XGBoost's JSON format, of which the trees and the counts that they must agree in are known here.</summary>
internal sealed class XgbModel
{
    /// <summary>XGBoost's own files nest to about ten.</summary>
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 32 };

    /// <summary>What all clients' models must agree in.</summary>
    private static readonly string[] Shared = ["num_feature", "num_class", "num_target"];

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
        int[] ends = [.. Bounds()];
        var isWhole = counts["num_trees"]?.GetValue<string>() == Written(trees.Count) && groups.Count == trees.Count
            && groups.All(group => group is JsonValue && group.GetValue<int>() >= 0)
            && ends[0] == 0 && ends[^1] == trees.Count && ends.Zip(ends.Skip(1)).All(pair => pair.First <= pair.Second);
        if (!isWhole) throw new FormatException("the model lists other trees than it holds");
        for (var i = 0; i < trees.Count; i++) CheckTree(i, Part<JsonObject>(trees[i]), Count("num_feature") is > 0 and var features ? features : null);
    }

    public static Refusal NotOnePayload(Parameters parameters) =>
        new(FailureReason.TensorCount, $"{parameters.Count} tensors of type '{PeerText.Harmless(parameters.TensorType)}', expected one payload of type ''");

    /// <exception cref="FormatException">The bytes are no such model.</exception>
    public static XgbModel Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            // A document is read whole here and now: nodes find doubled keys and broken text only when they are used.
            using var document = JsonDocument.Parse(json, Strict);
            Visit(document.RootElement);
            return new(JsonNode.Parse(json.Span) ?? throw Unknown(null));
        }
        // A value where an object should be makes the parser's nodes throw the second, a number beyond int the others.
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException or OverflowException)
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

    /// <summary>Why another model's trees cannot be appended to this one's; null when they can.</summary>
    public string? Problem(XgbModel other)
    {
        foreach (var name in Shared)
        {
            if (Count(name) is { } here && other.Count(name) is { } there && here != there) return $"{name} is {there}, expected {here} as in the model";
        }
        return bounds is not null && other.bounds is null ? "iteration_indptr is missing, which the model has" : null;
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

    /// <summary>Reads all text, which throws on a surrogate without its other half.</summary>
    private static void Visit(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    _ = property.Name;
                    Visit(property.Value);
                }
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray()) Visit(item);
                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
            case JsonValueKind.Number:
                if (!element.TryGetDouble(out var number) || !double.IsFinite(number)) throw new FormatException("the model holds a number beyond range");
                break;
            default:
                break;
        }
    }

    /// <summary>What a tree says of itself must agree: as many entries as nodes, children inside the tree, features that there are.</summary>
    private static void CheckTree(int index, JsonObject tree, long? features)
    {
        if (tree["tree_param"] is not JsonObject parameters) return;
        var nodes = Number(parameters, "num_nodes");
        if (Number(parameters, "num_feature") is { } own && features is not null && own != features)
        {
            throw new FormatException($"tree {index} has {own} features, expected {features}");
        }
        foreach (var name in new[] { "left_children", "right_children", "split_indices", "split_conditions" })
        {
            if (tree[name] is JsonArray entries && nodes is not null && entries.Count != nodes)
            {
                throw new FormatException($"tree {index} has {entries.Count} {name}, expected {nodes}");
            }
        }
        if (tree["left_children"] is not JsonArray left || tree["right_children"] is not JsonArray right || tree["split_indices"] is not JsonArray splits) return;
        for (var i = 0; i < Math.Min(left.Count, Math.Min(right.Count, splits.Count)); i++)
        {
            // A node without a left child is a leaf, or was pruned: its other numbers mean nothing.
            if (Entry(left, i) == -1) continue;
            Within(index, "left_children", Entry(left, i), left.Count);
            Within(index, "right_children", Entry(right, i), left.Count);
            Within(index, "split_indices", Entry(splits, i), features ?? long.MaxValue);
        }

        static long Entry(JsonArray entries, int i) => entries[i]?.GetValue<long>() ?? long.MinValue;
    }

    private static void Within(int tree, string name, long value, long end)
    {
        if (value < 0 || value >= end) throw new FormatException($"tree {tree} has {name} {value}, expected 0 to {end - 1}");
    }

    private long? Count(string name) => root["learner"]?["learner_model_param"] is JsonObject parameters ? Number(parameters, name) : null;

    /// <summary>A count, which XGBoost writes as text.</summary>
    private static long? Number(JsonObject parameters, string name) =>
        parameters[name] is JsonValue value && value.TryGetValue<string>(out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : null;

    private IEnumerable<int> Bounds() => bounds is null ? [0, trees.Count] : bounds.Select(bound => bound?.GetValue<int>() ?? -1).DefaultIfEmpty(-1);

    private static string Written(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static T Part<T>(JsonNode? node) where T : JsonNode => node as T ?? throw Unknown(null);

    private static FormatException Unknown(Exception? inner) =>
        new("the model is not XGBoost's JSON with learner.gradient_booster.model.trees; save it with raw_format=\"json\"", inner);
}
