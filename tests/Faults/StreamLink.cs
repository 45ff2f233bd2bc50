using ManagedFed.Federation;

namespace ManagedFed.Faults;

/// <summary>One stream between a client and a server: in order, and cut off at any place.</summary>
internal sealed class StreamLink : IInstructionWriter
{
    private static readonly TimeSpan Usual = TimeSpan.FromMilliseconds(50), Slow = TimeSpan.FromSeconds(5), Notice = TimeSpan.FromSeconds(8);

    private readonly World world;
    private readonly ServerProcess server;
    private readonly ClientProcess client;
    private readonly Action lose;
    private long lastDown, lastUp;
    private bool isCut, serverKnows, clientKnows;

    public StreamLink(ServerProcess server, ClientProcess client)
    {
        (world, this.server, this.client) = (server.World, server, client);
        var source = new CancellationTokenSource();
        (lose, Lost) = (source.Cancel, source.Token);
        Info = ClientInfo.Create(client.Name, client.Machine.StableName);
        Connection = new(Info, this);
        world.Watch(EndWhenClosedAsync());
    }

    public ClientInfo Info { get; }

    public BidiConnection Connection { get; }

    /// <summary>Cancelled when the client knows that the stream has ended.</summary>
    public CancellationToken Lost { get; }

    public bool IsOver => serverKnows && clientKnows;

    /// <summary>How long a message takes.</summary>
    public static TimeSpan Latency(Chance chance) => chance.OneIn(20) ? chance.UpTo(Slow) : chance.UpTo(Usual);

    public Task<long> WriteAsync(Instruction instruction, CancellationToken cancellation)
    {
        if (server.IsDead) return new TaskCompletionSource<long>().Task;
        var dies = server.DiesAt($"sends {instruction.GetType().Name} to {client.Name}");
        Invariants.CheckAsk(server, Info.StableName!, instruction);
        // A server that dies as it sends may have sent.
        if (!dies || world.Chance.OneIn(2))
        {
            var isLost = LosesMessage();
            var bytes = StreamMessages.Instructions.Write(instruction);
            Down($"{instruction.GetType().Name} reaches {client.Name}", () =>
            {
                if (!isLost) client.Receive(this, StreamMessages.Instructions.Read(new(bytes)).Take() with { Round = instruction.Round });
            });
            if (!dies) return Task.FromResult((long)bytes.Length);
        }
        return new TaskCompletionSource<long>().Task;
    }

    public void Reply(Reply reply)
    {
        var isLost = LosesMessage();
        var bytes = StreamMessages.Replies.Write(reply);
        Up($"{reply.GetType().Name} of {client.Name} arrives", () =>
        {
            if (server.IsDead || serverKnows || isLost) return;
            // A message that nobody asked for ends the stream.
            if (!Connection.Deliver(StreamMessages.Replies.Read(new(bytes)))) ServerEnds("sent what nobody asked for");
        });
    }

    /// <summary>Nothing passes any more; both sides notice, each in its time.</summary>
    public void Cut()
    {
        if (isCut) return;
        isCut = true;
        world.In(world.Chance.UpTo(Notice), $"{server.Name} notices that {client.Name} is lost", () => ServerEnds("connection lost"));
        ClientNotices(world.Chance.UpTo(Notice));
    }

    public void ServerIsGone()
    {
        serverKnows = isCut = true;
        ClientNotices(world.Chance.UpTo(Notice));
    }

    public void ClientIsGone()
    {
        clientKnows = isCut = true;
        world.In(world.Chance.UpTo(Notice), $"{server.Name} notices that {client.Name} is gone", () => ServerEnds("connection lost"));
    }

    public override string ToString() => $"stream of {client.Name}: cut {isCut}, server knows {serverKnows}, client knows {clientKnows}, {client.State}";

    /// <summary>A message that vanishes, while both sides think that the stream lives: only a timeout helps then.</summary>
    private bool LosesMessage() => client.Machine.Schedule is { Scenario.RoundTimeout: not null, Faults: var faults } && faults.LosesMessage();

    private async Task EndWhenClosedAsync()
    {
        await Connection.Closed;
        ServerEnds("ended by the server");
    }

    private void ServerEnds(string how)
    {
        if (serverKnows || server.IsDead) return;
        serverKnows = true;
        _ = Connection.End();
        server.Registry.Leave(Connection, how);
        server.Forget(this);
        // What it has sent arrives before the end does.
        if (!isCut) Down($"the stream of {client.Name} ends", () => ClientEnds());
    }

    private void ClientNotices(TimeSpan after) => world.In(after, $"{client.Name} notices that its stream is lost", ClientEnds);

    private void ClientEnds()
    {
        if (clientKnows || client.IsDead) return;
        clientKnows = isCut = true;
        lose();
        client.LostStream(this);
    }

    private void Down(string what, Action act)
    {
        lastDown = Math.Max(lastDown, world.Now + Latency(world.Chance).Ticks);
        world.At(lastDown, what, () =>
        {
            if (!isCut && !client.IsDead) act();
        });
    }

    private void Up(string what, Action act)
    {
        lastUp = Math.Max(lastUp, world.Now + Latency(world.Chance).Ticks);
        world.At(lastUp, what, () =>
        {
            if (!isCut) act();
        });
    }
}
