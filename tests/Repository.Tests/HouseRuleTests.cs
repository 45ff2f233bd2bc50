using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Repository.Tests;

/// <summary>Rules of the house that no compiler checks.</summary>
public sealed partial class HouseRuleTests
{
    /// <summary>From the ground up: a room uses those before it.</summary>
    private static readonly string[] Rooms = ["Tensors", "Autodiff", "Nn", "Federation"];

    /// <summary>Where pointers are allowed: kernels, files, and the types that own memory.</summary>
    private static readonly string[] Unsafe =
    [
        "Tensors/Simd/", "Tensors/Kernels/", "Tensors/Gemm/", "Tensors/Devices/", "Tensors/Io/",
        "Tensors/BlockPool.cs", "Tensors/NdArray.cs", "Tensors/RandomKey.cs", "Tensors/Storage.cs",
    ];

    [Fact]
    public void Rooms_UseOnlyThoseBelow()
    {
        Assert.All(Repository.Libraries, file => Assert.Contains(Repository.Room(file), Rooms));
        foreach (var file in Repository.Libraries)
        {
            var room = Array.IndexOf(Rooms, Repository.Room(file));
            foreach (var used in References(file)) Assert.True(Array.IndexOf(Rooms, Repository.Room(used)) is >= 0 and var below && below <= room, $"{file} uses {used}");
        }
    }

    // Only the server, and what runs on it, may need ASP.NET Core: clients run where it is not.
    [Fact]
    public void AspNetCore_IsTheServersAlone() => Assert.Equal(
        ["Federation/Server/ManagedFed.Federation.Server.csproj"],
        Repository.Libraries.Where(file => Repository.Read(file).Contains("AspNetCore", StringComparison.Ordinal)));

    [Fact]
    public void Tests_DoNotSleep()
    {
        var tests = Repository.Files("*.cs").Where(file => Repository.Room(file) == "tests").ToArray();
        Assert.NotEmpty(tests);
        Assert.All(tests, file => Assert.False(Sleep().IsMatch(Repository.Read(file)), $"{file}: a wait for time, expected one for an event"));
    }

    [Fact]
    public void UnsafeCode_IsWhereMemoryIs()
    {
        var used = Repository.Files("*.cs").Where(file => Rooms.Contains(Repository.Room(file)) && UnsafeWord().IsMatch(Repository.Read(file))).ToArray();
        Assert.NotEmpty(used);
        Assert.All(used, file => Assert.True(Unsafe.Any(allowed => file.StartsWith(allowed, StringComparison.Ordinal)), $"{file} has unsafe code"));
    }

    [Fact]
    public void Versions_AreCentralAndNotices_NameEveryPackage()
    {
        var notices = Repository.Read("THIRD-PARTY-NOTICES.md");
        foreach (var file in Repository.Files("*.csproj"))
        {
            foreach (var package in Repository.Project(file).Descendants("PackageReference"))
            {
                Assert.Null(package.Attribute("Version"));
                var name = package.Attribute("Include")!.Value;
                Assert.True(notices.Contains(name.Replace("cpu-osx-arm64", "cpu-linux-x64").Replace("cpu-win-x64", "cpu-linux-x64"), StringComparison.Ordinal), $"{file} uses {name}, which THIRD-PARTY-NOTICES.md does not name");
            }
        }
    }

    [Fact]
    public void Libraries_DoNotSwitchOffWhatTheyPromise()
    {
        string[] promised = ["IsLibrary", "GenerateDocumentationFile", "IsAotCompatible", "IsTrimmable", "DebugType", "Nullable", "TreatWarningsAsErrors", "NoWarn", "IsPackable"];
        foreach (var file in Repository.Libraries) Assert.Empty(Repository.Project(file).Descendants().Select(element => element.Name.LocalName).Intersect(promised));
    }

    private static IEnumerable<string> References(string file) => Repository.Project(file).Descendants("ProjectReference")
        .Select(reference => Path.GetFullPath(reference.Attribute("Include")!.Value, Path.Combine(Repository.Root, Path.GetDirectoryName(file)!)))
        .Select(path => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/'));

    [GeneratedRegex(@"Thread\.Sl(eep)\(|Task\.Del(ay)\((?!Timeout\.Infinite)")]
    private static partial Regex Sleep();

    [GeneratedRegex(@"^(?!\s*//).*\bunsafe\b(?! code)", RegexOptions.Multiline)]
    private static partial Regex UnsafeWord();
}
