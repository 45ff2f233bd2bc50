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
}
