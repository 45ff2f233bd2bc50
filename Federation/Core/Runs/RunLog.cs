using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>What is logged of a run that is kept.</summary>
internal static partial class RunLog
{
    [LoggerMessage(501, LogLevel.Warning, "{Count} damaged lines of the run's journal are passed over")]
    public static partial void JournalDamaged(this ILogger log, int count);

    [LoggerMessage(502, LogLevel.Warning, "The last {Bytes} bytes of the run's journal are no whole line and are cut off; what they tell of did not happen")]
    public static partial void JournalCut(this ILogger log, long bytes);

    [LoggerMessage(503, LogLevel.Warning, "The run's file {File} cannot be used: {Why}")]
    public static partial void RunFileLost(this ILogger log, string file, string why);

    [LoggerMessage(504, LogLevel.Warning, "The state of round {Lost} is lost; the run goes on from round {Round}")]
    public static partial void GenerationBefore(this ILogger log, int lost, int round);

    [LoggerMessage(505, LogLevel.Information, "Run {Run} goes on after round {Round} with {Count} update(s) of the next one")]
    public static partial void RunResumed(this ILogger log, string run, int round, int count);

    [LoggerMessage(506, LogLevel.Error, "The run cannot be kept ({Why}); nothing follows from what is not kept: tried again every {Seconds:0.#} s")]
    public static partial void RunNotKept(this ILogger log, string why, double seconds);

    [LoggerMessage(507, LogLevel.Information, "The run can be kept again")]
    public static partial void RunKeptAgain(this ILogger log);

    [LoggerMessage(508, LogLevel.Information, "  fit {Client}: the update of before is kept; it is not asked again")]
    public static partial void UpdateKept(this ILogger log, string client);

    [LoggerMessage(509, LogLevel.Error, "What {Client} keeps cannot be kept ({Why}); its answer does not count before: tried again every {Seconds:0.#} s")]
    public static partial void StateNotKept(this ILogger log, string client, string why, double seconds);
}
