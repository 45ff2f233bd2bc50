using ManagedFed.Graph;
using ManagedFed.IO;

namespace ManagedFed.Nn;

/// <summary>A function with parameters: a layer, or a model made of layers.</summary>
/// <remarks>
/// A subclass registers its parameters and children in its constructor. The order of registration is the order of
/// <see cref="Parameters"/>, of files and of the wire. What a pass itself changes, such as a running mean or a random key,
/// must be a buffer, set through <see cref="Nn.Parameter.Value"/>: then compiled functions change it too, and reading the
/// loss of a training step computes it. Any number of threads may differentiate, evaluate and read a module at once; of two
/// that change the same buffers or parameters at once, as passes with dropout in training do, the later one to end is refused.
/// </remarks>
/// <example>
/// <code>
/// sealed class Mlp : Module
/// {
///     private readonly Linear hidden, output;
///     public Mlp(RandomKey key)
///     {
///         var (first, second) = key.Split();
///         hidden = Child("hidden", new Linear(784, 32, first));
///         output = Child("output", new Linear(32, 10, second));
///     }
///     public override Tensor Forward(Tensor x) => output.Forward(hidden.Forward(x).Relu());
/// }
/// </code>
/// </example>
public abstract partial class Module
{
    private readonly List<(string Name, Parameter? Parameter, Module? Child)> members = [];

    /// <summary>True in training, false in evaluation; dropout and the like ask for it. A new module is in training.</summary>
    public bool Training => Mode.Value;

    internal ValueCell<bool> Mode { get; } = new("training", true);

    /// <summary>The module's output for an input.</summary>
    public abstract Tensor Forward(Tensor x);

    /// <summary>Registers a tensor to be trained.</summary>
    /// <param name="name">Unique among this module's members.</param>
    /// <param name="value">The initial value, of a floating type.</param>
    /// <exception cref="ArgumentException">The name is taken or empty, or the type is not floating.</exception>
    protected Parameter Parameter(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!value.DType.IsFloating()) Throw.DTypeMismatch("parameter", value.DType, $"a floating type for {name}; register it as a buffer");
        return Register(name, new Parameter(name, value, isBuffer: false));
    }

    /// <summary>Registers the weights (out, …, in) of a convolution.</summary>
    private protected Parameter ChannelsLast(string name, Tensor value) => Register(name, new Parameter(name, value, isBuffer: false) { IsChannelsLast = true });

    /// <summary>Registers a state that is not trained.</summary>
    /// <param name="name">Unique among this module's members.</param>
    /// <param name="value">The initial value, of any type.</param>
    /// <param name="persistent">
    /// True for a part of what was learnt, such as a running mean, which is saved and sent with the parameters. False for
    /// what belongs to this run alone, such as a random key, which is in <see cref="State"/> only.
    /// </param>
    /// <exception cref="ArgumentException">The name is taken or empty.</exception>
    protected Parameter Buffer(string name, Tensor value, bool persistent = true)
    {
        ArgumentNullException.ThrowIfNull(value);
        return Register(name, new Parameter(name, value, isBuffer: true, persistent));
    }

    /// <summary>Registers a module whose parameters become this one's, with <paramref name="name"/> and a dot before their names.</summary>
    /// <remarks>A module that is reached twice counts once, under its first name; so weights can be shared.</remarks>
    /// <exception cref="ArgumentException">The name is taken or empty.</exception>
    protected TModule Child<TModule>(string name, TModule module) where TModule : Module
    {
        ArgumentNullException.ThrowIfNull(module);
        Add(name, null, module);
        return module;
    }

    /// <summary>Registers a list of modules as <c>name.0</c>, <c>name.1</c>, ….</summary>
    /// <exception cref="ArgumentException">The name is taken or empty.</exception>
    protected TModule[] Children<TModule>(string name, IEnumerable<TModule> modules) where TModule : Module
    {
        ArgumentNullException.ThrowIfNull(modules);
        return [.. modules.Select((module, i) => Child($"{name}.{i}", module))];
    }

    /// <summary>This module with the empty name, and all modules below with their dotted names, parents first.</summary>
    public IEnumerable<KeyValuePair<string, Module>> NamedModules()
    {
        var found = new List<KeyValuePair<string, Module>>();
        Walk("", [], (name, module) => found.Add(KeyValuePair.Create(name, module)), static (_, _) => { });
        return found;
    }

    /// <summary>The modules registered by this one itself, with their names.</summary>
    public IEnumerable<KeyValuePair<string, Module>> Children() =>
        members.Where(member => member.Child is not null).Select(member => KeyValuePair.Create(member.Name, member.Child!));

    /// <summary>All modules without children, this one or below, with their dotted names.</summary>
    public IEnumerable<KeyValuePair<string, Module>> LeafModules() => NamedModules().Where(entry => !entry.Value.Children().Any());

    /// <summary>All parameters and persistent buffers with their dotted names, in order of registration.</summary>
    public IEnumerable<KeyValuePair<string, Parameter>> NamedParameters() => NamedState().Where(entry => entry.Value.IsPersistent);

    /// <summary>All parameters and buffers with their dotted names, in order of registration.</summary>
    public IEnumerable<KeyValuePair<string, Parameter>> NamedState()
    {
        var found = new List<KeyValuePair<string, Parameter>>();
        Walk("", [], static (_, _) => { }, (name, parameter) => found.Add(KeyValuePair.Create(name, parameter)));
        return found;
    }

    /// <summary>The values of all parameters and persistent buffers: what is saved and sent.</summary>
    public ParameterTree Parameters() => Tree(NamedParameters());

    /// <summary>The values of all parameters and buffers: all that a pass depends on or changes.</summary>
    public ParameterTree State() => Tree(NamedState());

    /// <summary>The values of the parameters that are trained: all but buffers and frozen ones.</summary>
    public ParameterTree TrainableParameters() => Tree(NamedParameters().Where(entry => entry.Value.IsTrainable));

    /// <summary>Replaces the values of parameters and buffers.</summary>
    /// <param name="parameters">New values of the same shapes and types, such as <see cref="Parameters"/> or <see cref="State"/> gave.</param>
    /// <param name="strict">
    /// True: all names of <see cref="Parameters"/> must be given. False: those given are replaced. An unknown name is always refused.
    /// </param>
    /// <exception cref="ArgumentException">Names, shapes or types differ; the message lists every difference, and nothing has changed.</exception>
    public void Update(ParameterTree parameters, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var own = State();
        ParameterTree.Refuse("update", [.. strict ? Parameters().Missing(parameters) : [], .. own.Extra(parameters), .. own.Unlike(parameters)]);
        using var scope = StateScope.Open();
        foreach (var (name, parameter) in NamedState())
        {
            if (parameters.TryGetValue(name, out var value)) parameter.Value = value;
        }
        scope.Commit("update");
    }

    /// <summary>Replaces each parameter and persistent buffer by f of it, of the same shape and type.</summary>
    public void Apply(Func<Tensor, Tensor> f) => Update(Parameters().Map(f));

    /// <summary>Converts all parameters and buffers of a floating type to another one.</summary>
    /// <remarks>
    /// Optimizers follow at their next update; compiled functions of this module are refused and must be made anew. Convert the inputs too:
    /// float16 layers give float32 for a float32 input.
    /// </remarks>
    /// <exception cref="ArgumentException">The type is not floating.</exception>
    public void SetDtype(DType dtype)
    {
        if (!dtype.IsFloating()) Throw.DTypeMismatch("set_dtype", dtype, "a floating type");
        using var scope = StateScope.Open();
        foreach (var (_, parameter) in NamedState())
        {
            if (parameter.DType.IsFloating()) parameter.Cell.Value = parameter.Value.AsType(dtype);
        }
        scope.Commit("set_dtype");
    }

    /// <summary>Puts this module and all below in training, or with false in evaluation.</summary>
    public void Train(bool training = true)
    {
        using var scope = StateScope.Open();
        foreach (var (_, module) in NamedModules()) module.Mode.Value = training;
        scope.Commit("train");
    }

    /// <summary>Puts this module and all below in evaluation.</summary>
    public void Eval() => Train(false);

    /// <summary>Excludes parameters from training.</summary>
    /// <param name="names">
    /// Each selects every parameter whose dotted name contains it as whole parts: <c>layers.0</c>, <c>bias</c>,
    /// <c>layers.0.weight</c>. None selects all.
    /// </param>
    /// <exception cref="ArgumentException">A name selects nothing.</exception>
    public void Freeze(params ReadOnlySpan<string> names) => SetFrozen("freeze", true, names);

    /// <summary>Includes parameters in training again; see <see cref="Freeze"/> for the names.</summary>
    /// <exception cref="ArgumentException">A name selects nothing.</exception>
    public void Unfreeze(params ReadOnlySpan<string> names) => SetFrozen("unfreeze", false, names);

    /// <summary>Writes all parameters and persistent buffers, one array to a name, to an <c>.npz</c> or <c>.safetensors</c> file.</summary>
    /// <param name="path">The file to create or replace; it holds its old content until the new one is complete on disk.</param>
    /// <param name="metadata">Texts to keep with them in a <c>.safetensors</c> file; <see cref="Safetensors.Load"/> gives them back.</param>
    /// <exception cref="ArgumentException">The path ends otherwise, or metadata are given for an <c>.npz</c> file.</exception>
    /// <exception cref="IOException">The file cannot be written; it is unchanged then.</exception>
    public void SaveWeights(string path, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var safetensors = IsSafetensors("save_weights", path);
        if (!safetensors && metadata is not null) Throw.Argument("save_weights", $"{path} is a .npz file, which holds no metadata; save a .safetensors file");
        var parameters = Parameters();
        var arrays = parameters.Keys.Zip(parameters.ToArrays());
        if (safetensors) Safetensors.Save(path, arrays, metadata);
        else Npz.Save(path, arrays);
    }

    /// <summary>Reads the parameters and persistent buffers from an <c>.npz</c> or <c>.safetensors</c> file.</summary>
    /// <remarks>
    /// Names and layouts are MLX's, so its files load as they are. Those of PyTorch agree for linear and embedding layers and for layer, RMS,
    /// group and batch normalisation, whose count <c>num_batches_tracked</c> has no place here. Convolutions have the channels last:
    /// PyTorch's (out, in, …) becomes (out, …, in), which shapes tell unless all these sizes are equal; such weights of a file whose
    /// metadata say <c>format: pt</c> are refused without <paramref name="convert"/>, and from an <c>.npz</c> read as they are. Its recurrent and attention layers pack and name their weights in their own way.
    /// <paramref name="convert"/> bridges such differences. Arrays of float16, bfloat16 and float32 are converted to a parameter of
    /// another of these types.
    /// </remarks>
    /// <param name="path">A file that <see cref="SaveWeights"/>, NumPy's <c>savez</c> or a writer of safetensors such as MLX or PyTorch wrote.</param>
    /// <param name="strict">True: the file has exactly this module's names. False: those both have are read.</param>
    /// <param name="convert">Given name and array of each entry, the name and array to use instead, or null to leave the entry out.</param>
    /// <returns>What was passed over: a line with name, shape and type for each parameter that the file lacks and each array it has besides.</returns>
    /// <exception cref="ArgumentException">
    /// The path ends otherwise, or names, shapes or types differ; the message lists every difference, and nothing has changed.
    /// </exception>
    public IReadOnlyList<string> LoadWeights(string path, bool strict = true, Func<string, NdArray, (string Name, NdArray Array)?>? convert = null)
    {
        var own = Parameters();
        var safetensors = IsSafetensors("load_weights", path) ? Safetensors.Load(path) : null;
        var isForeign = convert is null && safetensors is not null && safetensors.Metadata.GetValueOrDefault("format") == "pt";
        var entries = (safetensors is null ? Npz.Load(path) : safetensors.Arrays)
            .Select(entry => convert is null ? (entry.Key, entry.Value) : convert(entry.Key, entry.Value));
        var read = new ParameterTree(entries.OfType<(string Name, NdArray Array)>().Select(entry => KeyValuePair.Create(entry.Name, Fitting(own, entry.Name, entry.Array))));
        string[] differences = [.. own.Missing(read), .. own.Extra(read)];
        ParameterTree.Refuse("load_weights", [.. strict ? differences : [], .. own.Unlike(read), .. isForeign ? Undecided(read) : []]);
        Update(new(read.Where(entry => own.ContainsKey(entry.Key))), strict: false);
        return differences;
    }

    /// <summary>Weights of convolutions that fit with their channels first as well as last.</summary>
    private IEnumerable<string> Undecided(ParameterTree read) => NamedParameters()
        .Where(entry => entry.Value is { IsChannelsLast: true, Shape: var shape } && shape.Remove(1).Insert(shape.Rank - 1, shape[1]) == shape
            && shape[-1] > 1 && read.TryGetValue(entry.Key, out var given) && given.Shape == shape)
        .Select(entry => $"undecided: {entry.Key} {entry.Value.Shape}, in a file of PyTorch, which writes (out, in, …), expected (out, …, in): give a convert that moves axis 1 to the end");

    private static Tensor Fitting(ParameterTree own, string name, NdArray array) =>
        own.TryGetValue(name, out var present) && present.DType.Wide() == DType.Float32 && array.DType.Wide() == DType.Float32 ? array.AsType(present.DType) : array;

    private static bool IsSafetensors(string op, string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var extension = Path.GetExtension(path);
        var safetensors = extension.Equals(".safetensors", StringComparison.OrdinalIgnoreCase);
        if (!safetensors && !extension.Equals(".npz", StringComparison.OrdinalIgnoreCase)) Throw.Argument(op, $"{path} ends with '{extension}', expected .npz or .safetensors");
        return safetensors;
    }

    /// <summary>The values, all of one moment.</summary>
    private static ParameterTree Tree(IEnumerable<KeyValuePair<string, Parameter>> parameters)
    {
        var all = parameters.ToArray();
        using var scope = StateScope.Open();
        scope.ReadAll(all.Select(entry => entry.Value.Cell));
        return new(all.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.Value)));
    }

    private Parameter Register(string name, Parameter parameter)
    {
        Add(name, parameter, null);
        return parameter;
    }

    private void Add(string name, Parameter? parameter, Module? child)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (members.Exists(member => member.Name == name)) Throw.Argument("module", $"{GetType().Name} already has a member {name}");
        members.Add((name, parameter, child));
    }

    private void Walk(string prefix, HashSet<Module> seen, Action<string, Module> onModule, Action<string, Parameter> onParameter)
    {
        if (!seen.Add(this)) return;
        onModule(prefix, this);
        foreach (var (name, parameter, child) in members)
        {
            var path = prefix.Length == 0 ? name : $"{prefix}.{name}";
            if (parameter is not null) onParameter(path, parameter);
            else child!.Walk(path, seen, onModule, onParameter);
        }
    }

    private void SetFrozen(string op, bool frozen, ReadOnlySpan<string> names)
    {
        var parameters = NamedParameters().ToList();
        var selected = new List<Parameter>();
        foreach (var name in names)
        {
            var before = selected.Count;
            selected.AddRange(parameters.Where(entry => $".{entry.Key}.".Contains($".{name}.", StringComparison.Ordinal)).Select(entry => entry.Value));
            if (selected.Count == before) Throw.Argument(op, $"no parameter is named {name}; there are {string.Join(", ", parameters.Select(entry => entry.Key))}");
        }
        if (names.IsEmpty) selected.AddRange(parameters.Select(entry => entry.Value));
        using var scope = StateScope.Open();
        foreach (var parameter in selected) parameter.Frozen.Value = frozen;
        scope.Commit(op);
    }
}
