using ManagedFed.Nn;
using ManagedFed.Nn.Data;

namespace ManagedFed.Federation;

// One round: from the server's arrays through the chain of terms and the chain of transforms to the answer.
internal sealed partial class ModuleTrainer
{
    /// <summary>Trains from the state that is in place.</summary>
    /// <inheritdoc cref="Fit(ClientHistory, Action{ClientHistory}, RandomKey?, Dataset, IReadOnlyList{NdArray}, IReadOnlyDictionary{string, Scalar}, CancellationToken)"/>
    public FitOutput Fit(
        RandomKey? chance, Dataset data, IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(config);
        var epochs = AtLeastOne("local_epochs", config.Setting("local_epochs")?.AsInt64() ?? options.LocalEpochs);
        var batchSize = BatchSize(config);
        var (start, behind) = Received(parameters, config);
        present = null;
        if (chance is { } drawn) Begin(drawn);
        Place(start);
        model.Train();
        if (options.ResetOptimizer) optimizer.Restore(new ParameterTree([]), 0);
        var schedule = optimizer.Schedule;
        try
        {
            if ((config.Setting("learning_rate") ?? config.Setting("lr")) is { } rate) optimizer.LearningRate = rate.AsDouble();
            var first = optimizer.Step;
            var fit = new FitStart(config, start, new(Trainable), optimizer.LearningRate, DrawKey);
            var active = new List<(ClientTerm Term, FitStart Start, ParameterTree Values)>();
            foreach (var term in terms)
            {
                var its = fit with { Memory = memory.Part(term.Name), Behind = behind.GetValueOrDefault(term) };
                if (term.Begin(its) is { } values) active.Add((term, its, values));
            }
            steps.Begin([.. active.Select(entry => (entry.Term, entry.Values))]);
            var tally = default(Tally);
            for (var epoch = 0L; epoch < epochs; epoch++) tally = Epoch(data, batchSize, cancellation);

            var trained = Shared;
            var effective = optimizer.EffectiveSteps(first, optimizer.Step - first, active.Sum(entry => entry.Term.Pull(entry.Values)));
            var output = new FitOutput(trained.ToArrays(), data.Count, (options.MetricNames ?? MetricNames.Plain).OfTraining(tally.Metrics));
            foreach (var ((term, its, _), values) in active.Zip(steps.Values))
            {
                output = Keep(term.Name, term.Complete(new(its, values, trained, effective), output));
            }
            foreach (var transform in options.ResultTransforms)
            {
                output = Keep(transform.Name, transform.Apply(output, fit with { Memory = memory.Part(transform.Name) }));
            }
            return output;
        }
        finally
        {
            optimizer.Schedule = schedule;
        }
    }

    /// <summary>Takes a round's own chance: what belongs to the run alone is new, and a layer's random key another one in each round.</summary>
    private void Begin(RandomKey chance)
    {
        key = chance;
        foreach (var (parameter, initial) in passing)
        {
            var isKey = parameter is { DType: DType.UInt32, Shape: { Rank: 1 } shape } && shape[0] == 2;
            parameter.Value = isKey ? FoldedInto(initial, chance) : initial;
        }
    }

    private static Tensor FoldedInto(Tensor initial, RandomKey chance)
    {
        var words = initial.ToNdArray().ToArray<uint>();
        return new RandomKey(words[0], words[1]).Fold(chance.Word0).Fold(chance.Word1);
    }

    /// <summary>The arrays for the model, and for each term those behind it.</summary>
    private (ParameterTree Start, Dictionary<ClientTerm, ParameterTree> Behind) Received(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config)
    {
        ClientTerm[] takers = [.. terms.Where(term => term.TakesArrays(config))];
        if (takers.Length == 0) return (Fitting(parameters), []);
        ParameterTree[] parts =
        [
            .. Enumerable.Range(0, takers.Length + 1).Select(i => Fitting(
                [.. i < takers.Length ? parameters.Skip(i * shared.Length).Take(shared.Length) : parameters.Skip(i * shared.Length)])),
        ];
        return (parts[0], takers.Zip(parts.Skip(1)).ToDictionary());
    }

    /// <summary>Arrays under the names of the shared parameters, cast to their floating types.</summary>
    /// <exception cref="ArgumentException">They are not the model's.</exception>
    private ParameterTree Fitting(IReadOnlyList<NdArray> arrays)
    {
        var fits = arrays.Count == shared.Length;
        for (var i = 0; fits && i < shared.Length; i++) fits = arrays[i].Shape == shared[i].Parameter.Shape && arrays[i].DType == shared[i].Parameter.DType;
        // Else all that is wrong is said at once, for which the present values are read.
        return fits ? new(shared.Zip(arrays, (entry, array) => KeyValuePair.Create(entry.Name, (Tensor)array))) : Shared.WithArrays(arrays);
    }

    /// <summary>Makes fitting values the shared parameters.</summary>
    private void Place(ParameterTree values)
    {
        foreach (var ((_, parameter), value) in shared.Zip(values.Values)) parameter.Value = value;
    }

    private HashSet<string> Trainable() => model.NamedParameters().Where(entry => entry.Value.IsTrainable).Select(entry => entry.Key).ToHashSet();

    private Tally Epoch(Dataset data, int batchSize, CancellationToken cancellation)
    {
        var order = DrawKey();
        var tally = default(Tally);
        var (inputs, labels) = ((Tensor)data.Inputs, (Tensor)data.Labels);
        foreach (var indices in Batches.Shuffled(data.Count, batchSize, order))
        {
            cancellation.ThrowIfCancellationRequested();

            // Lazy, so that the engine reuses the batch's memory at once.
            var rows = Tensor.From<int>(indices);
            var y = labels.Take(rows);
            var (value, right) = steps.Run(inputs.Take(rows), y);
            tally = tally.With(value, right, y);
        }
        return tally;
    }

    private RandomKey DrawKey()
    {
        (key, var drawn) = key.Split();
        return drawn;
    }

    private FitOutput Keep(string name, FitOutcome outcome)
    {
        memory = memory.Nest(name, outcome.Memory);
        return outcome.Output;
    }
}
