using System.CommandLine;
using System.Globalization;
using ManagedFed.Federation;

namespace ManagedFed.Samples.Mnist;

/// <summary>The command line's options, each written once, and the settings they give.</summary>
internal static class Options
{
    private const string FleetHttpAddress = "127.0.0.1:8000";

    private static readonly Settings Defaults = new();

    public static readonly Option<int> Rounds = Number("--rounds", "Rounds of training and evaluation", Defaults.Rounds, 0);
    public static readonly Option<int> Partitions = Number("--partitions", "Equal random parts of the training images", Defaults.Partitions, 1);
    public static readonly Option<int> Clients = Number("--clients", "Clients a round needs; the quickstart starts as many", Defaults.Clients, 1);
    public static readonly Option<int> BatchSize = Number("--batch-size", "Images per training step", Defaults.BatchSize, 1);
    public static readonly Option<int> LocalEpochs = Number("--local-epochs", "A client's passes over its images in a round", Defaults.LocalEpochs, 1);
    public static readonly Option<float> LearningRate = Number("--learning-rate", "Step size of SGD", Defaults.LearningRate, 0);
    public static readonly Option<int> NumLayers = Number("--num-layers", "Hidden layers of the model", Defaults.NumLayers, 0);
    public static readonly Option<int> HiddenDim = Number("--hidden-dim", "Width of each hidden layer", Defaults.HiddenDim, 1);
    public static readonly Option<int> Seed = Number("--seed", "Seed of parts, split, order of images, model and sampling", Defaults.Seed, 0);
    public static readonly Option<int> Epochs = Number("--epochs", "Passes over all training images", 10, 0);

    public static readonly Option<int> ManyClients = Number("--clients", "Clients, each with an equal random part of the training images", Simulate.Defaults.Clients, 1);
    public static readonly Option<int> ManyRounds = Number("--rounds", "Rounds of training", Simulate.Defaults.Rounds, 1);
    public static readonly Option<int> Batch = Number("--batch", "Images per training step", Simulate.Defaults.BatchSize, 1);
    public static readonly Option<float> Rate = Number("--lr", "Step size of SGD", Simulate.Defaults.LearningRate, 0);
    public static readonly Option<int> ClientEpochs = Number("--epochs", "A client's passes over its images in a round", Simulate.Defaults.LocalEpochs, 1);

    public static readonly Option<double> Fraction = new("--fraction")
    {
        Description = "The part of the clients that trains in a round, above 0 to 1",
        HelpName = "part",
        DefaultValueFactory = _ => 0.01,
    };

    public static readonly Option<string> ModelKind = new("--model")
    {
        Description = "Logistic regression, or two hidden layers of 32",
        HelpName = "logistic|mlp",
        DefaultValueFactory = _ => "logistic",
    };

    /// <summary>The strategies that a simulation may have.</summary>
    public static readonly Option<string> StrategyKind = new("--strategy")
    {
        Description = "How the clients' models become the next one",
        HelpName = string.Join('|', Simulate.Strategies),
        DefaultValueFactory = _ => Simulate.Strategies[0],
    };

    public static readonly Option<int?> NodeId =
        Optional<int?>("--node-id", "The client's number, 0 to partitions - 1: which part it trains on", "n").AtLeast(0);

    public static readonly Option<int?> Threads =
        Optional<int?>("--threads", "Threads a process computes with [default: all cores; the quickstart's clients share them]", "n").AtLeast(1);

    public static readonly Option<double?> Timeout =
        Optional<double?>("--timeout", "Most seconds a client has for one answer [default: no limit]", "seconds").AtLeast(0.001);

    public static readonly Option<double?> ReturnTimeout =
        Optional<double?>("--return-timeout", "Most seconds to wait in a round for a client that was lost [default: 60 where the run is kept, else none]", "seconds").AtLeast(0.001);

    public static readonly Option<double?> MaxWait =
        Optional<double?>("--max-wait", "Most seconds to look for the server [default: no limit]", "seconds").AtLeast(0.0);

    public static readonly Option<string?> Dataset =
        Optional<string?>("--dataset", "Folder with four IDX files such as train-images-idx3-ubyte.gz [default: the bundled MNIST]", "folder");

    public static readonly Option<string?> Json = Optional<string?>("--json", "Also write the history to this file", "file");
    public static readonly Option<string?> Output = Optional<string?>("--output", $"Where the model is written [default: {Defaults.Output}]", "file");
    public static readonly Option<string?> Key =
        Optional<string?>("--key", "Private key of a node registered with `flwr supernode register` [default: a fresh one]", "file");

    public static readonly Option<string?> Roots =
        Optional<string?>("--root-certificates", "Certificates to trust, PEM [default: no encryption]", "file");

    public static readonly Option<string?> Certificate =
        Optional<string?>("--certificate", "The server's certificate, PEM [default: no encryption, which loopback alone allows]", "file");

    public static readonly Option<string?> PrivateKey =
        Optional<string?>("--private-key", "The certificate's private key, PEM [default: in the certificate's file]", "file");

    public static readonly Option<string?> Run =
        Optional<string?>("--run", "Keep the run in this folder: the same command goes on with it, whatever ended it", "folder");

    public static readonly Option<string?> Checkpoint =
        Optional<string?>("--checkpoint", "Also write the global model to this folder, or to a file with {round} in its name; the last 3 stay", "folder");

    public static readonly Option<int> CheckpointEvery = Number("--checkpoint-every", "Rounds from one such file to the next", 1, 1);

    public static readonly Option<string?> Name =
        Optional<string?>("--name", "The name by which the server knows this client again [default: each connection is another client]", "name");

    public static readonly Argument<string> Folder = new("folder") { Description = "The folder that the server's --run named" };

    public static readonly Option<string> Strategy = new("--strategy")
    {
        Description = "How updates become the next model. fedbuff and fedasync train without rounds, --rounds counts their steps: every 10 updates make one, or every one does",
        HelpName = "fedavg|fedadam|scaffold|fedbuff|fedasync",
        DefaultValueFactory = _ => Defaults.Strategy,
    };

    public static readonly Option<string?> State =
        Optional<string?>("--state", "Train by the library's ready client, which does its part of scaffold, and keep what it remembers in this file", "file");

    public static readonly Option<double> Poll = new("--poll")
    {
        Description = "Seconds before a node asks again when there was nothing to do",
        HelpName = "seconds",
        DefaultValueFactory = _ => Defaults.Poll.TotalSeconds,
    };

    public static readonly Option<bool> Once = new("--once") { Description = "Leave after one run" };

    public static readonly Option<string?> Fab = Optional<string?>("--fab", "App bundle that stock SuperNodes fetch and run; it is not executed here", "file");

    public static readonly Option<string?> NodeKeys =
        Optional<string?>("--node-keys", "Only nodes with these public keys may join: a file with a line of ssh-keygen's .pub files for each", "file");

    /// <summary>The option alone stands for the usual address.</summary>
    public static readonly Option<string?> Fleet = new("--fleet")
    {
        Description = "Also let SuperNodes join over Flower's Fleet service [there alone: 127.0.0.1:9092]",
        HelpName = "host:port",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>The option alone stands for the usual address.</summary>
    public static readonly Option<string?> FleetHttp = new("--fleet-http")
    {
        Description = $"Also let SuperNodes of Flower 1.40 and later join, which speak Fleet over HTTP [there alone: {FleetHttpAddress}]",
        HelpName = "host:port",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static readonly Option<string[]> AllowOrigin = new("--allow-origin")
    {
        Description = "Let scripts of pages with this origin, such as http://127.0.0.1:5000, join over HTTP from a browser; may come again [default: none]",
        HelpName = "origin",
    };

    public static readonly Option<bool> RequireSignedContent =
        new("--require-signed-content") { Description = "Only nodes that sign all that their calls say may join: those of this project with --sign-content" };

    public static readonly Option<bool> SignContent =
        new("--sign-content") { Description = "Sign all that calls say, and not their time alone, as servers of this project may require" };

    public static readonly Option<string> Wire = new("--wire")
    {
        Description = "How to speak with the SuperLink: HTTP, gRPC, or whichever of them it answers",
        HelpName = "auto|http|grpc",
        DefaultValueFactory = _ => "auto",
    };

    public static readonly Option<bool> Quiet = new("--quiet") { Description = "Show warnings only" };

    static Options()
    {
        NodeId.Required = true;
        Strategy.AcceptOnlyFromAmong("fedavg", "fedadam", "scaffold", "fedbuff", "fedasync");
        Poll.AtLeast(0.0);
        Wire.AcceptOnlyFromAmong("auto", "http", "grpc");
        ModelKind.AcceptOnlyFromAmong("logistic", "mlp");
        StrategyKind.AcceptOnlyFromAmong([.. Simulate.Strategies]);
        Fraction.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is var part && part is not (> 0 and <= 1))
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"--fraction is {part}, expected above 0 up to 1"));
            }
        });
        // Refused now and not once the model is trained.
        Output.Validators.Add(result =>
        {
            var path = result.GetValueOrDefault<string?>();
            if (path is not null && Path.GetExtension(path).ToLowerInvariant() is not (".npz" or ".safetensors")) result.AddError($"--output is {path}, expected a file ending with .npz or .safetensors");
        });
    }

    /// <summary>Refuses an option that says nothing without another, or one of some others.</summary>
    public static void Needs(this Command command, Option option, params Option[] others) => command.Validators.Add(result =>
    {
        if (result.GetResult(option) is null || others.Any(other => result.GetResult(other) is not null)) return;
        result.AddError($"{option.Name} needs {string.Join(" or ", others.Select(other => other.Name))}");
    });

    /// <summary>Where the server listens, or is found.</summary>
    public static Option<string> Address(string description, string value) =>
        new("--address") { Description = description, HelpName = "host:port", DefaultValueFactory = _ => value };

    /// <summary>Where the SuperLink is found.</summary>
    public static Option<string> SuperLink(string value) =>
        new("--superlink") { Description = "The SuperLink's Fleet service", HelpName = "host:port", DefaultValueFactory = _ => value };

    /// <summary>The settings of the options a command has; others keep their defaults.</summary>
    public static Settings Read(ParseResult parsed)
    {
        return Defaults with
        {
            Rounds = Get(Rounds, Defaults.Rounds),
            Strategy = Get(Strategy, Defaults.Strategy),
            State = Get(State, null),
            Poll = TimeSpan.FromSeconds(Get(Poll, Defaults.Poll.TotalSeconds)),
            Partitions = Get(Partitions, Defaults.Partitions),
            Clients = Get(Clients, Defaults.Clients),
            BatchSize = Get(BatchSize, Defaults.BatchSize),
            LocalEpochs = Get(LocalEpochs, Defaults.LocalEpochs),
            LearningRate = Get(LearningRate, Defaults.LearningRate),
            NumLayers = Get(NumLayers, Defaults.NumLayers),
            HiddenDim = Get(HiddenDim, Defaults.HiddenDim),
            Seed = Get(Seed, Defaults.Seed),
            Dataset = Get(Dataset, null),
            Json = Get(Json, null),
            Output = Get(Output, null) ?? Defaults.Output,
            Timeout = Get(Timeout, null) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
            ReturnTimeout = Get(ReturnTimeout, null) is { } back ? TimeSpan.FromSeconds(back) : null,
            Threads = Get(Threads, null),
            Run = Get(Run, null),
            Checkpoint = Get(Checkpoint, null) is { } path ? new CheckpointEvery(Get(CheckpointEvery, 1), path) : null,
            Name = Get(Name, null),
            MaxWait = Get(MaxWait, null) is { } wait ? TimeSpan.FromSeconds(wait) : null,
            Quiet = Get(Quiet, false),
            Fleet = parsed.GetResult(Fleet) is null && parsed.GetResult(FleetHttp) is null ? null : ReadFleet(parsed),
            SignContent = Get(SignContent, false),
            Wire = Enum.Parse<FleetWire>(Get(Wire, "auto"), ignoreCase: true),
            Certificate = Get(Certificate, null) is { } certificate ? Certificates.WithKey(certificate, Get(PrivateKey, null)) : null,
            Roots = Get(Roots, null) is { } roots ? Certificates.Trusted(roots) : null,
        };

        T Get<T>(Option<T> option, T missing) => parsed.GetResult(option) is null ? missing : parsed.GetValue(option)!;
    }

    private static FleetOptions ReadFleet(ParseResult parsed)
    {
        var fleet = new FleetOptions
        {
            AppBundle = parsed.GetValue(Fab),
            AllowedOrigins = parsed.GetValue(AllowOrigin) ?? [],
            RequireSignedContent = parsed.GetValue(RequireSignedContent),
        };
        if (parsed.GetResult(Fleet) is null) fleet = fleet with { Address = null };
        else if (parsed.GetValue(Fleet) is { } address) fleet = fleet with { Address = address };
        if (parsed.GetResult(FleetHttp) is not null) fleet = fleet with { HttpAddress = parsed.GetValue(FleetHttp) ?? FleetHttpAddress };
        if (parsed.GetValue(NodeKeys) is not { } file) return fleet;
        string[] keys = [.. File.ReadLines(file).Where(line => !string.IsNullOrWhiteSpace(line))];
        return keys.Length > 0 ? fleet with { AllowedKeys = keys } : throw new UserException($"--node-keys {file} is empty: no node could join");
    }

    private static Option<T> Number<T>(string name, string description, T value, T least) where T : struct, IComparable<T> =>
        new Option<T>(name) { Description = description, HelpName = "n", DefaultValueFactory = _ => value }.AtLeast(least);

    private static Option<T> Optional<T>(string name, string description, string helpName) =>
        new(name) { Description = description, HelpName = helpName };

    private static Option<TOption> AtLeast<TOption, T>(this Option<TOption> option, T least) where T : struct, IComparable<T>
    {
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<TOption>() is T value && value.CompareTo(least) < 0)
            {
                result.AddError(string.Create(CultureInfo.InvariantCulture, $"{option.Name} is {value}, expected at least {least}"));
            }
        });
        return option;
    }
}
