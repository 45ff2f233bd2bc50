using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Holds one round's updates to a run's limits, and says which limits the next round has.</summary>
/// <param name="limits">The rules.</param>
/// <param name="state">The round; what its strategy remembers has the usual norms of before.</param>
/// <param name="reach">How far a step may lead where one update may lead so far.</param>
/// <param name="log">Is told of updates that are shortened.</param>
internal sealed class RoundLimits(UpdateLimits limits, RoundState state, Func<double, double> reach, ILogger log)
{
    private readonly Estimate? zeroing = Estimate.Of("zeroing", limits.Zeroing, state), clipping = Estimate.Of("clipping", limits.Clipping, state);

    // Measured once, when the update is checked; forgotten with it.
    private readonly ConditionalWeakTable<Parameters, StrongBox<double>> norms = [];

    /// <summary>How many updates were shortened.</summary>
    public int Clipped { get; private set; }

    /// <summary>Refuses an update beyond the limit; from any thread. One that passes is measured only once it counts: it may yet come too late.</summary>
    /// <param name="model">The model it was trained from.</param>
    /// <param name="result">The update.</param>
    public Refusal? Check(Parameters model, FitResult result)
    {
        if ((zeroing ?? clipping) is null || Updates.Norm(model, result.Parameters) is not { } norm) return null;
        zeroing?.Begin(model);
        clipping?.Begin(model);
        if (norm > zeroing?.Limit)
        {
            Measure(norm);
            return new(FailureReason.Norm, FormattableString.Invariant(
                $"update of norm {norm:G6}, expected at most {zeroing.Limit:G6}; if it is meant, widen UpdateLimits.Zeroing"));
        }
        norms.AddOrUpdate(result.Parameters, new(norm));
        return null;
    }

    /// <summary>A checked result that counts, shortened where it is beyond the limit; one call at a time.</summary>
    /// <param name="model">The model it was trained from.</param>
    /// <param name="result">The update.</param>
    public FitResult Clip(Parameters model, FitResult result)
    {
        if ((zeroing ?? clipping) is null) return result;
        // Without rounds it may have been checked in the step before.
        var measured = norms.TryGetValue(result.Parameters, out var known) ? known.Value : Updates.Norm(model, result.Parameters);
        if (measured is not { } norm) return result;
        zeroing?.Begin(model);
        clipping?.Begin(model);
        Measure(norm);
        if (!(norm > clipping?.Limit)) return result;
        Clipped++;
        log.Clipped(result.From ?? "an update", norm, clipping.Limit);
        return result with { Parameters = Updates.Scale(model, result.Parameters, clipping.Limit / norm) };
    }

    private void Measure(double norm)
    {
        zeroing?.Measure(norm);
        clipping?.Measure(norm);
    }

    /// <summary>Says what is wrong with how far the round's new model leads; null lets it be adopted.</summary>
    public string? Problem(Parameters next)
    {
        if (zeroing is not { IsKnown: true } || Updates.Norm(state.Parameters, next) is not { } norm || norm <= reach(zeroing.Limit)) return null;
        // What is no number is refused as such.
        if (!double.IsFinite(norm) && UpdateCheck.Finite(next) is not null) return null;
        return FormattableString.Invariant(
            $"the strategy's step has norm {norm:G6}, expected at most {reach(zeroing.Limit):G6}; if it is meant, widen UpdateLimits.Zeroing");
    }

    /// <summary>What is remembered from now on, with the limits that follow from what was measured.</summary>
    public StrategyState Next(StrategyState memory)
    {
        memory = zeroing?.Keep(memory) ?? memory;
        return clipping?.Keep(memory) ?? memory;
    }

    /// <summary>One limit in one round.</summary>
    /// <param name="name">What its usual norm is remembered as.</param>
    /// <param name="limit">The rule.</param>
    /// <param name="before">The usual norm C, as the rounds before left it; null when none was measured.</param>
    private sealed class Estimate(string name, NormLimit limit, double? before)
    {
        /// <summary>From far below usual norms the way back would take too many rounds.</summary>
        private const double Least = 1e-6;

        private readonly Lock gate = new();

        /// <summary>C; 0 before the first measurement.</summary>
        private double norm = before ?? 0;
        private int measured, within;

        /// <summary>True once a norm was measured.</summary>
        public bool IsKnown => Volatile.Read(ref norm) > 0;

        public double Limit => limit.Factor * Volatile.Read(ref norm) + limit.Increment;

        public static Estimate? Of(string name, NormLimit? limit, RoundState state) => limit is null
            ? null
            : new(name, limit, state.Strategy.Values.TryGetValue(name, out var norm) ? norm.AsDouble() : null);

        /// <summary>Starts from the rule's norm where none was measured yet.</summary>
        public void Begin(Parameters model)
        {
            lock (gate)
            {
                if (norm == 0) Volatile.Write(ref norm, limit.InitialNorm ?? 10 * Math.Sqrt(Updates.Elements(model)));
            }
        }

        public void Measure(double value)
        {
            lock (gate)
            {
                measured++;
                if (value <= norm) within++;
            }
        }

        public StrategyState Keep(StrategyState memory) => Next() is { } next ? memory.With(name, next) : memory;

        private double? Next()
        {
            lock (gate)
            {
                // What came too late leaves nothing behind, not even the norm it began with.
                if (measured == 0) return before;
                var next = norm * Math.Exp(-limit.LearningRate * ((double)within / measured - limit.Quantile));
                return Math.Clamp(next, Math.Min(Least, norm), double.MaxValue);
            }
        }
    }
}
