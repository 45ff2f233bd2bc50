using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Whatever a client sends as XGBoost's JSON is refused in the check, or aggregated: nothing throws later.</summary>
public sealed class FedXgbTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, string> Hostile => new()
    {
        { "doubled key", Trees(3).Replace("\"trees\"", "\"trees\":[],\"trees\"") },
        { "doubled key inside a tree", Trees(3).Replace("\"id\":0", "\"id\":0,\"id\":1") },
        { "lone surrogate", Trees(3).Replace("\"name\":\"t\"", "\"name\":\"\\ud800\"") },
        { "lone surrogate in a key", Trees(3).Replace("\"name\":\"t\"", "\"\\udc00\":\"t\"") },
        { "deep nesting", Trees(3).Replace("\"name\":\"t\"", $"\"name\":{new string('[', 10_000)}{new string(']', 10_000)}") },
        { "nesting of sixty", Trees(3).Replace("\"name\":\"t\"", $"\"name\":{new string('[', 60)}{new string(']', 60)}") },
        { "huge number", Trees(3).Replace("\"iteration_indptr\":[0,1]", "\"iteration_indptr\":[0,1e999]") },
        { "number beyond int", Trees(3).Replace("\"iteration_indptr\":[0,1]", "\"iteration_indptr\":[0,99999999999]") },
        { "bounds that fall", Trees(3).Replace("\"iteration_indptr\":[0,1]", "\"iteration_indptr\":[0,5,1]") },
        { "no bounds", Trees(3).Replace("\"iteration_indptr\":[0,1]", "\"iteration_indptr\":[]") },
        { "bounds missing", Trees(3).Replace("\"iteration_indptr\":[0,1],", "") },
        { "group that is an object", Trees(3).Replace("\"tree_info\":[0]", "\"tree_info\":[{}]") },
        { "group below zero", Trees(3).Replace("\"tree_info\":[0]", "\"tree_info\":[-1]") },
        { "tree that is null", Trees(3).Replace("\"trees\":[{", "\"trees\":[null,{").Replace("\"num_trees\":\"1\"", "\"num_trees\":\"2\"") },
        { "trees that are an object", Trees(3).Replace("\"trees\":[", "\"trees\":{\"a\":[").Replace("]}}}", "]}}}}") },
        { "count that is a number", Trees(3).Replace("\"num_trees\":\"1\"", "\"num_trees\":1") },
        { "array", "[1,2,3]" },
        { "text", "\"learner\"" },
        { "number", "1" },
        { "nothing", "" },
        { "white space", "   " },
        { "another number of features", Trees(4) },
        { "another number of features in a tree", Trees(3).Replace("\"tree_param\":{\"num_feature\":\"3\"", "\"tree_param\":{\"num_feature\":\"4\"") },
        { "split by a feature that is not there", Trees(3).Replace("\"split_indices\":[2,0,0]", "\"split_indices\":[3,0,0]") },
        { "child that is not there", Trees(3).Replace("\"left_children\":[1,-1,-1]", "\"left_children\":[7,-1,-1]") },
        { "fewer entries than nodes", Trees(3).Replace("\"left_children\":[1,-1,-1]", "\"left_children\":[1,-1]") },
        { "not UTF-8", "\u0001" },
    };

    [Theory, MemberData(nameof(Hostile))]
    public void Check_OfHostileTrees_RefusesThem(string what, string json)
    {
        var refusal = new FedXgbBagging().Check(new(2, Parameters.Opaque("", Encoding.UTF8.GetBytes(Trees(3))), [], default), Result(json));
        Assert.Equal($"{what}: {FailureReason.Malformed}", $"{what}: {refusal?.Reason}");
        Assert.InRange(refusal!.Message.Length, 1, 300);
    }

    [Fact]
    public void Check_OfPrunedNodes_LetsThemIn()
    {
        // XGBoost writes 2³¹ − 1 as the feature of a node that it has pruned, which is a leaf.
        var json = Trees(3).Replace("\"split_indices\":[2,0,0]", "\"split_indices\":[2,2147483647,0]");
        Assert.Null(new FedXgbBagging().Check(new(2, Parameters.Opaque("", Encoding.UTF8.GetBytes(Trees(3))), [], default), Result(json)));
    }

    [Fact]
    public async Task Run_WithHostileClients_GoesOnWithTheHonest()
    {
        var log = new LogRecorder();
        var registry = new ClientRegistry(log);
        var place = 0;
        foreach (var json in Hostile.Select(row => row.Data.Item2).Append(Trees(3)).Append(Trees(3)))
        {
            registry.Join(new AnsweringConnection($"{place++}", _ => Result(json)));
        }
        var history = await new RoundLoop(new(3), new FedXgbBagging { FractionEvaluate = 0 }, registry, new(), log).RunAsync(Token).Bounded();
        var model = JsonNode.Parse(history.FinalParameters.Payloads[0].Span)!["learner"]!["gradient_booster"]!["model"]!;
        // With no model yet, that of four features, or that without bounds, may be the first.
        Assert.InRange(model["trees"]!.AsArray().Count, 1, 12);
        Assert.Equal(model["trees"]!.AsArray().Count.ToString(), model["gbtree_model_param"]!["num_trees"]!.GetValue<string>());
        Assert.True(history.FitFailures.Count >= 3 * (Hostile.Count - 2));
    }

    private static FitResult Result(string json) =>
        new(ResultStatus.Success, Parameters.Opaque("", Encoding.UTF8.GetBytes(json)), 1, TestKit.NoValues);

    /// <summary>One tree of three nodes over so many features, with the names that XGBoost writes.</summary>
    private static string Trees(int features) => $$"""
        {"learner":{"learner_model_param":{"num_feature":"{{features}}"},"gradient_booster":{"model":{"gbtree_model_param":{"num_trees":"1"},
        """.Trim() + $$"""
        "iteration_indptr":[0,1],"tree_info":[0],"trees":[{"id":0,"name":"t","tree_param":{"num_feature":"{{features}}","num_nodes":"3"},
        """.Trim() + """
        "left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[2,0,0],"split_conditions":[0.5,1E-3,-2]}]}}}}
        """.Trim();
}
