using System.Diagnostics;
using System.Globalization;

namespace ManagedFed.Samples.Mnist;

/// <summary>The same model trained on all images in one process: what federation is measured against.</summary>
internal static class Central
{
    public static Task RunAsync(Settings settings, int epochs, CancellationToken cancellation)
    {
        settings.CheckOutputs();
        var (train, test) = Images.Load(settings);
        var learner = new Learner(settings, train.Inputs.Shape[1]);
        var key = RandomKey.FromSeed((ulong)settings.Seed);
        for (var epoch = 1; epoch <= epochs; epoch++)
        {
            (key, var epochKey) = key.Split();
            var start = Stopwatch.GetTimestamp();
            var loss = learner.Train(train, epochKey, cancellation);
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"Epoch {epoch}: training loss {loss:0.0000}, test accuracy {learner.Evaluate(test).Accuracy:0.0000}, {seconds:0.000} s"));
        }
        learner.Model.SaveWeights(settings.Output);
        Console.WriteLine($"Model written to {settings.Output}");
        return Task.CompletedTask;
    }
}
