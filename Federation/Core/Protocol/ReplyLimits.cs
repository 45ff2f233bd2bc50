namespace ManagedFed.Federation;

/// <summary>What clients' replies may take of a server's memory. Sizes are counted before anything is allocated.</summary>
/// <remarks>
/// A reply to training may have as many arrays as the client was sent, each of up to 8 bytes an element (clients of plain NumPy return
/// float64), and metrics. A client that sends more has not answered; the run goes on.
/// </remarks>
public sealed record ReplyLimits
{
    /// <summary>The most bytes of a model that a client is asked for while the server has none of its own. Default 2 GiB, the most of the stream.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxModelBytes
    {
        get;
        init => field = Interval.Counts.Check("reply_limits", nameof(MaxModelBytes), value);
    } = 2L << 30;

    /// <summary>
    /// How many times the arrays that a client was sent it may return, at least 1: for strategies of one's own whose clients return
    /// more than the model. Default 1.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int ModelFactor
    {
        get;
        init => field = Interval.Counts.Check("reply_limits", nameof(ModelFactor), value);
    } = 1;

    /// <summary>
    /// The most bytes of tensors that are not arrays (XGBoost's trees) beside twice those the client was sent, at least 1. Default 64 MiB.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxOpaqueBytes
    {
        get;
        init => field = Interval.Counts.Check("reply_limits", nameof(MaxOpaqueBytes), value);
    } = 64 << 20;

    /// <summary>The most bytes of a reply's metrics or properties, with their names and the status. Default 1 MiB.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long MaxMetricsBytes
    {
        get;
        init => field = Interval.Counts.Check("reply_limits", nameof(MaxMetricsBytes), value);
    } = 1 << 20;

    /// <summary>The most metrics or properties of a reply. Default 10,000.</summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public int MaxMetrics
    {
        get;
        init => field = Interval.Counts.Check("reply_limits", nameof(MaxMetrics), value);
    } = 10_000;

    /// <summary>
    /// The most bytes of all replies that arrive or have not yet been taken in; beyond it the others wait, and the oldest always goes on.
    /// Default null: half of the memory that the process may use. With 1 large replies come one at a time: the least memory, at the pace of
    /// the slowest client.
    /// </summary>
    /// <exception cref="ArgumentException">The value lies outside its range.</exception>
    public long? MaxBytesAtOnce
    {
        get;
        init => field = value is { } given ? Interval.Counts.Check("reply_limits", nameof(MaxBytesAtOnce), given) : null;
    }
}

/// <summary>What one message may hold: a reply by what was asked, an instruction what any server sends.</summary>
/// <param name="Tensors">The most tensors.</param>
/// <param name="TensorBytes">The most bytes of their data.</param>
/// <param name="MetricsBytes">The most bytes beside them.</param>
/// <param name="Metrics">The most metrics.</param>
/// <param name="Arrays">Whether the tensors are expected to be arrays.</param>
/// <param name="Pieces">The most pieces of 5 MiB in which Fleet carries the tensors.</param>
internal sealed record ReplyAllowance(int Tensors, long TensorBytes, long MetricsBytes, int Metrics, bool Arrays, int Pieces)
{
    /// <summary>Tensors of a model of which nothing is known, and of opaque ones.</summary>
    private const int UnknownTensors = 65_536, OpaqueTensors = 1024;

    /// <summary>What stands around one tensor at most: an .npy header, or names and ids of objects.</summary>
    private const int Around = 1024;

    /// <summary>Fields beside metrics: status, number of examples, loss.</summary>
    public const int OtherFields = 16;

    private const int WidestElement = 8;

    /// <summary>Any instruction: what is counted is that a message of few bytes does not become many objects.</summary>
    public static ReplyAllowance Instruction { get; } = new(UnknownTensors, int.MaxValue, int.MaxValue, 1_000_000, false, 0);

    /// <summary>The most bytes of the whole message.</summary>
    public long MessageBytes => TensorBytes + ((long)Tensors + OtherFields) * Around + MetricsBytes;

    private string Hint => ReferenceEquals(this, Instruction) ? "; no server sends so much" : "; ReplyLimits in the server's options says how many";

    private string What => ReferenceEquals(this, Instruction) ? "instruction" : "reply";

    public static ReplyAllowance For(Instruction instruction, ReplyLimits limits) => instruction switch
    {
        GetParametersInstructions => Of(UnknownTensors, limits.MaxModelBytes, true, Chunks(limits.MaxModelBytes) + UnknownTensors, limits),
        FitInstructions { Parameters: { HasArrays: true, Count: > 0 } model } => Of(
            model.Count * limits.ModelFactor, model.Arrays.Sum(Widest) * limits.ModelFactor, true,
            model.Arrays.Sum(array => Chunks(Widest(array) + Around)) * limits.ModelFactor, limits),
        FitInstructions { Parameters: var model } => Opaque(limits.MaxOpaqueBytes + 2 * BytesOf(model), model, limits),
        _ => Of(0, 0, true, 0, limits),
    };

    /// <summary>The same where a message comes as objects.</summary>
    /// <param name="most">The most bytes, whatever was asked.</param>
    public ObjectLimits ToObjects(long most) => new(
        // Message, dict and up to ten records; each array and its pieces.
        OtherFields + Tensors + Pieces, Math.Min(most, TensorBytes), MetricsBytes, Metrics, Math.Min(most, MessageBytes + (long)Pieces * Around));

    /// <summary>What is wrong with a message of so many bytes; null when nothing is.</summary>
    public string? Problem(long bytes) => bytes <= MessageBytes ? null
        : $"[wire] the {What} has {bytes} bytes, at most {MessageBytes} are taken: {Tensors} tensors of {TensorBytes} bytes in all and {MetricsBytes} bytes of metrics{Hint}";

    public string TooManyTensors(int count) => $"[wire] the {What} has {count} tensors or more, at most {Tensors} are taken{Hint}";

    public string TooManyMetrics() => $"[wire] the {What} has more than {Metrics} metrics or {MetricsBytes} bytes of them{Hint}";

    private static ReplyAllowance Opaque(long bytes, Parameters model, ReplyLimits limits) =>
        Of(OpaqueTensors + 2 * model.Count, bytes, model.HasArrays, Chunks(bytes) + OpaqueTensors + 2 * model.Count, limits);

    private static ReplyAllowance Of(int tensors, long bytes, bool arrays, int pieces, ReplyLimits limits) =>
        new(tensors, bytes, limits.MaxMetricsBytes, limits.MaxMetrics, arrays, pieces);

    private static long Widest(NdArray array) => Math.Max(array.ByteCount, array.Count * WidestElement);

    private static int Chunks(long bytes) => (int)Math.Min(1 << 24, (bytes + ArrayBytes.ChunkSize - 1) / ArrayBytes.ChunkSize);

    private static long BytesOf(Parameters model)
    {
        var bytes = 0L;
        for (var i = 0; i < model.Count; i++) bytes += model.TensorLength(i);
        return bytes;
    }
}
