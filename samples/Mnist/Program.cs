using System.CommandLine;
using System.Security.Cryptography;
using ManagedFed;
using ManagedFed.Federation;
using ManagedFed.Samples.Mnist;

const string serverAddress = "127.0.0.1:8080";
var listen = Options.Address("Where to listen", serverAddress);
var listenAnywhere = Options.Address("Where to listen; port 0 is any free one", "127.0.0.1:0");
var join = Options.Address("Where the server listens", serverAddress);
var superLink = Options.SuperLink("127.0.0.1:9092");
Option[] model = [Options.NumLayers, Options.HiddenDim, Options.Dataset, Options.Seed, Options.Threads];
Option[] training = [Options.Partitions, Options.BatchSize, Options.LocalEpochs, Options.LearningRate];
Option[] rounds = [Options.Rounds, Options.Strategy, Options.Clients, Options.Timeout, Options.Json, Options.Output];

var quickstart = new RootCommand(
    "Trains an MLP on MNIST by federated learning. Without a command: a server and its clients, each client a process of its own.");
Add(quickstart, [listenAnywhere, .. rounds, .. training, .. model], (parsed, cancellation) =>
    Quickstart.RunAsync(Options.Read(parsed) with { Address = parsed.GetValue(listenAnywhere)! }, cancellation));

var server = new Command("server", "Waits for clients, leads the rounds and writes the final model.");
Add(server, [listen, Options.Certificate, Options.PrivateKey, Options.Fleet, Options.FleetHttp, Options.AllowOrigin, Options.Fab, Options.NodeKeys, Options.RequireSignedContent, Options.Run, Options.ReturnTimeout, Options.Checkpoint, Options.CheckpointEvery, .. rounds, .. model], (parsed, cancellation) =>
    Server.RunAsync(Options.Read(parsed) with { Address = parsed.GetValue(listen)! }, _ => { }, cancellation));

server.Needs(Options.PrivateKey, Options.Certificate);
server.Needs(Options.Fab, Options.Fleet, Options.FleetHttp);
server.Needs(Options.AllowOrigin, Options.FleetHttp);
server.Needs(Options.NodeKeys, Options.Fleet, Options.FleetHttp);
server.Needs(Options.RequireSignedContent, Options.Fleet, Options.FleetHttp);

var client = new Command("client", "Joins a server and trains on one part of the images.");
Add(client, [Options.NodeId, join, Options.Name, Options.State, Options.Roots, Options.MaxWait, Options.Quiet, .. training, .. model], (parsed, cancellation) => Client.RunAsync(
    Options.Read(parsed) with { Address = parsed.GetValue(join)! }, parsed.GetRequiredValue(Options.NodeId)!.Value, cancellation));

var node = new Command("node", "Joins a SuperLink of Flower 1.23 or later and trains on one part of the images, run after run.");
Add(node, [Options.NodeId, superLink, Options.Wire, Options.SignContent, Options.Key, Options.State, Options.Poll, Options.Roots, Options.Once, Options.MaxWait, Options.Quiet, .. training, .. model],
    (parsed, cancellation) => Client.RunNodeAsync(
        Options.Read(parsed) with { Address = parsed.GetValue(superLink)! }, parsed.GetRequiredValue(Options.NodeId)!.Value,
        parsed.GetValue(Options.Key), parsed.GetValue(Options.Once), cancellation));

var central = new Command("central", "Trains the same model on all images in this process, without federation.");
Add(central, [Options.Epochs, Options.BatchSize, Options.LearningRate, Options.Output, .. model], (parsed, cancellation) =>
    Central.RunAsync(Options.Read(parsed), parsed.GetValue(Options.Epochs), cancellation));

var inspect = new Command("inspect", "Shows a run that a server keeps or kept: its rounds, its model and who took part.") { Options.Folder };
Add(inspect, [], (parsed, _) => Inspect.RunAsync(parsed.GetRequiredValue(Options.Folder), Console.Out));

var simulate = new Command("simulate", "Trains with very many clients in this process, each made when it is chosen.");
Add(simulate, [Options.ManyClients, Options.Fraction, Options.ManyRounds, Options.Batch, Options.Rate, Options.ClientEpochs, Options.ModelKind, Options.StrategyKind, Options.Run, Options.Seed, Options.Threads, Options.Dataset, Options.Json],
    (parsed, cancellation) => Simulate.RunAsync(Options.Read(parsed) with
    {
        Clients = parsed.GetValue(Options.ManyClients),
        Rounds = parsed.GetValue(Options.ManyRounds),
        BatchSize = parsed.GetValue(Options.Batch),
        LearningRate = parsed.GetValue(Options.Rate),
        LocalEpochs = parsed.GetValue(Options.ClientEpochs),
        NumLayers = parsed.GetValue(Options.ModelKind) == "mlp" ? 2 : 0,
    }, parsed.GetValue(Options.Fraction), parsed.GetValue(Options.StrategyKind)!, cancellation));

quickstart.Add(server);
quickstart.Add(client);
quickstart.Add(node);
quickstart.Add(central);
quickstart.Add(inspect);
quickstart.Add(simulate);
return await quickstart.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });

// Runs a command; whatever the user can mend is told in one sentence.
static void Add(Command command, Option[] options, Func<ParseResult, CancellationToken, Task> run)
{
    foreach (var option in options) command.Add(option);
    command.SetAction(async (parsed, cancellation) =>
    {
        try
        {
            if (parsed.GetResult(Options.Threads) is not null && parsed.GetValue(Options.Threads) is { } threads) CpuDevice.Threads = threads;
            await run(parsed, cancellation);
            return 0;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            Console.Error.WriteLine("Stopped.");
            return 130;
        }
        catch (Exception e) when (e is UserException or FederationException or IOException or UnauthorizedAccessException or ArgumentException
            or FormatException or CryptographicException)
        {
            Console.Error.WriteLine($"Error: {e.Message}");
            return 1;
        }
    });
}
