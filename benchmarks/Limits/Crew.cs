using System.Diagnostics;

namespace ManagedFed.Benchmarks.Limits;

/// <summary>Runs the same loop on several threads that share nothing, which shows what the machine can do at most.</summary>
internal static class Crew
{
    private const int Tries = 60;
    private static readonly TimeSpan Duration = TimeSpan.FromMilliseconds(5);

    /// <summary>Units per second of all threads together, the best of sixty tries, since another program may disturb one.</summary>
    /// <param name="threads">How many threads run the loop at the same time.</param>
    /// <param name="units">What one pass of one thread does, such as FLOP or bytes.</param>
    /// <param name="pass">One pass of the thread with this number, of some microseconds at least.</param>
    public static double Rate(int threads, double units, Action<int> pass)
    {
        using var start = new Barrier(threads);
        var rates = new double[Tries, threads];
        var others = Enumerable.Range(1, threads - 1).Select(id => new Thread(() => Work(id)) { IsBackground = true }).ToArray();
        foreach (var thread in others) thread.Start();
        Work(0);
        foreach (var thread in others) thread.Join();
        return Enumerable.Range(0, Tries).Max(attempt => Enumerable.Range(0, threads).Sum(id => rates[attempt, id]));

        void Work(int id)
        {
            for (var attempt = 0; attempt < Tries; attempt++)
            {
                start.SignalAndWait();
                var begin = Stopwatch.GetTimestamp();
                var passes = 0;
                TimeSpan elapsed;
                do
                {
                    pass(id);
                    passes++;
                    elapsed = Stopwatch.GetElapsedTime(begin);
                }
                while (elapsed < Duration);
                rates[attempt, id] = units * passes / elapsed.TotalSeconds;
            }
        }
    }
}
