namespace ManagedFed.Tests;

/// <summary>Runs a function with a number of threads. Results never depend on it, so tests at work meanwhile do not care.</summary>
internal static class Threads
{
    private static readonly Lock Gate = new();

    public static T With<T>(int threads, Func<T> function)
    {
        lock (Gate)
        {
            var before = CpuDevice.Threads;
            CpuDevice.Threads = threads;
            try
            {
                return function();
            }
            finally
            {
                CpuDevice.Threads = before;
            }
        }
    }
}
