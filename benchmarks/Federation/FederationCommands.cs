using System.CommandLine;

namespace ManagedFed.Benchmarks.Federation;

/// <summary>The commands of the federation benchmark: the one for people, and those its processes run.</summary>
internal static class FederationCommands
{
    public const string ServerCommand = "federation-server", ClientsCommand = "federation-clients";

    public static Command Parent()
    {
        var parameters = new Option<int>("--parameters") { Description = "Elements of the float32 model; without, the standard rows are timed" };
        var clients = new Option<int>("--clients") { Description = "Clients of a round", DefaultValueFactory = _ => 2 };
        var rounds = new Option<int>("--rounds") { Description = "Rounds of fit and evaluate", DefaultValueFactory = _ => 3 };
        var fit = new Option<double>("--fit-seconds") { Description = "How long a client takes to fit" };
        var perProcess = new Option<int>("--per-process") { Description = "Clients in one process", DefaultValueFactory = _ => 1 };
        var fleet = new Option<bool>("--fleet") { Description = "Nodes of the Fleet service in place of clients of the bidirectional stream" };
        var http = new Option<bool>("--http") { Description = "With --fleet: over HTTP in place of gRPC" };
        var atOnce = new Option<int>("--at-once") { Description = "The most clients at work at once; 0 for all" };
        var bytesAtOnce = new Option<long>("--bytes-at-once") { Description = "The most bytes of replies that the server holds at once, at least one reply; 0 for its default" };
        var runs = new Option<int>("--runs") { Description = "How often each row is timed", DefaultValueFactory = _ => 5 };
        var command = new Command("federation", "Times rounds of a server and clients, each a process of its own on loopback, and the server's memory.")
        {
            parameters, clients, rounds, fit, perProcess, fleet, http, atOnce, bytesAtOnce, runs,
        };
        command.SetAction((parsed, cancellation) =>
        {
            var own = parsed.GetValue(parameters);
            var works = own == 0
                ? FederationWork.Standard
                : [(new(
                    own, parsed.GetValue(clients), parsed.GetValue(rounds), parsed.GetValue(fit), parsed.GetValue(perProcess),
                    parsed.GetValue(fleet), parsed.GetValue(atOnce), parsed.GetValue(http), parsed.GetValue(bytesAtOnce)), "")];
            return FederationBenchmark.RunAsync(works, parsed.GetValue(runs), cancellation);
        });
        return command;
    }

    public static Command Server()
    {
        var numbers = new Argument<double[]>("work") { Arity = ArgumentArity.OneOrMore };
        var command = new Command(ServerCommand, "Serves one run and prints what it took.") { Hidden = true };
        command.Add(numbers);
        command.SetAction((parsed, cancellation) => FederationProcesses.ServeAsync(Work(parsed.GetValue(numbers)!), cancellation));
        return command;
    }

    public static Command Clients()
    {
        var address = new Argument<string>("address");
        var numbers = new Argument<double[]>("work") { Arity = ArgumentArity.OneOrMore };
        var command = new Command(ClientsCommand, "Joins with as many clients as belong in one process.") { Hidden = true };
        command.Add(address);
        command.Add(numbers);
        command.SetAction((parsed, cancellation) =>
            FederationProcesses.JoinAsync(parsed.GetValue(address)!, Work(parsed.GetValue(numbers)!), cancellation));
        return command;
    }

    public static double[] Numbers(FederationWork work) =>
        [work.Parameters, work.Clients, work.Rounds, work.FitSeconds, work.PerProcess, work.Fleet ? 1 : 0, work.AtOnce, work.Http ? 1 : 0, work.BytesAtOnce];

    private static FederationWork Work(double[] numbers) => new(
        (int)numbers[0], (int)numbers[1], (int)numbers[2], numbers[3], (int)numbers[4], numbers[5] != 0, (int)numbers[6], numbers[7] != 0, (long)numbers[8]);
}
