using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>A log on the console's error stream, one line an event: what a simulation has by default.</summary>
/// <remarks>The server's lines from <see cref="LogLevel.Information"/> on, the clients' from <see cref="LogLevel.Warning"/> on.</remarks>
public sealed class ConsoleLoggerFactory : ILoggerFactory
{
    private ConsoleLoggerFactory()
    {
    }

    /// <summary>The only one.</summary>
    public static ConsoleLoggerFactory Instance { get; } = new();

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName)
    {
        ArgumentNullException.ThrowIfNull(categoryName);
        return new ConsoleLogger(categoryName.EndsWith(".Client", StringComparison.Ordinal) ? LogLevel.Warning : LogLevel.Information);
    }

    /// <summary>There is one place to log to.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("[console_log] a factory of your own takes providers");

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class ConsoleLogger(LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var line = logLevel >= LogLevel.Warning ? $"{logLevel}: {formatter(state, exception)}" : formatter(state, exception);
            Console.Error.WriteLine(exception is null ? line : $"{line}{Environment.NewLine}{exception}");
        }
    }
}
