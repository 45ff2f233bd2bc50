using System.Runtime.CompilerServices;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>The README's strategy of one's own compiles and does what is said of it.</summary>
public sealed class OwnStrategyTests
{
    [Fact]
    public void EqualVotes_ClientsOfUnequalSize_CountAlike()
    {
        // (1 + 5) / 2 = 3, where FedAvg gives (1·1 + 3·5) / 4 = 4.
        Assert.Equal(3, Next(new EqualVotes()));
        Assert.Equal(4, Next(new FedAvg()));

        static float Next(Strategy strategy)
        {
            var aggregation = strategy.AggregateFit(TestKit.State(TestKit.Floats(0)));
            aggregation.Add(0, TestKit.Fit(1, TestKit.Floats(1)));
            aggregation.Add(1, TestKit.Fit(3, TestKit.Floats(5)));
            return Assert.Single(aggregation.Complete([])!.Parameters.Arrays[0].ToArray<float>());
        }
    }

    [Fact]
    public void EqualVotes_InReadme_IsThisFilesText()
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", "..", "..", "README.md"));
        var source = string.Join('\n', File.ReadAllLines(ThisFile()).SkipWhile(line => line != "internal sealed class EqualVotes : Strategy"));

        Assert.Contains($"```csharp\nusing ManagedFed.Federation;\n\n{source}\n```", readme.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}

internal sealed class EqualVotes : Strategy
{
    public override FitAggregation AggregateFit(RoundState state) => new Votes(new FedAvg().AggregateFit(state));

    private sealed class Votes(FitAggregation mean) : FitAggregation
    {
        public override void Add(int place, FitResult result) => mean.Add(place, result with { NumExamples = 1 });

        public override FitAggregate? Complete(IReadOnlyList<ClientFailure> failures) => mean.Complete(failures);
    }
}
