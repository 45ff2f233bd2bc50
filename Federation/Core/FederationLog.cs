using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Every line the federation logs: 1xx who is there, 2xx the run, 3xx rounds, 4xx the client's side.</summary>
internal static partial class FederationLog
{
    [LoggerMessage(100, LogLevel.Information, "Listening on {Address}, {Security}")]
    public static partial void Listening(this ILogger log, string address, string security);

    [LoggerMessage(101, LogLevel.Warning, "Anyone who reaches {Address} can join and read the model: the connection is not encrypted")]
    public static partial void Insecure(this ILogger log, string address);

    [LoggerMessage(102, LogLevel.Information, "Client {Client} joined from {Peer}; {Count} connected")]
    public static partial void Joined(this ILogger log, string client, string peer, int count);

    [LoggerMessage(103, LogLevel.Information, "Client {Client} left ({How}); {Count} connected")]
    public static partial void Left(this ILogger log, string client, string how, int count);

    [LoggerMessage(104, LogLevel.Information, "Waiting for {Missing} more client(s): {Count} of {Wanted} connected [{Clients}]{Left}")]
    public static partial void Waiting(this ILogger log, int missing, int count, int wanted, string clients, string left);

    [LoggerMessage(105, LogLevel.Warning, "Client {Client} sent a message it was not asked for; its stream is closed")]
    public static partial void Unsolicited(this ILogger log, string client);

    [LoggerMessage(106, LogLevel.Information, "SuperNodes join at {Address} over {Wires}, {Security}; app bundle {Bundle}")]
    public static partial void FleetListening(this ILogger log, string address, string wires, string security, string bundle);

    [LoggerMessage(107, LogLevel.Warning, "Node {Node} was silent for {Seconds} s and counts as offline")]
    public static partial void NodeSilent(this ILogger log, ulong node, double seconds);

    [LoggerMessage(108, LogLevel.Warning, "A {What} from {Address} is refused: {Why}; further refusals are told of ever more rarely")]
    public static partial void Refused(this ILogger log, string what, string address, string why);

    [LoggerMessage(109, LogLevel.Error, "A node's call of {Method} failed here")]
    public static partial void CallFailed(this ILogger log, Exception exception, string method);

    [LoggerMessage(200, LogLevel.Information, "Starting: {Rounds} round(s), round timeout {Timeout}")]
    public static partial void Starting(this ILogger log, int rounds, string timeout);

    [LoggerMessage(201, LogLevel.Information, "Using the strategy's initial parameters: {Tensors} tensors")]
    public static partial void InitialGiven(this ILogger log, int tensors);

    [LoggerMessage(202, LogLevel.Information, "Asking client {Client}, chosen at random, for the initial parameters")]
    public static partial void InitialAsked(this ILogger log, string client);

    [LoggerMessage(203, LogLevel.Information, "Initial parameters came from client {Client}: {Tensors} tensors")]
    public static partial void InitialReceived(this ILogger log, string client, int tensors);

    [LoggerMessage(204, LogLevel.Warning, "Client {Client} gave no initial parameters ({Reason}): {Message}")]
    public static partial void InitialFailed(this ILogger log, string client, FailureReason reason, string message);

    [LoggerMessage(207, LogLevel.Warning, "None of {Count} client(s) gave initial parameters [{Clients}]; waiting for another: set the strategy's InitialParameters or let a client implement GetParameters{Left}")]
    public static partial void InitialMissing(this ILogger log, int count, string clients, string left);

    [LoggerMessage(208, LogLevel.Warning, "Nobody but client {Client}, which gave the initial parameters, can train them ({Model}): {Failures}; {Next}")]
    public static partial void InitialSuspect(this ILogger log, string client, string model, string failures, string next);

    [LoggerMessage(209, LogLevel.Information, "Statistics, which take the clients' mean, are {Count} of {All} arrays, as {Source}")]
    public static partial void Statistics(this ILogger log, int count, int all, string source);

    [LoggerMessage(205, LogLevel.Information, "Finished {Rounds} round(s) in {Seconds:0.00} s")]
    public static partial void Finished(this ILogger log, int rounds, double seconds);

    [LoggerMessage(206, LogLevel.Information, "Without rounds: every {Updates} update(s) make a step, called a round, with at most {Clients} clients at work")]
    public static partial void Asynchronous(this ILogger log, int updates, int clients);

    [LoggerMessage(300, LogLevel.Information, "Round {Round}/{Rounds}: {Phase} on {Sampled} of {Available} clients")]
    public static partial void PhaseStarted(this ILogger log, int round, int rounds, string phase, int sampled, int available);

    [LoggerMessage(301, LogLevel.Information, "  {Phase} {Client}: {Examples} examples, loss {Loss}, {Bytes} bytes, {Seconds:0.000} s")]
    public static partial void ClientDone(this ILogger log, string phase, string client, long examples, string loss, long bytes, double seconds);

    [LoggerMessage(302, LogLevel.Warning, "  {Phase} {Client}: does not count ({Reason}): {Message}; {Bytes} bytes, {Seconds:0.000} s")]
    public static partial void ClientFailed(
        this ILogger log, string phase, string client, FailureReason reason, string message, long bytes, double seconds);

    [LoggerMessage(303, LogLevel.Information, "Round {Round}/{Rounds}: {Phase} has {Results} results and {Failures} failures, {Seconds:0.000} s")]
    public static partial void PhaseDone(this ILogger log, int round, int rounds, string phase, int results, int failures, double seconds);

    [LoggerMessage(304, LogLevel.Warning, "Round {Round}: the model stays as it was: {Why}")]
    public static partial void Dropped(this ILogger log, int round, string why);

    [LoggerMessage(305, LogLevel.Information, "Round {Round}/{Rounds}: loss {Loss:G6} over the clients{Metrics}")]
    public static partial void Distributed(this ILogger log, int round, int rounds, double loss, string metrics);

    [LoggerMessage(330, LogLevel.Information, "Round {Round}/{Rounds}: no loss over the clients{Metrics}")]
    public static partial void DistributedWithoutLoss(this ILogger log, int round, int rounds, string metrics);

    [LoggerMessage(306, LogLevel.Information, "Round {Round}/{Rounds}: loss {Loss:G6} on the server{Metrics}")]
    public static partial void Centralized(this ILogger log, int round, int rounds, double loss, string metrics);

    [LoggerMessage(307, LogLevel.Information, "Clients report {Phase} metrics that no aggregation function combines: {Names}")]
    public static partial void MetricsDropped(this ILogger log, string phase, string names);

    [LoggerMessage(308, LogLevel.Information, "  fit {Client}: dropped: its model is {Staleness} steps old, at most {Most} are allowed")]
    public static partial void Stale(this ILogger log, string client, int staleness, int most);

    [LoggerMessage(309, LogLevel.Warning, "  fit {Client}: update of norm {Norm:G6} is shortened to {Limit:G6}")]
    public static partial void Clipped(this ILogger log, string client, double norm, double limit);

    [LoggerMessage(310, LogLevel.Warning, "Round {Round}: no loss over the clients: {Why}")]
    public static partial void NotEvaluated(this ILogger log, int round, string why);

    [LoggerMessage(311, LogLevel.Warning, "  fit {Client}: {Claimed} examples claimed, over those of all others and far over what is usual; they count as {Believed}")]
    public static partial void ClaimCut(this ILogger log, string client, long claimed, long believed);

    [LoggerMessage(312, LogLevel.Information, "Client {Client} sends {Type} for a model of another floating type; such arrays are cast (said once)")]
    public static partial void FloatsCast(this ILogger log, string client, string type);

    [LoggerMessage(313, LogLevel.Information, "Round {Round}/{Rounds}: {Phase} still waits for {Count} client(s) after {Seconds:0} s [{Clients}]")]
    public static partial void StillAtWork(this ILogger log, int round, int rounds, string phase, int count, double seconds, string clients);

    [LoggerMessage(314, LogLevel.Error, "Round {Round}: the strategy failed")]
    public static partial void StrategyFailed(this ILogger log, Exception exception, int round);

    [LoggerMessage(315, LogLevel.Error, "The function that combines {Phase} metrics failed; the round has none")]
    public static partial void MetricsFailed(this ILogger log, Exception exception, string phase);

    [LoggerMessage(316, LogLevel.Information, "The run stops after round {Round} of {Rounds}, as it was asked to")]
    public static partial void Stopped(this ILogger log, int round, int rounds);

    [LoggerMessage(317, LogLevel.Information, "Round {Round}/{Rounds}: {Measured}{Seconds:0.0} s, about {Left:0.0} s left")]
    public static partial void Progress(this ILogger log, int round, int rounds, string measured, double seconds, double left);

    [LoggerMessage(318, LogLevel.Information, "Round {Round}/{Rounds}: {Phase} does not wait for {Count} client(s), since {Why} [{Clients}]")]
    public static partial void NotWaitedFor(this ILogger log, int round, int rounds, string phase, int count, string why, string clients);

    [LoggerMessage(319, LogLevel.Information, "  {Phase} {Client}: late with {What} after {Seconds:0.000} s, which does not count")]
    public static partial void AnsweredLate(this ILogger log, string phase, string client, string what, double seconds);

    [LoggerMessage(320, LogLevel.Information, "  {Phase} {Client}: late, and stopped")]
    public static partial void StoppedLate(this ILogger log, string phase, string client);

    [LoggerMessage(321, LogLevel.Error, "Round {Round}: the model could not be written for others; the run goes on")]
    public static partial void CheckpointFailed(this ILogger log, Exception exception, int round);

    [LoggerMessage(322, LogLevel.Information, "Round {Round}: the model is written to {File}")]
    public static partial void Checkpoint(this ILogger log, int round, string file);

    [LoggerMessage(111, LogLevel.Warning, "Client {Client} gives no properties ({Why})")]
    public static partial void NoProperties(this ILogger log, string client, string why);

    [LoggerMessage(110, LogLevel.Information, "Waiting for clients: {Wanted} are to meet the criterion and {WantedFree} of them to be free; of {Count} connected {Eligible} do and {Free} are")]
    public static partial void WaitingForFree(this ILogger log, int wanted, int wantedFree, int count, int eligible, int free);

    [LoggerMessage(400, LogLevel.Information, "Joining {Address}")]
    public static partial void Joining(this ILogger log, string address);

    [LoggerMessage(401, LogLevel.Information, "Joined {Address}")]
    public static partial void JoinedServer(this ILogger log, string address);

    [LoggerMessage(402, LogLevel.Warning, "{Address} cannot be reached ({Reason}); attempt {Attempt} follows in {Seconds:0.0} s")]
    public static partial void Retrying(this ILogger log, string address, string reason, int attempt, double seconds);

    [LoggerMessage(403, LogLevel.Warning, "Lost {Address} ({Reason})")]
    public static partial void Lost(this ILogger log, string address, string reason);

    [LoggerMessage(416, LogLevel.Warning, "Lost {Address} ({Reason}); the next attempt follows in {Seconds:0.0} s")]
    public static partial void LostAndRetrying(this ILogger log, string address, string reason, double seconds);

    [LoggerMessage(417, LogLevel.Error, "The reply is not sent: {Why}")]
    public static partial void TooLong(this ILogger log, string why);

    [LoggerMessage(404, LogLevel.Information, "The server asks to {Task}")]
    public static partial void Asked(this ILogger log, string task);

    [LoggerMessage(405, LogLevel.Information, "Answered {Task} after {Seconds:0.000} s")]
    public static partial void Answered(this ILogger log, string task, double seconds);

    [LoggerMessage(406, LogLevel.Error, "The client failed to {Task}; the server is told that it failed")]
    public static partial void UserCodeFailed(this ILogger log, Exception exception, string task);

    [LoggerMessage(407, LogLevel.Information, "The server says goodbye")]
    public static partial void Goodbye(this ILogger log);

    [LoggerMessage(408, LogLevel.Information, "The server asks to come back in {Seconds} s")]
    public static partial void ComeBack(this ILogger log, long seconds);

    [LoggerMessage(416, LogLevel.Information, "The server sends {Type} for a model of another floating type; such arrays are cast (said once)")]
    public static partial void ServersFloatsCast(this ILogger log, string type);

    [LoggerMessage(418, LogLevel.Warning, "Training steps run uncompiled, which is slower: {Why}; ModuleClientOptions.Compile = false says so from the start")]
    public static partial void NotCompiled(this ILogger log, string why);

    [LoggerMessage(419, LogLevel.Warning, "The server says of versions: {What}")]
    public static partial void VersionsDiffer(this ILogger log, string what);

    [LoggerMessage(409, LogLevel.Information, "Node {Node} is active on {Address}")]
    public static partial void Active(this ILogger log, ulong node, string address);

    [LoggerMessage(410, LogLevel.Warning, "Message {Message} cannot be read: {Why}")]
    public static partial void Unreadable(this ILogger log, string message, string why);

    [LoggerMessage(411, LogLevel.Warning, "Message {Message} is dropped: {Why}")]
    public static partial void MessageDropped(this ILogger log, string message, string why);

    [LoggerMessage(412, LogLevel.Warning, "A heartbeat failed ({Why})")]
    public static partial void HeartbeatFailed(this ILogger log, string why);

    [LoggerMessage(413, LogLevel.Information, "Run {Run} is over")]
    public static partial void RunOver(this ILogger log, ulong run);

    [LoggerMessage(414, LogLevel.Information, "Node {Node} leaves")]
    public static partial void NodeLeaves(this ILogger log, ulong node);

    [LoggerMessage(415, LogLevel.Warning, "Node {Node} could not say goodbye ({Why})")]
    public static partial void GoodbyeFailed(this ILogger log, ulong node, string why);
}
