using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>Real Flower's recorded bytes decode, and encode again to the same bytes.</summary>
public sealed class WireVectorTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Vectors", "flower");

    public static TheoryData<string> Messages => [.. Directory.EnumerateFiles(Folder, "*.bin", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Folder, file).Replace('\\', '/')).Where(file => !file.Contains("-error")).Order()];

    [Theory, MemberData(nameof(Messages))]
    public void Encode_OfDecodedVector_GivesTheSameBytes(string file)
    {
        var bytes = File.ReadAllBytes(Path.Combine(Folder, file));
        var again = IsServer(file)
            ? StreamMessages.Instructions.Write(StreamMessages.Instructions.Read(new(bytes)).Take())
            : StreamMessages.Replies.Write(StreamMessages.Replies.Read(new(bytes)).Take());
        Assert.Equal(Convert.ToHexString(bytes), Convert.ToHexString(again));
    }

    [Fact]
    public void Messages_OfTheRecording_AreAllThere()
    {
        // 20 single messages; of the session 2 x (1 or 0 get_parameters + 3 fit + 3 evaluate) pairs and 2 goodbyes: 2 + 24 + 2 = 28.
        var names = Messages.Select(row => row.Data).ToArray();
        Assert.Equal(20, names.Count(name => name.StartsWith("bidi/", StringComparison.Ordinal)));
        Assert.Equal(28, names.Count(name => name.StartsWith("transcript", StringComparison.Ordinal)));
    }

    [Fact]
    public void Decode_FitInstructions_GivesEveryKindOfScalar()
    {
        var fit = (FitInstructions)WireCodec.Decode(Wire.ServerMessage.Parser.ParseFrom(Bytes("bidi/server_fit_ins.bin")));

        Assert.Equal([2, 3], fit.Parameters.Arrays[0].Shape);
        Assert.Equal([-1, -.5f, 0, .5f, 1, 1.5f], fit.Parameters.Arrays[0].ToArray<float>());
        Assert.Equal([1.5f, -2.25f, 3], fit.Parameters.Arrays[1].ToArray<float>());
        var expected = new Dictionary<string, Scalar>
        {
            ["bool_true"] = true,
            ["bool_false"] = false,
            ["bytes"] = new byte[] { 0, 1, 0xfe, 0xff },
            ["bytes_empty"] = Array.Empty<byte>(),
            ["float"] = 0.1,
            ["float_neg"] = -1.5e300,
            ["float_zero"] = 0.0,
            ["int_small"] = 7,
            ["int_neg"] = -3,
            ["int_zero"] = 0,
            ["int_max64"] = long.MaxValue,
            ["int_min64"] = long.MinValue,
            ["str"] = "héllo flower",
            ["str_empty"] = "",
            ["uint64_big"] = Scalar.FromUInt64(ulong.MaxValue),
        };
        Assert.Equal(expected.OrderBy(pair => pair.Key), fit.Config.OrderBy(pair => pair.Key));
    }

    [Fact]
    public void Decode_EvaluateResult_KeepsTheLossAs32Bits()
    {
        var result = (EvaluateResult)WireCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(Bytes("bidi/client_evaluate_res_loss_0.1.bin")));
        Assert.Equal(0.10000000149011612, result.Loss);
        Assert.Equal(ResultStatus.Success, result.Status);
    }

    [Fact]
    public void Decode_NotImplemented_GivesItsCode()
    {
        var result = (GetParametersResult)WireCodec.Decode(Wire.ClientMessage.Parser.ParseFrom(Bytes("bidi/client_get_parameters_res_not_implemented.bin")));
        Assert.Equal(ResultCode.GetParametersNotImplemented, result.Status.Code);
        Assert.Equal(0, result.Parameters.Count);
    }

    internal static bool IsServer(string file) => file.Contains("/server_") || file.Contains("-s2c");

    private static byte[] Bytes(string file) => File.ReadAllBytes(Path.Combine(Folder, file));
}
