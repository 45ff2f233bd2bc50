using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Holds back a round's largest claim of examples until all are known, so that no client outweighs all others by a claim.</summary>
/// <remarks>
/// The rule is <see cref="Strategy.MaxExamplesRatio"/>'s. Only the largest claim can be more than all others together, so one model is
/// held back and the result does not depend on the order of arrival.
/// </remarks>
internal sealed class ExampleClaims(double ratio, ILogger log)
{
    private readonly List<long> claims = [];
    private Claim? largest;

    /// <summary>Takes a result; gives what may be added now: the result, or the one that it takes the place of.</summary>
    public Claim? Exchange(Claim claim)
    {
        claims.Add(claim.Result.NumExamples);
        if (largest is { } held && claim.Result.NumExamples <= held.Result.NumExamples) return claim;
        (var before, largest) = (largest, claim);
        return before;
    }

    /// <summary>The result that was held back, with as many examples as are believed; null when there was none.</summary>
    public Claim? TakeLast()
    {
        if (largest is not { } claim) return null;
        largest = null;
        var most = Believed(claim.Result.NumExamples, claims, ratio);
        if (most == claim.Result.NumExamples) return claim;
        log.ClaimCut(claim.Client.Name, claim.Result.NumExamples, most);
        return claim with { Result = claim.Result with { NumExamples = most } };
    }

    /// <summary>The examples that a claim counts as, among all claims of the round, its own included.</summary>
    public static long Believed(long claim, IReadOnlyList<long> claims, double ratio)
    {
        var others = claims.Sum(other => (double)other) - claim;
        var usual = ratio * claims.Order().ElementAt((claims.Count - 1) / 2);
        return claim > others && claim > usual ? (long)Math.Min(usual, others) : claim;
    }

    /// <summary>A result and whose it is.</summary>
    public sealed record Claim(int Place, ClientInfo Client, FitResult Result);
}
