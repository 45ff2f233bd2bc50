using Google.Protobuf;
using Xunit;

namespace ManagedFed.Federation.Tests;

/// <summary>What the recordings do not hold: opaque tensors, broken messages, scalars' conversions.</summary>
public sealed class WireCodecTests
{
    [Fact]
    public void Encode_ZeroScalars_WritesThemExplicitly()
    {
        // A map entry is key (field 1) and scalar (field 2); the scalar's two bytes are the tag of its kind and the zero.
        AssertConfig(false, "6800");
        AssertConfig(0, "4000");
        AssertConfig(0.0, "090000000000000000");
        AssertConfig("", "7200");
        AssertConfig(Array.Empty<byte>(), "7A00");

        static void AssertConfig(Scalar value, string expected)
        {
            var message = WireCodec.Encode(new GetParametersInstructions(new Dictionary<string, Scalar> { ["k"] = value }));
            Assert.Equal(expected, Convert.ToHexString(message.GetParametersIns.Config["k"].ToByteArray()));
        }
    }

    [Fact]
    public void Encode_Maps_KeepsTheirOrder()
    {
        var config = new Dictionary<string, Scalar> { ["b"] = 1, ["a"] = 2, ["B"] = 3 };
        var message = WireCodec.Encode(new GetPropertiesInstructions(config));
        Assert.Equal(["b", "a", "B"], message.GetPropertiesIns.Config.Keys);
    }

    [Fact]
    public void Decode_OpaqueTensors_KeepsBytesAndType()
    {
        var message = new Wire.ServerMessage { FitIns = new() { Parameters = new() { TensorType = "" } } };
        message.FitIns.Parameters.Tensors.Add(ByteString.CopyFrom(1, 2, 3));

        var fit = (FitInstructions)WireCodec.Decode(message);

        Assert.False(fit.Parameters.HasArrays);
        Assert.Equal([1, 2, 3], fit.Parameters.Payloads[0].ToArray());
        Assert.Equal(message, WireCodec.Encode(fit));
        Assert.Throws<InvalidOperationException>(() => fit.Parameters.Arrays);
    }

    [Fact]
    public void Decode_ScalarWithoutValue_Throws()
    {
        var message = new Wire.ServerMessage { GetParametersIns = new() { Config = { ["lr"] = new() } } };
        Assert.Contains("'lr'", Assert.Throws<FormatException>(() => WireCodec.Decode(message)).Message);
    }

    [Fact]
    public void Decode_EmptyMessages_Throws()
    {
        Assert.Throws<FormatException>(() => WireCodec.Decode(new Wire.ServerMessage()));
        Assert.Throws<FormatException>(() => WireCodec.Decode(new Wire.ClientMessage()));
    }

    [Fact]
    public void Decode_TensorThatIsNoNpy_Throws()
    {
        var message = new Wire.ClientMessage { FitRes = new() { Parameters = new() { TensorType = Parameters.NumpyType } } };
        message.FitRes.Parameters.Tensors.Add(ByteString.CopyFromUtf8("pickle"));
        Assert.Throws<FormatException>(() => WireCodec.Decode(message));
    }

    [Fact]
    public void Tensors_AskedForTwice_AreEncodedOnce()
    {
        var parameters = new Parameters(TestKit.Floats(1, 2));
        Assert.Same(parameters.Tensors, parameters.Tensors);
    }

    [Fact]
    public void Scalar_OfEachKind_ConvertsAndComparesByValue()
    {
        Scalar number = 2.5, integer = 3, large = Scalar.FromUInt64(ulong.MaxValue), flag = true, text = "x", bytes = new byte[] { 1 };

        Assert.Equal(2.5, number.AsDouble());
        Assert.Equal(3.0, integer.AsDouble());
        Assert.Equal(3UL, integer.AsUInt64());
        Assert.Throws<OverflowException>(() => large.AsInt64());
        Assert.True(flag.AsBool());
        Assert.Equal("x", text.AsString());
        Assert.Equal<Scalar>(new byte[] { 1 }, bytes);
        Assert.NotEqual<Scalar>(3.0, integer);
        Assert.Equal("[scalar] value is String x, not a number", Assert.Throws<InvalidOperationException>(() => text.AsDouble()).Message);
        Assert.Equal("2.5 3 18446744073709551615 true x 1 bytes", string.Join(' ', number, integer, large, flag, text, bytes));
    }
}
