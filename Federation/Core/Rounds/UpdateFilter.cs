using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Holds every round's updates to a run's limits, and lets those follow.</summary>
internal sealed class UpdateFilter(UpdateLimits limits, ILogger log)
{
    private readonly Estimate? zeroing = limits.Zeroing is { } zeroing ? new(zeroing) : null;
    private readonly Estimate? clipping = limits.Clipping is { } clipping ? new(clipping) : null;

    // Of results that are to be shortened; forgotten with them.
    private readonly ConditionalWeakTable<FitResult, StrongBox<double>> norms = [];
    private int refused, clipped;

    /// <summary>What the next round's limits depend on, between two rounds.</summary>
    public LimitState State
    {
        get => new(zeroing?.Norm ?? 0, clipping?.Norm ?? 0);
        set
        {
            if (zeroing is not null) zeroing.Norm = value.Zeroing;
            if (clipping is not null) clipping.Norm = value.Clipping;
        }
    }

    /// <summary>Measures an update and refuses it beyond the limit; from any thread.</summary>
    public Refusal? Check(RoundState state, FitResult result)
    {
        if ((zeroing ?? clipping) is null || Updates.Norm(state.Parameters, result.Parameters) is not { } norm) return null;
        zeroing?.Measure(norm, state.Parameters);
        clipping?.Measure(norm, state.Parameters);
        if (norm > zeroing?.Limit)
        {
            Interlocked.Increment(ref refused);
            return new(FailureReason.Norm, FormattableString.Invariant(
                $"update of norm {norm:G6}, expected at most {zeroing.Limit:G6}; if it is meant, widen UpdateLimits.Zeroing"));
        }
        if (norm > clipping?.Limit) norms.Add(result, new(norm));
        return null;
    }

    /// <summary>A checked result, shortened where it is beyond the limit; one call at a time.</summary>
    public FitResult Clip(RoundState state, ClientInfo client, FitResult result)
    {
        // Without rounds the limit may have moved since.
        if (!norms.TryGetValue(result, out var norm) || norm.Value <= clipping!.Limit) return result;
        clipped++;
        log.Clipped(client.Name, norm.Value, clipping.Limit);
        return result with { Parameters = Updates.Scale(state.Parameters, result.Parameters, clipping.Limit / norm.Value) };
    }

    /// <summary>Says what is wrong with a round's new model; null lets it be adopted.</summary>
    /// <param name="model">The model that it is to follow.</param>
    /// <param name="next">What the strategy made.</param>
    /// <param name="reach">How far the strategy may lead where one update may lead so far.</param>
    public string? CheckStep(Parameters model, Parameters next, Func<double, double> reach)
    {
        if (!model.HasArrays) return next.HasArrays ? "the strategy made arrays of a model that is none" : null;
        if (UpdateCheck.Tensors(next, model) is { } refusal) return $"the strategy's new model is refused ({refusal.Reason}): {refusal.Message}";
        if (zeroing is not { IsKnown: true } || Updates.Norm(model, next) is not { } norm || norm <= reach(zeroing.Limit)) return null;
        return FormattableString.Invariant(
            $"the strategy's step has norm {norm:G6}, expected at most {reach(zeroing.Limit):G6}; if it is meant, widen UpdateLimits.Zeroing");
    }

    /// <summary>Ends a round: says how many updates were refused and shortened, and moves the limits.</summary>
    public (int Refused, int Clipped) EndRound()
    {
        zeroing?.EndRound();
        clipping?.EndRound();
        return (Interlocked.Exchange(ref refused, 0), Interlocked.Exchange(ref clipped, 0));
    }

    private sealed class Estimate(NormLimit limit)
    {
        /// <summary>From far below usual norms the way back would take too many rounds.</summary>
        private const double Least = 1e-6;

        private readonly Lock gate = new();
        /// <summary>C; 0 before the first measurement.</summary>
        private double norm;
        private int measured, within;

        public double Norm
        {
            get => Volatile.Read(ref norm);
            set => Volatile.Write(ref norm, value);
        }

        /// <summary>True once a norm was measured.</summary>
        public bool IsKnown => Norm > 0;

        public double Limit => limit.Factor * Norm + limit.Increment;

        public void Measure(double value, Parameters model)
        {
            lock (gate)
            {
                if (norm == 0) Volatile.Write(ref norm, limit.InitialNorm ?? 10 * Math.Sqrt(Updates.Elements(model)));
                measured++;
                if (value <= norm) within++;
            }
        }

        public void EndRound()
        {
            lock (gate)
            {
                if (measured == 0) return;
                var next = norm * Math.Exp(-limit.LearningRate * ((double)within / measured - limit.Quantile));
                Volatile.Write(ref norm, Math.Clamp(next, Math.Min(Least, norm), double.MaxValue));
                (measured, within) = (0, 0);
            }
        }
    }
}
