namespace ManagedFed.Federation.Tests.Fleet;

/// <summary>Tests of a desk that are the same whichever way its nodes reach it.</summary>
public abstract class DeskTests(Door door) : IDisposable
{
    private readonly List<HandDesk> others = [];

    internal HandDesk Server { get; } = new(door: door);

    public void Dispose()
    {
        Server.Dispose();
        foreach (var other in others) other.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Another desk, which ends with the test.</summary>
    internal HandDesk Also(HandDesk other)
    {
        others.Add(other);
        return other;
    }
}
