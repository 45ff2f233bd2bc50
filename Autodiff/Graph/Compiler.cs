using ManagedFed.Kernels;
using ManagedFed.Ops;

namespace ManagedFed.Graph;

/// <summary>
/// Traces a function once for each combination of argument shapes and types, and replays it. Tensors in cells and numbers
/// given at each call are arguments too, in memory of the compiler's own.
/// </summary>
internal sealed class Compiler : ICellOwner
{
    // Held while a plan runs, and then those of the cells in their order. No code of the user's runs under them.
    private readonly Lock gate = new();

    // Held by a caller outside of any transform while the function is recorded, so that another one finds the plan.
    private readonly Lock recording = new();
    private readonly TensorCell[] cells;
    private readonly TensorCell[] sorted;
    private readonly Func<Tensor[], Tensor[], Tensor[]> function;
    private readonly NdArray[] memory;
    private readonly List<Entry> entries = [];
    private NdArray[] arrays = [];
    private long replays;

    private sealed record Entry((Shape Shape, DType DType)[] Key, Plan Plan);

    /// <param name="cells">What the function reads and may replace.</param>
    /// <param name="scalars">How many float64 numbers a call passes.</param>
    /// <param name="function">Takes the arguments and the numbers as tensors.</param>
    public Compiler(TensorCell[] cells, int scalars, Func<Tensor[], Tensor[], Tensor[]> function)
    {
        this.cells = cells;
        sorted = [.. cells.OrderBy(cell => cell.Id)];
        this.function = function;
        memory = [
            .. cells.Select(cell => NdArray.Empty(cell.Value.Shape, cell.Value.DType)),
            .. Enumerable.Range(0, scalars).Select(_ => NdArray.Empty([], DType.Float64)),
        ];
    }

    public CompileStatistics Statistics
    {
        get
        {
            lock (gate) return new(entries.Count, replays, entries.Sum(entry => entry.Plan.NodeCount), entries.Sum(entry => entry.Plan.KernelCount));
        }
    }

    /// <summary>The graphs recorded so far, in order, after simplification, before or after fusion.</summary>
    public string Print(GraphFormat format, bool fused)
    {
        lock (gate)
        {
            var graphs = entries.Select(entry => Printer.Lines(entry.Plan.Units, fused));
            return string.Join('\n', graphs.Select(lines => format == GraphFormat.Dot ? Printer.Dot(lines) : Printer.Text(lines)));
        }
    }

    /// <summary>Runs the function and returns its results as tensors of their own; null where it captures tensors of a transform around it.</summary>
    public Tensor[]? Results(ReadOnlySpan<Tensor> arguments) => Run(arguments, [], [], static (plan, first, _) =>
    {
        var results = new Tensor[plan.Outputs.Length - first];
        for (var i = 0; i < results.Length; i++) results[i] = Tensor.Own(plan.Take(first + i));
        return results;
    });

    /// <summary>Runs the function and reads its first results, which are scalars, as far as there is room for them.</summary>
    public void Scalars(ReadOnlySpan<Tensor> arguments, ReadOnlySpan<double> scalars, double[] results)
    {
        var isRun = Run(arguments, scalars, results, static (plan, first, read) =>
        {
            for (var i = 0; i < Math.Min(read.Length, plan.Outputs.Length - first); i++)
            {
                read[i] = plan.Outputs[first + i] switch
                {
                    { DType: DType.Float32 } single => single.ReadScalar<float>(),
                    { DType: DType.Float64 } wide => wide.ReadScalar<double>(),
                    var other => other.AsType(DType.Float64).ReadScalar<double>(),
                };
            }
            return true;
        });
        if (!isRun) Throw.Argument("compile", "the step captures a tensor of a transform around it; call the step outside of that");
    }

    /// <summary>True when the function was recorded for arguments of these shapes and types.</summary>
    public bool IsRecorded(ReadOnlySpan<Tensor> arguments) => Find(arguments) is not null;

    public Tensor Snapshot(int slot) => Tensor.Own(memory[slot].Duplicate());

    /// <summary>
    /// Runs the function and reads its results, while the arguments, which some may look at, are there: those that nobody
    /// else asked for are computed for this run alone. Nothing is read where the function captures tensors of a transform around it.
    /// </summary>
    private T? Run<T>(ReadOnlySpan<Tensor> arguments, ReadOnlySpan<double> scalars, double[] into, Func<Plan, int, double[], T> read)
    {
        if ((Find(arguments) ?? Record(arguments)) is not { } plan) return default;
        lock (gate)
        {
            if (arrays.Length != arguments.Length) arrays = new NdArray[arguments.Length];
            Evaluator.Borrow(arguments, arrays);
            var dense = 0;
            try
            {
                for (; dense < arrays.Length; dense++) arrays[dense] = Copy.Dense(arrays[dense]);
                StateCell.EnterAll(sorted);
                try
                {
                    Run(plan, scalars);
                }
                finally
                {
                    StateCell.ExitAll(sorted);
                }
                return read(plan, cells.Length, into);
            }
            finally
            {
                for (var i = 0; i < dense; i++) arrays[i].Storage.Release();
                Array.Clear(arrays);
                Evaluator.GiveBack(arguments);
            }
        }
    }

    private void Run(Plan plan, ReadOnlySpan<double> scalars)
    {
        for (var i = 0; i < cells.Length; i++)
        {
            if (!cells[i].IsOwnedBy(this)) Load(cells[i].Present(), memory[i]);
        }
        for (var i = 0; i < scalars.Length; i++) memory[cells.Length + i].WriteScalar(scalars[i]);

        plan.Run(arrays);
        var outputs = plan.Outputs;
        for (var i = 0; i < cells.Length; i++)
        {
            if (outputs[i].Storage != memory[i].Storage) Copy.Run(outputs[i], memory[i]);
            cells[i].HandOver(this, i);
        }
        replays++;
    }

    private static void Load(Tensor value, NdArray memory)
    {
        var array = Evaluator.Hold(value);
        Copy.Run(array, memory);
        array.Storage.Release();
    }

    private Plan? Find(ReadOnlySpan<Tensor> arguments)
    {
        lock (gate)
        {
            foreach (var (key, plan) in entries)
            {
                var matches = key.Length == arguments.Length;
                for (var i = 0; matches && i < key.Length; i++) matches = key[i].DType == arguments[i].DType && key[i].Shape == arguments[i].Shape;
                if (matches) return plan;
            }
        }
        return null;
    }

    /// <summary>
    /// Records the function unless somebody else does. Inside of another transform nobody waits: of two functions that call
    /// each other, each could be waiting for the other's recording to end.
    /// </summary>
    private Plan? Record(ReadOnlySpan<Tensor> arguments)
    {
        if (StateScope.Current is not null) return Trace(arguments);
        lock (recording) return Find(arguments) ?? Trace(arguments);
    }

    private Plan? Trace(ReadOnlySpan<Tensor> arguments)
    {
        using var scope = StateScope.Open();
        var trace = new Trace();
        var inputs = new Tensor[arguments.Length];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = Tensor.Argument(arguments[i].Shape, arguments[i].DType, trace, "compile");
        var state = Array.ConvertAll(memory, array => Tensor.Argument(array.Shape, array.DType, trace, "compile"));
        Tensor[] results;
        try
        {
            for (var i = 0; i < cells.Length; i++) scope.Substitute(cells[i], state[i]);
            var outputs = Called.Results("compile", v => function(v, state[cells.Length..]), inputs);
            results = [.. cells.Select((cell, i) => NewValue(cell.Value, state[i])), .. outputs];
        }
        finally
        {
            trace.Close();
        }
        Check(scope);

        // To the recorded graph such tensors would be constants.
        if (Array.Exists(results, result => result.IsTraced)) return null;

        // A result may be a constant that the user disposes of; what the plan computes has edges to the others.
        foreach (var result in results) Interlocked.Increment(ref result.Pending);
        var plan = new Plan(inputs, state, memory, cells.Length, results);
        lock (gate) entries.Add(new([.. inputs.Select(input => (input.Shape, input.DType))], plan));
        return plan;
    }

    /// <summary>Refuses what a replay would not do.</summary>
    private void Check(StateScope scope)
    {
        var lost = Array.FindAll(scope.Changes, change => Array.IndexOf(cells, change.Key) < 0);
        if (lost.Length > 0) Throw.Invalid("compile", $"the function changes {string.Join(", ", lost.Select(change => change.Key.Name))}, which calls after the first would not do; compile with the module, and change modes outside");
    }

    // A new value that is, or looks at, another cell's old one needs memory of its own before that is overwritten.
    private static Tensor NewValue(Tensor value, Tensor old) =>
        !ReferenceEquals(value, old) && (value.Op is Placeholder || value.Op is { MayView: true }) ? Tensor.Apply(new Duplicate(), value) : value;
}
