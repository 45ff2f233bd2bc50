using System.Threading.Channels;
using Xunit;

namespace ManagedFed.Federation.Tests.Rounds;

/// <summary>A connection whose answers a test gives by hand, when it likes.</summary>
internal sealed class HeldConnection(string name) : IClientConnection
{
    private readonly Channel<Question> questions = Channel.CreateUnbounded<Question>();
    private int open;

    public ClientInfo Info { get; } = ClientInfo.Create("test", name);

    /// <summary>Why the server ended it; null while it has not.</summary>
    public string? Aborted { get; private set; }

    /// <summary>What the client gives as its properties; null leaves the question open.</summary>
    public IReadOnlyDictionary<string, Scalar>? Properties { get; init; } = TestKit.NoValues;

    /// <summary>How often it was asked for its properties.</summary>
    public int Asked { get; private set; }

    /// <summary>The next question for work that no earlier wait has taken.</summary>
    public Task<Question> Next() => questions.Reader.ReadAsync().AsTask().Bounded();

    /// <summary>True when a question waits to be taken.</summary>
    public bool IsAsked => questions.Reader.Count > 0;

    public async Task<Answer> AskAsync(Instruction instruction, CancellationToken cancellation)
    {
        if (instruction is ReconnectInstructions) return new(new DisconnectResult(DisconnectReason.Reconnect), null, 0);
        Assert.Equal(1, Interlocked.Increment(ref open));
        try
        {
            var question = new Question(instruction);
            if (instruction is GetPropertiesInstructions)
            {
                Asked++;
                if (Properties is not null) return new(new GetPropertiesResult(ResultStatus.Success, Properties), null, 0);
            }
            else
            {
                questions.Writer.TryWrite(question);
            }
            return await question.Answer.Task.WaitAsync(cancellation);
        }
        finally
        {
            Interlocked.Decrement(ref open);
        }
    }

    public void Abort(string reason) => Aborted = reason;

    /// <summary>A question that is open until it is answered.</summary>
    internal sealed record Question(Instruction Instruction)
    {
        public TaskCompletionSource<Answer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Answers to train with a model of one element, the one that was given and a step.</summary>
        public void Train(float step, long examples = 1) => Reply(TestKit.Fit(
            examples, TestKit.Floats(((FitInstructions)Instruction).Parameters.Arrays[0].ToArray<float>()[0] + step)));

        public void Reply(Reply reply) => Answer.SetResult(new(reply, null, 0));

        public void Lose() => Answer.SetResult(Federation.Answer.Failed(FailureReason.Disconnected, "left"));
    }
}
