using ManagedFed.Federation;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Faults;

/// <summary>A client from its start to its death: joins, answers, and joins again when it is lost.</summary>
internal sealed class ClientProcess : Process
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);

    private readonly InstructionRunner runner;
    private readonly ILogger log;
    private StreamLink? link;

    public ClientProcess(World world, ClientMachine machine, int start, Process? host = null) : base(world, $"{machine.Name}.{start}", host)
    {
        Machine = machine;
        log = new ProcessLog(this);
        Learner = new(this);
        runner = new(Learner, Clock, log);
    }

    public ClientMachine Machine { get; }

    public Learner Learner { get; }

    /// <summary>What it does, for people.</summary>
    public string State { get; private set; } = "starts";

    public void Start()
    {
        if (Machine.IsNode) World.Watch(FleetLink.RunAsync(this, log));
        else Connect();
    }

    /// <summary>Cuts the stream it has.</summary>
    public void Cut() => link?.Cut();

    public void Receive(StreamLink from, Instruction instruction)
    {
        if (IsDead || from != link) return;
        if (instruction is ReconnectInstructions)
        {
            State = "said goodbye";
            from.Reply(new DisconnectResult(DisconnectReason.Reconnect));
            return;
        }
        World.Watch(AnswerAsync(from, instruction));
    }

    public void LostStream(StreamLink from)
    {
        if (IsDead || from != link) return;
        link = null;
        // A server that was killed behind its goodbye starts again, and may want the client.
        State = "looks for the server";
        World.In(World.Chance.UpTo(Patience), $"{Name} tries again", Connect);
    }

    /// <summary>Work that takes its time.</summary>
    public async Task WorkAsync(CancellationToken cancellation)
    {
        if (IsDead) throw new EndedException();
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        World.In(Machine.Schedule.WorkTime(), $"{Name} has worked", () =>
        {
            if (!IsDead) done.TrySetResult();
        });
        await done.Task.WaitAsync(cancellation);
    }

    protected override void OnDeath()
    {
        link?.ClientIsGone();
        Machine.StartLater();
    }

    private async Task AnswerAsync(StreamLink from, Instruction instruction)
    {
        State = $"works on {instruction.GetType().Name}";
        Reply reply;
        try
        {
            reply = await runner.RunAsync(instruction, from.Lost);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        if (IsDead || from != link) return;
        State = "has answered";
        var dies = DiesAt($"sends {reply.GetType().Name}");
        if (!dies || World.Chance.OneIn(2)) from.Reply(reply);
    }

    private void Connect()
    {
        if (IsDead || Machine.Schedule.IsOver) return;
        World.In(StreamLink.Latency(World.Chance), $"{Name} calls", () =>
        {
            if (IsDead) return;
            if (Machine.Schedule.Server is { IsDead: false } server)
            {
                var next = new StreamLink(server, this);
                if (server.Join(next) is null)
                {
                    State = "waits for work";
                    link = next;
                    return;
                }
            }
            World.In(World.Chance.UpTo(Patience), $"{Name} tries again", Connect);
        });
    }
}
