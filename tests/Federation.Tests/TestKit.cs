using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>What several test classes share.</summary>
internal static class TestKit
{
    /// <summary>The longest any single wait of a test may take; far above what a busy machine needs.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    public static readonly IReadOnlyDictionary<string, Scalar> NoValues = new Dictionary<string, Scalar>();

    public static NdArray Floats(params ReadOnlySpan<float> values) => NdArray.From(values);

    public static FitResult Fit(long examples, params IReadOnlyList<NdArray> arrays) =>
        new(ResultStatus.Success, new Parameters(arrays), examples, NoValues);

    public static RoundState State(params IReadOnlyList<NdArray> arrays) => new(1, new Parameters(arrays), [], default);

    /// <summary>The final model of one element.</summary>
    public static float Value(this History history) => Assert.Single(history.FinalParameters.Arrays[0].ToArray<float>());

    public static Task<T> Bounded<T>(this Task<T> task) => task.WaitAsync(Bound);

    public static Task Bounded(this Task task) => task.WaitAsync(Bound);
}

/// <summary>A client of delegates; a method without one counts as not overridden.</summary>
internal sealed class LambdaClient : ArrayClient
{
    public Func<IReadOnlyList<NdArray>>? Parameters { get; init; }

    public Func<IReadOnlyList<NdArray>, IReadOnlyDictionary<string, Scalar>, CancellationToken, Task<FitOutput>>? Fit { get; init; }

    public Func<IReadOnlyList<NdArray>, IReadOnlyDictionary<string, Scalar>, EvaluateOutput>? Evaluate { get; init; }

    public override ValueTask<IReadOnlyList<NdArray>> GetParametersAsync(
        IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        Parameters is null ? base.GetParametersAsync(config, cancellation) : new(Parameters());

    public override async ValueTask<FitOutput> FitAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        Fit is null ? await base.FitAsync(parameters, config, cancellation) : await Fit(parameters, config, cancellation);

    public override ValueTask<EvaluateOutput> EvaluateAsync(
        IReadOnlyList<NdArray> parameters, IReadOnlyDictionary<string, Scalar> config, CancellationToken cancellation) =>
        Evaluate is null ? base.EvaluateAsync(parameters, config, cancellation) : new(Evaluate(parameters, config));

    /// <summary>Adds <paramref name="step"/> to a one-element model, and gives its value as loss and its double as accuracy.</summary>
    public static LambdaClient Adding(float step, long examples) => new()
    {
        Parameters = () => [TestKit.Floats(0)],
        Fit = (parameters, _, _) => Task.FromResult(new FitOutput([TestKit.Floats(parameters[0].ToArray<float>()[0] + step)], examples)),
        Evaluate = (parameters, _) =>
        {
            var value = parameters[0].ToArray<float>()[0];
            return new(value, examples, new Dictionary<string, Scalar> { ["accuracy"] = 2.0 * value + step });
        },
    };
}

/// <summary>A clock that lets a test wait until a timer is set: to move the hands before that would leave the timer behind.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    private readonly Channel<TimeSpan> timers = Channel.CreateUnbounded<TimeSpan>();

    /// <summary>Waits for the next timer that no earlier wait has taken.</summary>
    public Task NextTimer() => timers.Reader.ReadAsync().AsTask().Bounded();

    /// <summary>Waits for a timer of a length: only then does moving the clock reach who said beforehand that it will wait.</summary>
    public async Task NextTimer(TimeSpan length)
    {
        while (await timers.Reader.ReadAsync().AsTask().Bounded() != length)
        {
            // Another's timer.
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        timers.Writer.TryWrite(dueTime);
        return timer;
    }
}

/// <summary>Keeps log lines and lets a test wait for one.</summary>
internal sealed class LogRecorder : ILoggerFactory, ILogger
{
    private readonly ConcurrentQueue<(EventId Id, string Text)> lines = new();
    private readonly ConcurrentDictionary<int, SemaphoreSlim> signals = new();

    public IReadOnlyList<string> Lines => [.. lines.Select(line => line.Text)];

    public IReadOnlyList<string> WithId(int id) => [.. lines.Where(line => line.Id.Id == id).Select(line => line.Text)];

    /// <summary>Waits for the next line with this id that no earlier wait has taken.</summary>
    public async Task Next(int id) => Assert.True(await Signal(id).WaitAsync(TestKit.Bound), $"no line {id}: {string.Join('\n', Lines)}");

    public void Log<TState>(LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lines.Enqueue((id, formatter(state, exception)));
        Signal(id.Id).Release();
    }

    private SemaphoreSlim Signal(int id) => signals.GetOrAdd(id, _ => new(0));

    public bool IsEnabled(LogLevel level) => true;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
