using ManagedFed.Nn;

namespace ManagedFed.Federation;

/// <summary>How the training of one round begins, as one <see cref="ClientTerm"/> or <see cref="ResultTransform"/> sees it.</summary>
public sealed record FitStart
{
    private readonly Lazy<IReadOnlySet<string>> trainable;
    private readonly Func<RandomKey> draw;

    internal FitStart(
        IReadOnlyDictionary<string, Scalar> config, ParameterTree parameters, Lazy<IReadOnlySet<string>> trainable, double learningRate, Func<RandomKey> draw)
    {
        (Config, Parameters, LearningRate) = (config, parameters, learningRate);
        (this.trainable, this.draw) = (trainable, draw);
    }

    /// <summary>The server's config; <see cref="ConfigSettings.Setting"/> reads it.</summary>
    public IReadOnlyDictionary<string, Scalar> Config { get; }

    /// <summary>w₀: the parameters that the server sent, by name in wire order, without local ones.</summary>
    public ParameterTree Parameters { get; }

    /// <summary>The names of the model's parameters that are trained, local ones included: no buffers and no frozen ones.</summary>
    public IReadOnlySet<string> Trainable => trainable.Value;

    /// <summary>The learning rate of the first step.</summary>
    public double LearningRate { get; }

    /// <summary>The arrays that travelled behind the model for this term, by the names of <see cref="Parameters"/>; null unless <see cref="ClientTerm.TakesArrays"/>.</summary>
    public ParameterTree? Behind { get; internal init; }

    /// <summary>What the term or transform remembered last; empty at first.</summary>
    public StrategyState Memory { get; internal init; } = StrategyState.Empty;

    /// <summary>A new key of this client's chance, another one at each call; a round that is asked for again draws the same ones.</summary>
    public RandomKey DrawKey() => draw();

    /// <summary>The names and shapes that training begins from.</summary>
    public override string ToString() => $"FitStart of {Parameters.Count} arrays at learning rate {LearningRate}";
}

/// <summary>How the training of one round ended, as one <see cref="ClientTerm"/> sees it.</summary>
/// <param name="Start">How it began.</param>
/// <param name="Values">The term's values after the last step.</param>
/// <param name="Parameters">The shared parameters after training.</param>
/// <param name="EffectiveSteps">The number of steps as <see cref="Optimizer.EffectiveSteps"/> counts them.</param>
public sealed record FitEnd(FitStart Start, ParameterTree Values, ParameterTree Parameters, double EffectiveSteps);
