using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Models that Protobuf cannot carry: by their shapes alone, without their memory.</summary>
public sealed class LongMessageTests
{
    private static NdArray Huge => NdArray.Zeros([1]).BroadcastTo([1 << 30]);

    [Fact]
    public async Task AskAsync_ModelOfFourGigabytes_FailsByASentenceAndTheConnectionLives()
    {
        var token = TestContext.Current.CancellationToken;
        var connection = new BidiConnection(new("a", "b"), new FramePipe(System.IO.Pipelines.PipeReader.Create(Stream.Null), System.IO.Pipelines.PipeWriter.Create(Stream.Null)));
        for (var i = 0; i < 2; i++)
        {
            var failure = (await connection.AskAsync(new FitInstructions(new(Huge), TestKit.NoValues), token).Bounded()).Failure!;
            Assert.Contains("the message has 4294967", failure.Message, StringComparison.Ordinal);
            Assert.Contains("at most 2147483647; use Fleet", failure.Message, StringComparison.Ordinal);
        }
        var asked = connection.AskAsync(new FitInstructions(new(TestKit.Floats(1)), TestKit.NoValues), token);
        while (!connection.Deliver(new(TestKit.Fit(1, TestKit.Floats(2))))) await Task.Yield();
        Assert.NotNull((await asked.Bounded()).Reply);
    }

    [Fact]
    public void Sendable_ReplyOfFourGigabytes_SaysSo()
    {
        var log = new LogRecorder();
        var runner = new InstructionRunner(new LambdaClient(), TimeProvider.System, log);
        var fit = Assert.IsType<FitResult>(runner.Sendable(TestKit.Fit(1, Huge)));
        Assert.Equal(ResultCode.FitNotImplemented, fit.Status.Code);
        Assert.Contains("use Fleet", fit.Status.Message, StringComparison.Ordinal);
        Assert.Equal(ResultCode.GetParametersNotImplemented, Assert.IsType<GetParametersResult>(runner.Sendable(new GetParametersResult(ResultStatus.Success, new(Huge)))).Status.Code);
        var small = TestKit.Fit(1, TestKit.Floats(1));
        Assert.Same(small, runner.Sendable(small));
        Assert.Equal(2, log.WithId(417).Count);
    }
}
