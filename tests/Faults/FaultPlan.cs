namespace ManagedFed.Faults;

/// <summary>Which faults a schedule has, and when.</summary>
internal sealed class FaultPlan(Schedule schedule, Chance chance)
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(40);

    private readonly World world = schedule.World;
    private int lossy;

    /// <summary>The last time at which something goes wrong on purpose, in ticks.</summary>
    public long Last { get; private set; }

    /// <summary>True for a message of Fleet that is lost: only some are, so that the others come through.</summary>
    public bool LosesMessage() => lossy > 0 && chance.OneIn(12) && lossy-- > 0;

    public bool RepeatsMessage() => lossy > 0 && chance.OneIn(6);

    /// <summary>Draws the faults of the time in which the run is worked.</summary>
    public void Draw(TimeSpan usual)
    {
        lossy = 12;
        for (var faults = chance.Below(7); faults > 0; faults--)
        {
            // Some of them late, when the faults before have made the run longer.
            var when = chance.UpTo(usual * 1.5);
            Last = Math.Max(Last, when.Ticks);
            DrawOne(when);
        }
    }

    private void DrawOne(TimeSpan when)
    {
        var client = schedule.Clients[chance.Below(schedule.Clients.Count)];
        var effects = 1 + chance.Below(12);
        switch (chance.Below(13))
        {
            case 0:
            case 1:
                world.In(when, "the server is killed", () => schedule.Server?.Kill());
                break;
            case 2:
            case 3:
            case 4:
                world.In(when, $"the server will die at its effect {effects}", () => schedule.Server?.Light(effects));
                break;
            case 5:
                world.In(when, $"{client.Name} is killed", () => client.Process?.Kill());
                break;
            case 6:
                world.In(when, $"{client.Name} will die at its effect {effects}", () => client.Process?.Light(1 + effects % 3));
                break;
            case 7:
            case 8:
                world.In(when, $"the stream of {client.Name} is cut", () => client.Process?.Cut());
                break;
            case 9:
                world.In(when, "the disk is full", () => schedule.Disk.IsFull = true);
                var room = when + chance.UpTo(Outage);
                Last = Math.Max(Last, room.Ticks);
                world.In(room, "the disk has room again", () => schedule.Disk.IsFull = false);
                break;
            case 10:
                world.In(when, $"the disk fails {effects % 3 + 1} times", () => schedule.Disk.Failures += effects % 3 + 1);
                break;
            case 11:
                world.In(when, "a second server is started", schedule.StartSecond);
                break;
            default:
                if (chance.OneIn(2)) world.In(when, "the server is asked to stop", () => schedule.Server?.Stop());
                else schedule.RotsAtRestart = true;
                break;
        }
        if (chance.OneIn(8)) world.In(when, "the server's clock jumps", () => schedule.Skew += chance.Seconds(7200) - TimeSpan.FromSeconds(3600));
    }
}
