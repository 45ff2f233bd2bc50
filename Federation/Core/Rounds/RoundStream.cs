using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace ManagedFed.Federation;

/// <summary>A run as a sequence of its rounds, each given once it is over; the next one waits until it was taken.</summary>
internal static class RoundStream
{
    /// <param name="watch">Who else is told of a round; null for nobody.</param>
    /// <param name="run">Works the run and tells of its rounds.</param>
    /// <param name="cancellation">Ends the run, as leaving the sequence does.</param>
    public static async IAsyncEnumerable<RoundReport> Of(
        Func<RoundReport, History, CancellationToken, ValueTask>? watch,
        Func<Func<RoundReport, History, CancellationToken, ValueTask>, CancellationToken, Task<History>> run,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reports = Channel.CreateBounded<RoundReport>(1);
        var running = RunAsync();
        try
        {
            await foreach (var report in reports.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false)) yield return report;
            await running.ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        async Task<History> RunAsync()
        {
            try
            {
                return await run(TellAsync, stop.Token).ConfigureAwait(false);
            }
            finally
            {
                reports.Writer.Complete();
            }
        }

        async ValueTask TellAsync(RoundReport report, History history, CancellationToken token)
        {
            if (watch is not null) await watch(report, history, token).ConfigureAwait(false);
            await reports.Writer.WriteAsync(report, token).ConfigureAwait(false);
        }
    }
}
