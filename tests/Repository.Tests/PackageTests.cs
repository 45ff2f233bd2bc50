using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Xml.Linq;
using Xunit;

namespace ManagedFed.Repository.Tests;

/// <summary>The packages of what was built, in a folder, and what they do to a project that uses them.</summary>
public sealed class PackageTests(Packages packages) : IClassFixture<Packages>
{
    [Fact]
    public void EveryLibrary_IsAPackageThatExplainsItself()
    {
        foreach (var library in Repository.Libraries.Select(file => Path.GetFileNameWithoutExtension(file)))
        {
            using var package = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(packages.Folder, $"{library}.0.*.nupkg")));
            var files = package.Entries.Select(entry => entry.FullName).ToArray();
            Assert.Contains("README.md", files);
            Assert.Contains("LICENSE", files);
            Assert.Contains("THIRD-PARTY-NOTICES.md", files);
            Assert.Contains($"lib/net10.0/{library}.dll", files);
            Assert.Contains($"lib/net10.0/{library}.xml", files);

            using var manifest = package.GetEntry($"{library}.nuspec")!.Open();
            var values = XDocument.Load(manifest).Descendants().ToLookup(element => element.Name.LocalName, element => element.Value);
            Assert.Equal("MIT", values["license"].Single());
            Assert.Equal("README.md", values["readme"].Single());
            Assert.Equal("The ManagedFed authors", values["authors"].Single());
            Assert.NotEqual("Package Description", values["description"].Single());
        }
    }

    // The settings come with Tensors and must reach a project that names only what uses it.
    [Fact]
    public async Task Consumer_GetsTheSettingsOfTheRuntime()
    {
        Assert.Equal(("false", "x86-64-v3"), await Settings(packages.NewConsumer("")));
        Assert.Equal(
            ("true", "native"),
            await Settings(packages.NewConsumer("<TieredPGO>true</TieredPGO><IlcInstructionSet>native</IlcInstructionSet>")));
    }

    private static async Task<(string TieredPgo, string InstructionSet)> Settings(string project)
    {
        await Packages.Dotnet("restore", project);
        var output = await Packages.Dotnet(
            "msbuild", project, "-t:ManagedFedInstructionSet", "-getProperty:TieredPGO,IlcInstructionSet", "-p:PublishAot=true", "-p:RuntimeIdentifier=linux-x64");
        using var json = JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]);
        var properties = json.RootElement.GetProperty("Properties");
        return (properties.GetProperty("TieredPGO").GetString()!, properties.GetProperty("IlcInstructionSet").GetString()!);
    }
}

/// <summary>Packs the solution as it was built.</summary>
public sealed class Packages : IAsyncLifetime
{
    // Packing takes seconds; this only keeps a broken one from hanging the tests.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("managedfed-");

    public string Folder => Path.Combine(root.FullName, "feed");

    public async ValueTask InitializeAsync() => await Dotnet(
        "pack", Path.Combine(Repository.Root, "ManagedFed.sln"), "--no-build", "-c", Repository.FromBuild("Configuration"), "-o", Folder);

    public ValueTask DisposeAsync()
    {
        root.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A project of its own, far from this repository, that knows these packages and those that the build has fetched.</summary>
    public string NewConsumer(string properties)
    {
        var folder = root.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName;
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(root.FullName, "packages")}" /></config>
              <packageSources>
                <clear />
                <add key="packed" value="{Folder}" />
                <add key="fetched" value="{Repository.FromBuild("PackageFolder")}" />
              </packageSources>
            </configuration>
            """);
        var project = Path.Combine(folder, "Consumer.csproj");
        File.WriteAllText(project, $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                {properties}
              </PropertyGroup>
              <ItemGroup><PackageReference Include="ManagedFed.Nn" Version="0.*" /></ItemGroup>
            </Project>
            """);
        return project;
    }

    public static async Task<string> Dotnet(params string[] arguments)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        // What the tests run under is not what a user's shell says.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray()) start.Environment.Remove(name);
        start.Environment["NUGET_PACKAGES"] = null;
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var program = Process.Start(start)!;
        try
        {
            var (output, error) = (program.StandardOutput.ReadToEndAsync(limit.Token), program.StandardError.ReadToEndAsync(limit.Token));
            await program.WaitForExitAsync(limit.Token);
            Assert.True(program.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}\n{await output}{await error}");
            return await output;
        }
        finally
        {
            if (!program.HasExited) program.Kill(entireProcessTree: true);
        }
    }
}
