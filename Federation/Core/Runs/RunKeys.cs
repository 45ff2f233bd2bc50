namespace ManagedFed.Federation;

/// <summary>What a server whose run is kept tells its clients in the config of training.</summary>
/// <remarks>
/// A client that is asked again for the same round of the same run, because a server was killed before it had kept the answer, gives the same
/// answer: it goes back to what it was before that round, or draws its chance from the round's number.
/// </remarks>
public static class RunKeys
{
    /// <summary>The name of <see cref="RunState.RunId"/>.</summary>
    public const string Run = "managedfed_run";

    /// <summary>The name of the round's number; in a run without rounds, of the step whose model is trained from.</summary>
    public const string Round = "managedfed_round";

    /// <summary>
    /// The name of the update's number among the client's of this step, from 0: without rounds a client is asked again, for another
    /// update, in the same step. Missing where there are rounds.
    /// </summary>
    public const string Update = "managedfed_update";
}
