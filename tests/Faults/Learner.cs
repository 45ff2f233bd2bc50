using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>The user's code of a client: an update is a function of the model, the client's number and, where it has one, its memory.</summary>
internal sealed class Learner(ClientProcess process) : ArrayClient
{
    private ClientMachine Machine => process.Machine;

    private Scenario Scenario => Machine.Schedule.Scenario;

    private int K => Machine.Number;

    public override async ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        await process.WorkAsync(cancellation);
        return Scenario.Initial();
    }

    public override async ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(config);
        var (round, update) = (config[RunKeys.Round].AsInt64(), config.TryGetValue(RunKeys.Update, out var number) ? number.AsInt64() : 0);
        if (Machine.Schedule.Declines?.Invoke(K, (int)round) == true) throw new InvalidOperationException("is not to take part");
        await process.WorkAsync(cancellation);
        var place = string.Create(CultureInfo.InvariantCulture, $"{config[RunKeys.Run]} {round} {update}");
        var memory = Machine.Memory.At(place);
        var output = Scenario.Counts ? Count(parameters, (int)round, (int)update) : Train(parameters, config, Scenario.IsStateful ? memory : 0);
        if (Scenario.IsStateful) Remember(place, 0.5 * memory + 0.25 * (K + 1) + parameters[0].ToArray<float>()[0]);
        // It has all it needs, and can be killed before anybody knows.
        if (process.World.Chance.OneIn(2)) await process.WorkAsync(cancellation);
        return output;
    }

    public override async ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        await process.WorkAsync(cancellation);
        var loss = Scenario.Counts ? K : parameters[0].ToArray<float>().Sum(value => Math.Abs(value - K));
        return new(loss, 5 + K, new Dictionary<string, Scalar> { ["accuracy"] = 0.5 + 0.0625 * K });
    }

    /// <summary>Keeps the memory before the answer is given: whoever hears the answer can rely on it.</summary>
    private void Remember(string place, double value)
    {
        var dies = process.DiesAt("writes its memory");
        Machine.Write(Machine.Memory.After(place, value), isTorn: dies && process.World.Chance.OneIn(2));
        if (dies) throw new EndedException();
    }

    /// <summary>A part of the way to the client's own model.</summary>
    private FitOutput Train(IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, double memory)
    {
        var w = parameters[0].ToArray<float>();
        NdArray[] trained =
        [
            NdArray.From<float>([.. w.Select((value, i) => value + 0.3f * (K + i + (float)memory - value))], [w.Length]),
            NdArray.From(parameters[1].ToArray<double>()[0] * 0.9 + K + memory), NdArray.From(parameters[2].ToArray<long>()[0] + K),
        ];
        var metrics = new Dictionary<string, Scalar> { ["loss"] = 0.125 * (K + 1), ["num_steps"] = 2 + K };
        if (config.TryGetValue(Scaffold.RunKey, out var run))
        {
            metrics[Scaffold.RunKey] = run;
            var c = parameters[3].ToArray<float>();
            trained = [.. trained, NdArray.From<float>([.. c.Select(value => 0.25f * (K + (float)memory - value))], [c.Length]), NdArray.From(0.125 * K), NdArray.From(0L)];
        }
        return new(trained, 10 + K, metrics);
    }

    /// <summary>One more at the place that is this update's alone, so that the model says how often each update counted.</summary>
    private FitOutput Count(IReadOnlyList<NdArray> parameters, int round, int update)
    {
        var w = parameters[0].ToArray<double>();
        w[Scenario.PlaceOf(K, round, update)] += 1;
        return new([NdArray.From<double>(w, [w.Length])], 10 + K);
    }
}
