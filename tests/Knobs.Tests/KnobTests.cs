using System.Globalization;
using System.Reflection;
using ManagedFed.Federation;
using ManagedFed.Federation.Data;
using ManagedFed.Nn;
using ManagedFed.Nn.Data;
using Xunit;

namespace ManagedFed.Tests;

/// <summary>No public setting escapes its range: a new one fails here until it has a line in <see cref="KnobTable"/>, and refuses what lies outside.</summary>
public sealed class KnobTests
{
    private static readonly string[] Assemblies =
    [
        "ManagedFed.Tensors", "ManagedFed.Autodiff", "ManagedFed.Nn", "ManagedFed.Nn.Parquet", "ManagedFed.Federation",
        "ManagedFed.Federation.Server", "ManagedFed.Federation.Parquet",
    ];

    /// <summary>What stands for a type that is only derived from.</summary>
    private static readonly Dictionary<Type, Type> Concrete = new()
    {
        [typeof(Strategy)] = typeof(FedAvg),
        [typeof(AsyncStrategy)] = typeof(FedBuff),
        [typeof(FedOpt)] = typeof(FedAdam),
        [typeof(ConnectionOptions)] = typeof(FederatedClientOptions),
        [typeof(FederationOptions)] = typeof(FederationOptions),
        [typeof(Optimizer)] = typeof(Sgd),
    };

    /// <summary>A way to set a knob: a constructor's argument or a property.</summary>
    private sealed record Knob(Type Owner, string Name, Type Kind, ConstructorInfo? Constructor, PropertyInfo? Property)
    {
        public string Key => $"{Owner.Name.Split('`')[0]}.{char.ToLowerInvariant(Name[0])}{Name[1..]}";
    }

    [Fact]
    public void Table_OfSettings_HasEachAndNoOther()
    {
        var found = Knobs().Select(knob => knob.Key).ToHashSet();
        Assert.Equal("", string.Join(" ", found.Except(KnobTable.Ranges.Keys).Order()));
        Assert.Equal("", string.Join(" ", KnobTable.Ranges.Keys.Except(found).Order()));
    }

    [Fact]
    public void Setting_OutsideItsRange_IsRefusedWithNameValueAndRange()
    {
        var wrong = new List<string>();
        foreach (var knob in Knobs())
        {
            if (KnobTable.Ranges.GetValueOrDefault(knob.Key) is not { } range) continue;
            foreach (var value in Outside(knob.Kind, range))
            {
                if (Refusal(knob, value, range) is { } complaint) wrong.Add($"{knob.Key} = {Text(value)}: {complaint}");
            }
        }
        Assert.True(wrong.Count == 0, string.Join("\n", wrong));
    }

    [Fact]
    public void Setting_InsideItsRange_IsTaken()
    {
        foreach (var knob in Knobs())
        {
            if (KnobTable.Ranges.GetValueOrDefault(knob.Key) is not { } range || IsStatic(knob)) continue;
            Set(knob, Convert(range.Inside, knob.Kind));
        }
    }

    private static IEnumerable<Knob> Knobs()
    {
        foreach (var type in Assemblies.SelectMany(name => Assembly.Load(name).GetExportedTypes()))
        {
            if (type.IsEnum || type.IsSubclassOf(typeof(Delegate))) continue;
            var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly);
            foreach (var property in properties)
            {
                if (property.SetMethod is { IsPublic: true } && IsNumber(property.PropertyType)) yield return new(type, property.Name, property.PropertyType, null, property);
            }
            foreach (var constructor in type.GetConstructors())
            {
                foreach (var parameter in constructor.GetParameters())
                {
                    if (IsNumber(parameter.ParameterType)) yield return new(type, parameter.Name!, parameter.ParameterType, constructor, null);
                }
            }
        }
    }

    private static bool IsNumber(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type == typeof(TimeSpan) || (type.IsPrimitive && type != typeof(bool) && type != typeof(char) && type != typeof(nint) && type != typeof(nuint)) || type == typeof(decimal);
    }

    private static IEnumerable<object> Outside(Type kind, KnobTable.Range range)
    {
        kind = Nullable.GetUnderlyingType(kind) ?? kind;
        var hasFractions = kind == typeof(double) || kind == typeof(float) || kind == typeof(TimeSpan);
        foreach (var value in range.Outside(hasFractions)) yield return Convert(value, kind);
        if (kind != typeof(double) && kind != typeof(float)) yield break;
        foreach (var value in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity }) yield return Convert(value, kind);
    }

    private static object Convert(double value, Type kind)
    {
        kind = Nullable.GetUnderlyingType(kind) ?? kind;
        return kind == typeof(TimeSpan) ? TimeSpan.FromSeconds(value) : System.Convert.ChangeType(value, kind, CultureInfo.InvariantCulture);
    }

    private static string? Refusal(Knob knob, object value, KnobTable.Range range)
    {
        try
        {
            Set(knob, value);
            return "accepted";
        }
        catch (TargetInvocationException error)
        {
            if (error.InnerException is not ArgumentException refusal) return error.InnerException!.ToString();
            var message = refusal.Message;
            if (!Plain(message).Contains(Plain(knob.Name), StringComparison.OrdinalIgnoreCase) && knob.Name != "p") return $"no name in '{message}'";
            if (!message.Contains(Text(value), StringComparison.Ordinal)) return $"no value in '{message}'";
            var isStated = range.Ends.All(end => message.Contains(end, StringComparison.Ordinal) || message.Contains("non-negative", StringComparison.Ordinal) || message.Contains("finite", StringComparison.Ordinal));
            return isStated ? null : $"no range in '{message}'";
        }
    }

    private static string Plain(string text) => text.Replace(" ", "", StringComparison.Ordinal);

    private static string Text(object value) => value is TimeSpan time ? time.ToString() : ((IFormattable)value).ToString(null, CultureInfo.InvariantCulture);

    private static bool IsStatic(Knob knob) => knob.Property?.SetMethod!.IsStatic ?? false;

    private static void Set(Knob knob, object value)
    {
        if (knob.Constructor is { } constructor)
        {
            constructor.Invoke(Arguments(constructor, knob.Owner, knob.Name, value));
            return;
        }
        knob.Property!.SetValue(IsStatic(knob) ? null : Make(knob.Owner), value);
    }

    private static object Make(Type type)
    {
        type = Concrete.GetValueOrDefault(type, type);
        var constructor = type.GetConstructors().MinBy(candidate => candidate.GetParameters().Length)!;
        return constructor.Invoke(Arguments(constructor, type));
    }

    /// <summary>Arguments inside their ranges, but for the named one.</summary>
    private static object?[] Arguments(ConstructorInfo constructor, Type owner, string? name = null, object? value = null) =>
        [.. constructor.GetParameters().Select(parameter => parameter.Name == name ? value
            : parameter.Name == "NumShardsPerPartition" ? 1
            : parameter.HasDefaultValue && !(parameter.ParameterType.IsValueType && parameter.DefaultValue is null) ? parameter.DefaultValue
            : Sample(parameter, owner))];

    private static object? Sample(ParameterInfo parameter, Type owner)
    {
        var type = parameter.ParameterType;
        if (parameter.HasDefaultValue) return type.IsValueType && Nullable.GetUnderlyingType(type) is null ? Activator.CreateInstance(type) : null;
        if (IsNumber(type))
        {
            var key = $"{owner.Name}.{char.ToLowerInvariant(parameter.Name![0])}{parameter.Name[1..]}";
            return Convert(KnobTable.Ranges.GetValueOrDefault(key)?.Inside ?? 1, type);
        }
        return type == typeof(string) ? "column"
            : type == typeof(RandomKey) ? RandomKey.FromSeed(0)
            : type == typeof(Concentration) ? (Concentration)1.0
            : type == typeof(double[,]) ? new double[,] { { 1 } }
            : type == typeof(Func<long, double>) ? (Func<long, double>)(_ => 0.1)
            : type == typeof(Func<double, double>) ? (Func<double, double>)(x => x)
            : type == typeof(IProgress<Progress>) ? new Progress<Progress>()
            : type.IsValueType ? Activator.CreateInstance(type)
            : throw new NotSupportedException($"give KnobTests a sample of {type} for {owner.Name}");
    }
}
