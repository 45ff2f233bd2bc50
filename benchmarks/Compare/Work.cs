using ManagedFed.Benchmarks.Limits;

namespace ManagedFed.Benchmarks.Compare;

/// <summary>One engine's way to do a piece of work, with its data in place.</summary>
internal interface ISide : IDisposable
{
    /// <summary>Does the work once; this is what the clock sees.</summary>
    void Run();

    /// <summary>What the work computes from its first state on, for comparing the engines; asked for once, before the first run.</summary>
    float[] Result();
}

/// <summary>A row of the comparison: the same work for both engines.</summary>
/// <param name="Name">What is done.</param>
/// <param name="Cost">What it cannot do without.</param>
/// <param name="Tolerance">How far two results may lie apart, relative to max(1, |theirs|).</param>
/// <param name="Ours">Prepares our side.</param>
/// <param name="Theirs">Prepares TorchSharp's side; called only where its library loads.</param>
internal sealed record Work(string Name, Cost Cost, double Tolerance, Func<ISide> Ours, Func<ISide> Theirs);

/// <summary>A side made of two delegates and, for TorchSharp, what to dispose of.</summary>
internal sealed class Side(Action run, Func<float[]> result, params IDisposable[] owned) : ISide
{
    public void Run() => run();

    public float[] Result() => result();

    public void Dispose()
    {
        foreach (var item in owned) item.Dispose();
    }
}
