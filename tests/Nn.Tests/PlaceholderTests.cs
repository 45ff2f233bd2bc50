using Xunit;

namespace ManagedFed.Tests;

public sealed class PlaceholderTests
{
    [Fact]
    public void Shape_OfOneAxis_PrintsATuple() => Assert.Equal("(3,)", Shape.Create([3]).ToString());
}
