using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ManagedFed.Federation;

/// <summary>Fleet over gRPC: reads who calls from the headers and hands the request on.</summary>
internal sealed class FleetService(FleetDesk desk) : Wire.Fleet.FleetBase
{
    /// <summary>What the service does.</summary>
    public FleetDesk Desk => desk;

    /// <summary>What the service does for nodes that join the registry, with the keys and the bundle that the options name.</summary>
    public static FleetDesk CreateDesk(FleetOptions options, ClientRegistry registry, FederatedServerOptions server, ReplyMemory memory, ILogger log)
    {
        var clock = server.TimeProvider;
        var allowed = options.AllowedKeys is { } keys ? new KeyList(keys) : null;
        var run = new FleetRun(FleetRun.NewId(), options.AppBundle is { } path ? AppBundle.Load(path) : null, clock.GetUtcNow());
        return new(new(registry, options, allowed, run.Id, clock, log, limits: server.ReplyLimits, memory: memory), run, clock);
    }

    public override Task<Wire.RegisterNodeResponse> RegisterNode(Wire.RegisterNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Register);

    public override Task<Wire.ActivateNodeResponse> ActivateNode(Wire.ActivateNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Activate);

    public override Task<Wire.DeactivateNodeResponse> DeactivateNode(Wire.DeactivateNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Deactivate);

    public override Task<Wire.UnregisterNodeResponse> UnregisterNode(Wire.UnregisterNodeRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Unregister);

    public override Task<Wire.SendNodeHeartbeatResponse> SendNodeHeartbeat(Wire.SendNodeHeartbeatRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Heartbeat);

    public override Task<Wire.PullMessagesResponse> PullMessages(Wire.PullMessagesRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Pull);

    public override Task<Wire.PushMessagesResponse> PushMessages(Wire.PushMessagesRequest request, ServerCallContext context) =>
        Answer(context, request, desk.Push);

    public override Task<Wire.GetRunResponse> GetRun(Wire.GetRunRequest request, ServerCallContext context) => Answer(context, request, desk.GetRun);

    public override Task<Wire.GetFabResponse> GetFab(Wire.GetFabRequest request, ServerCallContext context) => Answer(context, request, desk.GetFab);

    public override Task<Wire.PushObjectResponse> PushObject(Wire.PushObjectRequest request, ServerCallContext context) =>
        Answer(context, request, desk.PushObject);

    public override Task<Wire.PullObjectResponse> PullObject(Wire.PullObjectRequest request, ServerCallContext context) =>
        Answer(context, request, desk.PullObject);

    public override Task<Wire.ConfirmMessageReceivedResponse> ConfirmMessageReceived(
        Wire.ConfirmMessageReceivedRequest request, ServerCallContext context) => Answer(context, request, desk.Confirm);

    private static Task<TResponse> Answer<TRequest, TResponse>(ServerCallContext context, TRequest request, Func<FleetCaller, TRequest, TResponse> act)
    {
        if (FleetVersion.Warning(context.RequestHeaders.GetValue(FleetVersion.Header)) is { } warning)
        {
            context.ResponseTrailers.Add(FleetVersion.WarningHeader, warning);
        }
        return Task.FromResult(act(FleetGate.CallerOf(context.GetHttpContext()), request));
    }
}
