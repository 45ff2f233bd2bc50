using System.Security.Cryptography;

namespace ManagedFed.Federation;

/// <summary>The run that nodes are told of.</summary>
internal sealed record FleetRun(ulong Id, AppBundle? Bundle, DateTimeOffset Started)
{
    /// <summary>A random number as Flower gives to runs and nodes.</summary>
    public static ulong NewId() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    public Wire.Run Describe()
    {
        var since = SignedHeaders.Format(Started);
        return new()
        {
            RunId = Id,
            FabId = Bundle?.Id ?? "",
            FabVersion = Bundle?.Version ?? "",
            FabHash = Bundle?.Hash ?? "",
            PendingAt = since,
            StartingAt = since,
            RunningAt = since,
            Status = new() { Status = "running" },
            Federation = "@none/default",
            RunType = "serverapp",
        };
    }
}
