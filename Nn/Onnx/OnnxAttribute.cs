namespace ManagedFed.Nn;

/// <summary>AttributeProto: name 1, f 2, i 3, ints 8, type 20.</summary>
internal static class OnnxAttribute
{
    private const int IntType = 2, IntsType = 7;

    public static ProtoMessage Int(string name, long value)
    {
        var attribute = Named(name, IntType);
        attribute.Add(3, value);
        return attribute;
    }

    public static ProtoMessage Ints(string name, params ReadOnlySpan<int> values)
    {
        var attribute = Named(name, IntsType);
        foreach (var value in values) attribute.Add(8, value);
        return attribute;
    }

    private static ProtoMessage Named(string name, int type)
    {
        var attribute = new ProtoMessage();
        attribute.Add(1, name);
        attribute.Add(20, type);
        return attribute;
    }
}
