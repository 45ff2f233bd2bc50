using Microsoft.Extensions.Logging;

namespace ManagedFed.Samples.Mnist;

/// <summary>Writes log messages to a text writer, one line each, with the time.</summary>
internal sealed class ConsoleLog(TextWriter output, LogLevel lowest) : ILoggerFactory, ILogger
{
    private readonly Lock gate = new();

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= lowest;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel)) return;
        var line = $"{DateTime.Now:HH:mm:ss} {formatter(state, exception)}";
        if (exception is not null) line += $" ({exception.GetType().Name}: {exception.Message})";
        lock (gate) output.WriteLine(line);
    }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
