using ManagedFed.Devices;

namespace ManagedFed;

/// <summary>The processor that runs the kernels.</summary>
public static class CpuDevice
{
    /// <summary>The largest value of <see cref="Threads"/>.</summary>
    public const int MaxThreads = WorkerPool.MaxThreads;

    /// <summary>
    /// The number of threads one kernel may use, the caller's own included; at first <see cref="Environment.ProcessorCount"/>.
    /// </summary>
    /// <remarks>
    /// Results do not depend on it. A change counts from the next kernel on. With 1, kernels run on the caller alone and no
    /// worker ever wakes; more than the machine has cores is allowed but never faster.
    /// </remarks>
    /// <exception cref="ArgumentException">The value lies outside 1 … <see cref="MaxThreads"/>.</exception>
    public static int Threads
    {
        get => WorkerPool.Shared.Threads;
        set => WorkerPool.Shared.Threads = value;
    }

    /// <summary>Until it is disposed of, kernels that this flow of control starts, tasks that it starts included, run on their caller alone.</summary>
    /// <remarks>
    /// For many small computations at once, each on a core of its own. Other flows keep <see cref="Threads"/>, and results are the same
    /// bits. Scopes nest; dispose of one in the flow that opened it.
    /// </remarks>
    /// <example><c>using (CpuDevice.SingleThreaded()) Train();</c></example>
    public static IDisposable SingleThreaded() => new CallerAlone();
}
