namespace ManagedFed.Federation;

/// <summary>Which interface to try first with a node that has not answered yet: the one that another node of the run has answered in.</summary>
/// <param name="asked">What the options say.</param>
internal sealed class AppInterface(FleetInterface asked)
{
    private volatile FleetInterface heard = FleetInterface.Legacy;

    /// <summary>True when a node may be asked in the other interface, too.</summary>
    public bool IsOpen => asked == FleetInterface.Auto;

    public FleetInterface First => IsOpen ? heard : asked;

    public void Hear(FleetInterface spoken) => heard = spoken;

    public static FleetInterface Other(FleetInterface one) => one == FleetInterface.Legacy ? FleetInterface.MessageApi : FleetInterface.Legacy;

    /// <summary>An instruction as a message of one interface; null when that has no form for it.</summary>
    public static (string MessageType, RecordDict Content)? Encode(FleetInterface spoken, Instruction instruction) =>
        spoken == FleetInterface.Legacy ? LegacyRecords.Encode(instruction)
        : instruction is FitInstructions { Parameters.HasArrays: false } or EvaluateInstructions { Parameters.HasArrays: false } ? null
        : MessageApiRecords.Encode(instruction);

    /// <summary>A reply, which shows itself which interface it is of.</summary>
    /// <exception cref="FormatException">It is no reply to the instruction in either.</exception>
    public static (FleetInterface Spoken, Result Result) Decode(FleetInterface spoken, Instruction asked, string messageType, RecordDict content) =>
        spoken == FleetInterface.Legacy && (LegacyRecords.IsResult(content) || asked is GetParametersInstructions or GetPropertiesInstructions)
            ? (FleetInterface.Legacy, LegacyRecords.DecodeResult(messageType, content))
            : (FleetInterface.MessageApi, MessageApiRecords.DecodeResult(asked, content));
}
