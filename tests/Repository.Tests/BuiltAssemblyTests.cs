using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using Xunit;

namespace ManagedFed.Repository.Tests;

/// <summary>What libraries promise is read from the assemblies that were built, not from the projects' properties.</summary>
public sealed class BuiltAssemblyTests
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static TheoryData<string> Libraries => new(Repository.Libraries.Select(file => Path.GetFileNameWithoutExtension(file)));

    [Fact]
    public void Libraries_AreFoundAndInTheSolution()
    {
        Assert.Contains("Tensors/ManagedFed.Tensors.csproj", Repository.Libraries);
        Assert.True(Repository.Libraries.Count >= 7, string.Join(", ", Repository.Libraries));
        var solution = Repository.Read("ManagedFed.sln").Replace('\\', '/');
        Assert.All(Repository.Libraries, file => Assert.Contains($"\"{file}\"", solution, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Assembly_IsMarkedForTrimmingAndAheadOfTime(string library)
    {
        var marks = Load(library).GetCustomAttributes<AssemblyMetadataAttribute>().ToDictionary(mark => mark.Key, mark => mark.Value);
        Assert.Equal("True", marks.GetValueOrDefault("IsTrimmable"));
        Assert.Equal("True", marks.GetValueOrDefault("IsAotCompatible"));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Assembly_HoldsItsSymbolsAndIsReproducible(string library)
    {
        using var reader = new PEReader(File.OpenRead(PathOf(library, ".dll")));
        var kinds = reader.ReadDebugDirectory().Select(entry => entry.Type).ToArray();
        Assert.Contains(DebugDirectoryEntryType.EmbeddedPortablePdb, kinds);
        Assert.Contains(DebugDirectoryEntryType.Reproducible, kinds);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Assembly_SaysItsVersionAndWhatItIs(string library)
    {
        var assembly = Load(library);
        var version = Repository.Project("Directory.Build.props").Descendants("Version").Single().Value;
        Assert.StartsWith(version, assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion, StringComparison.Ordinal);
        Assert.Equal("The ManagedFed authors", assembly.GetCustomAttribute<AssemblyCompanyAttribute>()!.Company);
        Assert.NotEmpty(assembly.GetCustomAttribute<AssemblyDescriptionAttribute>()!.Description);
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void PublicMembers_AreDocumented(string library)
    {
        var names = XDocument.Load(PathOf(library, ".xml")).Descendants("member").Select(member => member.Attribute("name")!.Value).ToHashSet();
        // Without parameters: overloads share an entry here, and the compiler demands one of each.
        var members = names.Select(name => name.Split('(', '~')[0]).ToHashSet();
        var types = Load(library).GetExportedTypes();
        Assert.NotEmpty(types);
        foreach (var type in types)
        {
            var name = type.FullName!.Replace('+', '.');
            Assert.True(names.Contains($"T:{name}"), $"{name} is not documented");
            if (typeof(Delegate).IsAssignableFrom(type)) continue;
            foreach (var member in type.GetMembers(Declared).Where(IsOwn)) Assert.True(members.Contains(Entry(name, member)), $"{Entry(name, member)} is not documented");
        }
    }

    // The compiler marks what it compiled without `Nullable` as unknown.
    [Theory]
    [MemberData(nameof(Libraries))]
    public void PublicMethods_SayWhatMayBeNull(string library)
    {
        var context = new NullabilityInfoContext();
        var parameters = Load(library).GetExportedTypes()
            .Where(type => !typeof(Delegate).IsAssignableFrom(type))
            .SelectMany(type => type.GetMethods(Declared & ~BindingFlags.NonPublic))
            .Where(method => !method.IsDefined(typeof(CompilerGeneratedAttribute)))
            .SelectMany(method => method.GetParameters())
            .Where(parameter => parameter.ParameterType is { IsValueType: false, IsByRef: false, IsPointer: false, IsGenericParameter: false })
            .ToArray();
        Assert.NotEmpty(parameters);
        Assert.All(parameters, parameter => Assert.True(
            context.Create(parameter).WriteState != NullabilityState.Unknown, $"{parameter.Member.DeclaringType}.{parameter.Member.Name}({parameter.Name})"));
    }

    private static string PathOf(string library, string ending) => Path.Combine(AppContext.BaseDirectory, library + ending);

    private static Assembly Load(string library) => Assembly.LoadFrom(PathOf(library, ".dll"));

    /// <summary>True for what a user sees and an author wrote: neither inherited words nor what the compiler adds to a record.</summary>
    private static bool IsOwn(MemberInfo member) => member switch
    {
        Type or { Name: "value__" } => false,
        _ when member.IsDefined(typeof(CompilerGeneratedAttribute)) => false,
        ConstructorInfo constructor => IsSeen(constructor) && !constructor.IsStatic && constructor.GetParameters().Length > 0,
        MethodInfo method => IsSeen(method) && !IsOverride(method) && !(method.IsSpecialName && !method.Name.StartsWith("op_", StringComparison.Ordinal)),
        PropertyInfo property => property.GetAccessors(true).Any(accessor => IsSeen(accessor) && !IsOverride(accessor)),
        EventInfo notice => IsSeen(notice.AddMethod!),
        FieldInfo field => field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly,
        _ => true,
    };

    private static bool IsSeen(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsOverride(MethodInfo method) => method.GetBaseDefinition() != method;

    private static string Entry(string type, MemberInfo member) => member switch
    {
        ConstructorInfo => $"M:{type}.#ctor",
        MethodInfo { IsGenericMethod: true } method => $"M:{type}.{method.Name}``{method.GetGenericArguments().Length}",
        MethodInfo method => $"M:{type}.{method.Name}",
        PropertyInfo property => $"P:{type}.{property.Name}",
        EventInfo notice => $"E:{type}.{notice.Name}",
        _ => $"F:{type}.{member.Name}",
    };
}
