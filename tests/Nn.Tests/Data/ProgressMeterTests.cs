using ManagedFed.Nn.Data;

namespace ManagedFed.Nn.Tests.Data;

public sealed class ProgressMeterTests
{
    private sealed class Clock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Pass(double seconds) => ticks += TimeSpan.FromSeconds(seconds).Ticks;
    }

    private sealed class Receiver : IProgress<Progress>
    {
        public List<Progress> Reports { get; } = [];

        public void Report(Progress value) => Reports.Add(value);
    }

    [Fact]
    public void Add_OfBatches_ReportsAtIntervalsAndAtTheEnd()
    {
        var (clock, receiver) = (new Clock(), new Receiver());
        var meter = new ProgressMeter(100, receiver, TimeSpan.FromSeconds(1), clock);
        clock.Pass(0.5);
        meter.Add(10, 4);
        Assert.Empty(receiver.Reports);
        clock.Pass(0.5);
        meter.Add(10, 2);
        meter.Add(30, 1);
        clock.Pass(0.25);
        meter.Add(50, 1);

        // 20 examples in one second, (10·4 + 10·2)/20 = 3; at the end (40 + 20 + 30 + 50)/100 = 1.4.
        Assert.Equal([new Progress(20, 100, 3, TimeSpan.FromSeconds(1)), new(100, 100, 1.4, TimeSpan.FromSeconds(1.25))], receiver.Reports);
        Assert.Equal(20, receiver.Reports[0].Rate);
        Assert.Equal(TimeSpan.FromSeconds(4), receiver.Reports[0].Remaining);
        Assert.Equal(TimeSpan.Zero, receiver.Reports[1].Remaining);
        Assert.Equal(0, default(Progress).Rate);
        Assert.Null(default(Progress).Remaining);
    }

    [Fact]
    public void Arguments_OutsideTheirRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProgressMeter(-1, new Receiver()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProgressMeter(1, new Receiver()).Add(-1, 0));
    }
}
