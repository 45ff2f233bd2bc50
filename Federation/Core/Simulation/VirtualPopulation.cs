using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Clients that a factory makes when they are asked, and that are dropped after their answer; only so many are there at once.</summary>
/// <param name="count">How many there are.</param>
/// <param name="factory">Makes one of them by its number.</param>
/// <param name="atOnce">The most that work at once.</param>
/// <param name="options">The clock, and whether messages pass through the wire's bytes.</param>
/// <param name="log">The clients' log.</param>
internal sealed class VirtualPopulation(int count, Func<int, ArrayClient> factory, int atOnce, SimulationOptions options, ILogger log) : IClientPopulation, IDisposable
{
    private static readonly Task Never = new TaskCompletionSource().Task;

    private readonly SemaphoreSlim turns = new(atOnce);

    public Task Changed => Never;

    public bool IsClosed => true;

    public string Departures => "";

    public int? VirtualCount => count;

    public IReadOnlyList<ClientInfo> Clients() => new VirtualClientList(count, []);

    public IReadOnlyList<ClientInfo> Without(IReadOnlySet<ClientInfo> some) =>
        new VirtualClientList(count, [.. some.Select(VirtualClientList.NumberOf).OfType<int>().Where(number => number < count).Order()]);

    public ClientInfo? Named(string stableName) => VirtualClientList.NumberIn(stableName) is { } number && number < count ? VirtualClientList.InfoOf(number) : null;

    public IReadOnlyList<IClientConnection> Snapshot() => [];

    public IClientConnection? Find(ClientInfo client) =>
        VirtualClientList.NumberOf(client) is { } number && number < count ? new Connection(this, client, number) : null;

    /// <summary>Nothing: a client that took too long is made anew when it is asked again.</summary>
    public void Leave(IClientConnection client, string how)
    {
    }

    public void Close()
    {
    }

    public void Dispose() => turns.Dispose();

    private async Task<Answer> AskAsync(ClientInfo info, int number, Instruction instruction, CancellationToken cancellation)
    {
        await turns.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            while (true)
            {
                // On another thread than whoever waits, whose timeout is not to depend on the client's code.
                var (answer, lost) = await Task.Run(() => WorkAsync(info, number, instruction, cancellation), cancellation).WaitAsync(cancellation).ConfigureAwait(false);
                if (lost is null) return answer;
                // As for a run that cannot be kept: nothing follows from what is not kept, and the client, who is as it was, answers alike when there is room.
                log.StateNotKept(info.Name, lost.Message, options.WaitingInterval.TotalSeconds);
                await Task.Delay(options.WaitingInterval, options.TimeProvider, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            turns.Release();
        }
    }

    /// <summary>A client's answer, and what was wrong where it could not keep its state.</summary>
    private async Task<(Answer Answer, StateNotKeptException? Lost)> WorkAsync(ClientInfo info, int number, Instruction instruction, CancellationToken cancellation)
    {
        using var alone = CpuDevice.SingleThreaded();
        ArrayClient client;
        try
        {
            client = factory(number) ?? throw new InvalidOperationException("the factory gave null");
        }
        catch (Exception exception)
        {
            log.UserCodeFailed(exception, $"be made as number {number}");
            return (Answer.Failed(FailureReason.Declined, InstructionRunner.Told("be made", exception, withMessage: true)), null);
        }
        var runner = new InstructionRunner(client, options.TimeProvider, log, tellsMessages: true);
        using var connection = new InMemoryConnection(info, runner, options.ThroughCodec);
        var answer = await connection.AskAsync(instruction, cancellation).ConfigureAwait(false);
        return (answer, runner.Errors.Exception as StateNotKeptException);
    }

    /// <summary>The way to one client, who is there only while it works.</summary>
    private sealed class Connection(VirtualPopulation population, ClientInfo info, int number) : IClientConnection
    {
        public ClientInfo Info => info;

        public Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation) => population.AskAsync(info, number, instruction, cancellation);

        /// <summary>Nothing is left to end: the client was stopped when the question was cancelled.</summary>
        public void Abort(string reason)
        {
        }
    }
}
