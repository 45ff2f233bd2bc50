using System.Buffers;
using Google.Protobuf;

namespace ManagedFed.Federation.Tests;

/// <summary>Our messages as Protobuf's own classes read and write the bytes of ours.</summary>
internal static class WireCodec
{
    public static Wire.ServerMessage Encode(Instruction instruction) => Wire.ServerMessage.Parser.ParseFrom(StreamMessages.Instructions.Write(instruction));

    public static Wire.ClientMessage Encode(Reply reply) => Wire.ClientMessage.Parser.ParseFrom(StreamMessages.Replies.Write(reply));

    public static Instruction Decode(Wire.ServerMessage message) => StreamMessages.Instructions.Read(new(message.ToByteArray())).Take();

    public static Reply Decode(Wire.ClientMessage message) => StreamMessages.Replies.Read(new(message.ToByteArray())).Take();
}
