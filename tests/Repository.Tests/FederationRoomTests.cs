using System.Text.RegularExpressions;
using Xunit;

namespace ManagedFed.Repository.Tests;

/// <summary>The rooms of Federation/Core use each other one way, which one namespace for all of them would not show.</summary>
public sealed partial class FederationRoomTests
{
    private const string Core = "Federation/Core/";

    /// <summary>From the ground up: a room uses those of floors below. On the ground a model and its form on the wire know each other.</summary>
    private static readonly string[][] Floors =
    [
        ["Model", "Protocol"], ["Transport", "Data"], ["Aggregation"], ["Strategies", "Runs"], ["Rounds", "Client"], ["Simulation"],
    ];

    /// <summary>Names of members in a room that are those of types elsewhere, too.</summary>
    private static readonly string[] Homonyms = ["Aggregation: Strategy", "Runs: Strategy", "Runs: Updates", "Data: Columns", "Data: Frame"];

    [Fact]
    public void Rooms_UseOnlyThoseBelow()
    {
        var files = Repository.Files("*.cs").Where(file => file.StartsWith(Core, StringComparison.Ordinal)).ToDictionary(file => file, Repository.Read);
        Assert.Equal(Floors.SelectMany(floor => floor).Order(), files.Keys.Select(RoomOf).OfType<string>().Distinct().Order());
        Assert.Empty(Violations(files));
    }

    [Fact]
    public void Rooms_ThatUseOneAbove_AreFound()
    {
        var files = new Dictionary<string, string>
        {
            [$"{Core}Model/Low.cs"] = "public sealed record Low;",
            [$"{Core}Rounds/High.cs"] = "internal sealed class High(Low low);",
            [$"{Core}Client/Beside.cs"] = "/// <summary><see cref=\"High\"/></summary>\ninternal sealed class Beside; // High",
        };
        Assert.Empty(Violations(files));
        files[$"{Core}Model/Low.cs"] = "public sealed record Low(High High);";
        files[$"{Core}Client/Beside.cs"] = "internal sealed class Beside { High high; }";
        Assert.Equal([$"{Core}Model/Low.cs uses High of Rounds", $"{Core}Client/Beside.cs uses High of Rounds"], Violations(files).OrderDescending());
    }

    private static IEnumerable<string> Violations(Dictionary<string, string> files)
    {
        var types = files.Where(file => RoomOf(file.Key) is not null)
            .SelectMany(file => Declaration().Matches(file.Value).Select(match => (Name: match.Groups[1].Value, Room: RoomOf(file.Key)!)))
            .ToLookup(type => type.Name, type => type.Room);
        foreach (var (file, text) in files)
        {
            if (RoomOf(file) is not { } room) continue;
            foreach (var name in Word().Matches(Aside().Replace(text, "")).Select(match => match.Value).Distinct())
            {
                if (Homonyms.Contains($"{room}: {name}") || types[name].Contains(room)) continue;
                foreach (var used in types[name].Where(used => FloorOf(used) > FloorOf(room) || FloorOf(used) == FloorOf(room) && FloorOf(room) > 0).Distinct())
                {
                    yield return $"{file} uses {name} of {used}";
                }
            }
        }
    }

    /// <summary>The folder below; null for what lies beside the rooms and is of all of them.</summary>
    private static string? RoomOf(string file) => file[Core.Length..].Split('/') is [var room, _, ..] ? room : null;

    private static int FloorOf(string room) => Array.FindIndex(Floors, floor => floor.Contains(room));

    [GeneratedRegex(@"^(?:(?:public|internal|sealed|static|abstract|partial|readonly) )*(?:class|record struct|record|struct|interface|enum|delegate \S+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    /// <summary>Comments and texts.</summary>
    [GeneratedRegex("""//.*|"(?:\\.|[^"\\\n])*"(?!")""")]
    private static partial Regex Aside();

    [GeneratedRegex(@"(?<!\.)\b[A-Z]\w*\b")]
    private static partial Regex Word();
}
